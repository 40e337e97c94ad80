//! Rules about what workers say of themselves.

use crate::support::site::{GROUP, STREAM, Site};
use crate::support::{PATIENCE, Spawned, until};

#[test]
fn breaker() {
    let topology = "[streams.orders]\nmaxlen = 1000\n[groups.billing]\nstream = \"orders\"\n";
    let site = Site::with_topology(topology);
    let home = crate::support::directory();
    let up = home.path().join("up");
    site.add("orders", 60);
    site.is_silent();
    let run = [
        "worker",
        "run",
        "billing",
        "--backoff-base",
        "100ms",
        "--backoff-cap",
        "300ms",
        "--max-deliveries",
        "1000",
        "--exec",
        "--",
        "sh",
        "-c",
        "test -e \"$up\"",
    ];
    let mut worker = site.command(&run).env("up", &up).spawn();
    worker.await_stderr("circuit breaker opened");
    let breaker = || {
        let found = site.findings();
        found.into_iter().find(|it| it.rule() == "breaker")
    };
    until(PATIENCE, "it is found", || breaker().is_some());
    let found = breaker().unwrap();
    found
        .is("critical")
        .is_about("orders", "billing")
        .says("the circuit breaker is open since ")
        .says(": exit status: 1")
        .shows(&[("circuit_breaker", "exit status: 1")])
        .next_is("ucp-streams pending billing");
    site.follow(&found).assert_code(0);
    let others = site.findings();
    let is_of_it = |rule: &str| ["breaker", "poison"].contains(&rule);
    assert!(others.iter().all(|it| is_of_it(it.rule())), "{others:#?}");
    std::fs::write(&up, "").unwrap();
    worker.await_stderr("handlers succeed again");
    until(PATIENCE, "nothing is found", || site.findings().is_empty());
    worker.terminate();
}

#[test]
fn paused() {
    let site = Site::start();
    let key = format!("{{{STREAM}}}:paused:{GROUP}");
    site.redis(&format!(
        r#"SET {key} {{"since_ms":1000,"by":"ann@host","reason":"deploy"}}"#
    ));
    let found = site.finds_only("paused");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("it is paused since 1970-01-01T00:00:01.000Z by ann@host: deploy")
        .next_is(&format!("ucp-streams resume {GROUP}"));
    site.follow(&found).assert_code(0);
    site.is_silent();
}

/// A worker with this claim idle, once it has said so.
fn worker(site: &Site, claim_idle: &str) -> Spawned {
    let run = ["worker", "run", GROUP, "--claim-idle", claim_idle];
    let worker = site.command(&run).spawn();
    let policy = format!("HLEN {{{STREAM}}}:policy:{GROUP}");
    until(PATIENCE, "its claim idle", || {
        site.redis(&policy).int() == 1
    });
    worker
}

#[test]
fn claim_idle_long_of_a_worker() {
    let site = Site::start();
    let worker = worker(&site, "6m");
    let found = site.finds_only("claim_idle_long");
    found.shows(&[("claim_idle_ms", "6m"), ("threshold_ms", "5m")]);
    worker.terminate();
    site.is_silent();
}

#[test]
fn claim_idle_short_is_no_fault_where_workers_say_it() {
    let site = Site::start();
    let worker = worker(&site, "5s");
    site.add(STREAM, 1);
    site.deliver(STREAM, GROUP, "another");
    let found = site.findings();
    assert!(
        found.iter().all(|it| it.rule() != "claim_idle_short"),
        "{found:#?}"
    );
    worker.terminate();
}
