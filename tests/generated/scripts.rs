//! The completion scripts under `completions/`: each shell reads its own without a word.

use std::fs;
use std::process::Command;

use crate::support::{BUSY, Invocation, PATIENCE, TestServer, directory, ucp, until};
use crate::{quietly, repository};

const SCRIPTS: [(&str, &str); 5] = [
    ("bash", "completions/ucp-streams.bash"),
    ("zsh", "completions/_ucp-streams"),
    ("fish", "completions/ucp-streams.fish"),
    ("powershell", "completions/ucp-streams.ps1"),
    ("elvish", "completions/ucp-streams.elv"),
];

#[test]
fn the_tool_prints_the_committed_scripts() {
    for (shell, file) in SCRIPTS {
        let script = fs::read_to_string(repository(file)).unwrap();
        ucp(&["completions", shell])
            .assert_code(0)
            .stderr_is_empty()
            .stdout_is(&script);
    }
    ucp(&["completions", "tcsh"])
        .assert_code(2)
        .stderr_has("bash, zsh, fish, powershell, elvish");
}

#[test]
fn the_shells_load_them_without_a_word() {
    let load = |shell: &str, args: &[&str], line: &str| {
        let home = directory();
        let mut command = Command::new(shell);
        command
            .args(args)
            .arg(line)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .current_dir(repository("completions"));
        quietly(shell, &mut command)
    };
    let bash = "source ucp-streams.bash; complete -p ucp-streams";
    assert!(load("bash", &["--norc", "-c"], bash).contains("_ucp_streams ucp-streams"));
    let zsh =
        "autoload -Uz compinit; compinit -u -D; source ./_ucp-streams; print $_comps[ucp-streams]";
    assert_eq!(load("zsh", &["-f", "-c"], zsh), "_ucp_streams\n");
    let autoloaded =
        "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[ucp-streams]";
    assert_eq!(load("zsh", &["-f", "-c"], autoloaded), "_ucp-streams\n");
    let fish = "source ucp-streams.fish; complete --command ucp-streams";
    assert!(load("fish", &["--no-config", "-c"], fish).contains("__ucp_streams_complete"));
}

/// Within a moment that is long enough on a busy machine, too.
fn patient(run: Invocation) -> Invocation {
    run.env("UCP_STREAMS_COMPLETE_WITHIN", "1m")
}

fn asked(run: Invocation) -> Vec<String> {
    let run = run.run();
    run.assert_code(0).stderr_is_empty();
    let words = run.stdout_lines().into_iter();
    // What stands behind a tab is help.
    words
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

#[test]
fn names_come_from_the_server_that_the_line_is_about() {
    let server = TestServer::start();
    for (stream, group, consumer) in [("orders", "billing", "till-1"), ("{o}:dlq", "audit", "a 1")]
    {
        server.redis(&["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"]);
        server.redis(&["XGROUP", "CREATECONSUMER", stream, group, consumer]);
    }
    let url = server.url();
    for (words, found) in [
        (&["init", "=bil"][..], &["billing"][..]),
        (&["init", "billing", "--stream", "=o"], &["orders"]),
        (&["init", "--stream", "{o}:dlq", "=a"], &["audit"]),
        (&["init", "--stream=orders", "=a"], &[]),
        (
            &["worker", "run", "billing", "--consumer", "="],
            &["till-1"],
        ),
        (
            &[
                "worker",
                "run",
                "billing",
                "--stream",
                "orders",
                "--consumer",
                "=t",
            ],
            &["till-1"],
        ),
        (&["worker", "run", "audit", "--consumer", "=a"], &["a 1"]),
        (&["pending", "=or"], &["orders"]),
        (&["pending", "=bil"], &["billing"]),
        (&["pending", "orders", "=b"], &["billing"]),
        (
            &["pending", "orders", "billing", "--consumer", "="],
            &["till-1"],
        ),
        (&["pending", "billing", "--consumer", "="], &["till-1"]),
        (&["init", "billing", "=--stream={o"], &["--stream={o}:dlq"]),
    ] {
        let here = ["__complete", "ucp-streams"];
        let named = ["__complete", "ucp-streams", "--url", &url];
        let run = patient(server.command(&[&here[..], words].concat()));
        assert_eq!(asked(run), found, "{words:?}");
        let run = patient(Invocation::new(&[&named[..], words].concat()));
        assert_eq!(asked(run), found, "{words:?} with --url");
    }
}

#[test]
fn a_server_that_is_there_answers_in_the_time_it_has() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    let words = ["__complete", "ucp-streams", "lag", "=bil"];
    // On a machine that has much else to do it may be late, which is no more than a missing word.
    until(PATIENCE, "an answer within 150 ms", || {
        asked(server.command(&words)) == ["billing"]
    });
}

#[test]
fn who_is_deleted_gets_nothing_handed_over() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    for consumer in ["till-1", "till-2", "till-3"] {
        server.redis(&["XGROUP", "CREATECONSUMER", "orders", "billing", consumer]);
    }
    let delete = [
        "__complete",
        "ucp-streams",
        "consumers",
        "delete",
        "--stream",
        "orders",
        "billing",
    ];
    let run = |words: &[&str]| asked(patient(server.command(&[&delete[..], words].concat())));
    assert_eq!(
        run(&["till-2", "--hand-over-to", "="]),
        ["till-1", "till-3"]
    );
    assert_eq!(run(&["=till-2"]), ["till-2"]);
}

#[test]
fn contexts_complete_and_name_the_server() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    let home = directory();
    let run = |words: &[&str]| Invocation::new(words).env("HOME", home.path());
    let url = server.url();
    for name in ["staging", "prod"] {
        run(&["context", "add", name, "--url", &url])
            .run()
            .assert_code(0);
    }
    let words = ["__complete", "ucp-streams"];
    let complete = |line: &[&str]| asked(patient(run(&[&words, line].concat())));
    assert_eq!(complete(&["context", "use", "=st"]), ["staging"]);
    assert_eq!(complete(&["info", "--context", "=p"]), ["prod"]);
    assert_eq!(complete(&["--context", "prod", "init", "=b"]), ["billing"]);
}

#[test]
fn a_server_that_does_not_answer_costs_a_moment_and_no_word() {
    let mut server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    server.pause();
    let words = ["__complete", "ucp-streams", "init", "="];
    let begun = std::time::Instant::now();
    // Not for as long as it waits otherwise.
    let patient = ["__complete", "ucp-streams", "--timeout", "1m", "init", "="];
    let found = asked(server.command(&patient));
    let took = begun.elapsed();
    server.resume();
    assert!(found.contains(&"event-processors".to_owned()), "{found:?}");
    assert!(!found.contains(&"billing".to_owned()), "{found:?}");
    assert!(took.as_millis() >= 150, "did not ask: {took:?}");
    assert!(took < BUSY, "waited for {took:?}");
    for url in ["unix:///nowhere/redis.sock", "nonsense", "ephemeral:"] {
        let run = Invocation::new(&words).env("UCP_STREAMS_URL", url);
        asked(run);
    }
}
