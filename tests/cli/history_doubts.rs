//! What a recording does not know: bounds stay bounds, what could not be seen ends no alarm, and what is damaged is told.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use ucp_streams::model::{Lag, Time};
use ucp_streams::recording::{Denied, Limits, Look, Recorder, Recording, Sample, Seen};

use crate::history::{GROUP, seed};
use crate::support::{Invocation, directory};

const MINUTE_MS: u64 = 60_000;

fn write(dir: &Path, samples: &[Sample]) {
    let limits = Limits {
        age: Duration::from_hours(48),
        bytes: 50_000_000,
    };
    let every = Duration::from_mins(1);
    let mut recorder = Recorder::open(dir, "server/0", every, limits).unwrap();
    for sample in samples {
        recorder.append(sample).unwrap();
    }
}

/// `real` at a time, changed.
fn changed(real: &Sample, at: Time, change: impl FnOnce(&mut Seen)) -> Sample {
    let mut sample = real.clone();
    sample.at = at;
    let Look::Seen(seen) = &mut sample.look else {
        panic!("it was seen");
    };
    change(seen);
    sample
}

/// The group with another lag, and the finding that it is too far behind if it is.
fn with_lag(seen: &mut Seen, lag: Lag) {
    for group in seen.streams.iter_mut().flat_map(|it| &mut it.groups) {
        if group.group == GROUP {
            group.lag = Some(lag);
            group.figures.lag = Some(lag);
        }
    }
    if lag.at_least().is_some_and(|it| it > 1000) {
        let mut finding = seen.doctor.findings[0].clone();
        finding.rule = "max_lag".into();
        finding.group = Some(GROUP.into());
        finding.stream = Some("events.normalized".into());
        seen.doctor.findings.push(finding);
    }
}

fn ask(dir: &Path, words: &[&str]) -> Invocation {
    let words = [words, &["--record", dir.to_str().unwrap()]].concat();
    Invocation::new(&words).env("NO_COLOR", "1")
}

/// A minute of the last hours, by its number.
fn minute(number: u64) -> Time {
    let begin = Time::now().ms / MINUTE_MS * MINUTE_MS - 100 * MINUTE_MS;
    Time::from_ms(begin + number * MINUTE_MS)
}

#[test]
fn a_bound_stays_a_bound_in_every_row() {
    let home = directory();
    let dir = home.path().join("recording");
    let real = seed(&dir);
    // Two samples a row, in the end.
    let lags = [
        (Lag::Known(3), Lag::AtLeast(9)),
        (Lag::Unknown, Lag::Known(4)),
        (Lag::Unknown, Lag::Unknown),
        (Lag::AtMost(7), Lag::AtMost(5)),
    ];
    let lags = lags.iter().flat_map(|it| [it.0, it.1]);
    let samples = lags.zip(0..);
    let samples =
        samples.map(|(lag, number)| changed(&real, minute(number), |seen| with_lag(seen, lag)));
    write(&dir, &samples.collect::<Vec<_>>());
    let rows = ask(&dir, &["history", GROUP, "--since", "3h", "-o", "json"]).run();
    let rows = rows.assert_code(0).stdout_json();
    let quality = |row: &Value, key: &str| row[key]["quality"].as_str().unwrap().to_owned();
    for row in rows.as_array().unwrap() {
        for key in ["lag_min", "lag_max"] {
            assert_eq!(quality(row, key), quality(row, "lag"), "{row:#}");
            assert_eq!(row[key]["entries"], row["lag"]["entries"]);
        }
    }
    assert_eq!(
        rows[2]["lag_max"],
        json!({"entries": null, "quality": "unknown"})
    );
    let csv = [
        "history",
        GROUP,
        "--since",
        "3h",
        "-o",
        "csv",
        "--columns",
        "lag_max",
    ];
    let csv = ask(&dir, &csv).run();
    let column = csv.assert_code(0).stdout_lines();
    assert_eq!(
        column,
        ["lag_max", "3", ">=9", "?", "4", "?", "?", "<=7", "<=5"]
    );
    let screen = ask(&dir, &["history", GROUP, "--since", "3h"])
        .on_terminals(100)
        .run();
    let line = screen.assert_code(0).stdout_lines();
    let line = line.into_iter().find(|it| it.starts_with("lag ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1..4], ["<=5", "<=3", ">=9"], "{line}");
    assert!(line.contains('?'), "{line}");
}

#[test]
fn what_could_not_be_seen_ends_no_alarm() {
    let home = directory();
    let dir = home.path().join("recording");
    let real = seed(&dir);
    let at = minute;
    let behind = |number| changed(&real, at(number), |seen| with_lag(seen, Lag::Known(5000)));
    let denied = changed(&real, at(2), |seen| {
        seen.streams.retain(|it| it.stream != "events.normalized");
        seen.denied.push(Denied {
            stream: "events.normalized".into(),
            error: "NOPERM".to_owned(),
        });
    });
    let unknown = changed(&real, at(4), |seen| with_lag(seen, Lag::Unknown));
    let bound = changed(&real, at(5), |seen| with_lag(seen, Lag::AtLeast(10)));
    let well = changed(&real, at(7), |seen| with_lag(seen, Lag::AtMost(10)));
    let first = changed(&real, at(0), |_| {});
    write(
        &dir,
        &[
            first,
            behind(1),
            denied,
            Sample::failed(at(3), "away"),
            unknown,
            bound,
        ],
    );
    let episodes = || {
        let words = [
            "history",
            GROUP,
            "--findings",
            "--since",
            "3h",
            "-o",
            "json",
        ];
        let found = ask(&dir, &words).run().assert_code(0).stdout_json();
        let found = found.as_array().unwrap().iter();
        let found = found.filter(|it| it["rule"] == "max_lag");
        found
            .map(|it| (it["began_at"].clone(), it["ended_at"].clone()))
            .collect::<Vec<_>>()
    };
    let began = Value::from(at(1).to_string());
    assert_eq!(episodes(), [(began.clone(), Value::Null)]);
    write(&dir, &[behind(6), well]);
    assert_eq!(episodes(), [(began, at(7).to_string().into())]);
}

#[test]
fn a_clock_that_is_put_back_hides_no_look_and_damage_is_told() {
    let home = directory();
    let dir = home.path().join("recording");
    let real = seed(&dir);
    let seen = |number| changed(&real, minute(number), |_| {});
    write(
        &dir,
        &[
            seen(20),
            seen(22),
            seen(10),
            seen(12),
            Sample::failed(minute(13), "away"),
        ],
    );
    let recording = Recording::open(&dir).unwrap();
    for (wanted, found) in [(11, 10), (13, 12), (21, 20), (90, 22)] {
        let sample = recording.seen_at(minute(wanted)).unwrap().sample;
        assert_eq!(sample.unwrap().at, minute(found), "{wanted}");
    }
    let segments = fs::read_dir(&dir).unwrap().map(|it| it.unwrap().path());
    let mut segments: Vec<_> = segments.filter(|it| it.extension().is_some()).collect();
    segments.sort();
    // In the second sample of the segment that begins first.
    let mut bytes = fs::read(&segments[0]).unwrap();
    let marks = bytes.windows(4).enumerate().filter(|it| it.1 == b"\xf5usr");
    let place = marks.map(|it| it.0 + 30).nth(1).unwrap();
    bytes[place] ^= 1;
    fs::write(&segments[0], bytes).unwrap();
    for words in [
        &["info", "--at", "end"][..],
        &["history", "--since", "3h"],
        &["history", "--at", "end"],
    ] {
        ask(&dir, words)
            .run()
            .assert_code(0)
            .stderr_has("the recording is damaged in 1 place");
    }
}
