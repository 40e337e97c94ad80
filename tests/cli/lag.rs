//! `lag`.

use std::time::Duration;

use serde_json::{Value, json};
use ucp_streams::server::Options;

use crate::seed::{GROUP, STREAM, add, deliver, stream_with_group};
use crate::support::{Clock, PATIENCE, TestServer, until};

fn lag_of(server: &TestServer, args: &[&str]) -> Value {
    let mut words = vec!["lag", GROUP, "-o", "json"];
    words.extend(args);
    let run = server.ucp(&words);
    run.assert_code(0).stdout_json()[0].clone()
}

#[test]
fn a_lag_is_a_number_a_bound_or_unknown_and_can_be_counted() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 4);
    assert_eq!(
        lag_of(&server, &[])["lag"],
        json!({"entries": 6, "quality": "known"})
    );
    // A deleted entry ahead: the server does not know, so that they are counted.
    server.redis(&["XDEL", STREAM, "7-0"]);
    let counted = lag_of(&server, &[]);
    assert_eq!(counted["lag"], json!({"entries": 5, "quality": "known"}));
    assert_eq!(counted["is_counted"], true);
    // For whoever may not read the entries they stay unknown.
    server.add_user("viewer", "~* +@all -xrange");
    let unknown = server.command_as("viewer", &["lag", GROUP, "-o", "json"]);
    assert_eq!(
        unknown.run().stdout_json()[0]["lag"],
        json!({"entries": null, "quality": "unknown"})
    );
    server
        .command_as(
            "viewer",
            &["lag", GROUP, "--columns", "group,lag", "-o", "plain"],
        )
        .run()
        .stdout_is("group\tlag\nevent-processors\t?\n");
    let counted = lag_of(&server, &["--exact"]);
    assert_eq!(counted["lag"], json!({"entries": 5, "quality": "known"}));
    assert_eq!(counted["is_counted"], true);
    let bounded = lag_of(&server, &["--exact", "--count", "3"]);
    assert_eq!(bounded["lag"], json!({"entries": 3, "quality": "at_least"}));
    server
        .ucp(&["lag", GROUP, "--exact", "--count", "3", "-o", "table"])
        .stdout_has(">=3");
    // Everything read: known again.
    deliver(&server, STREAM, GROUP, "c", 100);
    assert_eq!(
        lag_of(&server, &[])["lag"],
        json!({"entries": 0, "quality": "known"})
    );
}

/// Whatever is added, read, trimmed, deleted and moved: what is called known is the truth, and a bound is one.
#[test]
fn no_server_s_figure_is_believed_more_than_it_deserves() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut last = 0;
    for _ in 0..60 {
        match random(8) {
            0..=2 => {
                let more = random(15) + 1;
                add(&server, STREAM, last + 1, last + more);
                last += more;
            }
            3..=5 => deliver(
                &server,
                STREAM,
                GROUP,
                "c",
                usize::try_from(random(12)).unwrap() + 1,
            ),
            6 => {
                server.redis(&["XTRIM", STREAM, "MAXLEN", &random(20).to_string()]);
            }
            _ => {
                server.redis(&["XDEL", STREAM, &format!("{}-0", random(last + 1))]);
            }
        }
        let said = lag_of(&server, &[])["lag"].clone();
        let truth = lag_of(&server, &["--exact"])["lag"]["entries"]
            .as_u64()
            .unwrap();
        match (said["quality"].as_str().unwrap(), said["entries"].as_u64()) {
            ("known", Some(entries)) => assert_eq!(entries, truth),
            ("at_most", Some(entries)) => assert!(entries >= truth, "{entries} < {truth}"),
            ("unknown", None) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Redis before 7.2 forgets reads that were in its append-only file.
#[test]
fn reads_forgotten_at_a_restart_leave_no_figure_that_is_called_known() {
    let mut server = TestServer::durable();
    stream_with_group(&server, STREAM, GROUP, 50);
    deliver(&server, STREAM, GROUP, "c", 50);
    server.redis(&["BGREWRITEAOF"]);
    until(PATIENCE, "the file is rewritten", || {
        let info = server.redis(&["INFO", "persistence"]);
        ["in_progress", "scheduled"].iter().all(|state| {
            let line = format!("aof_rewrite_{state}:0");
            info.text().contains(&line)
        })
    });
    add(&server, STREAM, 51, 100);
    deliver(&server, STREAM, GROUP, "c", 50);
    server.kill();
    server.restart();
    add(&server, STREAM, 101, 110);
    deliver(&server, STREAM, GROUP, "c", 1);
    let said = lag_of(&server, &[])["lag"].clone();
    let entries = said["entries"].as_u64().unwrap();
    match said["quality"].as_str().unwrap() {
        "known" => assert_eq!(entries, 9),
        "at_most" => assert!(entries >= 9, "{said}"),
        other => panic!("{other}: {said}"),
    }
    let counted = lag_of(&server, &["--exact"]);
    assert_eq!(counted["lag"], json!({"entries": 9, "quality": "known"}));
}

#[test]
fn without_names_every_group_is_shown_and_missing_ones_are_said() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 2);
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    let run = server.ucp(&["lag", "--columns", "group,state,lag", "-o", "plain"]);
    run.assert_code(0).stdout_is(
        "group\tstate\tlag\naudit\tready\t0\nevent-processors\tready\t2\n\
         merge-processors\tmissing\t\nprediction-processors\tmissing\t\n",
    );
}

#[test]
fn the_ages_are_those_of_the_oldest_entries() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 5);
    deliver(&server, STREAM, GROUP, "c", 2);
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    let lag = lag_of(&server, &[]);
    assert_eq!(lag["undelivered_id"], "3-0");
    assert_eq!(lag["oldest_pending_id"], "2-0");
    // The ids are from 1970.
    let years_ms = 40 * 365 * 86_400_000_u64;
    assert!(lag["undelivered_age_ms"].as_u64().unwrap() > years_ms);
    assert!(lag["oldest_pending_age_ms"].as_u64().unwrap() > years_ms);
}

#[test]
fn a_group_that_was_named_must_be_there() {
    let server = TestServer::start();
    server
        .ucp(&["lag", GROUP])
        .assert_code(3)
        .stderr_has("no stream `events.normalized`");
    stream_with_group(&server, STREAM, "mine", 1);
    server
        .ucp(&["lag", GROUP])
        .assert_code(3)
        .stderr_has("stream `events.normalized` has no group `event-processors`")
        .stderr_has("its groups: mine");
    server
        .ucp(&["lag", "nope"])
        .assert_code(3)
        .stderr_has("no group `nope` in the topology");
    server
        .ucp(&[
            "lag",
            "mine",
            "--stream",
            STREAM,
            "--columns",
            "lag",
            "--no-headers",
        ])
        .assert_code(0)
        .stdout_is("1\n");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["lag", "g", "--stream", "text"])
        .assert_code(3)
        .stderr_has("the key holds a string");
    for bound in ["--count", "--max-count"] {
        server
            .ucp(&["lag", GROUP, bound, "5"])
            .assert_code(2)
            .stderr_has("--exact");
    }
}

#[test]
fn what_is_over_the_topology_s_thresholds_is_said() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 4);
    let alerts = |max_lag: u32, args: &[&str]| {
        let topology = format!(
            "[groups.{GROUP}]\nalert = {{ max_lag = {max_lag}, max_pending = 3, max_idle = \"1h\", max_age = false }}\n"
        );
        server
            .command(&[&["lag", GROUP], args].concat())
            .file("ucp-streams.toml", topology)
            .run()
    };
    let over = |max_lag, args: &[&str]| {
        let run = alerts(max_lag, &[args, &["-o", "json"]].concat());
        run.assert_code(0).stdout_json()[0]["alerts"].clone()
    };
    assert_eq!(over(6, &[]), json!(["max_pending"]));
    assert_eq!(over(5, &[]), json!(["max_lag", "max_pending"]));
    alerts(5, &["--columns", "group,alerts", "-o", "plain"])
        .stdout_is("group\talerts\nevent-processors\tmax_lag max_pending\n");
    // Without colour too, but only for a person.
    alerts(5, &["-o", "table"])
        .stdout_has("  6!  ")
        .stdout_has("  4!  ");
    alerts(5, &["-o", "plain"]).stdout_lacks("!");
    // What the server does not know for certain is counted.
    server.redis(&["XDEL", STREAM, "7-0"]);
    assert_eq!(over(5, &[]), json!(["max_pending"]));
    for args in [&[][..], &["--exact"]] {
        assert_eq!(over(4, args), json!(["max_lag", "max_pending"]));
    }
}

/// What `lag --over` says of the group, where `meanwhile` happens between its two looks.
fn pace_of(server: &TestServer, args: &[&str], meanwhile: impl FnOnce()) -> Value {
    server.redis(&["CONFIG", "RESETSTAT"]);
    let words = [&["lag", GROUP, "--over", "2s", "-o", "json"], args].concat();
    let looking = server.command(&words).spawn();
    until(PATIENCE, "the first look", || {
        // The last that it asks for.
        let said = server.redis(&["INFO", "commandstats"]);
        [
            "cmdstat_xpending:",
            "cmdstat_xinfo|consumers:",
            "cmdstat_xrange:",
        ]
        .iter()
        .all(|it| said.text().contains(it))
    });
    std::thread::sleep(Duration::from_millis(500));
    meanwhile();
    let run = looking.wait();
    run.assert_code(0).stdout_json()[0].clone()
}

#[test]
fn two_looks_say_how_fast_a_group_reads_and_when_it_will_have_caught_up() {
    let clock = Clock::start();
    let server = TestServer::with_binary(&clock.server(), Options::default());
    stream_with_group(&server, STREAM, GROUP, 1000);
    deliver(&server, STREAM, GROUP, "c", 100);
    let pace = pace_of(&server, &[], || {
        deliver(&server, STREAM, GROUP, "c", 300);
        add(&server, STREAM, 1001, 1100);
        clock.advance(Duration::from_secs(58));
    });
    let window_ms = pace["pace_window_ms"].as_u64().unwrap();
    assert!((59_000..90_000).contains(&window_ms), "{pace}");
    let per_minute =
        |entries: f64| entries * 60_000.0 / f64::from(u32::try_from(window_ms).unwrap());
    let is_about = |key: &str, expected: f64| {
        let said = pace[key].as_f64().unwrap();
        assert!(
            (said - expected).abs() <= expected / 100.0,
            "{key} {expected}: {pace}"
        );
    };
    is_about("delivered_per_minute", per_minute(300.0));
    is_about("gained_per_minute", per_minute(200.0));
    // 700 are left.
    is_about(
        "catch_up_ms",
        700.0 / 200.0 * f64::from(u32::try_from(window_ms).unwrap()),
    );
    // One look has no pace.
    let once = lag_of(&server, &[]);
    for key in [
        "delivered_per_minute",
        "gained_per_minute",
        "catch_up_ms",
        "pace_window_ms",
    ] {
        assert_eq!(once[key], json!(null), "{key}");
    }
    server
        .ucp(&["lag", "-o", "table"])
        .stdout_lacks("CAUGHT UP IN");
    // In less than half a minute nothing is foreseen.
    let soon = pace_of(&server, &[], || deliver(&server, STREAM, GROUP, "c", 300));
    assert!(
        soon["delivered_per_minute"].as_f64().unwrap() > 0.0,
        "{soon}"
    );
    assert_eq!(soon["catch_up_ms"], json!(null), "{soon}");
    // A lag that no server knows is counted.
    server.redis(&["XDEL", STREAM, "1090-0"]);
    let counted = pace_of(&server, &["--exact"], || {
        deliver(&server, STREAM, GROUP, "c", 200);
        clock.advance(Duration::from_secs(58));
    });
    assert_eq!(counted["lag"], json!({"entries": 199, "quality": "known"}));
    assert!(
        counted["catch_up_ms"].as_u64().unwrap() > 50_000,
        "{counted}"
    );
}

#[test]
fn who_falls_behind_or_was_put_back_has_no_time_to_catch_up() {
    let clock = Clock::start();
    let server = TestServer::with_binary(&clock.server(), Options::default());
    stream_with_group(&server, STREAM, GROUP, 500);
    deliver(&server, STREAM, GROUP, "c", 100);
    let behind = pace_of(&server, &[], || {
        deliver(&server, STREAM, GROUP, "c", 10);
        add(&server, STREAM, 501, 600);
        clock.advance(Duration::from_secs(58));
    });
    assert!(
        behind["gained_per_minute"].as_f64().unwrap() < -50.0,
        "{behind}"
    );
    assert_eq!(behind["catch_up_ms"], json!(null), "{behind}");
    let put_back = pace_of(&server, &[], || {
        server.redis(&["XGROUP", "SETID", STREAM, GROUP, "5-0"]);
        clock.advance(Duration::from_secs(58));
    });
    assert_eq!(put_back["pace_window_ms"], json!(null), "{put_back}");
    // What was lost was not read.
    deliver(&server, STREAM, GROUP, "c", 100);
    let lost = pace_of(&server, &[], || {
        server.redis(&["XTRIM", STREAM, "MAXLEN", "50"]);
        clock.advance(Duration::from_secs(58));
    });
    assert_eq!(lost["catch_up_ms"], json!(null), "{lost}");
    let shown = server.command(&["lag", GROUP, "--over", "1s", "-o", "table"]);
    shown.run().assert_code(0).stdout_has("READ/MIN");
    for wrong in ["500ms", "2h", "x"] {
        let refused = server.ucp(&["lag", GROUP, "--over", wrong]);
        refused.assert_code(2).stderr_has("--over");
    }
}

#[test]
fn the_pace_is_that_of_a_worker_that_drains() {
    let server = TestServer::start();
    let mut client = server.client();
    for n in 0..3000_u64 {
        client.send(&["XADD", STREAM, "*", "n", &n.to_string()]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    let worker = ["worker", "run", GROUP, "--builtin", "null", "--rate", "200"];
    let worker = server.command(&worker).spawn();
    let lag = || lag_of(&server, &[])["lag"]["entries"].as_u64().unwrap();
    until(PATIENCE, "the worker works", || lag() < 2900);
    let shown = lag_of(&server, &["--over", "4s"]);
    worker.terminate().assert_code(0);
    let pace = shown["delivered_per_minute"].as_f64().unwrap();
    // 12,000 a minute, by batches.
    assert!((6_000.0..18_000.0).contains(&pace), "{shown}");
    assert_eq!(shown["gained_per_minute"], shown["delivered_per_minute"]);
    assert_eq!(shown["catch_up_ms"], json!(null), "{shown}");
}
