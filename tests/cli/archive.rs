//! `archive`: what it writes, that it goes on where it ended, and what it says of damage.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Run, Signal, TestServer, directory, odd_entries};

/// Runs `archive STREAM --to DIR` with more arguments.
pub(crate) fn archive(server: &TestServer, stream: &str, dir: &Path, more: &[&str]) -> Run {
    let words = ["archive", stream, "--to", dir.to_str().unwrap()];
    server.ucp(&[&words[..], more, &["-o", "json"]].concat())
}

pub(crate) fn verify(dir: &Path) -> Run {
    crate::support::ucp(&["archive", "verify", dir.to_str().unwrap(), "-o", "json"])
}

/// Every file below `dir`, by its path in it.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), path);
            }
        }
    }
    found
}

/// The segments, in order.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = files(dir).into_iter();
    let is_segment = |name: &str| name.contains("/hour=") && name.ends_with(".ndjson.zst");
    files
        .filter(|(name, _)| is_segment(name))
        .map(|it| it.1)
        .collect()
}

/// The lines of all segments, in order.
pub(crate) fn lines(dir: &Path) -> String {
    let mut text = String::new();
    for segment in segments(dir) {
        let file = fs::File::open(segment).unwrap();
        zstd::Decoder::new(file)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
    }
    text
}

/// What `read` prints of a stream.
fn read(server: &TestServer, stream: &str) -> String {
    server
        .ucp(&["read", stream, "--pairs", "-o", "ndjson"])
        .stdout()
        .to_owned()
}

#[test]
fn a_segment_has_the_lines_that_read_prints_and_is_private() {
    let (server, home) = (TestServer::start(), directory());
    let dir = home.path().join("new/archive");
    odd_entries(&server, "a:b/{c}");
    let row = archive(&server, "a:b/{c}", &dir, &[])
        .assert_code(0)
        .stdout_json();
    assert_eq!(row["entries"], 7);
    assert_eq!(
        row["archived_through"],
        "1700090000000-18446744073709551615"
    );
    let names: Vec<String> = files(&dir).into_keys().collect();
    let stream = "stream=a%3Ab%2F%7Bc%7D";
    for name in [
        "dt=1970-01-01/hour=00/1-1.manifest.json",
        "dt=1970-01-01/hour=00/1-1.ndjson.zst",
        "dt=2023-11-14/hour=22/1700000000000-0.ndjson.zst",
        "dt=2023-11-14/hour=23/1700003600000-0.ndjson.zst",
    ] {
        assert!(
            names.contains(&format!("{stream}/{name}")),
            "{name} in {names:#?}"
        );
    }
    assert_eq!(lines(&dir), read(&server, "a:b/{c}"));
    for (name, path) in files(&dir) {
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
        for folder in path.ancestors().take_while(|it| *it != home.path()).skip(1) {
            assert_eq!(
                folder.metadata().unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }
    let listed = crate::support::ucp(&["archive", "ls", dir.to_str().unwrap(), "-o", "json"]);
    let listed = listed.assert_code(0).stdout_json();
    let total: u64 = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["entries"].as_u64().unwrap())
        .sum();
    assert_eq!((total, &listed[0]["state"]), (7, &Value::from("confirmed")));
    let verified = verify(&dir).assert_code(0).stdout_json();
    assert!(
        verified
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["state"] == "whole")
    );
}

#[test]
fn it_goes_on_where_it_ended_and_writes_nothing_again() {
    let (server, home) = (TestServer::start(), directory());
    let dir = home.path();
    for id in ["1-1", "1-2"] {
        server.redis(&["XADD", "s", id, "n", id]);
    }
    archive(&server, "s", dir, &[]).assert_code(0);
    let facts = |dir: &Path| -> Vec<_> {
        let files = files(dir).into_iter().filter(|it| !it.0.ends_with("lock"));
        let data = files.map(|(name, path)| (name, path.metadata().unwrap()));
        data.map(|(name, it)| (name, it.ino(), it.mtime_nsec()))
            .collect()
    };
    let before = facts(dir);
    let row = archive(&server, "s", dir, &[]).assert_code(0).stdout_json();
    assert_eq!(
        (row["entries"].as_u64(), row["missing"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(
        facts(dir),
        before,
        "nothing has changed, so nothing is written"
    );
    server.redis(&["XADD", "s", "1-3", "n", "1-3"]);
    let row = archive(&server, "s", dir, &["--from", "1-2"])
        .assert_code(0)
        .stdout_json();
    assert_eq!(
        (&row["entries"], &row["first_id"]),
        (&Value::from(1), &Value::from("1-3"))
    );
    assert!(before.iter().all(|it| facts(dir).contains(it)));
    assert_eq!(lines(dir), read(&server, "s"));
    archive(&server, "s", dir, &["--until", "1-9"]).assert_code(0);
    verify(dir).assert_code(0);
    // Of a stream that begins anew nothing would be archived.
    server.redis(&["DEL", "s"]);
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    archive(&server, "s", dir, &[])
        .assert_code(6)
        .stderr_has("another stream of this name");
}

#[test]
fn what_was_trimmed_before_it_was_archived_is_said() {
    let (server, home) = (TestServer::start(), directory());
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    for id in ["1-2", "1-3", "1-4"] {
        server.redis(&["XADD", "s", "MAXLEN", "1", id, "n", "1"]);
    }
    let run = archive(&server, "s", home.path(), &[]);
    let row = run
        .assert_code(9)
        .stderr_has("2 entries of stream `s` were trimmed")
        .stdout_json();
    assert_eq!(row["missing"], 2);
    let row = archive(&server, "s", home.path(), &[])
        .assert_code(0)
        .stdout_json();
    assert_eq!(row["missing"], 0);
}

/// A directory with an archive of several segments.
fn archived() -> (TestServer, tempfile::TempDir) {
    let (server, home) = (TestServer::start(), directory());
    odd_entries(&server, "s");
    archive(&server, "s", home.path(), &[]).assert_code(0);
    assert!(segments(home.path()).len() >= 4);
    (server, home)
}

/// Verifies what `change` did to the archive; the error names `named` and has `why`.
fn finds(change: impl FnOnce(&[PathBuf]), named: &str, why: &str) {
    let (_server, home) = archived();
    change(&segments(home.path()));
    verify(home.path())
        .assert_code(9)
        .stderr_has(named)
        .stderr_has(why);
}

fn manifest_of(segment: &Path) -> PathBuf {
    let name = segment
        .to_str()
        .unwrap()
        .replace(".ndjson.zst", ".manifest.json");
    PathBuf::from(name)
}

#[test]
fn verify_names_what_is_damaged() {
    let second = "hour=22/1700000000000-0.ndjson.zst";
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    finds(|it| flip(&it[1]), second, "checksum is wrong");
    let cut = |it: &[PathBuf]| {
        let bytes = fs::read(&it[1]).unwrap();
        fs::write(&it[1], &bytes[..bytes.len() - 1]).unwrap();
    };
    finds(cut, second, "cannot be read");
    finds(
        |it| fs::remove_file(&it[1]).unwrap(),
        second,
        "it is missing",
    );
    finds(
        |it| fs::remove_file(manifest_of(&it[1])).unwrap(),
        second,
        "manifest is missing",
    );
    let both = |it: &[PathBuf], place: usize| {
        fs::remove_file(&it[place]).unwrap();
        fs::remove_file(manifest_of(&it[place])).unwrap();
    };
    finds(|it| both(it, 1), "hour=23/", "segments between 1-1 and it");
    finds(|it| both(it, 0), second, "up to 1-1, are missing");
    finds(
        |it| both(it, it.len() - 1),
        "stream=s/groups",
        "up to 1700090000000-18446744073709551615, are missing",
    );
    let edit = |it: &[PathBuf]| {
        let line = "{\"stream\":\"s\",\"id\":\"1-1\",\"fields\":[[\"a\",\"other\"]]}\n";
        fs::write(&it[0], zstd::encode_all(line.as_bytes(), 1).unwrap()).unwrap();
    };
    finds(edit, "1-1.ndjson.zst", "1 entry cannot be read");
    let lie = |it: &[PathBuf]| {
        let manifest = fs::read_to_string(manifest_of(&it[0])).unwrap();
        fs::write(
            manifest_of(&it[0]),
            manifest.replace("\"entries\":1", "\"entries\":2"),
        )
        .unwrap();
    };
    finds(
        lie,
        "1-1.ndjson.zst",
        "other entries than its manifest says",
    );
    let misplace = |it: &[PathBuf]| {
        fs::rename(&it[0], it[1].parent().unwrap().join("1-1.ndjson.zst")).unwrap();
    };
    finds(misplace, "1-1.ndjson.zst", "belongs into");
}

#[test]
fn links_newer_formats_and_huge_contents_are_refused() {
    let (_server, home) = archived();
    let segment = segments(home.path())[0].clone();
    let away = home.path().join("away");
    fs::rename(&segment, &away).unwrap();
    symlink(&away, &segment).unwrap();
    verify(home.path())
        .assert_code(6)
        .stderr_has("symbolic link")
        .stderr_has("1-1.ndjson.zst");
    fs::remove_file(&segment).unwrap();
    fs::rename(&away, &segment).unwrap();
    let (folder, elsewhere) = (segment.parent().unwrap(), home.path().join("elsewhere"));
    fs::rename(folder, &elsewhere).unwrap();
    symlink(&elsewhere, folder).unwrap();
    verify(home.path())
        .assert_code(6)
        .stderr_has("symbolic link");
    fs::remove_file(folder).unwrap();
    fs::rename(&elsewhere, folder).unwrap();
    let place = home.path().to_str().unwrap();
    let small = ["archive", "verify", place, "--max-expanded", "1000000"];
    crate::support::ucp(&small)
        .assert_code(6)
        .stderr_has("--max-expanded SIZE allows more");
    let manifest = manifest_of(&segment);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format\":1", "\"format\":2")).unwrap();
    verify(home.path())
        .assert_code(74)
        .stderr_has("is of format 2");
    let link = home.path().join("link");
    symlink(home.path(), &link).unwrap();
    verify(&link).assert_code(6).stderr_has("symbolic link");
    verify(&home.path().join("nowhere")).assert_code(3);
}

#[test]
fn a_segment_without_a_manifest_is_checked_and_taken_over() {
    let (server, home) = archived();
    let last = segments(home.path()).pop().unwrap();
    fs::remove_file(manifest_of(&last)).unwrap();
    let listed =
        crate::support::ucp(&["archive", "ls", home.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(
        listed.stdout_json()[segments(home.path()).len() - 1]["state"],
        "unconfirmed"
    );
    verify(home.path()).assert_code(0);
    // Even when the stream does not have its entries any more.
    server.redis(&["XTRIM", "s", "MAXLEN", "0"]);
    let row = archive(&server, "s", home.path(), &[])
        .assert_code(0)
        .stdout_json();
    assert_eq!(
        (&row["taken_over"], &row["archived_through"]),
        (
            &Value::from(1),
            &Value::from("1700090000000-18446744073709551615")
        )
    );
    verify(home.path()).assert_code(0);
    assert!(manifest_of(&last).exists());
    fs::remove_file(manifest_of(&last)).unwrap();
    fs::write(&last, "torn").unwrap();
    archive(&server, "s", home.path(), &[])
        .assert_code(9)
        .stderr_has("cut short, or no segment");
}

#[test]
fn only_one_archives_a_stream_to_a_directory() {
    let (server, home) = archived();
    let lock = fs::File::open(home.path().join("stream=s/lock")).unwrap();
    lock.lock().unwrap();
    archive(&server, "s", home.path(), &[])
        .assert_code(6)
        .stderr_has("archives this stream to");
    lock.unlock().unwrap();
    archive(&server, "s", home.path(), &[]).assert_code(0);
    archive(&server, "nowhere", home.path(), &[]).assert_code(3);
    let link = home.path().join("link");
    symlink(home.path(), &link).unwrap();
    archive(&server, "s", &link, &[])
        .assert_code(6)
        .stderr_has("symbolic link");
}

#[test]
fn it_is_killed_at_any_moment_without_a_hole_or_a_repeat() {
    let (server, home) = (TestServer::start(), directory());
    let mut client = server.client();
    let value = "x".repeat(300);
    let words: Vec<String> = (0..40_000_u64)
        .map(|n| {
            format!(
                "XADD s {}-{} n {n} v {value}",
                1_700_000_000_000 + n * 500,
                n % 3
            )
        })
        .collect();
    for words in words.chunks(1000) {
        let split: Vec<Vec<&str>> = words.iter().map(|it| it.split(' ').collect()).collect();
        client.pipeline(&split);
    }
    let dir = home.path().to_str().unwrap();
    for moment in 0..20 {
        let mut run = server.command(&["archive", "s", "--to", dir]).spawn();
        thread::sleep(Duration::from_millis(10 + 23 * moment));
        if run.ended().is_none() {
            run.signal(Signal::KILL);
        }
        run.wait();
    }
    archive(&server, "s", home.path(), &[]).assert_code(0);
    verify(home.path()).assert_code(0);
    assert!(
        lines(home.path()) == read(&server, "s"),
        "a hole or a repeat"
    );
    let partial = |name: &String| name.ends_with(".partial");
    assert!(!files(home.path()).keys().any(partial));
}

#[test]
fn what_the_topology_redacts_is_masked() {
    let (server, home) = (TestServer::start(), directory());
    server.redis(&["XADD", "s", "1-1", "payload", r#"{"email":"a@b.c","n":1}"#]);
    let words = ["archive", "s", "--to", home.path().to_str().unwrap()];
    let topology = "[streams.s]\nredact = [\"payload.email\"]\n";
    let run = server
        .command(&words)
        .file("ucp-streams.toml", topology)
        .run();
    run.assert_code(0);
    assert!(
        lines(home.path()).contains(r#"{\"email\":\"***\",\"n\":1}"#),
        "{}",
        lines(home.path())
    );
}

#[test]
fn what_was_archived_is_read_where_it_is() {
    let (server, home) = archived();
    let place = home.path().to_str().unwrap();
    for range in [
        &[][..],
        &["--reverse"],
        &["1700000000000-1", "1700000000002-0"],
        &["1700000000000-1", "1700003600000"],
        &["1700000000000-1", "1700003600000", "--reverse"],
        &["-3"],
        &["-5", "-2"],
        &["-100"],
        &["-n", "2"],
        &["-4", "--reverse", "--count", "3"],
        &["2023-11-14T23:00:00Z", "end"],
    ] {
        let words = [&["read", "s"], range, &["--pairs", "-o", "ndjson"]].concat();
        let here = server.ucp(&words).assert_code(0).stdout.clone();
        // Without a server.
        let there = crate::support::ucp(&[&words[..], &["--archive", place]].concat());
        assert!(there.assert_code(0).stdout == here, "{range:?}");
    }
    let other = crate::support::ucp(&["read", "t", "--archive", place]);
    other.assert_code(3).stderr_has("no stream `t`");
    let second = segments(home.path())[1].clone();
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..whole.len() - 1]).unwrap();
    let torn = crate::support::ucp(&["read", "s", "--archive", place, "--names"]);
    torn.assert_code(9)
        .stdout_has("1-1")
        .stderr_has("1700000000000-0.ndjson.zst");
}
