//! Rules about streams.

use crate::support::site::{SHORT, SHORT_GROUP, STREAM, Site};

#[test]
fn over_maxlen() {
    let site = Site::start();
    site.add(SHORT, 1000);
    let ids = site.deliver(SHORT, SHORT_GROUP, "c");
    site.ack(SHORT, SHORT_GROUP, &ids);
    site.add(SHORT, 200);
    site.is_silent();
    site.add(SHORT, 1);
    let found = site.finds_only("over_maxlen");
    found
        .is("warning")
        .is_about(SHORT, "")
        .says("it has 1,201 entries, and its MAXLEN is 1,000")
        .shows(&[("length", "1201"), ("maxlen", "1000")])
        .next_is("ucp-streams tail profiles.merge_requests");
    site.follow(&found).assert_code(0).stdout_has("n=1");
    // Whoever publishes next with MAXLEN trims it.
    let merge = [
        "publish",
        SHORT,
        "brand_id=b",
        "profile_ids=[\"a\"]",
        "reason=manual_review",
        "requires_manual_review=false",
        "timestamp=2024-01-01T00:00:00Z",
    ];
    site.ucp(&merge).assert_code(0);
    site.is_silent();
}

#[test]
fn maxlen_small() {
    let topology = |maxlen: u64| format!("[streams.\"{SHORT}\"]\nmaxlen = {maxlen}\n");
    let site = Site::with_topology(&topology(100));
    site.is_silent();
    site.set_topology(&topology(99));
    let found = site.finds_only("maxlen_small");
    found
        .is("warning")
        .is_about(SHORT, "")
        .shows(&[("maxlen", "99"), ("stream-node-max-entries", "100")])
        .next_is("ucp-streams topology show");
    site.follow(&found).assert_code(0).stdout_has("maxlen = 99");
    // The remedy's other half.
    site.redis("CONFIG SET stream-node-max-entries 99");
    site.is_silent();
}

#[test]
fn entry_size() {
    let site = Site::start();
    let add = |bytes: usize| {
        let body = "x".repeat(bytes);
        site.server.redis(&["XADD", STREAM, "*", "n", &body]);
    };
    add(50 << 10);
    site.is_silent();
    add(90 << 10);
    let found = site.finds_only("entry_size");
    found
        .is("warning")
        .is_about(STREAM, "")
        .says(" KiB each on average")
        .shows(&[("bytes", "*"), ("length", "2")])
        .next_is("ucp-streams stats events.normalized");
    assert!(found.number("bytes") > 140 << 10);
    site.follow(&found).assert_code(0);
    site.redis(&format!("XTRIM {STREAM} MAXLEN = 0"));
    assert!(site.findings().iter().all(|it| it.rule() == "lost"));
}

#[test]
fn what_a_group_takes_is_not_the_size_of_an_entry() {
    let site = Site::start();
    site.add(STREAM, 1);
    let mut client = site.server.client();
    for nth in 0..3000 {
        let consumer = format!("a-consumer-with-a-name-{nth}");
        client.send(&[
            "XGROUP",
            "CREATECONSUMER",
            STREAM,
            crate::support::site::GROUP,
            &consumer,
        ]);
    }
    site.is_silent();
}
