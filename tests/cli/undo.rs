//! `snapshot` and `undo`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::seed::{GROUP, STREAM, add, deliver, held_by_two, pending};
use crate::support::{Invocation, Reply, Run, TestServer, directory};

/// A topology whose claim idle is so short that nobody counts as live.
const NOBODY_LIVE: &str = "[groups.event-processors]\nclaim_idle = \"3s\"\n";

/// Runs commands of one operator, who has a home.
struct Operator<'s> {
    server: &'s TestServer,
    home: TempDir,
}

impl<'s> Operator<'s> {
    fn of(server: &'s TestServer) -> Self {
        let home = directory();
        Self { server, home }
    }

    fn command(&self, args: &[&str]) -> Invocation {
        self.server.command(args).env("HOME", self.home.path())
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(args).run()
    }

    fn snapshots(&self) -> PathBuf {
        let place = ".local/state/ucp-streams/snapshots";
        self.home.path().join(place)
    }

    /// The file of the only snapshot.
    fn only(&self) -> PathBuf {
        let mut files = fs::read_dir(self.snapshots()).unwrap();
        let only = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none(), "one snapshot");
        only
    }
}

/// A group's position with the number of entries read, and what is pending for whom, how often delivered.
type State = (Option<(String, Option<i64>)>, Vec<(String, String, i64)>);

/// All that the server says of the group, but for times.
fn state(server: &TestServer) -> State {
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    let group = groups
        .items()
        .iter()
        .find(|it| it.field("name").text() == GROUP);
    let group = group.map(|it| {
        let position = it.field("last-delivered-id").text().to_owned();
        let read = match it.field("entries-read") {
            Reply::Nil => None,
            read => Some(read.int()),
        };
        (position, read)
    });
    let held = match group {
        Some(_) => pending(server, STREAM, GROUP),
        None => Vec::new(),
    };
    (group, held)
}

fn idle(server: &TestServer, id: &str) -> i64 {
    let rows = server.redis(&["XPENDING", STREAM, GROUP, id, id, "1"]);
    rows.items()[0].items()[2].int()
}

#[test]
fn a_group_that_was_moved_is_as_it_was() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    let before = state(&server);
    let moved = operator.run(&["groups", "set-id", GROUP, "start", "--force", "--yes"]);
    moved.assert_code(0);
    assert_ne!(state(&server), before);
    let undo = moved.stderr().split("restore it as it was: ").nth(1);
    let undo = undo.expect("the command that undoes it").trim();
    let id = undo.strip_prefix("ucp-streams undo ").unwrap();
    let id = id.split(' ').next().unwrap();
    operator
        .run(&["undo", id, "--yes"])
        .assert_code(6)
        .stderr_has("live consumers");
    let undone = operator.run(&["undo", id, "--force", "--yes", "-o", "json"]);
    let undone = undone.assert_code(0).stdout_json();
    assert_eq!(state(&server), before);
    assert_eq!(undone["from_id"], "0-0");
    assert_eq!(undone["restored"], 0);
    assert_eq!(undone["unchanged"], 6);
    // Once more there is nothing to do.
    operator
        .run(&["undo", id, "--yes"])
        .assert_code(0)
        .stderr_has("nothing to restore");
}

#[test]
fn a_group_that_was_deleted_is_as_it_was() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    let before = state(&server);
    operator
        .run(&["groups", "delete", GROUP, "--force", "--yes"])
        .assert_code(0)
        .stderr_has("to restore it as it was: ucp-streams undo ");
    assert_eq!(state(&server), (None, Vec::new()));
    let undone = operator.run(&["undo", "--yes", "-o", "json"]);
    let undone = undone.assert_code(0).stdout_json();
    assert_eq!(state(&server), before);
    assert_eq!(undone["from_id"], Value::Null);
    assert_eq!(
        (&undone["restored"], &undone["again"]),
        (&json!(6), &json!(6))
    );
    // The idle time goes on from where it was.
    assert!((600_000..900_000).contains(&idle(&server, "1-0")));
    assert!(idle(&server, "5-0") < 300_000);
}

#[test]
fn what_a_live_consumer_took_over_stays_with_it_and_is_named() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    operator
        .run(&["groups", "set-id", GROUP, "start", "--force", "--yes"])
        .assert_code(0);
    deliver(&server, STREAM, GROUP, "thief", 2);
    let undo = ["undo", "--force", "--yes", "-o", "json"];
    let undone = operator.run(&undo);
    let json = undone
        .assert_code(7)
        .stderr_has("1-0: `thief` holds it by now")
        .stdout_json();
    assert_eq!(json["left_out"], 2);
    assert_eq!(
        json["left"][1],
        json!({"id": "2-0", "why": "held", "consumer": "thief", "copy_id": null, "group": null})
    );
    // Once it is not live any more, they go back.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let again = operator
        .command(&undo)
        .file("ucp-streams.toml", NOBODY_LIVE)
        .run();
    let again = again.assert_code(0).stdout_json();
    assert_eq!(
        (&again["restored"], &again["again"]),
        (&json!(2), &json!(0))
    );
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(held[0], ("1-0".to_owned(), "c1".to_owned(), 4));
}

#[test]
fn what_was_acknowledged_is_pending_again_and_what_was_deleted_is_not() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    let taken = operator.run(&["snapshot", GROUP, "-o", "json"]);
    let taken = taken.assert_code(0).stdout_json();
    assert_eq!(taken[0]["pending"], 6);
    assert_eq!(taken[0]["file"], operator.only().to_str().unwrap());
    server.redis(&["XACK", STREAM, GROUP, "1-0", "2-0"]);
    server.redis(&["XDEL", STREAM, "2-0"]);
    let plan = operator.run(&["undo", "--dry-run"]);
    plan.assert_code(0)
        .stderr_has("1 of these are not pending now, and work on them may be repeated")
        .stderr_has("2-0: it was trimmed from the stream");
    assert_eq!(pending(&server, STREAM, GROUP).len(), 4);
    let undone = operator.run(&["undo", "--yes", "-o", "json"]);
    let undone = undone.assert_code(7).stdout_json();
    assert_eq!(
        (&undone["restored"], &undone["unchanged"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(undone["left"][0]["why"], "trimmed");
    assert_eq!(pending(&server, STREAM, GROUP)[0].0, "1-0");
}

#[test]
fn many_entries_come_back_in_several_calls() {
    let server = TestServer::start();
    add(&server, STREAM, 1, 1234);
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    deliver(&server, STREAM, GROUP, "c1", 1234);
    let operator = Operator::of(&server);
    let before = server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int();
    operator
        .run(&["groups", "delete", GROUP, "--force", "--yes"])
        .assert_code(0);
    operator.run(&["undo", "--yes"]).assert_code(0);
    let after = server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int();
    assert_eq!((before, after), (1234, 1234));
}

#[test]
fn a_file_that_is_damaged_or_a_link_is_refused_and_changes_nothing() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    operator.run(&["snapshot", GROUP]).assert_code(0);
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    let before = state(&server);
    let (file, home) = (operator.only(), operator.home.path());
    let whole = fs::read(&file).unwrap();
    let refused = |file: &Path, code: i32, said: &str| {
        let run = operator.run(&["undo", file.to_str().unwrap(), "--yes"]);
        run.assert_code(code).stderr_has(said);
        assert_eq!(state(&server), before);
    };
    let (cut, link) = (home.join("cut.snapshot"), home.join("link.snapshot"));
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refused(&cut, 2, "is damaged");
    fs::write(&cut, "hello").unwrap();
    refused(&cut, 2, "is damaged");
    symlink(&file, &link).unwrap();
    refused(&link, 74, "cannot read the snapshot");
    refused(&home.join("nothing"), 3, "there is no snapshot");
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    let place = fs::metadata(operator.snapshots()).unwrap();
    assert_eq!((mode, place.permissions().mode() & 0o777), (0o600, 0o700));
    // A file of one's own, wherever it is.
    let kept = home.join("kept");
    fs::copy(&file, &kept).unwrap();
    operator
        .run(&["undo", kept.to_str().unwrap(), "--yes"])
        .assert_code(0);
}

#[test]
fn a_snapshot_of_another_server_is_refused() {
    let (one, other) = (held_by_two(4), held_by_two(4));
    let operator = Operator::of(&one);
    operator.run(&["snapshot", GROUP]).assert_code(0);
    other.redis(&["XACK", STREAM, GROUP, "1-0"]);
    let file = operator.only();
    let undo = ["undo", file.to_str().unwrap(), "--yes"];
    other
        .ucp(&undo)
        .assert_code(6)
        .stderr_has("the snapshot was taken of ");
    let forced = [&undo[..], &["--force"]].concat();
    other.ucp(&forced).assert_code(0);
    assert_eq!(pending(&other, STREAM, GROUP).len(), 6);
}

#[test]
fn without_a_snapshot_nothing_is_changed_unless_that_is_wanted() {
    let server = held_by_two(4);
    let before = state(&server);
    let set_id = ["groups", "set-id", GROUP, "start", "--force", "--yes"];
    let operator = Operator::of(&server);
    let place = operator.snapshots();
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, "no directory").unwrap();
    let nowhere = |args: &[&str]| operator.run(args);
    nowhere(&set_id)
        .assert_code(74)
        .stderr_has("cannot write a snapshot")
        .stderr_has("--no-snapshot");
    assert_eq!(state(&server), before);
    let without = [&set_id[..], &["--no-snapshot"]].concat();
    nowhere(&without)
        .assert_code(0)
        .stderr_has("to move it back: ucp-streams groups set-id");
}

#[test]
fn what_is_kept_is_listed_newest_first() {
    let server = held_by_two(4);
    let operator = Operator::of(&server);
    operator
        .run(&["undo", "--yes"])
        .assert_code(3)
        .stderr_has("there is no snapshot of ");
    operator.run(&["snapshot", GROUP]).assert_code(0);
    operator
        .run(&["groups", "set-id", GROUP, "start", "--force", "--yes"])
        .assert_code(0);
    let list = operator.run(&["snapshot", "--list", "-o", "json"]);
    let list = list.assert_code(0).stdout_json();
    let by = |place: usize| list[place]["operation"].as_str().unwrap();
    assert_eq!((by(0), by(1)), ("groups set-id", "snapshot"));
    fs::write(operator.snapshots().join("1-1.snapshot"), "x").unwrap();
    let list = operator.run(&["snapshot", "--list", "--names"]);
    list.assert_code(7).stderr_has("is damaged");
    assert_eq!(list.stdout_lines().len(), 2);
}
