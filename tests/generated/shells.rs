//! Completion in the shells themselves, typed into a terminal: a stream, a group and a consumer that are only on the
//! running server.

use crate::support::{Shell, Terminal, TestServer, bash, directory, elvish, fish, zsh};

fn server() -> TestServer {
    let server = TestServer::start();
    server.redis(&[
        "XGROUP",
        "CREATE",
        "zebra.orders",
        "quokka-billing",
        "0",
        "MKSTREAM",
    ]);
    server.redis(&["XGROUP", "CREATE", "{zebra}:dlq", "quail", "0", "MKSTREAM"]);
    server.redis(&["XADD", "at@host", "*", "k", "v"]);
    server.redis(&[
        "XGROUP",
        "CREATECONSUMER",
        "zebra.orders",
        "quokka-billing",
        "walrus-1",
    ]);
    server
}

/// Types `line`, completes, and awaits what it becomes.
#[track_caller]
fn completes(terminal: &Terminal, line: &str, whole: &str) {
    terminal.types(line);
    terminal.completes(1, whole);
    clear(terminal);
}

/// An empty line on an empty screen.
#[track_caller]
fn clear(terminal: &Terminal) {
    terminal.presses("C-u");
    terminal.presses("C-l");
    terminal.awaits("an empty line", |screen| screen.trim() == "ready>");
}

#[track_caller]
fn completes_everything(shell: &Shell) {
    let server = server();
    let terminal = shell.start(directory(), &server.url());
    completes(&terminal, "ucp-streams pi", "ucp-streams ping");
    completes(&terminal, "ucp-streams init quo", "init quokka-billing");
    completes(
        &terminal,
        "ucp-streams init x --stream zebra.",
        "--stream zebra.orders",
    );
    completes(
        &terminal,
        "ucp-streams worker run quokka-billing --consumer=wal",
        "--consumer=walrus-1",
    );
    completes(
        &terminal,
        "ucp-streams init x --stream '{z",
        "--stream '{zebra}:dlq'",
    );
    completes(
        &terminal,
        "ucp-streams read at@",
        "ucp-streams read at@host",
    );
    completes(
        &terminal,
        "ucp-streams lag --columns group,pend",
        "--columns group,pending",
    );
    // Alternatives are listed.
    terminal.types("ucp-streams init qu");
    terminal.completes(2, "quail");
    clear(&terminal);
    // A server on the line goes before the environment's, and its address has colons.
    let other = TestServer::start();
    other.redis(&["XGROUP", "CREATE", "s", "only-there", "0", "MKSTREAM"]);
    let line = format!("ucp-streams -u {} init only", other.url());
    completes(&terminal, &line, "init only-there");
}

/// A brace that is typed without a quote completes to a line that means the stream, or stays as it is.
#[track_caller]
fn completes_a_bare_brace(shell: &Shell, whole: &str) {
    let server = server();
    let terminal = shell.start(directory(), &server.url());
    completes(&terminal, "ucp-streams read {z", whole);
}

#[test]
fn bash_and_zsh_complete_a_brace_without_quotes() {
    completes_a_bare_brace(&bash(), "ucp-streams read {zebra}:dlq");
    completes_a_bare_brace(&zsh(), "ucp-streams read {zebra\\}:dlq");
}

#[test]
fn fish_leaves_a_brace_without_quotes_as_it_is() {
    completes_a_bare_brace(&fish(), "ucp-streams read {z");
}

#[test]
fn bash_completes_what_is_on_the_server() {
    completes_everything(&bash());
}

#[test]
fn zsh_completes_what_is_on_the_server() {
    completes_everything(&zsh());
}

#[test]
fn fish_completes_what_is_on_the_server() {
    completes_everything(&fish());
}

/// What is put on the line is quoted by the shell; nothing in it runs.
#[test]
fn field_e3_elvish_completes_what_is_on_the_server() {
    let Some(shell) = elvish() else {
        eprintln!("skipped: elvish is not installed");
        return;
    };
    let server = server();
    for name in ["zq$(touch ran)b", "zw it's"] {
        server.redis(&["XADD", name, "*", "k", "v"]);
    }
    for (line, whole) in [
        ("ucp-streams pi", "ucp-streams ping"),
        ("ucp-streams init quo", "init quokka-billing"),
        (
            "ucp-streams init x --stream zebra.",
            "--stream zebra.orders",
        ),
        ("ucp-streams read '{z", "read '{zebra}:dlq'"),
        ("ucp-streams read at@", "read at@host"),
        ("ucp-streams read zq", "read 'zq$(touch ran)b'"),
        ("ucp-streams read zw", "read 'zw it''s'"),
    ] {
        let terminal = shell.start(directory(), &server.url());
        terminal.types(line);
        terminal.completes(1, whole);
        assert!(!terminal.home().join("ran").exists());
    }
}
