//! `record`: what it writes, how it ends, and what it refuses.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ucp_streams::model::Time;
use ucp_streams::recording::{Look, Recording, Sample};

use crate::support::{PATIENCE, Run, Signal, Spawned, TestServer, directory, until};

const EVER: Time = Time::from_ms(u64::MAX);

pub(crate) fn record(server: &TestServer, dir: &Path, more: &[&str]) -> Spawned {
    let dir = dir.to_str().unwrap();
    let words = [&["record", dir, "--every", "200ms"], more].concat();
    server.command(&words).spawn()
}

/// Runs it to its end, which is that it refuses.
fn refused(server: &TestServer, dir: &Path) -> Run {
    record(server, dir, &["--for", "1m"]).wait()
}

/// The samples of a recording, the oldest first; none when there is none.
pub(crate) fn samples(dir: &Path) -> Vec<Sample> {
    let Ok(recording) = Recording::open(dir) else {
        return Vec::new();
    };
    let samples = recording.between(Time::from_ms(0), EVER).unwrap();
    samples.map(Result::unwrap).collect()
}

pub(crate) fn await_samples(dir: &Path, count: usize) {
    until(PATIENCE, "samples", || samples(dir).len() >= count);
}

/// The only segment.
fn segment(dir: &Path) -> PathBuf {
    let names = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
    let mut segments = names.filter(|it| it.extension().is_some_and(|it| it == "rec"));
    let segment = segments.next().unwrap();
    assert_eq!(segments.next(), None, "one segment");
    segment
}

#[test]
fn it_records_what_info_and_doctor_say_until_it_is_told_to_end() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let event = ["ingest", "brandId=b", "eventType=purchase", "payload={}"];
    server.ucp(&event).assert_code(0);
    let home = directory();
    let dir = home.path().join("new/recording");
    let recorder = record(&server, &dir, &[]);
    await_samples(&dir, 3);
    let said = server.ucp(&["info", "-o", "json"]).stdout_json();
    let found = server.ucp(&["doctor", "-o", "json"]).stdout_json();
    recorder
        .terminate()
        .assert_code(0)
        .stderr_has("recorded ")
        .stderr_has(" samples to ");

    let last = samples(&dir).pop().unwrap();
    let seen = last.as_seen().unwrap();
    let mut kept = serde_json::to_value(&seen.streams).unwrap();
    let mut said = said;
    without_time(&mut kept);
    without_time(&mut said);
    assert_eq!(kept, said);
    let rules = |report: &Value| -> Vec<String> {
        let found = report["findings"].as_array().unwrap().iter();
        found.map(|it| it["rule"].to_string()).collect()
    };
    assert_eq!(
        rules(&serde_json::to_value(&seen.doctor).unwrap()),
        rules(&found)
    );

    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

/// Sets to null what another look a moment later says otherwise.
pub(crate) fn without_time(report: &mut Value) {
    match report {
        Value::Array(items) => items.iter_mut().for_each(without_time),
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_age = [
                    "_age_ms",
                    "idle_ms",
                    "inactive_ms",
                    "_per_minute",
                    "window_ms",
                ];
                let has_time = is_age.iter().any(|end| key.ends_with(end));
                if has_time || key == "catch_up_ms" {
                    *value = Value::Null;
                } else {
                    without_time(value);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn only_one_process_records_to_a_directory() {
    let server = TestServer::start();
    let home = directory();
    let dir = home.path().join("recording");
    let first = record(&server, &dir, &[]);
    await_samples(&dir, 1);
    let pid = first.pid();
    refused(&server, &dir)
        .assert_code(6)
        .stderr_has(&format!("process {pid} records to "));
    first.terminate().assert_code(0);
    record(&server, &dir, &["--for", "100ms"])
        .wait()
        .assert_code(0);
}

#[test]
fn directories_that_are_not_its_own_are_refused_and_left_alone() {
    let server = TestServer::start();
    let home = directory();
    let target = home.path().join("target");
    fs::create_dir(&target).unwrap();
    let link = home.path().join("link");
    symlink(&target, &link).unwrap();
    for path in [link.clone(), link.join("")] {
        refused(&server, &path)
            .assert_code(6)
            .stderr_has("is a symbolic link");
    }
    fs::write(target.join("letter"), "dear").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
    refused(&server, &target)
        .assert_code(6)
        .stderr_has("has other files than a recording's: letter");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o755);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    refused(&server, Path::new("/dev/null")).assert_code(74);
    // Nobody can write there.
    refused(&server, Path::new("/proc/recording"))
        .assert_code(74)
        .stderr_has("cannot make the directory");

    // A link in the place of the lock is not followed.
    let dir = home.path().join("recording");
    fs::create_dir(&dir).unwrap();
    symlink(target.join("letter"), dir.join("lock")).unwrap();
    refused(&server, &dir).assert_code(74);
    assert_eq!(fs::read_to_string(target.join("letter")).unwrap(), "dear");
}

#[test]
fn a_recording_of_another_version_or_server_is_refused() {
    let server = TestServer::start();
    let home = directory();
    let dir = home.path().join("recording");
    record(&server, &dir, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    let other = TestServer::start();
    refused(&other, &dir)
        .assert_code(6)
        .stderr_has("has a recording of another server")
        .stderr_has(server.socket().to_str().unwrap());

    let segment = segment(&dir);
    let bytes = fs::read(&segment).unwrap();
    let later = String::from_utf8_lossy(&bytes[..40]).replace("recording 1", "recording 2");
    fs::write(&segment, [later.as_bytes(), &bytes[40..]].concat()).unwrap();
    refused(&server, &dir)
        .assert_code(74)
        .stderr_has("is of format 2, and this ucp-streams has format 1")
        .stderr_has("hint: use the ucp-streams that wrote it");
    let recording = Recording::open(&dir).unwrap();
    let problem = recording.span().unwrap_err();
    assert!(problem.to_string().contains("format 2"), "{problem}");
}

#[test]
fn a_server_that_is_away_is_a_gap_and_not_the_end() {
    let mut server = TestServer::durable();
    let home = directory();
    let dir = home.path().join("recording");
    let mut recorder = record(&server, &dir, &[]);
    await_samples(&dir, 2);
    server.kill();
    recorder.await_stderr("could not look: ");
    let is_failed = |sample: &Sample| matches!(sample.look, Look::Failed(_));
    until(PATIENCE, "a gap", || {
        samples(&dir).last().is_some_and(is_failed)
    });
    server.restart();
    recorder.await_stderr("the server can be asked again");
    until(PATIENCE, "the end of the gap", || {
        samples(&dir).last().is_some_and(|it| !is_failed(it))
    });
    recorder
        .terminate()
        .assert_code(0)
        .stderr_has("could not look) to ");
}

#[test]
fn a_server_that_refuses_the_password_ends_it_at_once() {
    let server = TestServer::start();
    server.add_user("someone", "~* +@all");
    let home = directory();
    let dir = home.path().join("recording");
    let words = ["record", dir.to_str().unwrap(), "--user", "someone"];
    let wrong = server.command(&words).env("UCP_STREAMS_PASSWORD", "wrong");
    wrong.run().assert_code(5);
}

#[test]
fn a_disk_that_takes_no_more_ends_it() {
    let server = TestServer::start();
    let home = directory();
    let dir = home.path().join("recording");
    // No file may be larger than a kilobyte, which stands for a full disk: even the first sample does not fit.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' record '{}' --every 200ms",
        env!("CARGO_BIN_EXE_ucp-streams"),
        dir.display()
    );
    let ended = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("UCP_STREAMS_URL", server.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(74), "{said}");
    assert!(said.contains("cannot write to the recording in"), "{said}");
    assert_eq!(samples(&dir).len(), 0);
    // Nothing is left of what did not fit.
    record(&server, &dir, &["--for", "100ms"])
        .wait()
        .assert_code(0);
    assert!(!samples(&dir).is_empty());
}

/// Numbers that follow from `RECORD_SEED`, else from the clock.
#[expect(clippy::print_stdout, reason = "so that it can be done again")]
fn seed() -> u64 {
    let given = std::env::var("RECORD_SEED").ok();
    let seed = given.map_or(Time::now().ms, |it| it.parse().expect("it is a number"));
    println!("RECORD_SEED={seed} kills at the same moments again");
    seed
}

/// Kills a recorder at a moment of each round, and looks at what is left.
fn killed(rounds: u64) {
    let mut state = seed();
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let dir = home.path().join("recording");
    let mut before = 0;
    for _ in 0..rounds {
        let mut recorder = record(&server, &dir, &[]);
        await_samples(&dir, before + 2);
        // Any part of the time between two samples.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(Duration::from_micros((state >> 33) % 200_000));
        let written = samples(&dir).len();
        recorder.signal(Signal::KILL);
        drop(recorder);
        let recording = Recording::open(&dir).unwrap();
        let mut left = recording.between(Time::from_ms(0), EVER).unwrap();
        let count = left.by_ref().map(Result::unwrap).count();
        assert!(
            (written..=written + 1).contains(&count),
            "{written}, then {count}"
        );
        assert_eq!(left.damaged(), 0);
        before = count;
    }
    let times: Vec<Time> = samples(&dir).iter().map(|it| it.at).collect();
    assert!(times.is_sorted());
}

#[test]
fn killed_at_any_moment_it_loses_at_most_the_last_sample() {
    killed(10);
}

#[test]
#[ignore = "a soak: `make soak`"]
fn soak_killed_at_fifty_moments_it_loses_at_most_the_last_sample() {
    killed(50);
}
