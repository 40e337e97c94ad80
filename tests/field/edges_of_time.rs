//! Moments, durations and positions at their edges: what Python's calendar and numbers make of them, or refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::TestServer;

/// A text, what it means (`null` where it must be refused), and whether it must be accepted.
type Case = (String, Value, bool);

fn reference() -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/edges_of_time.py");
    let output = Command::new("python3").arg(script).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn cases(of: &Value) -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_value(of.clone()).unwrap();
    assert_eq!(cases.len(), 300);
    cases
}

/// Compares what was made of a text, if anything was, with what it means.
#[track_caller]
fn compare(wrong: &mut String, (text, meaning, is_certain): &Case, made: Option<&Value>) {
    let is_right = match made {
        Some(made) => made == meaning,
        None => !is_certain,
    };
    if !is_right {
        let _ = writeln!(wrong, "{text:?} is {meaning}, and was taken for {made:?}");
    }
}

/// The milliseconds that every moment has, and no digits that say nothing.
fn shortest(moment: &str) -> Value {
    let (whole, fraction) = moment.trim_end_matches('Z').split_once('.').unwrap();
    let fraction = fraction.trim_end_matches('0');
    json!(format!("{whole}.{fraction:0<3}Z"))
}

#[test]
fn field_b7_moments_at_their_edges_are_what_the_calendar_says_or_refused() {
    let cases = cases(&reference()["moments"]);
    let server = TestServer::start();
    let topology = "[streams.m.fields]\nplace = \"string\"\nmoment = \"timestamp\"\n";
    let mut lines = String::new();
    for (place, (text, ..)) in cases.iter().enumerate() {
        let line = json!({"place": place.to_string(), "moment": text});
        let _ = writeln!(lines, "{line}");
    }
    let publish = [
        "--topology",
        "t",
        "publish",
        "m",
        "--file",
        "-",
        "--skip-invalid",
        "--rejects",
        "bad",
        "-q",
    ];
    let run = server
        .command(&publish)
        .file("t", topology)
        .stdin(lines)
        .run();
    assert!(matches!(run.code(), Some(7)), "{run}");
    let read = server.ucp(&["read", "m", "-o", "ndjson"]);
    let kept: BTreeMap<String, Value> = read
        .stdout_ndjson()
        .into_iter()
        .map(|entry| {
            let fields = &entry["fields"];
            let text = |name: &str| fields[name].as_str().unwrap().to_owned();
            (text("place"), shortest(&text("moment")))
        })
        .collect();
    assert!(kept.len() > 200 && kept.len() < 300, "{}", kept.len());
    let mut wrong = String::new();
    for (place, case) in cases.iter().enumerate() {
        compare(&mut wrong, case, kept.get(&place.to_string()));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn field_b7_durations_at_their_edges_are_the_sum_of_their_parts_or_refused() {
    let server = TestServer::start();
    let mut wrong = String::new();
    for case in cases(&reference()["durations"]) {
        let timeout = format!("--handler-timeout={}", case.0);
        let run = [
            "worker",
            "run",
            "g",
            "--stream",
            "s",
            "--builtin",
            "null",
            "--dry-run",
        ];
        let run = server.ucp(&[&run[..], &["-o", "json", &timeout]].concat());
        let made =
            (run.code() == Some(0)).then(|| run.stdout_json()[0]["handler_timeout_ms"].clone());
        assert!(matches!(run.code(), Some(0 | 2)), "{run}");
        compare(&mut wrong, &case, made.as_ref());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn field_b7_positions_at_their_edges_are_where_they_say_or_refused() {
    let reference = reference();
    let server = TestServer::start();
    for id in reference["ids"].as_array().unwrap() {
        server.redis(&["XADD", "s", id.as_str().unwrap(), "k", "v"]);
    }
    let mut wrong = String::new();
    for case in cases(&reference["positions"]) {
        let run = server.ucp(&["read", "s", "--names", "--", &case.0]);
        assert!(matches!(run.code(), Some(0 | 2)), "{run}");
        let made = (run.code() == Some(0)).then(|| json!(run.stdout_lines().len()));
        compare(&mut wrong, &case, made.as_ref());
    }
    assert!(wrong.is_empty(), "{wrong}");
}
