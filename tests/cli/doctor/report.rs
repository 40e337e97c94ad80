//! `doctor`: all that is wrong, each with its figures and the command that clears it.

use serde_json::Value;

use crate::support::TestServer;
use crate::support::site::healthy;

/// The findings, each by its rule.
fn found(server: &TestServer) -> Vec<(String, Value)> {
    let json = server.ucp(&["doctor", "-o", "json"]).stdout_json();
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .map(|it| (it["rule"].as_str().unwrap().to_owned(), it.clone()))
        .collect()
}

#[test]
fn it_is_silent_after_init_and_says_what_it_looked_at() {
    let server = healthy();
    server
        .ucp(&["doctor", "-o", "table"])
        .assert_code(0)
        .stdout_is("OK: no finding in the server, 4 streams and 3 groups\n");
    server.ucp(&["doctor", "-q"]).assert_code(0).stdout_is("");
}

#[test]
fn findings_end_with_1_the_worst_first_and_their_command_clears_them() {
    let server = healthy();
    server.redis(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    server.redis(&[
        "XGROUP",
        "CREATE",
        "events.normalized",
        "event-procesors",
        "$",
    ]);
    server.ucp(&["doctor"]).assert_code(1);
    let rules: Vec<_> = found(&server).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["eviction", "mistyped_group"]);
    for (_, finding) in found(&server) {
        let next = finding["next"].as_str().unwrap();
        let args = next.split(' ').skip(1).collect::<Vec<_>>();
        if next.starts_with("redis-cli") {
            let place = args.iter().position(|it| *it == "CONFIG").unwrap();
            server.redis(&args[place..]);
        } else {
            server.ucp(&[&args[..], &["--yes"]].concat()).assert_code(0);
        }
    }
    server.ucp(&["doctor"]).assert_code(0);
}

#[test]
fn rules_are_explained_and_a_mistyped_one_is_named() {
    let server = TestServer::start();
    server
        .ucp(&["doctor", "--explain", "ghosts", "-o", "table"])
        .assert_code(0)
        .stdout_has("XAUTOCLAIM");
    let all = server
        .ucp(&["doctor", "--explain", "-o", "json"])
        .stdout_json();
    assert!(all.as_array().unwrap().len() >= 25);
    server
        .ucp(&["doctor", "--explain", "ghost"])
        .assert_code(2)
        .stderr_has("ghosts");
}
