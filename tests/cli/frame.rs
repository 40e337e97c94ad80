//! What every command does alike: usage, connecting, authenticating, failing.

use serde_json::Value;

use crate::shell::{bash, parts};
use crate::support::{Invocation, TestServer, ucp};

#[test]
fn help_and_version_go_to_standard_output() {
    ucp(&["--version"])
        .assert_code(0)
        .stdout_has("ucp-streams 0.");
    let help = ucp(&["ping", "--help"]);
    help.assert_code(0)
        .stdout_has("Examples:")
        .stderr_is_empty();
    assert!(!help.stdout().contains('\x1b'));
}

#[test]
fn nothing_and_nonsense_are_usage_errors() {
    ucp(&[])
        .assert_code(2)
        .stdout_is("")
        .stderr_has("Usage: ucp-streams");
    ucp(&["pnig"])
        .assert_code(2)
        .stderr_has("error: unrecognized subcommand 'pnig'")
        .stderr_has("'ping'");
    let json = ucp(&["ping", "--wat", "-o", "json"]);
    json.assert_code(2);
    assert_eq!(json.stderr_json()["error"]["kind"], "usage");
}

#[test]
fn escape_codes_in_arguments_do_not_reach_the_terminal() {
    let run = ucp(&["ping", "--\x1b[2J"]);
    run.assert_code(2)
        .stderr_has("unexpected argument")
        .stderr_lacks("\x1b");
    let url = ucp(&["-u", "redis://h/\x1b[2J", "ping"]);
    url.assert_code(2).stderr_lacks("\x1b");
}

#[test]
fn no_server_is_4_with_the_next_step() {
    let run = ucp(&["-u", "unix:///nowhere/redis.sock", "ping"]);
    run.assert_code(4)
        .stdout_is("")
        .stderr_has("cannot connect to")
        .stderr_has("no such socket")
        .stderr_has("hint: start a private server with `ucp-streams dev start`");
    let json = ucp(&["-u", "unix:///nowhere/redis.sock", "ping", "-o", "json"]);
    let error: Value = json.assert_code(4).stderr_json();
    assert_eq!(error["error"]["exit_code"], 4);
    assert_eq!(error["error"]["kind"], "unavailable");
}

#[test]
fn a_server_that_hangs_is_4_within_the_timeout() {
    let mut server = TestServer::start();
    server.pause();
    server
        .ucp(&["ping", "--timeout", "200ms"])
        .assert_code(4)
        .stderr_has("200ms")
        .stderr_has("hint:");
}

#[test]
fn passwords_are_asked_for_checked_and_never_shown() {
    let server = TestServer::with_args(&["--requirepass", "sesame-123"]);
    server
        .ucp(&["ping"])
        .assert_code(5)
        .stderr_has("NOAUTH")
        .stderr_has("$UCP_STREAMS_PASSWORD");
    let wrong = server
        .command(&["-v", "ping"])
        .env("UCP_STREAMS_PASSWORD", "wrong-456")
        .run();
    wrong
        .assert_code(5)
        .stderr_has("refused the password of user `default`")
        .stderr_has("hint: the password came from $UCP_STREAMS_PASSWORD")
        .stderr_lacks("wrong-456");
    let right = server
        .command(&["-v", "ping"])
        .env("UCP_STREAMS_PASSWORD", "sesame-123")
        .run();
    right
        .assert_code(0)
        .stderr_lacks("sesame-123")
        .stdout_lacks("sesame-123");
}

#[test]
fn escape_codes_in_a_servers_error_do_not_reach_the_terminal() {
    let server = TestServer::start();
    let user = "b\x1b[2Job";
    server.add_user(user, "~* +@all -xadd");
    let run = server.command_as(user, &["publish", "s", "a=1"]).run();
    run.assert_code(5)
        .stderr_has("ACL SETUSER b\\x1b[2Job +xadd")
        .stderr_lacks("\x1b");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_full_output_is_74_and_a_closed_one_is_quiet() {
    let server = TestServer::start();
    let full = bash(&server, "\"$UCP\" ping > /dev/full");
    let (code, _, stderr) = parts(&full);
    assert_eq!(code, Some(74), "{stderr}");
    assert!(
        stderr.contains("cannot write to standard output"),
        "{stderr}"
    );
    let closed = bash(&server, "\"$UCP\" ping | true; echo ${PIPESTATUS[0]}");
    assert_eq!(parts(&closed), (Some(0), "0\n", ""));
}

#[test]
fn ephemeral_is_a_server_for_one_command() {
    Invocation::new(&["-u", "ephemeral:", "ping", "-o", "json"])
        .run()
        .assert_code(0)
        .stderr_is_empty()
        .stdout_has("\"server\"");
    Invocation::new(&["-u", "ephemeral:", "ping"])
        .env_remove("UCP_STREAMS_SERVER")
        .run()
        .assert_code(0);
    Invocation::new(&["-u", "ephemeral:", "ping"])
        .env("UCP_STREAMS_SERVER", "/nowhere/redis-server")
        .run()
        .assert_code(2)
        .stderr_has("/nowhere/redis-server");
}

#[test]
fn what_is_about_the_tool_alone_asks_for_no_server() {
    for args in [&["man", "pending"][..], &["completions", "bash"]] {
        Invocation::new(args)
            .env("UCP_STREAMS_URL", "no URL")
            .file(".config/ucp-streams/config.toml", "not TOML")
            .run()
            .assert_code(0)
            .stderr_is_empty()
            .stdout_has("streams");
    }
}
