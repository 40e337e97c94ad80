//! Room before MAXLEN takes unread entries, and the forecast of how long it lasts.

use serde_json::{Value, json};

use super::scene::{GROUP, STREAM, add, alerts, handle, now_ms, seen_by_all};
use crate::support::TestServer;

fn stream_of(server: &TestServer) -> Value {
    let info = server.ucp(&["info", STREAM, "-o", "json"]);
    info.assert_code(0).stdout_json()[0].clone()
}

/// A group at the beginning of entries that are so old.
fn behind(server: &TestServer, ages: (u64, u64), count: u64) {
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(server, STREAM, ages, count);
}

#[test]
fn field_a3_little_room_is_marked_and_an_alert() {
    let server = TestServer::start();
    // 900 a minute, and 2,000 of 10,000 left.
    behind(&server, (120_000, 0), 1800);
    let topology = format!("[streams.\"{STREAM}\"]\nmaxlen = 3800\n");
    for (command, severity) in [("lag", "critical"), ("info", "critical")] {
        let run = |format| {
            let args = [command, "-o", format];
            server
                .command(&args)
                .file("ucp-streams.toml", &topology)
                .run()
        };
        let json = run("json").stdout_json();
        let group = match command {
            "info" => json[1]["groups"][0].clone(),
            _ => json[0].clone(),
        };
        assert_eq!(group["group"], GROUP);
        assert!(alerts(&group, "min_room"), "{command}: {group}");
        assert_eq!(group["severity"], severity, "{command}");
        let headroom_ms = group["headroom_ms"].as_u64().unwrap();
        assert!(
            (120_000..150_000).contains(&headroom_ms),
            "{command}: {group}"
        );
        let wide = run("wide");
        let line = wide
            .stdout_lines()
            .into_iter()
            .find(|it| it.starts_with(GROUP));
        assert!(line.unwrap().contains("2,000!  2m"), "{command}: {wide}");
    }
}

#[test]
fn field_a3_no_room_at_all_is_critical_though_nothing_is_added() {
    let server = TestServer::start();
    behind(&server, (3_000_000, 2_000_000), 30);
    let topology = format!("[streams.\"{STREAM}\"]\nmaxlen = 30\n");
    let run = server.command(&["lag", GROUP, "-o", "json"]);
    let lag = run.file("ucp-streams.toml", &topology).run().stdout_json()[0].clone();
    assert_eq!(lag["headroom"], json!({"entries": 0, "quality": "known"}));
    assert!(alerts(&lag, "min_room"), "{lag}");
    assert_eq!(lag["headroom_ms"], json!(null));
}

#[test]
fn field_a3_a_lot_of_room_is_not_marked() {
    let server = TestServer::start();
    behind(&server, (600_000, 0), 100);
    // Whoever works on it was seen just now.
    server.redis(&["XGROUP", "CREATECONSUMER", "events.normalized", GROUP, "c"]);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(group["alerts"], json!([]), "{command}: {group}");
    }
    server
        .ucp(&["info", "-o", "table"])
        .assert_code(0)
        .stdout_lacks("!");
}

#[test]
fn field_a4_a_forecast_says_the_window_that_it_is_from() {
    let server = TestServer::start();
    // Ten a second in the last minute, one a second before.
    behind(&server, (600_000, 60_000), 540);
    add(&server, STREAM, (60_000, 0), 600);
    let stream = stream_of(&server);
    let rate = stream["rate_per_minute"].as_f64().unwrap();
    assert!((570.0..630.0).contains(&rate), "{stream}");
    assert_eq!(stream["rate_window_ms"], 60_000);
    let wide = server.ucp(&["info", STREAM, "-o", "wide"]);
    wide.assert_code(0).stdout_has("OVER").stdout_has("  1m  ");
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(group["rate_window_ms"], 60_000, "{command}: {group}");
    }
}

#[test]
fn field_a4_a_slow_stream_is_looked_at_for_a_quarter_of_an_hour() {
    let server = TestServer::start();
    behind(&server, (800_000, 0), 20);
    let stream = stream_of(&server);
    let rate = stream["rate_per_minute"].as_f64().unwrap();
    assert!((1.4..1.6).contains(&rate), "{stream}");
    assert_eq!(stream["rate_window_ms"], 900_000);
}

#[test]
fn field_a4_a_few_events_in_a_moment_are_no_forecast() {
    let server = TestServer::start();
    behind(&server, (12, 0), 3);
    let none = |server: &TestServer| {
        let stream = stream_of(server);
        for key in ["rate_per_minute", "rate_window_ms", "headroom_ms"] {
            assert_eq!(stream[key], json!(null), "{stream}");
        }
        for (command, group) in seen_by_all(server, GROUP) {
            assert_eq!(group["headroom_ms"], json!(null), "{command}: {group}");
        }
        let table = server.ucp(&["info", STREAM, "-o", "wide"]);
        table.assert_code(0).stdout_lacks("12s");
    };
    none(&server);
    // However many there are.
    add(&server, STREAM, (11, 0), 4000);
    none(&server);
}

#[test]
fn field_a4_what_ended_has_no_forecast() {
    let server = TestServer::start();
    behind(&server, (500_000, 180_000), 500);
    let stream = stream_of(&server);
    for key in ["rate_per_minute", "rate_window_ms", "headroom_ms"] {
        assert_eq!(stream[key], json!(null), "{stream}");
    }
}

#[test]
fn field_a4_a_fast_stream_of_large_entries_is_not_read_for_it() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    let (now, large) = (now_ms(&server), "x".repeat(200_000));
    for ago in (0..100).rev() {
        let id = format!("{}-*", now - ago * 900);
        server.redis(&["XADD", STREAM, &id, "body", &large]);
    }
    handle(&server, STREAM, GROUP, 100);
    server.redis(&["CONFIG", "RESETSTAT"]);
    let stream = stream_of(&server);
    let rate = stream["rate_per_minute"].as_f64().unwrap();
    assert!((64.0..70.0).contains(&rate), "{stream}");
    let stats = server.redis(&["INFO", "stats"]).text().to_owned();
    let sent = stats
        .lines()
        .find_map(|it| it.strip_prefix("total_net_output_bytes:"));
    let sent: usize = sent.unwrap().trim().parse().unwrap();
    assert!(sent < 4 << 20, "{sent} bytes for one look");
}
