//! One look for all, as often as was said, and what is said while the server is away.

use std::time::{Duration, Instant};

use crate::client::serve;
use crate::support::{PATIENCE, TestServer, until};

/// How often a command was called.
fn calls(server: &TestServer, command: &str) -> u64 {
    let info = server.redis(&["INFO", "commandstats"]);
    let line = info
        .text()
        .lines()
        .find(|it| it.starts_with(&format!("cmdstat_{command}:")));
    let count = line.and_then(|it| it.split("calls=").nth(1)?.split(',').next());
    count.map_or(0, |it| it.parse().unwrap())
}

#[test]
fn fifty_who_ask_are_answered_with_one_look() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let site = serve(&server, &[]);
    // How often the server is asked in a second with nobody, and with fifty.
    let in_a_while = || {
        let (before, begun) = (calls(&server, "xinfo|stream"), Instant::now());
        std::thread::sleep(Duration::from_secs(2));
        let made = calls(&server, "xinfo|stream") - before;
        f64::from(u32::try_from(made).unwrap()) / begun.elapsed().as_secs_f64()
    };
    let alone = in_a_while();
    assert!(alone > 0.0);
    let followers: Vec<_> = (0..50).map(|_| site.events("/api/events")).collect();
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let begun = Instant::now();
            let mut count = 0;
            while begun.elapsed() < Duration::from_secs(2) {
                assert_eq!(site.get("/api/streams/info").status, 200);
                count += 1;
            }
            count
        });
        let with_fifty = in_a_while();
        assert!(
            with_fifty < alone * 1.6 + 4.0,
            "{alone} alone, {with_fifty} with fifty"
        );
        asking.join().unwrap()
    });
    assert!(asked > 10, "{asked}");
    for mut follower in followers {
        let (name, figures) = follower.next();
        assert_eq!(name, "figures");
        assert_eq!(figures["old_since"], serde_json::Value::Null);
    }
}

#[test]
fn a_server_that_dies_leaves_old_figures_and_comes_back() {
    let mut server = TestServer::durable();
    server.ucp(&["init"]).assert_code(0);
    let site = serve(&server, &[]);
    let before = site.get("/api/figures").json();
    server.kill();
    until(PATIENCE, "that it is noticed", || {
        site.get("/readyz").status == 503
    });
    let figures = site.get("/api/figures").json();
    assert!(
        figures["old_since"].is_string() && figures["error"].is_string(),
        "{figures}"
    );
    assert_eq!(figures["streams"].as_array().unwrap().len(), 4);
    assert!(figures["at"].as_str() >= before["at"].as_str());
    let refused = site.get("/api/streams/info");
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("since"), "{}", refused.body);
    assert_eq!(site.get("/api/streams/events.raw").status, 503);
    let metrics = site.get("/metrics").body;
    assert!(
        metrics.contains("ucp_streams_up{db=\"db0\"} 0\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("redis_stream_length"), "{metrics}");
    assert_eq!(site.get("/healthz").status, 200);
    server.restart();
    until(PATIENCE, "that it goes on", || {
        site.get("/readyz").status == 200
    });
    let figures = site.get("/api/figures").json();
    assert_eq!(figures["old_since"], serde_json::Value::Null);
}

#[test]
fn it_begins_before_its_server_does() {
    let mut server = TestServer::start();
    server.kill();
    let site = serve(&server, &[]);
    let figures = site.get("/api/figures").json();
    assert_eq!(figures["at"], serde_json::Value::Null);
    assert!(
        figures["error"].as_str().unwrap().contains("connect"),
        "{figures}"
    );
    server.restart();
    until(PATIENCE, "the first figures", || {
        site.get("/readyz").status == 200
    });
}

#[test]
fn a_tail_goes_on_after_a_lost_connection() {
    let mut server = TestServer::durable();
    server.redis(&["XADD", "events.raw", "1-0", "n", "1"]);
    let site = serve(&server, &[]);
    // One that cannot be followed keeps nobody from another.
    server.redis(&["SET", "{events.raw}:dlq", "no stream"]);
    let refused = site.get("/api/streams/%7Bevents.raw%7D:dlq/tail");
    assert_eq!(refused.status, 503, "{}", refused.body);
    let mut events = site.events("/api/streams/events.raw/tail");
    server.redis(&["XADD", "events.raw", "2-0", "n", "2"]);
    assert_eq!(events.next().1["id"], "2-0");
    server.restart();
    server.redis(&["XADD", "events.raw", "3-0", "n", "3"]);
    let (name, entry) = events.next();
    assert_eq!(
        (name.as_str(), entry["id"].as_str()),
        ("entry", Some("3-0"))
    );
}

#[test]
fn the_last_change_is_told_with_who_made_it() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let site = serve(&server, &[]);
    let last = || site.get("/api/figures").json()["last_change"].clone();
    assert_eq!(last(), serde_json::Value::Null);
    drop(site);
    let id = "1700000000000-0";
    #[rustfmt::skip]
    server.redis(&["XADD", "ucp:audit", id, "phase", "intent", "user", "ada", "command", "ack", "group", "g", "planned", "2"]);
    server.redis(&[
        "XADD",
        "ucp:audit",
        "*",
        "phase",
        "outcome",
        "of",
        id,
        "exit",
        "7",
        "done",
        "1",
    ]);
    let site = serve(&server, &[]);
    let last = site.get("/api/figures").json()["last_change"].clone();
    assert_eq!(
        (&last["user"], &last["ended"], &last["done"]),
        (&"ada".into(), &"part".into(), &1.into())
    );
}
