//! Completion in the shells themselves, typed into a terminal: a stream, a group and a consumer that are only on the
//! running server.

use std::fs;

use tempfile::TempDir;

use crate::repository;
use crate::support::{TestServer, directory};
use crate::terminal::Terminal;

/// What the shell's own start-up file says, its name, and how it is started with it.
struct Shell {
    file: &'static str,
    text: String,
    command: &'static str,
}

fn bash() -> Shell {
    let script = repository("completions/ucp-streams.bash");
    Shell {
        file: "rc",
        text: format!("PS1='ready> '\nsource '{}'\n", script.display()),
        command: "bash --noprofile --rcfile rc -i",
    }
}

fn zsh() -> Shell {
    let scripts = repository("completions");
    Shell {
        file: ".zshrc",
        text: format!(
            "PS1='ready> '\nfpath=('{}' $fpath)\nautoload -Uz compinit\ncompinit -u -D\n",
            scripts.display()
        ),
        command: "ZDOTDIR=$HOME zsh -i",
    }
}

fn fish() -> Shell {
    let script = repository("completions/ucp-streams.fish");
    Shell {
        file: "init.fish",
        text: format!(
            "function fish_prompt; echo -n 'ready> '; end\nset -g fish_greeting\nsource '{}'\n",
            script.display()
        ),
        command: "fish --no-config --init-command 'source init.fish' -i",
    }
}

fn start(shell: &Shell, server: &TestServer) -> Terminal {
    let home: TempDir = directory();
    fs::write(home.path().join(shell.file), &shell.text).unwrap();
    let terminal = Terminal::start(home, &server.url(), shell.command);
    terminal.shows("ready>");
    terminal
}

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
    let terminal = start(shell, &server);
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
