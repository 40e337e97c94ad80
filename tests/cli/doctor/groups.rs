//! Rules about groups: where they stand, what they lost, how far behind they are.

use crate::support::site::{GROUP, STREAM, Site};

#[test]
fn missing() {
    let site = Site::start();
    site.is_silent();
    site.redis(&format!("XGROUP DESTROY {STREAM} {GROUP}"));
    let found = site.finds_only("missing");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .shows(&[("state", "missing")])
        .next_is("ucp-streams init event-processors");
    site.follow(&found).assert_code(0);
    site.is_silent();
    // Of several, all are created at once.
    site.redis("FLUSHDB");
    site.redis("CONFIG RESETSTAT");
    let found = site.finds(&["missing"; 3]);
    found[0].next_is("ucp-streams init");
    site.follow(&found[0]).assert_code(0);
    site.is_silent();
}

#[test]
fn ahead() {
    let site = Site::start();
    let last = site.add(STREAM, 1);
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} {last}"));
    site.is_silent();
    let beyond = last.replace("-0", "-9");
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} {beyond}"));
    let found = site.finds_only("ahead");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says(&beyond)
        .shows(&[("last_delivered_id", &beyond)])
        .next_is("ucp-streams groups set-id event-processors end");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn ahead_while_consumers_live() {
    let site = Site::start();
    site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c"));
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} 7-0"));
    let found = site.finds_only("ahead");
    found.next_is("ucp-streams groups set-id event-processors end --force");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn lost() {
    let site = Site::start();
    site.add(STREAM, 3);
    let read = site.redis(&format!(
        "XREADGROUP GROUP {GROUP} c COUNT 1 STREAMS {STREAM} >"
    ));
    let first = read.items()[0].items()[1].items()[0].items()[0].text();
    site.redis(&format!("XACK {STREAM} {GROUP} {first}"));
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 2"));
    site.is_silent();
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 1"));
    let found = site.finds_only("lost");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("1 entry lost before delivery")
        .shows(&[("lost_unaccepted", "1")])
        .next_is("ucp-streams groups accept-loss event-processors");
    site.follow(&found).assert_code(0);
    // What was accepted is kept as a tombstone.
    let letters = site.finds_only("max_dead_letters");
    letters.says("1 with \"1 entry after ");
}

#[test]
fn max_lag() {
    let site = Site::start();
    site.add(STREAM, 1000);
    site.is_silent();
    site.add(STREAM, 1);
    let found = site.finds_only("max_lag");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("1,001 entries behind, over max_lag 1,000")
        .shows(&[("lag", "1001")])
        .next_is("ucp-streams worker run event-processors");
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids);
    site.is_silent();
}

#[test]
fn lag_unknown() {
    let topology = "[groups.event-processors]\nalert = { max_lag = 20000 }\n";
    let topology = format!("{topology}[streams.\"events.normalized\"]\nmaxlen = 100000\n");
    let site = Site::with_topology(&topology);
    let first = site.add(STREAM, 1);
    site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &[first]);
    site.add(STREAM, 20);
    let deleted = site.add(STREAM, 1);
    site.add(STREAM, 1);
    site.redis(&format!("XDEL {STREAM} {deleted}"));
    // The server's own figure is gone; as many are counted.
    site.is_silent();
    site.add(STREAM, 10_001);
    let found = site.finds_only("lag_unknown");
    found
        .is("unknown")
        .is_about(STREAM, GROUP)
        .shows(&[("lag", "*")])
        .says("the lag is unknown: at least ")
        .next_is("ucp-streams lag event-processors --exact");
    assert!(found.figure("lag").starts_with(">="));
    site.follow(&found).assert_code(0);
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids);
    site.is_silent();
}

#[test]
fn retries_unread() {
    let site = Site::start();
    let retries = "{events.normalized}:retry:event-processors";
    site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c"));
    site.is_silent();
    site.redis(&format!("XADD {retries} * n 1"));
    let found = site.finds_only("retries_unread");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .shows(&[("retry_lag", "1"), ("retry_pending", "0")])
        .says("no live worker reads it")
        .next_is("ucp-streams worker run event-processors");
    // The consumer lives, and says that it reads there.
    let policy = "{events.normalized}:policy:event-processors";
    let said = ["HSET", policy, "c", "60000 1 retry"];
    site.server.redis(&said);
    site.is_silent();
}

#[test]
fn moved_back() {
    let site = Site::start();
    site.add(STREAM, 3);
    let ids = site.deliver(STREAM, GROUP, "c");
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} {}", ids[2]));
    site.is_silent();
    site.redis(&format!("XGROUP SETID {STREAM} {GROUP} 0"));
    let found = site.finds_only("moved_back");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .shows(&[("last_delivered_id", "0-0"), ("last_pending_id", &ids[2])])
        .next_is(&format!(
            "ucp-streams groups set-id event-processors {} --force",
            ids[2]
        ));
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn mistyped_group() {
    let site = Site::start();
    site.redis("XGROUP CREATE events.other event-procesors $ MKSTREAM");
    site.is_silent();
    site.redis(&format!("XGROUP CREATE {STREAM} event-procesors $"));
    let found = site.finds_only("mistyped_group");
    found
        .is("warning")
        .is_about(STREAM, "event-procesors")
        .says("`event-processors` may be meant")
        .shows(&[("is_extra", "true")])
        .next_is("ucp-streams groups delete event-procesors --stream events.normalized");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn extra_group() {
    let site = Site::start();
    site.redis("XGROUP CREATE events.other audit $ MKSTREAM");
    site.is_silent();
    site.redis(&format!("XGROUP CREATE {STREAM} audit $"));
    let found = site.finds_only("extra_group");
    found
        .is("warning")
        .is_about(STREAM, "audit")
        .shows(&[("is_extra", "true")])
        .next_is("ucp-streams groups delete audit --stream events.normalized");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn replay_left() {
    let site = Site::start();
    site.add(STREAM, 3);
    site.redis(&format!("XGROUP CREATE {STREAM} _ucp_replay:june 0"));
    // Whoever has just read may be at work.
    site.redis(&format!(
        "XREADGROUP GROUP _ucp_replay:june host COUNT 1 STREAMS {STREAM} >"
    ));
    site.finds(&[]);
    site.redis(&format!(
        "XGROUP DELCONSUMER {STREAM} _ucp_replay:june host"
    ));
    let found = site.finds_only("replay_left");
    found
        .is("warning")
        .is_about(STREAM, "_ucp_replay:june")
        .says("nobody runs the replay `june` any more")
        .next_is("ucp-streams groups delete _ucp_replay:june --stream events.normalized --force");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn claim_idle_short() {
    let topology = |idle: &str| format!("[groups.event-processors]\nclaim_idle = \"{idle}\"\n");
    let site = Site::with_topology(&topology("29s"));
    site.add(STREAM, 1);
    // Nobody holds anything.
    site.is_silent();
    let ids = site.deliver(STREAM, GROUP, "foreign");
    let found = site.finds_only("claim_idle_short");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("its claim idle of 29s is shorter than its handler timeout of 30s")
        .shows(&[("claim_idle_ms", "29s"), ("handler_timeout_ms", "30s")])
        .next_is("ucp-streams topology show");
    site.follow(&found).assert_code(0);
    site.set_topology(&topology("30s"));
    site.is_silent();
    site.set_topology(&topology("29s"));
    site.ack(STREAM, GROUP, &ids);
    site.is_silent();
}

#[test]
fn claim_idle_long() {
    let topology = |idle: &str| format!("[groups.event-processors]\nclaim_idle = \"{idle}\"\n");
    let site = Site::with_topology(&topology("5m"));
    site.is_silent();
    site.set_topology(&topology("6m"));
    let found = site.finds_only("claim_idle_long");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("its claim idle of 6m is longer than max_idle 5m")
        .shows(&[("claim_idle_ms", "6m"), ("threshold_ms", "5m")])
        .next_is("ucp-streams topology show");
    site.follow(&found).assert_code(0);
    site.set_topology(&topology("5m"));
    site.is_silent();
}
