//! `check`: one verdict, its reasons, and the exit code of a monitoring plugin.

use crate::support::{TestServer, ucp};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

/// A server with the platform's groups and so many entries.
fn with_entries(count: usize) -> TestServer {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for number in 1..=count {
        server.redis(&["XADD", STREAM, "*", "n", &number.to_string()]);
    }
    server
}

#[test]
fn all_is_well_in_one_line_and_silent_when_asked() {
    let server = with_entries(0);
    server
        .ucp(&["check"])
        .assert_code(0)
        .stderr_is_empty()
        .stdout_has("OK - 3 groups without a finding | 'event-processors lag'=0;;1000");
    server.ucp(&["check", "-q"]).assert_code(0).stdout_is("");
    let table = server.ucp(&["check", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("OK: 3 groups without a finding\n");
    let json = server
        .ucp(&["check", "-o", "json"])
        .assert_code(0)
        .stdout_json();
    assert_eq!(json["verdict"], "ok");
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    assert_eq!(json["groups"].as_array().unwrap().len(), 3);
}

#[test]
fn a_group_that_is_missing_is_critical_and_one_that_is_nowhere_unknown() {
    let server = TestServer::start();
    server
        .ucp(&["check", GROUP])
        .assert_code(3)
        .stdout_has("UNKNOWN - ");
    server
        .ucp(&["check"])
        .assert_code(2)
        .stdout_has("CRITICAL - ")
        .stdout_has("the group does not exist on the server");
    let run = server.ucp(&["check", "-o", "table"]);
    run.assert_code(2).stdout_has("next: ucp-streams init\n");
    server.ucp(&["init"]).assert_code(0);
    server
        .ucp(&["check", "nope"])
        .assert_code(3)
        .stdout_has("UNKNOWN - no group `nope`");
}

#[test]
fn thresholds_come_from_the_options_and_the_worst_wins() {
    let server = with_entries(12);
    for (lag, code, word) in [
        ("20", 0, "OK"),
        ("10,20", 1, "WARNING"),
        ("5,10", 2, "CRITICAL"),
        ("11", 2, "CRITICAL"),
        ("12", 0, "OK"),
        ("off", 0, "OK"),
    ] {
        let args = [
            "check",
            GROUP,
            "--max-lag",
            lag,
            "--max-age",
            "off",
            "--min-live",
            "off",
        ];
        let run = server.ucp(&args);
        run.assert_code(code).stdout_has(&format!("{word} - "));
    }
    let args = ["check", GROUP, "--max-lag", "5,10"];
    server
        .ucp(&args)
        .stdout_has("12 entries behind, over max_lag 10")
        .stdout_has("'event-processors lag'=12;5;10");
    // The other groups' verdict is not this one's.
    server
        .ucp(&["check", "merge-processors", "--max-lag", "5"])
        .assert_code(0);
}

#[test]
fn every_threshold_alerts_with_its_figure_and_the_next_command() {
    let server = with_entries(3);
    server.deliver((STREAM, GROUP), "dead", 2);
    server.redis(&["XADD", "{events.normalized}:dlq", "*", "a", "1"]);
    for (args, rule, next) in [
        (
            ["--max-pending", "1"],
            "max_pending",
            "ucp-streams pending event-processors",
        ),
        (
            ["--max-idle", "0s"],
            "max_idle",
            "ucp-streams pending event-processors",
        ),
        (["--max-age", "0s"], "max_age", "ucp-streams "),
        (
            ["--max-lag", "0"],
            "max_lag",
            "ucp-streams consumers event-processors",
        ),
        (
            ["--max-dead-letters", "0"],
            "max_dead_letters",
            "ucp-streams dlq list events.normalized",
        ),
    ] {
        let run = server.ucp(&[&["check", GROUP, "-o", "json"], &args[..]].concat());
        let json = run.assert_code(2).stdout_json();
        let found = json["findings"].as_array().unwrap();
        let found = found.iter().find(|it| it["rule"] == rule);
        let found = found.unwrap_or_else(|| panic!("{rule}: {json:#}"));
        assert!(
            found["next"].as_str().unwrap().starts_with(next),
            "{found:#}"
        );
        assert!(
            !found["evidence"].as_array().unwrap().is_empty(),
            "{found:#}"
        );
        let off = server.ucp(&["check", GROUP, args[0], "off"]);
        off.stdout_lacks(rule);
    }
}

#[test]
fn the_option_for_idle_time_looks_at_every_pending_entry() {
    let server = with_entries(2);
    server.deliver((STREAM, GROUP), "c", 2);
    let pending = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "9"]);
    let second = pending.items()[1].items()[0].text();
    // The oldest by its id was delivered just now; the other one an hour ago.
    server.redis(&["XCLAIM", STREAM, GROUP, "c", "0", second, "IDLE", "3600000"]);
    let base = ["check", GROUP, "--max-age", "off", "--min-live", "off"];
    server.ucp(&base).assert_code(0);
    server
        .ucp(&[&base[..], &["--max-idle", "5m"]].concat())
        .assert_code(2)
        .stdout_has("a pending entry has been idle for 1h");
}

#[test]
fn whatever_keeps_it_from_looking_is_unknown() {
    ucp(&["check", "--max-lag", "abc"])
        .assert_code(3)
        .stderr_has("`abc` is not a number");
    ucp(&["check", "--max-lag", "10,5"])
        .assert_code(3)
        .stderr_has("must not be more than the second");
    ucp(&["check", "--nope"]).assert_code(3);
    ucp(&["-u", "redis://127.0.0.1:1", "check"])
        .assert_code(3)
        .stdout_has("UNKNOWN - ");
    ucp(&["-u", "redis://127.0.0.1:1", "check", "-o", "table"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("error: ");
    ucp(&["check", "--help"]).assert_code(0);
}

#[test]
fn what_other_people_named_is_no_performance_data() {
    let server = with_entries(0);
    let name = "a|b='c\n";
    server.redis(&["XGROUP", "CREATE", STREAM, name, "$"]);
    let run = server.ucp(&["check", "--max-lag", "off"]);
    let line = run.assert_code(0).stdout();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert_eq!(line.matches('|').count(), 1, "{line}");
}
