//! The line that a look begins with on a terminal: which server it is about, and how many alerts there are.

use super::{GROUP, STREAM, body, on_terminal, pending_600, terminal};
use crate::support::{Run, TestServer};

const LOOKS: [&[&str]; 6] = [
    &["info"],
    &["lag"],
    &["groups"],
    &["consumers", GROUP],
    &["pending", GROUP],
    &["dlq", "list"],
];

/// The line, in one.
fn header(run: &Run) -> String {
    let lines = run.stdout_lines();
    let above = lines.len() - body(run).len();
    let lines: Vec<&str> = lines[..above].iter().map(|it| it.trim()).collect();
    lines.join(" ")
}

#[test]
fn field_d6_every_look_says_which_server_it_is_about_and_how_many_alerts_there_are() {
    let server = pending_600();
    let version = server.ucp(&["ping", "-o", "json"]).stdout_json();
    let (software, version) = (&version["server"], &version["version"]);
    let software = format!(
        " · {} {} · master · 2",
        software.as_str().unwrap(),
        version.as_str().unwrap()
    );
    for look in LOOKS {
        let run = on_terminal(&server, look);
        let line = header(run.assert_code(0));
        let address = server.socket().display().to_string();
        assert!(line.starts_with(&format!("{address}{software}")), "{run}");
        assert!(line.contains(" alerts: ucp-streams check"), "{run}");
        assert!(run.stdout_lines().iter().all(|it| it.len() < 120), "{run}");
        // Those of all groups, also where one stream was named.
        if look == ["info"] {
            server.redis(&["XADD", "orders", "*", "n", "1"]);
            let one = on_terminal(&server, &["info", "orders"]);
            let alerts = |line: &str| line.split(" · ").last().map(str::to_owned);
            assert_eq!(alerts(&header(&one)), alerts(&line), "{one}");
        }
    }
}

#[test]
fn field_d6_where_nothing_is_wrong_nothing_is_said_of_alerts() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for look in LOOKS {
        let run = on_terminal(&server, look);
        let line = header(run.assert_code(0));
        assert!(line.contains(" · master · 2"), "{run}");
        assert!(!line.contains("alert"), "{run}");
    }
}

#[test]
fn field_d6_a_context_is_named_with_another_database() {
    let server = pending_600();
    let contexts = format!("[contexts.eu-1]\nurl = \"{}\"\n", server.url());
    for (flags, name) in [
        (&[][..], "eu-1 · "),
        (&["--db", "3"], "eu-1 (database 3) · "),
    ] {
        let look = [&["--context", "eu-1", "info"], flags].concat();
        let run = terminal(server.command(&look))
            .env_remove("UCP_STREAMS_URL")
            .file(".config/ucp-streams/config.toml", &contexts)
            .run();
        assert!(header(run.assert_code(0)).starts_with(name), "{run}");
    }
}

#[test]
fn field_d6_a_script_gets_no_header() {
    let server = pending_600();
    for look in LOOKS {
        for flags in [
            &["-q"][..],
            &["--names"],
            &["--no-headers"],
            &["-o", "json"],
            &["-o", "ndjson"],
            &["-o", "plain"],
            &["-o", "csv"],
            &["--jq", "."],
        ] {
            let run = on_terminal(&server, &[look, flags].concat());
            run.assert_code(0).stdout_lacks(" · ");
        }
        for format in ["table", "wide"] {
            let run = server.ucp(&[look, &["-o", format]].concat());
            run.assert_code(0).stdout_lacks(" · ");
        }
    }
}

#[test]
fn field_d6_what_may_not_be_asked_is_left_out() {
    let server = pending_600();
    for look in LOOKS {
        let words = look.iter().filter(|word| **word != GROUP);
        let command: Vec<&str> = words.copied().collect();
        let acl = server.ucp(&[&["acl"], &command[..], &["-o", "json"]].concat());
        let user = command.join("-");
        let rules = acl.assert_code(0).stdout_json();
        let rules = rules[0]["rule"].as_str().unwrap().to_owned();
        server.add_user(&user, &rules);
        let run = terminal(server.command_as(&user, look)).run();
        let line = header(run.assert_code(0));
        assert!(line.contains(" · master"), "{run}");
        run.stderr_lacks("denied");
    }
    // A server that does not say what it is.
    let silent = TestServer::with_args(&["--rename-command", "HELLO", ""]);
    silent.redis(&["XGROUP", "CREATE", STREAM, GROUP, "$", "MKSTREAM"]);
    let run = on_terminal(&silent, &["consumers", GROUP]);
    let line = header(run.assert_code(0));
    assert!(!line.contains("master") && line.contains(" · 2"), "{run}");
}
