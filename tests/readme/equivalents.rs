//! The table of what to type instead of the platform's own calls: every row is run on a scene of its own and has the
//! effect that the call has.

use serde_json::Value;

use crate::page::table;
use crate::support::Run;
use crate::support::scene::Scene;

/// The raw entries of the scene, in order.
const RAW: i64 = 12;
const NORMALIZED: &str = "events.normalized";
const GROUP: &str = "event-processors";

const REPLAY: &str = "ucp-streams groups create replay --stream events.normalized --start -15m";

/// How a row is run, and how its effect shows.
enum Effect {
    After(fn(&Scene, &Run)),
    /// A line that goes on until it is stopped.
    While(fn(&Scene) -> bool),
}

use Effect::{After, While};

const EFFECTS: [(&str, Effect); 25] = [
    ("ucp-streams dev start", After(dev_start)),
    ("ucp-streams ping", After(ping)),
    ("ucp-streams init", After(init)),
    ("ucp-streams worker run --all", While(is_handled)),
    ("ucp-streams worker run event-processors", While(is_handled)),
    (
        "ucp-streams ingest brandId=test-brand eventType=purchase 'payload={\"phone\": \"+1234567890\", \"total\": 99.99}'",
        After(ingest),
    ),
    (
        "ucp-streams publish raw eventId=event-123 brandId=test-brand eventType=purchase 'payload={\"total\": 99.99}'",
        After(publish_raw),
    ),
    (
        "ucp-streams publish normalized eventId=event-123 brandId=test-brand eventType=purchase profileId=profile-456 'identifiers={\"phone\": \"+1234567890\"}' 'normalizedPayload={\"total\": 99.99}'",
        After(publish_normalized),
    ),
    ("ucp-streams read events.raw 0 --count 10", After(first_ten)),
    (
        "ucp-streams read events.raw 1234567890-0 --count 10",
        After(first_ten),
    ),
    (
        "ucp-streams consume event-processors --consumer worker-1 --block 5s --count 10",
        After(consume),
    ),
    (
        "ucp-streams ack event-processors 1234567890-0 --yes",
        After(ack),
    ),
    (
        "ucp-streams worker run event-processors --exec -- ./process-message",
        While(is_processed),
    ),
    ("ucp-streams info -o json", After(info)),
    (
        "ucp-streams read events.raw 0 --count 10 -o json",
        After(|_, run| ids_are(run, 0..10)),
    ),
    (
        "ucp-streams read events.raw --count 5 -o json",
        After(|_, run| ids_are(run, 0..5)),
    ),
    (
        "ucp-streams pending events.normalized event-processors --count 10 -o json",
        After(pending_json),
    ),
    (
        "ucp-streams info events.raw --columns length --no-headers",
        After(|_, run| {
            run.stdout_is(&format!("{RAW}\n"));
        }),
    ),
    ("ucp-streams pending event-processors", After(pending)),
    (
        "ucp-streams read events.raw --reverse --count 10",
        After(last_ten),
    ),
    (
        "ucp-streams read events.raw - + --count 10",
        After(first_ten),
    ),
    (
        "ucp-streams claim event-processors --to worker-2 --idle 1m --yes",
        After(claim),
    ),
    ("ucp-streams lag", After(lag)),
    (
        "ucp-streams dlq list events.normalized",
        After(dead_letters),
    ),
    (REPLAY, After(replay)),
];

#[test]
fn every_row_has_the_effect_of_what_it_stands_for() {
    let rows: Vec<&str> = table("## Coming from the platform's own tools")
        .iter()
        .map(|row| {
            let [_, here] = row[..] else {
                panic!("two columns: {row:?}");
            };
            here.trim_matches('`')
        })
        .collect();
    let known: Vec<&str> = EFFECTS.iter().map(|(line, _)| *line).collect();
    assert_eq!(rows, known, "each row of the table has its effect here");
    for (line, effect) in EFFECTS {
        let scene = scene();
        match effect {
            After(check) => {
                let run = scene.bash(line);
                run.assert_code(0);
                check(&scene, &run);
            }
            While(effect) => {
                scene.until_stopped(line, effect).assert_code(0);
            }
        }
    }
}

/// Raw entries; two normalised ones, of which worker-1 has held the first for two minutes; a worker-2; a dead letter.
fn scene() -> Scene {
    let scene = Scene::start();
    scene.ucp(&["init"]);
    for number in 0..RAW {
        let id = format!("1234567890-{number}");
        scene.redis(&["XADD", "events.raw", &id, "brand_id", "b"]);
    }
    for id in ["1234567890-0", "1234567890-1"] {
        let normalized = format!(
            "XADD {NORMALIZED} {id} event_id e brand_id b event_type page_view profile_id p \
             identifiers {{}} normalized_payload {{}} timestamp 2024-12-01T10:00:00Z"
        );
        scene.redis(&normalized.split(' ').collect::<Vec<_>>());
    }
    let held = format!("XREADGROUP GROUP {GROUP} worker-1 COUNT 1 STREAMS {NORMALIZED} >");
    let aged = format!("XCLAIM {NORMALIZED} {GROUP} worker-1 0 1234567890-0 IDLE 120000 JUSTID");
    let other = format!("XGROUP CREATECONSUMER {NORMALIZED} {GROUP} worker-2");
    let dead = "XADD {events.normalized}:dlq 1-0 brand_id b _dlq_stream events.normalized \
                _dlq_group event-processors _dlq_id 1-1 _dlq_consumer worker-1 _dlq_deliveries 5 \
                _dlq_reason timeout _dlq_time 2024-12-01T10:00:00Z";
    for line in [&held, &aged, &other, dead] {
        scene.redis(&line.split_whitespace().collect::<Vec<_>>());
    }
    scene.file("process-message", "#!/bin/sh\ncat >> processed\n");
    scene
}

fn ids_of(run: &Run) -> Vec<String> {
    let text = |entry: &Value| entry["id"].as_str().unwrap().to_owned();
    run.stdout_json()
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect()
}

#[track_caller]
fn ids_are(run: &Run, numbers: std::ops::Range<i64>) {
    let wanted: Vec<_> = numbers
        .map(|number| format!("1234567890-{number}"))
        .collect();
    assert_eq!(ids_of(run), wanted);
}

/// The first column of the plain output.
fn plain_ids(run: &Run) -> Vec<&str> {
    let lines = run.stdout_lines().into_iter();
    lines.map(|line| line.split('\t').next().unwrap()).collect()
}

fn first_ten(_: &Scene, run: &Run) {
    let wanted: Vec<_> = (0..10)
        .map(|number| format!("1234567890-{number}"))
        .collect();
    assert_eq!(plain_ids(run), wanted);
}

fn last_ten(_: &Scene, run: &Run) {
    let wanted: Vec<_> = (2..12)
        .rev()
        .map(|number| format!("1234567890-{number}"))
        .collect();
    assert_eq!(plain_ids(run), wanted);
}

fn dev_start(scene: &Scene, _: &Run) {
    let socket = scene.home().join(".ucp-streams/server.sock");
    let answer = crate::support::Client::connect(&socket).send(&["PING"]);
    assert_eq!(answer.text(), "PONG");
    scene.bash("ucp-streams dev stop").assert_code(0);
}

fn ping(scene: &Scene, run: &Run) {
    run.stdout_has(&scene.server.url());
}

fn init(scene: &Scene, run: &Run) {
    run.stdout_has("merge-processors\tprofiles.merge_requests\texists");
    // On a server that has none of them.
    scene.redis(&["FLUSHALL"]);
    scene.bash("ucp-streams init").assert_code(0);
    let groups = scene.redis(&["XINFO", "GROUPS", "predictions.requests"]);
    assert_eq!(
        groups.items()[0].field("name").text(),
        "prediction-processors"
    );
}

/// Both normalised entries were counted: the one that was new, and the one that worker-1 left.
fn is_handled(scene: &Scene) -> bool {
    let counted = scene.redis(&["HGET", "{events.normalized}:features:b", "events"]);
    !counted.is_nil() && counted.text() == "2" && scene.pending(NORMALIZED, GROUP) == 0
}

fn is_processed(scene: &Scene) -> bool {
    let processed = std::fs::read_to_string(scene.home().join("processed")).unwrap_or_default();
    processed.matches("\"brand_id\"").count() == 2 && scene.pending(NORMALIZED, GROUP) == 0
}

/// The newest entry of a stream, as the tool's own words do not enter.
fn newest(scene: &Scene, stream: &str) -> Vec<String> {
    let entries = scene.redis(&["XREVRANGE", stream, "+", "-", "COUNT", "1"]);
    let fields = &entries.items()[0].items()[1];
    fields.texts().into_iter().map(str::to_owned).collect()
}

#[track_caller]
fn has(fields: &[String], name: &str, value: &str) {
    let at = fields.iter().position(|field| field == name).unwrap();
    assert_eq!(fields[at + 1], value, "{name}");
}

fn ingest(scene: &Scene, _: &Run) {
    assert_eq!(scene.length("events.raw"), RAW + 1);
    let normalized = newest(scene, NORMALIZED);
    has(&normalized, "brand_id", "test-brand");
    has(&normalized, "identifiers", r#"{"phone":"+1234567890"}"#);
}

fn publish_raw(scene: &Scene, run: &Run) {
    run.stderr_has("event-123");
    let raw = newest(scene, "events.raw");
    has(&raw, "event_id", "event-123");
    has(&raw, "payload", r#"{"total": 99.99}"#);
}

fn publish_normalized(scene: &Scene, _: &Run) {
    let normalized = newest(scene, NORMALIZED);
    has(&normalized, "event_id", "event-123");
    has(&normalized, "profile_id", "profile-456");
    has(&normalized, "normalized_payload", r#"{"total": 99.99}"#);
}

fn consume(scene: &Scene, run: &Run) {
    run.stdout_has("1234567890-1");
    assert_eq!(scene.pending(NORMALIZED, GROUP), 2);
}

fn ack(scene: &Scene, _: &Run) {
    assert_eq!(scene.pending(NORMALIZED, GROUP), 0);
}

fn info(_: &Scene, run: &Run) {
    let info = run.stdout_json();
    assert_eq!(info[0]["stream"], "events.raw");
    assert_eq!(info[0]["length"], RAW);
    assert_eq!(info[0]["first_id"], "1234567890-0");
    assert_eq!(info[0]["last_id"], "1234567890-11");
}

fn pending(_: &Scene, run: &Run) {
    run.stdout_has("1234567890-0").stdout_has("worker-1");
}

fn pending_json(_: &Scene, run: &Run) {
    let pending = run.stdout_json();
    assert_eq!(pending["pending"], 1);
    assert_eq!(pending["consumers"][0]["consumer"], "worker-1");
    assert_eq!(pending["entries"][0]["id"], "1234567890-0");
}

fn claim(scene: &Scene, run: &Run) {
    run.stdout_has("1234567890-0");
    let summary = scene.redis(&["XPENDING", NORMALIZED, GROUP]);
    assert_eq!(summary.items()[3].items()[0].texts(), ["worker-2", "1"]);
}

fn lag(_: &Scene, run: &Run) {
    let line = run.stdout_lines()[1];
    assert!(
        line.starts_with("event-processors\tevents.normalized\tready\t1\t"),
        "{run}"
    );
}

fn dead_letters(_: &Scene, run: &Run) {
    run.stdout_has("1-1").stdout_has("timeout");
}

fn replay(scene: &Scene, _: &Run) {
    // On a stream with an entry that is younger than that: the group begins before it, and after the others.
    scene.redis(&["XGROUP", "DESTROY", NORMALIZED, "replay"]);
    let young = scene.redis(&["XADD", NORMALIZED, "*", "brand_id", "b"]);
    scene.bash(REPLAY).assert_code(0);
    let read = "XREADGROUP GROUP replay c STREAMS events.normalized >";
    let read = scene.redis(&read.split(' ').collect::<Vec<_>>());
    let entries = &read.items()[0].items()[1];
    let ids: Vec<_> = entries
        .items()
        .iter()
        .map(|entry| entry.items()[0].text())
        .collect();
    assert_eq!(ids, [young.text()]);
}

#[test]
fn every_line_of_the_table_does_something() {
    let lines: Vec<String> = table("## Commands to know")
        .iter()
        .flat_map(|row| row[1].split('`'))
        .filter(|span| span.starts_with("ucp-streams "))
        .map(|span| {
            [
                ("GROUP", GROUP),
                ("STREAM", NORMALIZED),
                ("CONSUMER", "worker-2"),
            ]
            .iter()
            .fold(span.to_owned(), |line, (word, name)| {
                line.replace(word, name)
            })
            .replace("handle-event", "process-message")
            .replace("COMMAND", "worker run")
            // Its entries are older than an hour.
            .replace("--from -1h", "--from start")
        })
        .collect();
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        let scene = scene();
        scene.redis(&["XADD", "events.raw", "*", "brand_id", "young"]);
        match line.as_str() {
            "ucp-streams tail -f events.raw" => {
                let said = |scene: &Scene| std::fs::read_to_string(scene.home().join("said"));
                scene.until_stopped(&line, |scene| {
                    said(scene).unwrap().contains("1234567890-11")
                });
            }
            "ucp-streams check" => {
                let run = scene.bash(&line);
                run.assert_code(2).stdout_has("CRITICAL - event-processors");
            }
            work if work.contains("worker run e") => {
                scene.until_stopped(work, is_processed).assert_code(0);
            }
            _ => {
                // What asks is told yes.
                let run = scene.bash(&format!("{line} --yes"));
                run.assert_code(0);
                assert!(!run.stdout.is_empty(), "{run}");
            }
        }
    }
}
