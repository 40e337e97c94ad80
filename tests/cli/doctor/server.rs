//! Rules about the server itself.

use std::fs;

use crate::support::site::{Site, healthy};
use crate::support::{PATIENCE, TestServer, until};

#[test]
fn persistence() {
    let server =
        TestServer::with_args(&["--maxmemory", "256mb", "--slowlog-log-slower-than", "-1"]);
    let site = Site::of(server);
    site.ucp(&["init"]).assert_code(0);
    for (save, severity, text) in [
        ("", "critical", "a restart loses everything"),
        (
            "3600 1",
            "warning",
            "a crash loses everything since the last snapshot",
        ),
    ] {
        site.redis("CONFIG SET appendonly no");
        site.server.redis(&["CONFIG", "SET", "save", save]);
        let found = site.finds_only("persistence");
        found
            .is(severity)
            .says(text)
            .shows(&[("aof_enabled", "0"), ("save", save)])
            .next_is_redis(&site, "CONFIG SET appendonly yes");
        site.follow(&found).assert_code(0);
        site.is_silent();
    }
}

#[test]
fn persistence_failing() {
    let site = Site::of(healthy());
    site.is_silent();
    let file = site.server.inner().dir().join("dump.rdb");
    let save = |status: &str| {
        let _ = site.server.try_redis(&["BGSAVE"]);
        until(PATIENCE, status, || {
            let info = site.redis("INFO persistence");
            let over = info.text().contains("rdb_bgsave_in_progress:0");
            over && info
                .text()
                .contains(&format!("rdb_last_bgsave_status:{status}"))
        });
    };
    // A directory stands where the snapshot is to be put.
    fs::create_dir(&file).unwrap();
    save("err");
    let found = site.finds_only("persistence_failing");
    found
        .is("critical")
        .says("rdb_last_bgsave_status")
        .shows(&[("rdb_last_bgsave_status", "err")])
        .next_is_redis(&site, "INFO persistence");
    site.follow(&found)
        .assert_code(0)
        .stdout_has("rdb_last_bgsave_status:err");
    fs::remove_dir(&file).unwrap();
    save("ok");
    site.is_silent();
}

#[test]
fn replica() {
    let mut primary = Site::with_port();
    let site = Site::start();
    site.is_silent();
    let port = primary.server.inner().port().unwrap();
    site.redis(&format!("REPLICAOF 127.0.0.1 {port}"));
    until(PATIENCE, "a link", || {
        let info = site.redis("INFO replication");
        info.text().contains("master_link_status:up")
    });
    let found = site.finds_only("replica");
    found
        .is("warning")
        .says(&format!("this server is a replica of 127.0.0.1:{port}"))
        .shows(&[("role", "slave"), ("master_link_status", "up")])
        .next_is(&format!("ucp-streams check --url redis://127.0.0.1:{port}"));
    site.follow(&found).assert_code(0);
    primary.server.kill();
    until(PATIENCE, "no link", || {
        let info = site.redis("INFO replication");
        info.text().contains("master_link_status:down")
    });
    let found = site.finds_only("replica");
    found
        .is("critical")
        .says(", and its link is down")
        .shows(&[("role", "slave"), ("master_link_status", "down")]);
    site.redis("REPLICAOF NO ONE");
    site.is_silent();
}

#[test]
fn failover() {
    let site = Site::with_port();
    let mut replica = TestServer::start();
    let port = site.server.inner().port().unwrap();
    replica.redis(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    until(PATIENCE, "a replica", || {
        let info = site.redis("INFO replication");
        info.text().contains("state=online")
    });
    site.is_silent();
    replica.pause();
    site.redis("XADD elsewhere * n 1");
    site.redis("FAILOVER TIMEOUT 60000");
    let found = site.finds_only("failover");
    found
        .is("warning")
        .says("a failover is in progress: waiting-for-sync")
        .shows(&[("master_failover_state", "waiting-for-sync")])
        .next_is("ucp-streams check");
    site.follow(&found).assert_code(0);
    site.redis("FAILOVER ABORT");
    site.is_silent();
    replica.resume();
}

#[test]
fn flushed() {
    let site = Site::start();
    site.redis("DEL events.raw");
    site.is_silent();
    site.redis("FLUSHDB");
    site.ucp(&["init"]).assert_code(0);
    let found = site.finds_only("flushed");
    found
        .is("warning")
        .says("FLUSHDB was called 1 time since the server started")
        .shows(&[("cmdstat_flushall", "0"), ("cmdstat_flushdb", "1")])
        .next_is_redis(&site, "CONFIG RESETSTAT");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

/// A script that keeps the server busy for so many turns; for how long it was, in microseconds, where the slow log has it.
pub(super) fn busy(site: &Site, turns: u64) -> i64 {
    site.redis("SLOWLOG RESET");
    let script = format!("for turn = 1, {turns} do end");
    site.server.redis(&["EVAL", &script, "0"]);
    let log = site.redis("SLOWLOG GET 1");
    log.items().first().map_or(0, |it| it.items()[2].int())
}

#[test]
fn slow_calls() {
    let site = Site::start();
    site.redis("CONFIG SET slowlog-log-slower-than 10000");
    // From a few milliseconds on, twice as long each time.
    let mut turns = 500_000;
    let took = loop {
        let took = busy(&site, turns);
        if took >= 100_000 {
            break took;
        }
        if took > 0 {
            site.is_silent();
        }
        turns *= 2;
    };
    let found = site.finds_only("slow_calls");
    found
        .is("warning")
        .says(
            "1 call blocked the server for 100 ms or more in the last 10 minutes; the longest, EVAL ",
        )
        .says(&format!(", took {}ms", took / 1000))
        .shows(&[("slowlog", "1")])
        .next_is_redis(&site, "SLOWLOG RESET");
    site.follow(&found).assert_code(0);
    site.is_silent();
}

#[test]
fn clients() {
    let site = Site::start();
    let mut clients: Vec<_> = (0..8).map(|_| site.server.client()).collect();
    for client in &mut clients {
        client.send(&["PING"]);
    }
    // With the connection of `doctor` these are 9.
    site.redis("CONFIG SET maxclients 10");
    site.is_silent();
    let mut last = site.server.client();
    last.send(&["PING"]);
    let found = site.finds_only("clients");
    found
        .is("critical")
        .says("10 of at most 10 clients are connected")
        .shows(&[("connected_clients", "10"), ("maxclients", "10")])
        .next_is_redis(&site, "CLIENT LIST");
    let said = site.follow(&found);
    assert_eq!(said.assert_code(0).stdout_lines().len(), 10, "{said}");
    drop(last);
    until(PATIENCE, "a client less", || {
        let said = clients[0].send(&["CLIENT", "LIST"]);
        said.text().lines().count() == 8
    });
    site.is_silent();
}
