//! What help, suggestions and first steps say and do.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::{Invocation, PATIENCE, TestServer, directory, free_port, ucp};

#[test]
fn field_d5_help_has_examples_first_and_refers_to_the_global_options() {
    for (args, own) in [
        (&["worker", "run"][..], "--exec"),
        (&["publish"], "--file"),
        (&["publish", "raw"], "--brand-id"),
        (&["pending"], "--idle"),
        (&["dlq", "redrive"], "--count"),
        (&["ping"], "--help"),
    ] {
        for flag in ["-h", "--help"] {
            let run = ucp(&[args, &[flag]].concat());
            run.assert_code(0)
                .stdout_has("\nExamples:\n  ")
                .stdout_has(own)
                .stdout_has("ucp-streams help global")
                .stdout_lacks("--password-file")
                .stdout_lacks("--tls-ca");
            let place = |text: &str| run.stdout().find(text).unwrap();
            assert!(place("Usage:") < place("Examples:"), "{run}");
            assert!(place("Examples:") < place("Options:"), "{run}");
            assert!(run.stdout().lines().all(|line| line.len() <= 110), "{run}");
        }
    }
    ucp(&["help", "global"])
        .assert_code(0)
        .stdout_has("--password-file")
        .stdout_has("--tls-ca")
        .stdout_has("--yes");
    let worker = ucp(&["worker", "run", "--help"]);
    for heading in [
        "Handler:",
        "Rate, retries and take-over:",
        "Logs and metrics:",
    ] {
        worker.stdout_has(&format!("\n{heading}\n"));
    }
}

#[test]
fn field_d5_commands_are_listed_under_headings_one_line_each() {
    for args in [&["--help"][..], &["-h"], &["help"]] {
        let run = ucp(args);
        run.assert_code(0).stdout_has("ucp-streams help global");
        let mut lines = run.stdout().lines();
        for heading in [
            "Set up", "Publish", "Look", "Repair", "Work", "Keep", "Connect",
        ] {
            let heading = format!("{heading}:");
            assert!(lines.any(|line| line == heading), "{heading}: {run}");
        }
        run.stdout_has("\n  worker ");
    }
}

#[test]
fn field_d8_words_of_other_tools_are_accepted_or_lead_to_ours() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "c"]);
    for (long, short) in [
        (&["groups", "list"][..], &["groups"][..]),
        (&["groups", "list", "s"], &["groups", "s"]),
        (
            &["consumers", "list", "g", "--stream", "s"],
            &["consumers", "g", "--stream", "s"],
        ),
    ] {
        let [long, short] = [long, short].map(|args| {
            let run = server.ucp(&[args, &["--names"]].concat());
            run.assert_code(0);
            run
        });
        long.stdout_is(short.stdout());
    }
    for (word, here) in [
        ("status", "ucp-streams info"),
        ("health", "ucp-streams check"),
        ("ls", "ucp-streams info"),
        ("list", "ucp-streams info"),
        ("watch", "ucp-streams tail STREAM -f"),
        ("xadd", "ucp-streams publish"),
        ("XPENDING", "ucp-streams pending"),
        ("reprocess", "ucp-streams requeue"),
    ] {
        for args in [&[word][..], &["-u", "redis://x", word], &[word, "x"]] {
            ucp(args)
                .assert_code(2)
                .stderr_has(&format!("unrecognized subcommand '{word}'"))
                .stderr_has(here);
        }
    }
    ucp(&["dlq", "ls"])
        .assert_code(2)
        .stderr_has("did you mean `ucp-streams dlq list`?");
    // A mistyped name is still what it nearly is.
    ucp(&["pnig"]).assert_code(2).stderr_has("ping");
}

#[test]
fn field_d9_a_group_leads_to_its_stream_and_a_slip_to_what_is_there() {
    let server = TestServer::start();
    server.redis(&["XADD", "legacy.audit", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "legacy.audit", "auditors", "0"]);
    server.redis(&["XADD", "events.raw", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "events.raw", "mine", "0"]);
    let run = server.ucp(&["info", "mine", "-o", "json"]);
    run.assert_code(0)
        .stderr_has("`mine` is a group of stream `events.raw`");
    assert_eq!(run.stdout_json()[0]["stream"], "events.raw", "{run}");
    // Twice by two names is once.
    let run = server.ucp(&["info", "mine", "events.raw", "-o", "json"]);
    assert_eq!(
        run.assert_code(0).stdout_json().as_array().unwrap().len(),
        1
    );
    for args in [
        &["info", "legacy.audi"][..],
        &["groups", "legacy.audi"],
        &["tail", "legacy.audi"],
        &["read", "legacy.audi"],
        &["get", "legacy.audi", "1-1"],
        &["pending", "legacy.audi", "auditors"],
        &["consumers", "auditors", "--stream", "legacy.audi"],
        &["dlq", "list", "legacy.audi"],
    ] {
        server
            .ucp(args)
            .assert_code(3)
            .stderr_has("did you mean `legacy.audit`?");
    }
    for args in [
        &["tail", "event-processors"][..],
        &["read", "event-processors"],
    ] {
        server
            .ucp(args)
            .assert_code(3)
            .stderr_has("that is a group of stream `events.normalized`");
    }
    for args in [
        &["consumers", "auditors"][..],
        &["pending", "auditors"],
        &["lag", "auditors"],
        &["consume", "auditors"],
    ] {
        server
            .ucp(args)
            .assert_code(3)
            .stderr_has("it is a group of legacy.audit")
            .stderr_has("--stream legacy.audit");
    }
    server
        .ucp(&["consumers", "auditor"])
        .assert_code(3)
        .stderr_has("did you mean `auditors`?");
    // What destroys is led to nothing.
    server
        .ucp(&["groups", "delete", "auditor", "--yes"])
        .assert_code(3)
        .stderr_lacks("auditors");
}

#[test]
fn field_d10_a_production_server_is_not_selected_by_being_added() {
    let home = tempfile::tempdir().unwrap();
    let ucp = |args: &[&str]| {
        Invocation::new(args)
            .env("XDG_CONFIG_HOME", home.path())
            .env("XDG_STATE_HOME", home.path())
            .run()
    };
    let add = |name, more: &[&str]| {
        let url = ["context", "add", name, "--url", "redis://h"];
        let run = ucp(&[&url, more].concat());
        run.assert_code(0);
        run
    };
    add("live", &["--production"]).stderr_has("select it with");
    add("test", &[]).stderr_has("select it with");
    let other = tempfile::tempdir().unwrap();
    Invocation::new(&["context", "add", "test", "--url", "redis://h"])
        .env("XDG_CONFIG_HOME", other.path())
        .env("XDG_STATE_HOME", other.path())
        .run()
        .assert_code(0)
        .stderr_has("is selected");
}

#[test]
fn field_d10_dead_letters_that_are_not_there_yet_end_nothing() {
    let server = TestServer::start();
    server.redis(&["XADD", "A", "1-1", "x", "v", "y", "w"]);
    server.redis(&["XADD", "B", "2-1", "x", "u"]);
    let none = "no stream `{A}:dlq` yet: there are no dead letters of `A`";
    for (args, shown) in [
        (&["tail", "A", "{A}:dlq"][..], "1-1"),
        (&["tail", "{A}:dlq"], ""),
        (&["read", "{A}:dlq"], ""),
    ] {
        server
            .ucp(args)
            .assert_code(0)
            .stderr_has(none)
            .stdout_has(shown);
    }
    let info = server.ucp(&["info", "A", "{A}:dlq", "-o", "json"]);
    assert_eq!(
        info.assert_code(0).stdout_json()[0]["stream"],
        "A",
        "{info}"
    );
    // What has no stream whose dead letters it would be is a mistake.
    for args in [&["tail", "A", "{Z}:dlq"][..], &["read", "{Z}:dlq"]] {
        server.ucp(args).assert_code(3);
    }
    server
        .ucp(&["tail", "A", "B", "--fields", "x"])
        .assert_code(0)
        .stdout_is("stream\tid\tx\nA\t1-1\tv\nB\t2-1\tu\n");
    server
        .ucp(&["tail", "A", "--fields", "y"])
        .assert_code(0)
        .stdout_is("id\ty\n1-1\tw\n");
    server
        .ucp(&["tail", "A", "B", "--fields", "x,id", "-o", "csv"])
        .assert_code(0)
        .stdout_has("v,1-1");
}

/// What listens on a port and treats each connection alike.
fn listens(with: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(with));
    port
}

/// Answers each command with these words.
fn says(words: &'static str) -> u16 {
    listens(move |mut connection| {
        let mut asked = [0; 4096];
        while let Ok(length @ 1..) = connection.read(&mut asked) {
            let lines = asked[..length].split(|byte| *byte == b'\n');
            for _ in lines.filter(|line| line.starts_with(b"*")) {
                let _ = connection.write_all(words.as_bytes());
            }
        }
    })
}

/// Whatever ping fails by, its hint is another step than ping.
#[test]
fn field_d10_the_hint_of_a_ping_that_fails_is_no_ping() {
    let server = TestServer::start();
    let (port, guarded) = (free_port(), free_port());
    server.redis(&["CONFIG", "SET", "port", &port.to_string()]);
    let other = TestServer::start();
    other.redis(&["CONFIG", "SET", "port", &guarded.to_string()]);
    other.redis(&["CONFIG", "SET", "requirepass", "right"]);
    let full = TestServer::start();
    full.redis(&["CONFIG", "SET", "maxclients", "1"]);
    let _held = full.client();
    let silent = listens(|connection| {
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            drop(connection);
        });
    });
    let closing = listens(drop);
    let old = TestServer::with_args(&["--rename-command", "LMPOP", ""]);
    let url = |port: u16| format!("redis://127.0.0.1:{port}");
    let home = directory();
    for (what, url, code, hint) in [
        ("refused", url(1), 4, "dev start"),
        (
            "no such name",
            "redis://nosuch.invalid".to_owned(),
            4,
            "--url",
        ),
        ("no such socket", "unix:///nowhere/s".to_owned(), 4, "--url"),
        ("no password", url(guarded), 5, "--password-file"),
        (
            "a wrong password",
            format!("redis://:wrong@127.0.0.1:{guarded}"),
            5,
            "check it",
        ),
        (
            "an unknown user",
            format!("redis://eve:wrong@127.0.0.1:{guarded}"),
            5,
            "--user",
        ),
        (
            "no TLS there",
            format!("rediss://127.0.0.1:{port}"),
            4,
            "redis:// instead of rediss://",
        ),
        (
            "HTTP",
            url(says("HTTP/1.1 400 Bad Request\r\n\r\n")),
            4,
            "-v",
        ),
        ("SSH", url(says("SSH-2.0-OpenSSH_9.2\r\n")), 4, "-v"),
        (
            "an error of its own",
            url(says("-ODD no\r\n")),
            4,
            "the server\'s own error message",
        ),
        (
            "loading",
            url(says("-LOADING Redis is loading\r\n")),
            4,
            "try again",
        ),
        ("silent", url(silent), 4, "--timeout waits longer"),
        ("closing", url(closing), 4, "see the server's log"),
        ("full", full.url(), 4, "maxclients"),
        (
            "no database",
            format!("redis://127.0.0.1:{port}/9999"),
            2,
            "--db",
        ),
        ("too old", old.url(), 2, "hint: "),
    ] {
        fs::create_dir_all(home.path().join(".config/ucp-streams")).unwrap();
        let config = format!("[contexts.x]\nurl = '{url}'\n");
        fs::write(home.path().join(".config/ucp-streams/config.toml"), config).unwrap();
        for args in [&["ping", "-u", &url][..], &["context", "check", "x"]] {
            let run = Invocation::new(&[args, &["--timeout", "1s"]].concat())
                .env("HOME", home.path())
                .run();
            assert_eq!(run.code(), Some(code), "{what}: {run}");
            assert!(run.stderr().contains(hint), "{what}: {run}");
            assert!(!run.stderr().contains("ucp-streams ping"), "{what}: {run}");
            assert!(!run.stderr().contains("-v ping"), "{what}: {run}");
        }
    }
    // Other commands lead to it.
    ucp(&["lag", "-u", &url(closing)]).stderr_has("ucp-streams ping");
}
