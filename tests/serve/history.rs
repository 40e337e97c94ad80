//! `serve --record`: what is recorded, how it is answered, and that a disk that takes no more ends nothing.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use ucp_streams::model::Time;
use ucp_streams::recording::{Recording, Sample};

use crate::client::{Served, ask_at, begun, serve};
use crate::support::{PATIENCE, TestServer, directory, until};

const GROUP: &str = "event-processors";

fn samples(dir: &Path) -> Vec<Sample> {
    let recording = Recording::open(dir).unwrap();
    let ever = Time::from_ms(u64::MAX);
    let samples = recording.between(Time::from_ms(0), ever).unwrap();
    samples.map(Result::unwrap).collect()
}

fn recording(server: &TestServer, dir: &Path, more: &[&str]) -> Served {
    let words = ["--record", dir.to_str().unwrap(), "--record-every", "200ms"];
    serve(server, &[&words[..], more].concat())
}

/// Waits until something was recorded that is as it is now.
fn recorded_now(dir: &Path) {
    let now = Time::now();
    until(PATIENCE, "a sample of now", || {
        samples(dir).last().is_some_and(|it| it.at > now)
    });
}

fn publish(server: &TestServer, count: usize) {
    for _ in 0..count {
        server.redis(&["XADD", "events.normalized", "*", "n", "1"]);
    }
}

fn rows_of(answer: &Value, key: &str) -> Vec<Value> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|it| it[key].clone()).collect()
}

#[test]
fn what_it_observes_is_recorded_and_answered() {
    let mut server = TestServer::durable();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let dir = home.path().join("recording");
    let site = recording(&server, &dir, &[]);
    publish(&server, 3);
    recorded_now(&dir);
    server.kill();
    until(PATIENCE, "a gap", || {
        samples(&dir)
            .last()
            .is_some_and(|it| it.as_seen().is_none())
    });
    server.restart();
    publish(&server, 2);
    until(PATIENCE, "that it goes on", || {
        site.get("/readyz").status == 200
    });
    recorded_now(&dir);
    let answer = site.get(&format!("/api/history?group={GROUP}&since=5m&points=1000"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    let lags = rows_of(&answer, "lag");
    let known = |count: u64| serde_json::json!({"entries": count, "quality": "known"});
    let places = [0, 3, 5].map(|count| lags.iter().position(|it| *it == known(count)));
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{lags:?}"
    );
    assert!(rows_of(&answer, "failed").contains(&1.into()));
    let gap = &answer["gaps"][0];
    assert!(
        gap["error"].is_string() && answer["gaps"][1].is_null(),
        "{gap}"
    );
    assert_eq!(
        (&answer["every_ms"], &answer["step_ms"]),
        (&200.into(), &Value::Null)
    );

    // Drawn together, picked, of a stream, and bounded.
    let few = site
        .get("/api/history?points=3&columns=at,group,stream,lag_max")
        .json();
    assert!(few["step_ms"].is_u64(), "{few}");
    let rows = few["rows"].as_array().unwrap();
    assert!(rows.len() <= 3 * 7, "{}", rows.len());
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["at", "group", "stream", "lag_max"]);
    let of_stream = site.get("/api/history?stream=events.normalized").json();
    assert!(
        rows_of(&of_stream, "stream")
            .iter()
            .all(|it| it == "events.normalized")
    );
    assert!(rows_of(&of_stream, "group").contains(&Value::Null));
    for (path, status, text) in [
        (
            "?group=nobody",
            404,
            "no group or stream `nobody` was recorded",
        ),
        (
            "?stream=events.norm",
            404,
            "did you mean `events.normalized`?",
        ),
        ("?since=1m&until=2m", 200, "\"rows\":[]"),
        (
            "?group=",
            400,
            "parameter `group`: an empty name names nothing",
        ),
        ("?since=noon", 400, "is not a time"),
        ("?points=1001", 400, "from 1 to 1000"),
        ("?columns=at,lagg", 400, "there is no `lagg`"),
        ("?grup=x", 400, "unknown parameter"),
    ] {
        let answer = site.get(&format!("/api/history{path}"));
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
    let count = samples(&dir).len();
    site.process.terminate().assert_code(0);
    assert!(samples(&dir).len() >= count);
}

#[test]
fn it_does_not_record_more_often_than_is_asked_and_one_writes() {
    let server = TestServer::start();
    let home = directory();
    let dir = home.path().join("recording");
    let words = dir.to_str().unwrap();
    let site = serve(&server, &["--record", words]);
    until(PATIENCE, "the first sample", || !samples(&dir).is_empty());
    let second_later = Time::from_ms(samples(&dir)[0].at.ms + 1000).to_string();
    until(PATIENCE, "more looks", || {
        site.get("/api/figures").json()["asked_at"].as_str() > Some(&second_later)
    });
    assert_eq!(samples(&dir).len(), 1, "looks are 200ms apart, samples 10s");
    for words in [
        &["serve", "--listen", "127.0.0.1:0", "--record", words][..],
        &["record", words],
    ] {
        server
            .command(words)
            .run()
            .assert_code(6)
            .stderr_has(&format!("process {} records to ", site.process.pid()));
    }
    // Who only reads is no second writer.
    let other = serve(&server, &["--history", words]);
    assert_eq!(other.get("/api/history?since=1m").json()["samples"], 1);
    let env = server.command(&["serve", "--listen", "127.0.0.1:0", "--every", "200ms"]);
    let by_env = begun(env.env("UCP_STREAMS_RECORD", words));
    assert_eq!(by_env.get("/api/history?since=1m").json()["samples"], 1);
    let nothing = serve(&server, &[]).get("/api/history");
    assert_eq!(nothing.status, 404);
    assert!(
        nothing.body.contains("start serve with --record DIR"),
        "{}",
        nothing.body
    );
    // Charts of another server's figures would be a lie.
    let stranger = TestServer::start();
    let answer = serve(&stranger, &["--history", words]).get("/api/history");
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("of another server"), "{}", answer.body);
}

/// A `serve` that lives on when a file may not grow, and its address.
fn on_a_small_disk(server: &TestServer, dir: &Path) -> (Child, BufReader<ChildStderr>, String) {
    let script = format!(
        "trap '' XFSZ; exec '{}' serve --listen 127.0.0.1:0 --every 200ms --record-every 200ms --record '{}'",
        env!("CARGO_BIN_EXE_ucp-streams"),
        dir.display()
    );
    let mut process = Command::new("bash")
        .args(["-c", &script])
        .env("UCP_STREAMS_URL", server.url())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(" at http://127.0.0.1:") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended");
    }
    let address = line
        .rsplit_once("http://")
        .unwrap()
        .1
        .trim_end_matches(['/', '\n']);
    let address = address.to_owned();
    (process, lines, address)
}

#[test]
fn a_disk_that_takes_no_more_is_said_and_the_rest_goes_on() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let dir = home.path().join("recording");
    let (mut process, mut lines, address) = on_a_small_disk(&server, &dir);
    let get = |path: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ask_at(&address, &request).unwrap()
    };
    let is_told = |value: &str| {
        let line = format!("ucp_streams_recorded{{db=\"db0\"}} {value}\n");
        get("/metrics").body.contains(&line)
    };
    until(PATIENCE, "the first sample", || {
        dir.exists() && !samples(&dir).is_empty()
    });
    assert!(is_told("1"));
    assert_eq!(get("/healthz").body, "ok\n");
    // No file may grow any more, which stands for a full disk.
    let limit = |bytes: &str| {
        let words = [
            format!("--pid={}", process.id()),
            format!("--fsize={bytes}"),
        ];
        assert!(
            Command::new("prlimit")
                .args(words)
                .status()
                .unwrap()
                .success()
        );
    };
    limit("1:unlimited");
    until(PATIENCE, "that it is told", || is_told("0"));
    let health = get("/healthz");
    assert_eq!(health.status, 200);
    assert!(
        health.body.starts_with("ok\nnothing is recorded since "),
        "{}",
        health.body
    );
    let figures = get("/api/figures").json();
    let error = figures["recorded"]["error"].as_str().unwrap();
    assert!(
        error.contains("cannot write to the recording in"),
        "{error}"
    );
    assert_eq!(get("/api/streams/info").status, 200);
    limit("unlimited:unlimited");
    until(PATIENCE, "that it goes on", || is_told("1"));
    recorded_now(&dir);
    process.kill().unwrap();
    process.wait().unwrap();
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert!(
        said.contains("nothing is recorded until this is mended"),
        "{said}"
    );
    assert!(said.contains("it can be recorded again"), "{said}");
    let recording = Recording::open(&dir).unwrap();
    let ever = Time::from_ms(u64::MAX);
    let mut all = recording.between(Time::from_ms(0), ever).unwrap();
    assert!(all.by_ref().all(|it| it.is_ok()) && all.damaged() == 0);
}
