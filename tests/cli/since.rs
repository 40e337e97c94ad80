//! Since when findings are there, by a recording; and that one which says nothing changes no verdict.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ucp_streams::model::Time;
use ucp_streams::recording::{Limits, Look, Recorder, Recording, Sample};

use crate::record::{await_samples, record, samples};
use crate::support::{PATIENCE, Run, TestServer, directory, until};

const DEAD: &str = "{events.normalized}:dlq";

fn ask(server: &TestServer, dir: &Path, words: &[&str]) -> Run {
    let words = [words, &["--record", dir.to_str().unwrap()]].concat();
    server.command(&words).env("NO_COLOR", "1").run()
}

fn finding(run: &Run, rule: &str) -> Value {
    let report = run.stdout_json();
    let mut found = report["findings"].as_array().unwrap().iter();
    let found = found.find(|it| it["rule"] == rule);
    found
        .unwrap_or_else(|| panic!("no {rule}: {report:#}"))
        .clone()
}

fn recorded_now(dir: &Path) {
    let now = Time::now();
    until(PATIENCE, "a sample of now", || {
        samples(dir).last().is_some_and(|it| it.at > now)
    });
}

#[test]
fn a_finding_says_since_when_it_is_there() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let dir = home.path().join("recording");
    let recorder = record(&server, &dir, &[]);
    await_samples(&dir, 2);
    server.redis(&["XADD", DEAD, "*", "n", "1"]);
    recorded_now(&dir);
    let all = samples(&dir);
    let has = |sample: &&Sample| {
        let found = &sample.as_seen().unwrap().doctor.findings;
        found.iter().any(|it| it.rule == "max_dead_letters")
    };
    let first = all.iter().find(has).unwrap().at.to_string();
    for verb in ["check", "doctor"] {
        let run = ask(&server, &dir, &[verb, "-o", "json"]);
        run.stderr_is_empty();
        let dead = finding(&run, "max_dead_letters");
        assert_eq!(
            (&dead["began"], &dead["is_older"]),
            (&first.as_str().into(), &false.into())
        );
    }
    // Persistence was off from the first sample on: nobody knows since when.
    let run = ask(&server, &dir, &["doctor", "-o", "json"]);
    let persistence = finding(&run, "persistence");
    let begin = all[0].at.to_string();
    assert_eq!(
        (&persistence["began"], &persistence["is_older"]),
        (&begin.into(), &true.into())
    );
    let screen = ask(&server, &dir, &["doctor", "-o", "table"]);
    let to_the_second = &first[..19];
    screen
        .stdout_has(&format!(" since {to_the_second}"))
        .stdout_has("at least since ");
    let history = ask(&server, &dir, &["history", "--findings", "-o", "json"]).stdout_json();
    let mut episodes = history.as_array().unwrap().iter();
    assert!(
        episodes.any(|it| it["rule"] == "max_dead_letters" && it["began_at"] == first.as_str())
    );
    // By another threshold it began at another time, which the recorder did not look for.
    let other = ["check", "--max-dead-letters", "0", "-o", "json"];
    let dead = finding(&ask(&server, &dir, &other), "max_dead_letters");
    assert_eq!(dead["began"], Value::Null);
    recorder.terminate().assert_code(0);
    let without = server.ucp(&["check", "-o", "json"]);
    assert_eq!(finding(&without, "max_dead_letters")["began"], Value::Null);
}

#[test]
fn a_figure_says_which_way_it_goes() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let first = home.path().join("seed");
    record(&server, &first, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    let name = Recording::open(&first)
        .unwrap()
        .span()
        .unwrap()
        .unwrap()
        .server;
    let real = samples(&first).remove(0);
    for _ in 0..20 {
        server.redis(&["XADD", DEAD, "*", "n", "1"]);
    }
    for (then, expected) in [(1, "growing"), (20, "steady"), (500, "shrinking")] {
        let dir = home.path().join(expected);
        let limits = Limits {
            age: Duration::from_hours(48),
            bytes: 50_000_000,
        };
        let every = Duration::from_mins(1);
        let mut recorder = Recorder::open(&dir, &name, every, limits).unwrap();
        for minute in (1..20).rev() {
            let mut sample = real.clone();
            sample.at = Time::from_ms(Time::now().ms - minute * 60_000);
            let Look::Seen(seen) = &mut sample.look else {
                panic!("it was seen")
            };
            for stream in &mut seen.streams {
                stream.dead_letters = Some(then);
            }
            recorder.append(&sample).unwrap();
        }
        let run = ask(&server, &dir, &["check", "-o", "json"]);
        assert_eq!(finding(&run, "max_dead_letters")["trend"], expected);
        let screen = ask(&server, &dir, &["check", "-o", "table"]);
        screen.stdout_has(&format!(", {expected}"));
    }
}

#[test]
fn a_group_that_is_behind_its_recorded_position_was_moved_back() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let (stream, group) = ("events.normalized", "event-processors");
    server.redis(&["XADD", stream, "5-0", "n", "1"]);
    server.deliver((stream, group), "c", 1);
    server.redis(&["XACK", stream, group, "5-0"]);
    let home = directory();
    let dir = home.path().join("recording");
    record(&server, &dir, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    let is_found = |run: &Run| {
        run.stdout_json()
            .to_string()
            .contains("\"rule\":\"moved_back\"")
    };
    for verb in ["check", "doctor"] {
        assert!(!is_found(&ask(&server, &dir, &[verb, "-o", "json"])));
    }
    server.redis(&["XGROUP", "SETID", stream, group, "0"]);
    for verb in ["check", "doctor"] {
        assert!(
            !is_found(&server.ucp(&[verb, "-o", "json"])),
            "nothing is pending"
        );
        let run = ask(&server, &dir, &[verb, "-o", "json"]);
        let moved = finding(&run, "moved_back");
        assert_eq!(moved["evidence"][1]["value"], "5-0");
        let next = moved["next"].as_str().unwrap();
        assert!(
            next.contains("groups set-id event-processors 5-0"),
            "{next}"
        );
    }
}

#[test]
fn a_recording_that_says_nothing_changes_no_verdict() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server.redis(&["XADD", DEAD, "*", "n", "1"]);
    let home = directory();
    let of_other = home.path().join("other");
    let other = TestServer::start();
    record(&other, &of_other, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    let later = home.path().join("later");
    record(&server, &later, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    for file in fs::read_dir(&later).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some() {
            fs::write(path, "ucp-streams recording 2 {}\n").unwrap();
        }
    }
    let nowhere = home.path().join("nowhere");
    for verb in ["check", "doctor"] {
        let without = server.ucp(&[verb, "-o", "json"]);
        for (dir, why) in [
            (&of_other, "it is of another server"),
            (&later, "is of format 2"),
            (&nowhere, "there is no recording in"),
        ] {
            let run = ask(&server, dir, &[verb, "-o", "json"]);
            run.stderr_has("the recording is not used: ")
                .stderr_has(why);
            assert_eq!(run.code(), without.code(), "{why}");
            assert_eq!(
                run.stdout_json()["verdict"],
                without.stdout_json()["verdict"]
            );
            assert_eq!(finding(&run, "max_dead_letters")["began"], Value::Null);
        }
    }
    // An old one is used, and said to be old.
    let old = home.path().join("old");
    let mut sample = {
        let seed = home.path().join("seed");
        record(&server, &seed, &["--for", "100ms"])
            .wait()
            .assert_code(0);
        samples(&seed).remove(0)
    };
    sample.at = Time::from_ms(Time::now().ms - 3_600_000);
    let name = Recording::open(&home.path().join("seed"))
        .unwrap()
        .span()
        .unwrap()
        .unwrap()
        .server;
    let limits = Limits {
        age: Duration::from_hours(48),
        bytes: 50_000_000,
    };
    let mut recorder = Recorder::open(&old, &name, Duration::from_secs(10), limits).unwrap();
    recorder.append(&sample).unwrap();
    let run = ask(&server, &old, &["check", "-o", "json"]);
    run.stderr_has("the last sample of the recording is from ");
    assert_eq!(
        finding(&run, "max_dead_letters")["began"],
        sample.at.to_string()
    );
}
