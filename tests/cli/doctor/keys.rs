//! Rules about keys that hold something else.

use crate::support::site::{STREAM, Site};

#[test]
fn not_a_stream() {
    let site = Site::start();
    site.redis("DEL events.raw");
    site.is_silent();
    site.redis("SET events.raw x");
    let found = site.finds_only("not_a_stream");
    found
        .is("critical")
        .is_about("events.raw", "")
        .says("the key `events.raw` is not a stream")
        .shows(&[("type", "not a stream")])
        .next_is_redis(&site, "RENAMENX events.raw '{events.raw}:moved'");
    // `check` names the server in it, too.
    let check = site.ucp(&["check", "-o", "json"]).stdout_json();
    assert_eq!(check["findings"][0]["next"], found.next());
    site.follow(&found).assert_code(0).stdout_is("1\n");
    site.is_silent();
}

#[test]
fn odd_key() {
    for (key, kind, right) in [
        ("{events.normalized}:dlq", "stream", "XADD KEY 1-0 a b"),
        (
            "{events.normalized}:lost:event-processors",
            "string",
            "SET KEY x",
        ),
        (
            "{events.normalized}:breaker:event-processors",
            "string",
            "SET KEY x",
        ),
        (
            "{events.normalized}:inflight:event-processors",
            "hash",
            "HSET KEY a b",
        ),
        (
            "{events.normalized}:policy:event-processors",
            "hash",
            "HSET KEY a b",
        ),
    ] {
        let site = Site::start();
        site.redis(&right.replace("KEY", key));
        if kind == "stream" {
            site.finds_only("max_dead_letters");
        } else {
            site.is_silent();
        }
        site.redis(&format!("DEL {key}"));
        site.redis(&format!("SADD {key} x"));
        let found = site.finds_only("odd_key");
        found
            .is("critical")
            .is_about(STREAM, "")
            .says(&format!("the key `{key}` is a set, and should be a {kind}"))
            .shows(&[("type", "set")])
            .next_is_redis(&site, &format!("RENAMENX '{key}' '{key}:moved'"));
        site.follow(&found).assert_code(0).stdout_is("1\n");
        site.is_silent();
        assert_eq!(site.redis(&format!("TYPE {key}:moved")).text(), "set");
        // A second one does not take the first one's place.
        site.redis(&format!("SADD {key} y"));
        site.follow(&found).assert_code(0).stdout_is("0\n");
        site.finds_only("odd_key");
    }
}
