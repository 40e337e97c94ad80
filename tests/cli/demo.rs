//! `demo`: the whole pipeline, its accounting, and that it touches nothing of anybody else's.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Invocation, Run, Signal, TestServer, server_binary, ucp};

/// The proof, by group.
fn groups(proof: &Value) -> Vec<(String, u64, u64, u64, bool)> {
    let number = |group: &Value, name: &str| group[name].as_u64().unwrap();
    proof["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            (
                group["group"].as_str().unwrap().to_owned(),
                number(group, "published"),
                number(group, "handled"),
                number(group, "dead_lettered"),
                group["adds_up"].as_bool().unwrap(),
            )
        })
        .collect()
}

/// How many messages of the first group were taken over, as it is said.
fn taken_over(run: &Run) -> u64 {
    let (before, _) = run.stderr().split_once(" taken over").unwrap();
    let number = before.rsplit(|it: char| !it.is_ascii_digit()).next();
    number.unwrap().parse().unwrap()
}

#[test]
fn a_private_server_shows_the_pipeline_and_is_gone_afterwards() {
    let run = Invocation::new(&["demo", "--events", "500", "-o", "json"])
        .env("UCP_STREAMS_SERVER", server_binary())
        .timeout(Duration::from_mins(2))
        .run();
    run.assert_code(0);
    let proof = run.stdout_json();
    let groups = groups(&proof);
    assert_eq!(groups.len(), 3);
    for (group, published, handled, dead, adds_up) in groups {
        assert!(adds_up, "{group}");
        assert!(dead >= 1, "{group} has a poison message");
        assert_eq!(published, handled + dead, "{group}");
    }
    assert_eq!(proof["streams"][0]["adds_up"], true);
    run.stderr_has("messages in flight when a worker was killed");
    // Those of the worker that was killed, and on a busy machine some whose lease ran out.
    assert!(taken_over(&run) >= 16, "{run}");
    let socket = run
        .stderr()
        .split_once("unix://")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .unwrap()
        .to_owned();
    assert!(
        !std::path::Path::new(&socket).exists(),
        "{socket} is left behind"
    );
}

#[test]
fn a_message_acknowledged_and_not_handled_makes_the_proof_fail() {
    let run = Invocation::new(&["demo", "--events", "300", "--drop-one", "-o", "json"])
        .env("UCP_STREAMS_SERVER", server_binary())
        .timeout(Duration::from_mins(2))
        .run();
    run.assert_code(9);
    let failed: Vec<_> = groups(&run.stdout_json())
        .into_iter()
        .filter(|group| !group.4)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, "event-processors");
    run.stderr_has("does not add up");
}

#[test]
fn on_a_given_server_only_keys_of_its_own_prefix_are_touched() {
    let server = TestServer::start();
    for stream in [
        "events.raw",
        "events.normalized",
        "profiles.merge_requests",
        "predictions.requests",
    ] {
        server.redis(&["XADD", stream, "1-1", "mine", "yes"]);
    }
    server.redis(&[
        "XGROUP",
        "CREATE",
        "events.normalized",
        "event-processors",
        "0",
    ]);
    server.redis(&["SET", "unrelated", "kept"]);
    let before = server.redis(&["DBSIZE"]).int();
    let run = server
        .command(&["demo", "--events", "300", "-u", &server.url()])
        .timeout(Duration::from_mins(2))
        .run();
    run.assert_code(0);
    run.stderr_has("removed the demonstration's own keys");
    assert_eq!(
        server.redis(&["DBSIZE"]).int(),
        before,
        "keys are left behind, or gone"
    );
    for stream in [
        "events.raw",
        "events.normalized",
        "profiles.merge_requests",
        "predictions.requests",
    ] {
        assert_eq!(server.redis(&["XLEN", stream]).int(), 1, "{stream}");
    }
    // Without the flag it is on a server of its own, whatever the environment says.
    server
        .command(&["demo", "--events", "100"])
        .env("UCP_STREAMS_SERVER", server_binary())
        .run()
        .assert_code(0)
        .stderr_has("private");
    assert_eq!(server.redis(&["DBSIZE"]).int(), before);
    let pending = server.redis(&["XPENDING", "events.normalized", "event-processors"]);
    assert_eq!(
        pending.items()[0].int(),
        0,
        "nobody read the group of the same name"
    );
    assert_eq!(server.redis(&["GET", "unrelated"]).text(), "kept");
}

#[test]
fn a_day_longer_than_the_streams_are_loses_nothing() {
    let run = Invocation::new(&["demo", "--events", "20000", "-o", "json"])
        .timeout(Duration::from_mins(2))
        .run();
    run.assert_code(0);
    let proof = run.stdout_json();
    for (group, published, handled, dead, adds_up) in groups(&proof) {
        assert!(adds_up, "{group}");
        assert_eq!(published, handled + dead, "{group}");
    }
    for (group, longer_than) in [(0, 10_000), (1, 1000)] {
        let group = &proof["groups"][group];
        assert!(group["published"].as_u64() > Some(longer_than), "{group}");
        assert_eq!(group["trimmed"], 0, "{group}");
    }
    // Nobody reads this one, so MAXLEN cuts it, and that is told.
    let raw = &proof["streams"][0];
    assert!(raw["trimmed"].as_u64() > Some(1000), "{raw}");
    assert_eq!(raw["adds_up"], true, "{raw}");
}

#[test]
fn interrupted_it_removes_its_own_keys_and_ends_by_the_signal() {
    let server = TestServer::start();
    server.redis(&["SET", "unrelated", "kept"]);
    for (said, signal, code) in [
        ("groups", Signal::INT, 130),
        ("ML service", Signal::TERM, 143),
    ] {
        let mut demo = server
            .command(&["demo", "--events", "20000", "-u", &server.url()])
            .spawn();
        demo.await_stderr(said);
        assert!(server.redis(&["DBSIZE"]).int() > 1, "it has keys by now");
        demo.signal(signal);
        let run = demo.wait();
        run.assert_code(code).stderr_has("stopped: removed ");
        run.stderr_lacks("error").stdout_is("");
        assert_eq!(server.redis(&["DBSIZE"]).int(), 1, "{run}");
    }
    // A private server needs no cleaning: it is gone.
    let mut demo = Invocation::new(&["demo"]).spawn();
    let line = demo.await_stderr("server ");
    demo.await_stderr("crash");
    let run = demo.terminate();
    run.assert_code(143)
        .stderr_has("stopped: the private server has been removed");
    let (_, socket) = line.split_once("unix://").unwrap();
    let socket = socket.split_whitespace().next().unwrap();
    assert!(!std::path::Path::new(socket).exists(), "{socket}");
}

#[test]
fn a_right_that_is_missing_is_named_soon_and_nothing_is_left() {
    let server = TestServer::start();
    let rule = ucp(&["acl", "demo", "--names"]).stdout().to_owned();
    // The rights of the phases: before anything is made, ingesting, the worker that crashes, the others' work.
    for right in ["del", "xadd", "xreadgroup", "xclaim"] {
        let less = format!("+{right}");
        let words = rule.split_whitespace().filter(|word| *word != less);
        let url = server.add_user("probe", &words.collect::<Vec<_>>().join(" "));
        server
            .command(&["demo", "--events", "100", "-u", &url])
            // Half of what the demonstration has patience for when nothing happens.
            .timeout(Duration::from_secs(30))
            .run()
            .assert_code(5)
            .stderr_has(&format!("ACL SETUSER probe +{right};"))
            .stderr_has("`ucp-streams acl demo` prints every");
        assert_eq!(server.redis(&["DBSIZE"]).int(), 0, "{right}");
    }
}

#[test]
fn what_is_piped_shows_the_streams_too() {
    let run = Invocation::new(&["demo", "--events", "100"]).run();
    run.assert_code(0);
    let tables: Vec<&str> = run.stdout().split("\n\n").collect();
    let headers: Vec<&str> = tables
        .iter()
        .map(|table| table.split('\t').next().unwrap())
        .collect();
    assert_eq!(headers, ["stream", "group", "group", "stream"], "{run}");
    run.stdout_has("events.normalized\tready\t");
}
