//! Rules about the server's memory.

use crate::support::site::Site;

/// A figure of INFO.
fn info(site: &Site, name: &str) -> u64 {
    let said = site.redis("INFO everything");
    let mut lines = said.text().lines();
    let value = lines.find_map(|it| it.strip_prefix(&format!("{name}:")));
    value.unwrap().parse().unwrap()
}

#[test]
fn eviction() {
    let site = Site::start();
    site.is_silent();
    for (policy, severity, what) in [
        ("allkeys-lru", "critical", "whole streams"),
        (
            "volatile-ttl",
            "warning",
            "leases and other keys that expire",
        ),
    ] {
        site.redis(&format!("CONFIG SET maxmemory-policy {policy}"));
        let found = site.finds_only("eviction");
        found
            .is(severity)
            .says(&format!(
                "maxmemory-policy is {policy}: when memory is full, {what}"
            ))
            .shows(&[("maxmemory_policy", policy), ("maxmemory", "268435456")])
            .next_is_redis(&site, "CONFIG SET maxmemory-policy noeviction");
        site.follow(&found).assert_code(0);
        site.is_silent();
    }
    // Nothing is evicted where nothing is full.
    site.redis("CONFIG SET maxmemory-policy allkeys-lru");
    site.redis("CONFIG SET maxmemory 0");
    site.finds_only("no_maxmemory");
}

#[test]
fn evicted() {
    let site = Site::start();
    let used = info(&site, "used_memory");
    site.redis("CONFIG SET maxmemory-policy allkeys-lru");
    site.redis(&format!("CONFIG SET maxmemory {}", used + (1 << 20)));
    let body = "x".repeat(64 << 10);
    for nth in 0..40 {
        site.server.redis(&["SET", &format!("filler{nth}"), &body]);
    }
    let evicted = info(&site, "evicted_keys");
    assert!(evicted > 0);
    site.redis("CONFIG SET maxmemory 256mb");
    site.redis("CONFIG SET maxmemory-policy noeviction");
    site.ucp(&["init"]).assert_code(0);
    let found = site.finds_only("evicted");
    found
        .is("critical")
        .says(&evicted.to_string())
        .shows(&[("evicted_keys", &evicted.to_string())])
        .next_is_redis(&site, "CONFIG RESETSTAT");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn memory() {
    let site = Site::start();
    // Beside this, what a connection takes is little.
    let body = "x".repeat(20 << 20);
    site.server.redis(&["SET", "filler", &body]);
    let uses = |percent: u64| {
        let used = info(&site, "used_memory");
        let limit = used * 100 / percent;
        site.redis(&format!("CONFIG SET maxmemory {limit}"));
        limit.to_string()
    };
    uses(75);
    site.is_silent();
    for (percent, severity) in [(87, "warning"), (98, "critical")] {
        let limit = uses(percent);
        let found = site.finds_only("memory");
        found
            .is(severity)
            .says(" % of maxmemory is used: ")
            .shows(&[("used_memory", "*"), ("maxmemory", &limit)])
            .next_is("ucp-streams memory");
        assert!(found.number("used_memory") > 100_000);
        site.follow(&found).assert_code(0);
    }
    site.redis("CONFIG SET maxmemory 256mb");
    site.is_silent();
}

#[test]
fn no_maxmemory() {
    let site = Site::start();
    site.is_silent();
    site.redis("CONFIG SET maxmemory 0");
    let found = site.finds_only("no_maxmemory");
    found
        .is("warning")
        .says("maxmemory is not set; ")
        .shows(&[("maxmemory", "0"), ("used_memory", "*")]);
    let megabytes = (info(&site, "total_system_memory") / 4 * 3) >> 20;
    found.next_is_redis(&site, &format!("CONFIG SET maxmemory {megabytes}mb"));
    site.follow(&found).assert_code(0);
    site.is_silent();
}
