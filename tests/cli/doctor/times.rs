//! Rules about time, by a clock that the test sets ahead.

use std::time::Duration;

use super::server::busy;
use crate::support::site::{Found, GROUP, SHORT, SHORT_GROUP, STREAM, Site, findings};
use crate::support::{PATIENCE, until};

impl Site {
    /// The consumer, which holds nothing, is seen now.
    fn is_seen(&self, stream: &str, group: &str, consumer: &str) {
        self.redis(&format!("XGROUP DELCONSUMER {stream} {group} {consumer}"));
        self.redis(&format!(
            "XGROUP CREATECONSUMER {stream} {group} {consumer}"
        ));
    }
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn min_live() {
    let site = Site::with_clock();
    site.add(STREAM, 1);
    site.advance(seconds(40));
    site.is_silent();
    site.advance(seconds(21));
    let found = site.finds_only("min_live");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("0 of 0 consumers are live, and entries are undelivered or pending")
        .shows(&[("live", "0/0")])
        .next_is("ucp-streams worker run event-processors");
    site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c"));
    site.is_silent();
}

#[test]
fn max_age() {
    let site = Site::with_clock();
    site.add(STREAM, 1);
    site.advance(seconds(14 * 60));
    site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c"));
    site.is_silent();
    site.advance(seconds(61));
    site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} d"));
    let found = site.finds_only("max_age");
    found
        .is("critical")
        .is_about(STREAM, GROUP)
        .says("the oldest undelivered entry is 15m")
        .says(", over max_age 15m")
        .shows(&[("undelivered_age_ms", "*")])
        .next_is("ucp-streams lag event-processors");
    assert!(found.figure("undelivered_age_ms").starts_with("15m"));
    site.follow(&found).assert_code(0);
    let ids = site.deliver(STREAM, GROUP, "c");
    let found = site.finds_only("max_age");
    found
        .says("the oldest unacknowledged entry is 15m")
        .shows(&[("oldest_pending_age_ms", "*")])
        .next_is("ucp-streams pending event-processors");
    site.follow(&found).assert_code(0).stdout_has(&ids[0]);
    site.ack(STREAM, GROUP, &ids);
    site.is_silent();
}

#[test]
fn min_room() {
    let site = Site::with_clock();
    // Its MAXLEN is 1000: at ten entries a minute that lasts for more than an hour.
    let add = |count: u64| {
        let now = site.now_ms();
        site.add_at(SHORT, (0..count).map(|nth| now + nth * 40_000 / count));
        site.advance(seconds(45));
        let ids = site.deliver(SHORT, SHORT_GROUP, "c");
        site.ack(SHORT, SHORT_GROUP, &ids);
    };
    add(10);
    site.is_silent();
    site.advance(seconds(3600));
    add(40);
    let found = site.finds_only("min_room");
    found
        .is("warning")
        .is_about(SHORT, SHORT_GROUP)
        .says("1,000 entries can be added before the group loses one, which takes ")
        .shows(&[("headroom", "1000"), ("headroom_ms", "*")])
        .next_is("ucp-streams worker run merge-processors");
    site.advance(seconds(3600));
    add(200);
    let found = site.finds_only("min_room");
    found.is("critical");
    site.advance(seconds(3600));
    site.is_silent();
}

#[test]
fn dead_consumer() {
    let site = Site::with_clock();
    for total in ["1", "2"] {
        let payload = format!("payload={{\"total\": {total}}}");
        site.ucp(&["ingest", "brandId=b", "eventType=purchase", &payload])
            .assert_code(0);
    }
    site.deliver(STREAM, GROUP, "dead");
    site.advance(seconds(100));
    site.is_seen(STREAM, GROUP, "live");
    site.is_silent();
    site.advance(seconds(21));
    site.is_seen(STREAM, GROUP, "live");
    let found = site.finds_only("dead_consumer");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("`dead` holds 2 and has been idle for 2m")
        .shows(&[("pending", "2"), ("idle_ms", "*")])
        .next_is("ucp-streams claim event-processors --consumer dead --work");
    assert!(found.figure("idle_ms").starts_with("2m"));
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn dead_consumer_of_a_group_without_handler() {
    let topology = "[streams.orders]\nmaxlen = 1000\n[groups.billing]\nstream = \"orders\"\n";
    let site = Site::with_clock();
    site.set_topology(topology);
    site.ucp(&["init"]).assert_code(0);
    site.add("orders", 2);
    site.deliver("orders", "billing", "dead");
    site.advance(seconds(121));
    site.is_seen("orders", "billing", "live");
    let found = site.finds_only("dead_consumer");
    found.next_is("ucp-streams claim billing --consumer dead --to live");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn dead_consumer_where_nobody_lives() {
    let site = Site::with_clock();
    site.ucp(&[
        "ingest",
        "brandId=b",
        "eventType=purchase",
        "payload={\"total\": 3}",
    ])
    .assert_code(0);
    site.deliver(STREAM, GROUP, "dead");
    site.advance(seconds(121));
    let found = site.finds_beside("dead_consumer", &["min_live"]);
    found.next_is("ucp-streams worker run event-processors");
    let args: Vec<&str> = found.next().split(' ').skip(1).collect();
    let worker = site.command(&args).spawn();
    until(PATIENCE, "it is handled", || {
        let pending = site.redis(&format!("XPENDING {STREAM} {GROUP}"));
        pending.items()[0].int() == 0
    });
    site.is_silent();
    worker.terminate();
    site.is_silent();
}

#[test]
fn idle_consumers() {
    let site = Site::with_clock();
    let create = |nth: usize| {
        site.redis(&format!("XGROUP CREATECONSUMER {STREAM} {GROUP} c{nth}"));
    };
    (0..99).for_each(create);
    site.advance(seconds(1800));
    create(99);
    // Of these 99 are idle for an hour.
    site.advance(seconds(1860));
    site.is_silent();
    site.advance(seconds(1800));
    let found = site.finds_only("idle_consumers");
    found
        .is("warning")
        .is_about(STREAM, GROUP)
        .says("100 of its 100 consumers have no pending entries")
        .shows(&[("consumers", "100")])
        .next_is("ucp-streams consumers prune event-processors --idle 1h");
    site.follow(&found).assert_code(0);
    site.is_silent();
    let left = site.redis(&format!("XINFO CONSUMERS {STREAM} {GROUP}"));
    assert_eq!(left.items().len(), 0);
}

#[test]
fn future_ids() {
    let site = Site::with_clock();
    site.add_at(STREAM, std::iter::once(site.now_ms() + 9_000));
    site.is_silent();
    let ahead = site.now_ms() + 70_000;
    site.add_at(STREAM, std::iter::once(ahead));
    let found = site.finds_only("future_ids");
    found
        .is("warning")
        .is_about(STREAM, "")
        .says(&format!("its last id {ahead}-0 is 1m"))
        .shows(&[("last_id", &format!("{ahead}-0")), ("now", "*")])
        .next_is(&format!("ucp-streams get events.normalized {ahead}-0"));
    site.follow(&found).assert_code(0).stdout_has("n");
    site.advance(seconds(65));
    site.is_silent();
}

#[test]
fn clock() {
    let site = Site::with_clock();
    site.is_silent();
    // As a machine whose clock is an hour behind the server's.
    let doctor = site.server.command(&["doctor", "-o", "json"]).run();
    let found = findings(&doctor);
    let rules: Vec<&str> = found.iter().map(Found::rule).collect();
    assert_eq!(rules, ["clock"]);
    found[0]
        .is("warning")
        .says("the server's clock is ")
        .says(" ahead of this machine's")
        .shows(&[("ahead_ms", "*")])
        .next_is_redis(&site, "TIME");
    let ahead = found[0].number("ahead_ms");
    assert!((3_590_000..=3_610_000).contains(&ahead), "{ahead}");
    site.follow(&found[0]).assert_code(0);
    site.is_silent();
}

#[test]
fn clock_within_what_is_tolerated() {
    let clock = crate::support::Clock::start();
    let site = Site::start();
    clock.advance(seconds(4));
    let doctor = || {
        clock
            .given_to(site.command(&["doctor", "-o", "json"]))
            .run()
    };
    assert!(findings(&doctor()).is_empty());
    clock.advance(seconds(60));
    let found = findings(&doctor());
    found[0].says(" behind this machine's");
}

#[test]
fn restarted() {
    let mut site = Site::with_clock();
    site.add(STREAM, 1);
    let ids = site.deliver(STREAM, GROUP, "c");
    site.ack(STREAM, GROUP, &ids);
    site.redis("BGREWRITEAOF");
    site.is_silent();
    site.advance(seconds(10));
    site.server.restart();
    let found = site.finds_only("restarted");
    found
        .is("warning")
        .says(" ago, and 1 stream has older entries")
        .shows(&[("uptime_in_seconds", "*")])
        .next_is("ucp-streams info");
    assert!(found.number("uptime_in_seconds") < 100);
    site.follow(&found).assert_code(0);
    site.advance(seconds(901));
    site.is_silent();
    // Nothing is older.
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 0"));
    site.server.restart();
    site.is_silent();
}

#[test]
fn slow_calls_of_long_ago() {
    let site = Site::with_clock();
    site.redis("CONFIG SET slowlog-log-slower-than 10000");
    let mut turns = 2_000_000;
    while busy(&site, turns) < 100_000 {
        turns *= 2;
    }
    site.advance(seconds(500));
    site.finds_only("slow_calls");
    site.advance(seconds(101));
    site.is_silent();
}
