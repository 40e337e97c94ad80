//! `ping`.

use crate::support::{Invocation, TestServer};

#[test]
fn says_which_server_it_is() {
    let server = TestServer::start();
    let run = server.ucp(&["ping", "-o", "json"]);
    let report = run.assert_code(0).stderr_is_empty().stdout_json();
    let info = server.redis(&["HELLO"]);
    assert_eq!(report["server"], info.field("server").text());
    assert_eq!(report["version"], info.field("version").text());
    assert_eq!(report["role"], "master");
    assert!(report["round_trip_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(report["append_only"], false);
    assert!(report["features"].is_array());
    server
        .ucp(&["ping", "-o", "table"])
        .assert_code(0)
        .stdout_has("round trip ms  ")
        .stdout_has(info.field("version").text());
}

#[test]
fn a_user_who_may_ask_nothing_still_learns_that_it_answers() {
    let server = TestServer::start();
    server.add_user("bob", "+hello +auth");
    let run = server.command_as("bob", &["ping", "-o", "json"]).run();
    let report = run.assert_code(0).stdout_json();
    assert!(report["version"].is_string());
    assert!(report["features"].is_null() && report["append_only"].is_null());
}

#[test]
fn an_older_server_gets_one_clear_line() {
    // What 7.0 brought is taken away: to this tool that is an older server.
    let server = TestServer::with_args(&["--rename-command", "LMPOP", ""]);
    server
        .ucp(&["ping"])
        .assert_code(2)
        .stdout_is("")
        .stderr_has("is too old: ucp-streams needs Redis 7.0 or Valkey 8, or newer");
}

#[test]
fn a_user_without_a_password_is_that_user() {
    let server = TestServer::start();
    server
        .ucp(&["--user", "nosuch", "ping"])
        .assert_code(5)
        .stderr_has("requires a password for user `nosuch`");
    server.redis(&["ACL", "SETUSER", "bob", "on", "nopass", "+ping", "+hello"]);
    server
        .ucp(&["--user", "bob", "info"])
        .assert_code(5)
        .stderr_has("ACL SETUSER bob +");
    server.ucp(&["--user", "bob", "ping"]).assert_code(0);
}

#[test]
fn a_server_that_does_not_answer_is_said_so() {
    let mut server = TestServer::start();
    server.pause();
    let run = server.ucp(&["--timeout", "200ms", "ping"]);
    server.resume();
    run.assert_code(4)
        .stderr_has("no answer in 200ms")
        .stderr_has("--timeout waits longer");
}

#[test]
fn a_database_is_that_of_the_server_in_use() {
    let server = TestServer::start();
    server
        .ucp(&["--db", "3", "publish", "s", "a=1", "-q"])
        .assert_code(0);
    assert_eq!(server.redis(&["EXISTS", "s"]).int(), 0);
    server
        .ucp(&["--db", "3", "read", "s"])
        .assert_code(0)
        .stdout_has("a=1");
    Invocation::new(&["--db", "3", "ping"])
        .env("UCP_STREAMS_URL", "ephemeral:")
        .run()
        .assert_code(2)
        .stderr_has("--db requires an existing server");
}
