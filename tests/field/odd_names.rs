//! Names with control characters, bytes that are no text, and what looks like a quoted name: each is shown unlike any
//! other, and what is shown can be typed, pasted and completed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{Run, Shell, TestServer, bash, directory, fish, zsh};

/// Names that are easily taken for one another.
const NAMES: [&[u8]; 24] = [
    b"a",
    b"a\nb",
    b"a\\nb",
    b"a\\\\nb",
    b"a\0b",
    b"a\\0b",
    b"a\tb",
    b"a\rb",
    b"a\x1b[2Jb",
    b"a ",
    b" a",
    b"",
    b"$'a'",
    b"$'a\nb'",
    b"$'",
    b"\"\\$'a\\x00b'\"",
    b"a\xffb",
    b"a\\xffb",
    b"a\xc3\xa9b\x01",
    b"a\xe2\x80\xaeb",
    b"a\xc2\xadb",
    b"a\xc2\xa0b",
    b"it's \"$HOME\" `id` !x \\\n",
    b"-g\n",
];

/// A stream, a group and a consumer of each name; the groups are on the stream `s`, the consumers in its group `g`.
fn server() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    for name in NAMES {
        server.redis(&[&b"XADD"[..], name, b"1-1", b"k", b"v"]);
        server.redis(&[&b"XGROUP"[..], b"CREATE", b"s", name, b"0"]);
        server.redis(&[&b"XGROUP"[..], b"CREATECONSUMER", b"s", b"g", name]);
    }
    server
}

/// A name as JSON has it.
fn in_json(name: &[u8]) -> Value {
    match std::str::from_utf8(name) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": base64(name)}),
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What `list` prints of names, each as text and as JSON.
fn shown(server: &TestServer, list: &[&str]) -> BTreeMap<String, Value> {
    let texts = server.ucp(&[list, &["--names"]].concat());
    let names = server.ucp(&[list, &["--names", "-o", "ndjson"]].concat());
    let names = names.assert_code(0).stdout_ndjson();
    let texts = texts.assert_code(0).stdout_lines();
    assert_eq!(texts.len(), names.len());
    let shown: BTreeMap<String, Value> = texts.iter().map(|&it| it.to_owned()).zip(names).collect();
    // No two alike.
    assert_eq!(shown.len(), texts.len());
    for name in NAMES {
        assert!(shown.values().any(|it| *it == in_json(name)), "{shown:?}");
    }
    shown
}

/// The streams, as they are shown: their names are those of the groups.
fn names(server: &TestServer) -> BTreeMap<String, Value> {
    let mut names = shown(server, &["groups", "s"]);
    names.remove("g");
    names
}

#[test]
fn field_b10_a_name_is_shown_unlike_any_other_and_can_be_typed() {
    let server = server();
    for (text, name) in names(&server) {
        let run = server.ucp(&["info", &text, "-o", "json"]);
        assert_eq!(
            run.assert_code(0).stdout_json()[0]["stream"],
            name,
            "{text}"
        );
        for command in [&["tail"][..], &["read"], &["groups"], &["dlq", "list"]] {
            let run = server.ucp(&[command, &["--", &text]].concat());
            run.assert_code(0);
        }
        server.ucp(&["get", &text, "1-1"]).assert_code(0);
        // Twice by one name is once.
        let run = server.ucp(&["tail", &text, &text]);
        assert_eq!(run.assert_code(0).stdout_lines().len(), 1, "{run}");
    }
    for (text, name) in shown(&server, &["groups", "s"]) {
        for command in [
            &["lag", &text, "--stream", "s"][..],
            &["consumers", &text, "--stream", "s"],
        ] {
            server.ucp(command).assert_code(0);
        }
        let run = server.ucp(&["pending", "s", &text, "-o", "json"]);
        assert_eq!(run.assert_code(0).stdout_json()["group"], name, "{text}");
    }
    for (text, _) in shown(&server, &["consumers", "g", "--stream", "s"]) {
        let (delete, to) = (
            ["consumers", "delete", "g", "--stream", "s"],
            ["-y", "--", &text],
        );
        server.ucp(&[&delete[..], &to].concat()).assert_code(0);
    }
    assert!(
        server
            .redis(&["XINFO", "CONSUMERS", "s", "g"])
            .items()
            .is_empty()
    );
}

#[test]
fn field_b10_what_is_no_quoted_name_is_refused_with_how_to_write_it() {
    let server = server();
    for (text, why) in [
        ("$'a", r#"is written "\$'\x24\x27a'""#),
        (r"$'a\q'", r"`\q` is not an escape"),
        ("", "a name cannot be empty"),
    ] {
        server.ucp(&["info", text]).assert_code(2).stderr_has(why);
    }
}

#[test]
fn field_b10_fields_of_any_name_are_published_found_and_shown() {
    let server = TestServer::start();
    let mut fields = NAMES.map(<[u8]>::to_vec).to_vec();
    fields.extend([
        b"x=y".to_vec(),
        b"x,y".to_vec(),
        b"x!".to_vec(),
        b"x".to_vec(),
    ]);
    for (at, field) in fields.iter().enumerate() {
        let id = format!("{}-0", at + 1);
        server.redis(&[b"XADD", &b"s"[..], id.as_bytes(), field, b"v"]);
    }
    let run = server.ucp(&["read", "s", "-o", "plain"]);
    let mut texts: Vec<&str> = run.assert_code(0).stdout_lines();
    texts.dedup_by_key(|line| line.split_once('\t').unwrap().1);
    assert_eq!(texts.len(), fields.len(), "{run}");
    for (at, line) in texts.into_iter().enumerate() {
        let (id, pair) = line.split_once('\t').unwrap();
        let field = pair.strip_suffix("=v").unwrap();
        let found = server.ucp(&["tail", "s", "--where", pair, "--names"]);
        found.assert_code(0).stdout_is(&format!("{id}\n"));
        let others = server.ucp(&[
            "tail",
            "s",
            "-n",
            "99",
            "--where",
            &format!("{field}!=v"),
            "--names",
        ]);
        assert_eq!(
            others.assert_code(0).stdout_lines().len(),
            fields.len() - 1,
            "{others}"
        );
        for option in ["--fields", "--columns"] {
            let run = server.ucp(&[
                "tail",
                "s",
                option,
                &format!("k,{field}"),
                "--where",
                pair,
                "-o",
                "json",
                "--pairs",
            ]);
            let pairs = &run.assert_code(0).stdout_json()[0]["fields"];
            assert_eq!(
                *pairs,
                json!([[in_json(&fields[at]), "v"]]),
                "{option} {field}"
            );
        }
        server.ucp(&["publish", "t", pair]).assert_code(0);
        let last = server.redis(&["XREVRANGE", "t", "+", "-", "COUNT", "1"]);
        assert_eq!(
            last.items()[0].items()[1].items()[0].bytes(),
            fields[at],
            "{pair}"
        );
    }
}

/// The command that standard error suggests after `before`, to the line's end.
#[track_caller]
fn suggested<'a>(run: &'a Run, before: &str) -> &'a str {
    run.stderr_has(before);
    run.stderr()
        .split_once(before)
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
}

/// Runs `line` in a shell as a person who pastes it would.
#[track_caller]
fn paste(server: &TestServer, shell: &str, line: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_ucp-streams"));
    let home = directory();
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let output = Command::new(shell)
        .args(["-c", line])
        .env_clear()
        .envs([("PATH", path.as_str()), ("LC_ALL", "C")])
        .env("HOME", home.path())
        .env("UCP_STREAMS_URL", server.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{shell} {line}\n{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn field_b10_a_suggested_command_works_in_every_shell() {
    let server = server();
    for name in NAMES {
        server.redis(&[&b"XGROUP"[..], b"CREATE", name, name, b"0"]);
    }
    for (text, _) in names(&server) {
        for shell in ["bash", "zsh", "fish", "dash"] {
            let group = server.ucp(&["groups", &text, "--names"]);
            let group = group.assert_code(0).stdout_lines()[0].to_owned();
            assert_eq!(group, text);
            let delete = [
                "groups",
                "delete",
                "--force",
                "-y",
                "--no-snapshot",
                "--stream",
                &text,
                "--",
                &group,
            ];
            let deleted = server.ucp(&delete);
            let again = suggested(
                deleted.assert_code(0),
                "to create it again at the same position: ",
            );
            paste(&server, shell, again);
        }
    }
}

#[test]
fn field_b10_what_is_shown_can_be_pasted() {
    let server = server();
    for (text, name) in names(&server) {
        let is_word = text.starts_with("$'") || text.starts_with('"');
        let line = format!("ucp-streams get -o ndjson -- {text} 1-1");
        for shell in ["bash", "zsh"] {
            if is_word {
                let found: Value = serde_json::from_str(&paste(&server, shell, &line)).unwrap();
                assert_eq!(found["stream"], name, "{shell} {line}");
            }
        }
        for shell in ["fish", "dash"] {
            if text.starts_with('"') {
                let found: Value = serde_json::from_str(&paste(&server, shell, &line)).unwrap();
                assert_eq!(found["stream"], name, "{shell} {line}");
            }
        }
    }
}

#[track_caller]
fn completes(shell: &Shell) {
    let server = TestServer::start();
    server.redis(&["XADD", "zq\nb", "1-1", "k", "v"]);
    let terminal = shell.start(directory(), &server.url());
    terminal.enters("ucp-streams get \"\\$'zq", &["Tab", "1-1", "Enter"]);
    terminal.shows("k  v");
}

#[test]
fn field_b10_shells_complete_an_odd_name() {
    for shell in [bash(), zsh(), fish()] {
        completes(&shell);
    }
}

#[test]
fn field_b10_rules_for_odd_keys_are_taken_by_the_server() {
    let server = server();
    server.redis(&["ACL", "SETUSER", "bob", "on", "nopass"]);
    for (text, _) in names(&server) {
        let acl = ["acl", "read", "--stream", &text, "-o", "json"];
        let rules = server.ucp(&acl).assert_code(0).stdout_json();
        let key = &rules[0]["keys"][0];
        let key = match key.as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => base64::engine::general_purpose::STANDARD
                .decode(key["base64"].as_str().unwrap())
                .unwrap(),
        };
        server.redis(&[
            &b"ACL"[..],
            b"SETUSER",
            b"bob",
            b"resetkeys",
            &key,
            b"-@all",
            b"+@read",
            b"+@connection",
            b"+info",
        ]);
        let read = server.command(&["--user", "bob", "read", "--", &text]);
        read.run().assert_code(0);
        server.ucp(&["--user", "bob", "read", "s"]).assert_code(5);
    }
}
