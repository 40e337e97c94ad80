//! `history` and `info --at`: what was recorded is what was shown live, and no peak is lost.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ucp_streams::model::{Lag, Time};
use ucp_streams::recording::{Limits, Look, Recorder, Recording, Sample};

use crate::record::{await_samples, record, samples, without_time};
use crate::support::{Invocation, PATIENCE, TestServer, directory, until};

pub(crate) const GROUP: &str = "event-processors";
const MINUTE_MS: u64 = 60_000;

fn publish(server: &TestServer, count: usize) {
    for _ in 0..count {
        let event = ["ingest", "brandId=b", "eventType=purchase", "payload={}"];
        server.ucp(&event).assert_code(0);
    }
}

/// Waits until something was recorded that is as it is now.
fn recorded_now(dir: &Path) {
    let now = Time::now();
    until(PATIENCE, "a sample of now", || {
        samples(dir).last().is_some_and(|it| it.at > now)
    });
}

#[test]
fn what_was_recorded_is_what_was_shown_live() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let dir = home.path().join("recording");
    let recorder = record(&server, &dir, &[]);
    let mut shown: Vec<(Time, Value)> = Vec::new();
    for count in [0, 3, 2] {
        publish(&server, count);
        if count == 2 {
            // All five are behind for as long as it takes to see that.
            recorded_now(&dir);
            let consume = ["consume", GROUP, "--count", "4"];
            server.ucp(&consume).assert_code(0);
        }
        recorded_now(&dir);
        let said = server.ucp(&["info", "-o", "json"]).stdout_json();
        shown.push((Time::now(), said));
    }
    recorder.terminate().assert_code(0);
    // Nobody has to ask the server, which is gone.
    drop(server);
    let record = dir.to_str().unwrap();
    let look_back = |args: &[&str]| {
        let words = [args, &["-u", "redis://127.0.0.1:1"]].concat();
        Invocation::new(&words).env("UCP_STREAMS_RECORD", record)
    };
    for (at, mut said) in shown {
        let at = at.to_string();
        let run = look_back(&["info", "--at", &at, "-o", "json"]).run();
        run.assert_code(0).stderr_has("as of ");
        let mut then = run.stdout_json();
        without_time(&mut then);
        without_time(&mut said);
        assert_eq!(then, said);
        let rows = look_back(&["history", GROUP, "--at", &at, "-o", "json"]).run();
        let rows = rows.assert_code(0).stdout_json();
        let group = &said[1]["groups"][0];
        assert_eq!(group["group"], GROUP);
        for figure in [
            "lag",
            "pending",
            "live",
            "lost",
            "headroom",
            "last_delivered_id",
        ] {
            assert_eq!(rows[0][figure], group[figure], "{figure} at {at}");
        }
        assert_eq!(rows[0]["length"], said[1]["length"]);
    }
    let all = look_back(&["history", GROUP, "-o", "json"]).run();
    let all = all.assert_code(0).stdout_json();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), samples(&dir).len());
    let greatest = all
        .iter()
        .filter_map(|it| it["lag_max"]["entries"].as_u64())
        .max();
    assert_eq!(greatest, Some(5), "before four were read");
    let one = look_back(&["info", GROUP, "--at", "end", "-o", "json"]).run();
    assert_eq!(one.stdout_json().as_array().unwrap().len(), 1);
    look_back(&["info", "nowhere", "--at", "end"])
        .run()
        .assert_code(3)
        .stderr_has("no stream or group `nowhere` was recorded then");
    look_back(&["history", "event-procesors"])
        .run()
        .assert_code(3)
        .stderr_has("did you mean `event-processors`?");
}

#[test]
fn a_time_of_which_nothing_is_recorded_says_what_is() {
    let server = TestServer::start();
    let home = directory();
    let dir = home.path().join("recording");
    let ask = |words: &[&str]| {
        let words = [words, &["--record", dir.to_str().unwrap()]].concat();
        Invocation::new(&words).run()
    };
    ask(&["history"])
        .assert_code(3)
        .stderr_has("there is no recording in");
    std::fs::create_dir(&dir).unwrap();
    ask(&["history"])
        .assert_code(3)
        .stderr_has("nothing is recorded in");
    let recorder = record(&server, &dir, &[]);
    await_samples(&dir, 2);
    recorder.terminate().assert_code(0);
    let first = samples(&dir)[0].at.to_string();
    for words in [
        &["info", "--at", "1d"][..],
        &["history", "--at", "1d"],
        &["history", "--since", "2d", "--until", "1d"],
    ] {
        ask(words)
            .assert_code(3)
            .stderr_has("nothing was recorded ")
            .stderr_has(&format!("the recording goes from {first} to "));
    }
    Invocation::new(&["history"])
        .run()
        .assert_code(2)
        .stderr_has("give --record DIR, or set UCP_STREAMS_RECORD");
    ask(&["history", "--stream", "events.norm"])
        .assert_code(3)
        .stderr_has("no stream `events.norm` was recorded")
        .stderr_has("recorded are: events.normalized, events.raw");
    ask(&["history", GROUP, "--stream", "events.raw"])
        .assert_code(3)
        .stderr_has("no group `event-processors` on stream `events.raw` was recorded");
    ask(&["history", "--since", "1h", "--until", "2h"])
        .assert_code(2)
        .stderr_has("which is after the end");
    ask(&["info"])
        .assert_code(2)
        .stderr_has("no --at says to when");
    ask(&["info", "--at", "noon"]).assert_code(2);
    ask(&["info", "--at", "1m", "--watch"]).assert_code(2);
}

/// A sample of a server after `init`, taken beside `dir`.
pub(crate) fn seed(dir: &Path) -> Sample {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let seed = dir.with_file_name("seed");
    record(&server, &seed, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    samples(&seed).remove(0)
}

/// A recording of a day, minute by minute, that ends now: `lag` says how far the group is behind in each minute, and `None`
/// is a minute in which nothing could be observed.
fn day(dir: &Path, lag: impl Fn(u64) -> Option<u64>) -> Time {
    let real = seed(dir);
    let limits = Limits {
        age: Duration::from_hours(48),
        bytes: 50_000_000,
    };
    let every = Duration::from_mins(1);
    let mut recorder = Recorder::open(dir, "server/0", every, limits).unwrap();
    let end = Time::now();
    for minute in 0..1440 {
        let at = Time::from_ms(end.ms - (1439 - minute) * MINUTE_MS);
        let sample = match lag(minute) {
            None => Sample::failed(at, "connection refused"),
            Some(lag) => with_lag(&real, at, lag),
        };
        recorder.append(&sample).unwrap();
    }
    end
}

fn with_lag(real: &Sample, at: Time, lag: u64) -> Sample {
    let mut sample = real.clone();
    sample.at = at;
    let Look::Seen(seen) = &mut sample.look else {
        panic!("it was seen");
    };
    for group in seen.streams.iter_mut().flat_map(|it| &mut it.groups) {
        if group.group == GROUP {
            group.lag = Some(Lag::Known(lag));
        }
    }
    if lag <= 1000 {
        seen.doctor.findings.retain(|it| it.rule != "max_lag");
    } else {
        let mut finding = seen.doctor.findings[0].clone();
        finding.rule = "max_lag".into();
        finding.group = Some(GROUP.into());
        finding.stream = Some("events.normalized".into());
        finding.summary = format!("{lag} entries behind");
        seen.doctor.findings.push(finding);
    }
    sample
}

#[test]
fn a_peak_of_a_minute_is_seen_in_a_day_and_trouble_has_a_beginning() {
    let home = directory();
    let dir = home.path().join("recording");
    let end = day(&dir, |minute| match minute {
        700 => Some(4321),
        800..820 => None,
        // From here on it falls behind.
        1000.. => Some(minute * 10),
        _ => Some(minute % 7),
    });
    let at = |minute: u64| Time::from_ms(end.ms - (1439 - minute) * MINUTE_MS).to_string();
    let ask = |words: &[&str]| {
        let words = [words, &["--record", dir.to_str().unwrap(), "--since", "2d"]].concat();
        Invocation::new(&words).env("NO_COLOR", "1")
    };
    let run = ask(&["history", GROUP, "-o", "json"]).run();
    run.assert_code(0)
        .stderr_has("1440 samples are drawn together into rows of 10m");
    let rows = run.stdout_json();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() <= 200, "{}", rows.len());
    let samples = rows.iter().map(|it| it["samples"].as_u64().unwrap());
    assert_eq!(samples.sum::<u64>(), 1440);
    let peak = |it: &&Value| it["lag_max"]["entries"] == 4321;
    let peak = rows.iter().find(peak).unwrap();
    assert_eq!(peak["lag_max"]["quality"], "known");
    let failed = rows.iter().map(|it| it["failed"].as_u64().unwrap());
    assert_eq!(failed.sum::<u64>(), 20);
    assert_eq!(rows.last().unwrap()["lag"]["entries"], 14_390);

    let found = ask(&["history", GROUP, "--findings", "-o", "json"]).run();
    let found = found.assert_code(0).stdout_json();
    let lag: Vec<&Value> = { found.as_array().unwrap().iter() }
        .filter(|it| it["rule"] == "max_lag")
        .collect();
    let [last, peak] = lag[..] else {
        panic!("{found:#}");
    };
    assert_eq!(
        (&last["began_at"], &last["not_at"]),
        (&at(1000).into(), &at(999).into())
    );
    assert_eq!(last["ended_at"], Value::Null);
    assert_eq!(last["summary"], "14390 entries behind");
    assert_eq!(
        (&peak["began_at"], &peak["ended_at"]),
        (&at(700).into(), &at(701).into())
    );

    let screen = ask(&["history", GROUP]).on_terminals(100).run();
    let screen = screen
        .assert_code(0)
        .stdout_has("1,440 samples")
        .stdout_has("14,390")
        .stdout_has(&format!(
            "could not look from {} to {}: connection refused",
            at(800),
            at(819)
        ));
    let line = screen
        .stdout_lines()
        .into_iter()
        .find(|it| it.starts_with("lag "));
    let blocks = line
        .unwrap()
        .chars()
        .filter(|it| ('▁'..='█').contains(it))
        .collect::<String>();
    let peaks = blocks.chars().filter(|it| *it > '▂').count();
    assert!(blocks.ends_with('█') && peaks > 10, "{blocks}");
    // A row a step where a script reads, with the same sum.
    let csv = ask(&["history", GROUP, "-o", "csv", "--columns", "at,lag,lag_max"]).run();
    assert_eq!(csv.assert_code(0).stdout_lines().len(), rows.len() + 1);

    let recording = Recording::open(&dir).unwrap();
    assert_eq!(recording.span().unwrap().unwrap().last, end);
    let then = ask(&["history", "--findings"]).run();
    then.assert_code(0).stdout_has("goes on");
}
