//! What is given in URLs and files: passwords with special characters, marks of an encoding, links.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::{Invocation, Run, TestServer, directory, free_port, ucp};

/// `pw` as RFC 3986 has it in a URL.
fn encoded(pw: &str) -> String {
    let mut text = String::new();
    for byte in pw.bytes() {
        write!(text, "%{byte:02X}").unwrap();
    }
    text
}

/// A server on a port, too.
fn on_a_port() -> (TestServer, u16) {
    let (server, port) = (TestServer::start(), free_port());
    server.redis(&["CONFIG", "SET", "port", &port.to_string()]);
    (server, port)
}

/// Either the password was understood, or the error says to encode it and shows nothing of it.
#[track_caller]
fn is_understood_or_refused(run: &Run, pieces: &[&str]) {
    if run.code() == Some(0) {
        return;
    }
    run.assert_code(2)
        .stderr_has("percent-encoded")
        .stderr_has("%23");
    for piece in pieces {
        run.stderr_lacks(piece).stdout_lacks(piece);
    }
}

#[test]
fn field_e6_a_password_with_special_characters_is_understood_or_is_to_be_encoded() {
    let (server, port) = on_a_port();
    for special in (0x20..0x7f)
        .map(char::from)
        .filter(|it| !it.is_ascii_alphanumeric())
    {
        for (before, after) in [("canary", "17"), ("17", "canary")] {
            let password = format!("{before}{special}{after}");
            server.redis(&[
                "ACL",
                "SETUSER",
                "bob",
                "reset",
                "on",
                &format!(">{password}"),
                "+@all",
                "~*",
            ]);
            let socket = server.url();
            let at = |password: &str| {
                [
                    format!("redis://bob:{password}@127.0.0.1:{port}"),
                    format!("redis://bob:{password}@127.0.0.1:{port}/0?protocol=resp3"),
                    format!("{socket}?user=bob&pass={password}"),
                ]
            };
            for url in at(&encoded(&password)) {
                ucp(&["-u", &url, "ping", "--names"]).assert_code(0);
            }
            for url in at(&password) {
                // Hex digits behind it make it another password, as it should be.
                if special == '%' {
                    continue;
                }
                let run = ucp(&["-u", &url, "ping", "--names"]);
                is_understood_or_refused(&run, &["canary", "bob"]);
            }
        }
    }
}

#[test]
fn field_e6_what_a_url_is_cut_off_by_is_named_wherever_it_is_given() {
    let home = directory();
    for url in [
        "redis://bob:can#ary@127.0.0.1:1",
        "redis://bob:17#canary@127.0.0.1:1",
        "redis://canary:17/23@127.0.0.1:1",
        "redis://canary:17?23@127.0.0.1:1",
        "rediss://:17/canary@127.0.0.1:1/0",
        "redis://bob:can%ary@127.0.0.1:1",
        "unix:///run/redis.sock?pass=can#ary",
        "unix:///run/redis.sock?pass=can&ary",
    ] {
        let in_home = |args: &[&str]| Invocation::new(args).env("HOME", home.path());
        let config = home.path().join(".config/ucp-streams/config.toml");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        for run in [
            in_home(&["-u", url, "ping"]).run(),
            in_home(&["ping"]).env("UCP_STREAMS_URL", url).run(),
            in_home(&["context", "add", "x", "--url", url]).run(),
            {
                fs::write(&config, format!("[contexts.x]\nurl = '{url}'\n")).unwrap();
                let run = in_home(&["--context", "x", "ping"]).run();
                fs::remove_file(&config).unwrap();
                run
            },
        ] {
            run.assert_code(2).stderr_has("%2");
            for piece in ["canary", "ary", "17", "23@"] {
                run.stderr_lacks(piece);
            }
        }
    }
    // What is no password is named as before.
    ucp(&["-u", "redis://host:port", "ping"])
        .assert_code(2)
        .stderr_has("invalid port number");
    ucp(&["-u", "unix:///run/redis.sock?nope=1", "ping"])
        .assert_code(2)
        .stderr_has("`nope` is not a known URL parameter");
}

const MARK: &str = "\u{feff}";

/// As PowerShell writes it.
fn utf16(text: &str) -> Vec<u8> {
    let units = MARK.encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn field_e6_a_mark_is_no_part_of_a_password_nor_of_a_file() {
    let server = TestServer::start();
    server.redis(&["CONFIG", "SET", "requirepass", "secret"]);
    let home = directory();
    let file = |name: &str, contents: &[u8]| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let run = |args: &[&str]| {
        let run = server.command(args).env("HOME", home.path());
        run.in_dir(home.path())
    };
    let password = file("password", format!("{MARK}secret\r\n").as_bytes());
    run(&["--password-file", &password, "ping"])
        .run()
        .assert_code(0);
    run(&["--password-stdin", "ping"])
        .stdin(format!("{MARK}secret\n"))
        .run()
        .assert_code(0);
    let wide = file("wide", &utf16("secret\r\n"));
    run(&["--password-file", &wide, "ping"])
        .run()
        .assert_code(74)
        .stderr_has("it is UTF-16, not UTF-8")
        .stderr_has("iconv");

    let topology = "[streams.marked]\nmaxlen = 17\n";
    let marked = file("topology.toml", format!("{MARK}{topology}").as_bytes());
    let with = |file: &str| run(&["--topology", file, "topology", "show"]).run();
    with(&marked).assert_code(0).stdout_has("marked");
    with(&file("wide.toml", &utf16(topology)))
        .assert_code(74)
        .stderr_has("it is UTF-16, not UTF-8");

    let config = format!(
        "[contexts.marked]\nurl = \"{}\"\npassword_file = \"{password}\"\n",
        server.url()
    );
    let place = ".config/ucp-streams/config.toml";
    file(place, format!("{MARK}{config}").as_bytes());
    run(&["--context", "marked", "ping"]).run().assert_code(0);
    // A change keeps the rest.
    run(&["context", "edit", "marked", "--production"])
        .run()
        .assert_code(0);
    run(&["context", "list", "--names"])
        .run()
        .stdout_is("marked\n");
    file(place, &utf16(&config));
    run(&["--context", "marked", "ping"])
        .run()
        .assert_code(74)
        .stderr_has("it is UTF-16, not UTF-8");
    fs::remove_file(home.path().join(place)).unwrap();

    for (name, format, contents) in [
        ("lines", "ndjson", "{\"k\":\"v\"}\n"),
        ("array", "json", "[{\"k\":\"v\"}]\n"),
        ("table", "csv", "k\nv\n"),
    ] {
        let input = file(name, format!("{MARK}{contents}").as_bytes());
        let publish = ["publish", name, "--file", &input, "--format", format];
        run(&[&["--password-file", &password][..], &publish].concat())
            .run()
            .assert_code(0);
        let read = ["read", name, "--template", "{{ fields.k }}"];
        run(&[&["--password-file", &password][..], &read].concat())
            .run()
            .stdout_is("v\n");
    }
    let events = "{\"event_type\":\"page_view\",\"brand_id\":\"b\",\"payload\":{}}\n";
    let input = file("events", format!("{MARK}{events}").as_bytes());
    run(&[
        "--password-file",
        &password,
        "ingest",
        "--file",
        &input,
        "--dry-run",
    ])
    .run()
    .stderr_lacks("JSON");
}

/// Adds a context and selects it, which writes both files.
#[track_caller]
fn add(home: &Path, name: &str) {
    let add = ["context", "add", name, "--url", "redis://127.0.0.1:1"];
    Invocation::new(&add).env("HOME", home).run().assert_code(0);
    Invocation::new(&["context", "use", name])
        .env("HOME", home)
        .run()
        .assert_code(0);
}

#[test]
fn field_e6_a_link_is_followed_and_stays_one_whether_it_leads_to_something_or_not() {
    for target in ["../../dotfiles/ucp.toml", "chain"] {
        let home = directory();
        for (dir, file) in [(".config", "config.toml"), (".local/state", "context.toml")] {
            let dir = home.path().join(dir).join("ucp-streams");
            fs::create_dir_all(&dir).unwrap();
            symlink(format!("{target}-{file}"), dir.join(file)).unwrap();
            // Nothing there yet, nor its directory; the second leads on by another link.
            symlink(
                format!("../deep/er/{file}"),
                dir.join(format!("chain-{file}")),
            )
            .unwrap();
        }
        for name in ["one", "two"] {
            add(home.path(), name);
            for (dir, file) in [(".config", "config.toml"), (".local/state", "context.toml")] {
                let link = home.path().join(dir).join("ucp-streams").join(file);
                assert!(link.symlink_metadata().unwrap().is_symlink(), "{file}");
                let text = fs::read_to_string(&link).unwrap();
                assert!(text.contains(name), "{text}");
            }
        }
    }
    // Links that lead nowhere at all.
    let home = directory();
    let dir = home.path().join(".config/ucp-streams");
    fs::create_dir_all(&dir).unwrap();
    symlink("config.toml", dir.join("config.toml")).unwrap();
    Invocation::new(&["context", "add", "x", "--url", "redis://h"])
        .env("HOME", home.path())
        .run()
        .assert_code(74);
    assert!(
        dir.join("config.toml")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn field_e6_rejects_replace_no_link() {
    let server = TestServer::start();
    let home = directory();
    symlink("nowhere", home.path().join("bad")).unwrap();
    let publish = [
        "publish",
        "s",
        "--file",
        "-",
        "--skip-invalid",
        "--rejects",
        "bad",
    ];
    server
        .command(&publish)
        .stdin("no\n")
        .in_dir(home.path())
        .run()
        .assert_code(6)
        .stderr_has("bad exists already");
    assert!(
        home.path()
            .join("bad")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
}
