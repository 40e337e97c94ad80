//! Each destructive command, and `undo` after it: what was before is there again, or what differs was said.

use serde_json::Value;
use tempfile::TempDir;

use crate::seed::{GROUP, STREAM, deliver, held_by_two, ids, pending};
use crate::support::{Reply, Run, TestServer, directory};

const LETTERS: &str = "{events.normalized}:dlq";

/// One operator, whose snapshots are kept in a home of its own.
struct Operator {
    server: TestServer,
    home: TempDir,
}

/// What the server says: entries with their fields, what is pending with owner and count, the fields of dead letters, and
/// the consumers.
#[derive(Debug, PartialEq)]
struct State {
    entries: String,
    pending: Vec<(String, String, i64)>,
    letters: Vec<String>,
    consumers: Vec<String>,
}

impl Operator {
    fn new() -> Self {
        Self {
            server: held_by_two(4),
            home: directory(),
        }
    }

    fn run(&self, args: &[&str]) -> Run {
        let command = self.server.command(args).env("HOME", self.home.path());
        command.run()
    }

    fn state(&self) -> State {
        let letters = self.server.redis(&["XRANGE", LETTERS, "-", "+"]);
        let fields = |entry: &Reply| format!("{:?}", entry.items()[1]);
        let consumers = self.server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
        let name = |it: &Reply| it.field("name").text().to_owned();
        State {
            entries: format!("{:?}", self.server.redis(&["XRANGE", STREAM, "-", "+"])),
            pending: pending(&self.server, STREAM, GROUP),
            letters: letters.items().iter().map(fields).collect(),
            consumers: consumers.items().iter().map(name).collect(),
        }
    }

    fn idle_ms(&self, id: &str) -> i64 {
        let rows = self.server.redis(&["XPENDING", STREAM, GROUP, id, id, "1"]);
        rows.items()[0].items()[2].int()
    }

    /// Makes a change, and returns the command that undoes it.
    fn change(&self, args: &[&str]) -> Vec<String> {
        let before = self.state();
        let run = self.run(&[args, &["--yes"]].concat());
        assert!(matches!(run.code(), Some(0 | 7)), "{}", run.stderr());
        assert_ne!(self.state(), before, "{args:?} changes something");
        undo_in(&run)
    }

    fn undo(&self, undo: &[String], more: &[&str]) -> Run {
        let mut args: Vec<&str> = undo.iter().map(String::as_str).collect();
        args.extend(more);
        self.run(&args)
    }

    /// Makes a change and undoes it; both undo and a second one find nothing left out.
    fn round_trip(&self, args: &[&str]) -> Value {
        let before = self.state();
        let undo = self.change(args);
        let changed = self.state();
        self.undo(&undo, &["--dry-run"]).assert_code(0);
        assert_eq!(self.state(), changed, "a dry run changes nothing");
        let undone = self.undo(&undo, &["--yes", "-o", "json"]);
        let undone = undone.assert_code(0).stdout_json();
        assert_eq!(self.state(), before, "{args:?}");
        self.undo(&undo, &["--yes"])
            .assert_code(0)
            .stderr_has("nothing to restore");
        assert_eq!(self.state(), before, "a second undo changes nothing");
        undone
    }
}

fn undo_in(run: &Run) -> Vec<String> {
    let said = run.stderr().split("to undo it: ucp-streams ").nth(1);
    let said = said.unwrap_or_else(|| panic!("no undo in {}", run.stderr()));
    let line = said.lines().next().unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn what_was_claimed_goes_back_with_idle_time_and_count() {
    let operator = Operator::new();
    let undone = operator.round_trip(&["claim", GROUP, "--idle", "5m", "--to", "c3"]);
    assert_eq!(
        (&undone["restored"], &undone["again"]),
        (&4.into(), &0.into())
    );
    assert!((600_000..900_000).contains(&operator.idle_ms("1-0")));
    // Also where the counts were set to 1.
    let claim = [
        "claim",
        GROUP,
        "1-0",
        "--to",
        "c3",
        "--reset-deliveries",
        "--idle",
        "0s",
    ];
    operator.round_trip(&claim);
    assert_eq!(pending(&operator.server, STREAM, GROUP)[0].2, 4);
}

#[test]
fn what_others_did_since_a_claim_is_named_and_left() {
    let operator = Operator::new();
    let undo = operator.change(&["claim", GROUP, "--idle", "5m", "--to", "c3"]);
    let server = &operator.server;
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    server.redis(&["XCLAIM", STREAM, GROUP, "thief", "0", "2-0"]);
    let plan = operator.undo(&undo, &["--dry-run"]);
    plan.assert_code(0)
        .stderr_has("1-0: it was acknowledged since")
        .stderr_has("2-0: `thief` holds it by now");
    let undone = operator.undo(&undo, &["--yes", "-o", "json"]);
    let undone = undone.assert_code(7).stdout_json();
    assert_eq!(
        (&undone["restored"], &undone["left_out"]),
        (&2.into(), &2.into())
    );
    let held = pending(server, STREAM, GROUP);
    assert_eq!(held[0], ("2-0".to_owned(), "thief".to_owned(), 5));
    assert_eq!(held[1], ("3-0".to_owned(), "c1".to_owned(), 4));
}

#[test]
fn what_was_acknowledged_is_pending_again() {
    let operator = Operator::new();
    let undone = operator.round_trip(&["ack", GROUP, "1-0", "5-0"]);
    assert_eq!(
        (&undone["restored"], &undone["again"]),
        (&2.into(), &0.into())
    );
    // An entry that the command did not acknowledge is none of its business.
    let undo = operator.change(&["ack", GROUP, "1-0"]);
    operator.server.redis(&["XACK", STREAM, GROUP, "2-0"]);
    operator.undo(&undo, &["--yes"]).assert_code(0);
    let held = pending(&operator.server, STREAM, GROUP);
    assert_eq!((held[0].0.as_str(), held[1].0.as_str()), ("1-0", "3-0"));
}

#[test]
fn copies_that_nobody_got_are_taken_back() {
    let operator = Operator::new();
    let undone = operator.round_trip(&["requeue", GROUP, "--idle", "5m"]);
    assert_eq!(
        (&undone["restored"], &undone["copies"]),
        (&4.into(), &4.into())
    );
}

#[test]
fn a_copy_that_was_delivered_stays_and_is_named() {
    let operator = Operator::new();
    let undo = operator.change(&["requeue", GROUP, "1-0", "2-0", "--idle", "0s"]);
    deliver(&operator.server, STREAM, GROUP, "c3", 5);
    let copies: Vec<String> = ids(&operator.server, STREAM).split_off(10);
    let undone = operator.undo(&undo, &["--yes", "-o", "json"]);
    let told = format!(
        "1-0: its copy {} was delivered to group `{GROUP}`",
        copies[0]
    );
    let undone = undone.assert_code(7).stderr_has(&told).stdout_json();
    assert_eq!(
        (&undone["restored"], &undone["left_out"]),
        (&1.into(), &1.into())
    );
    assert_eq!(undone["left"][0]["copy_id"], copies[0].as_str());
    // The copy of 2-0 is gone, and 2-0 is pending again.
    let left = ids(&operator.server, STREAM);
    assert!(left.contains(&copies[0]) && !left.contains(&copies[1]));
    assert_eq!(pending(&operator.server, STREAM, GROUP)[0].0, "2-0");
}

#[test]
fn copies_in_a_retry_stream_are_taken_back() {
    let operator = Operator::new();
    let retry = "{events.normalized}:retry:event-processors";
    let length = || operator.server.redis(&["XLEN", retry]).int();
    let requeue = ["requeue", GROUP, "1-0", "2-0", "--idle", "0s"];
    let undone = operator.round_trip(&[&requeue[..], &["--via-retry-stream", "--force"]].concat());
    assert_eq!(
        (&undone["restored"], &undone["copies"], length()),
        (&2.into(), &2.into(), 0)
    );
    let park = ["dlq", "add", GROUP, "1-0", "--reason", "odd", "--yes"];
    operator.run(&park).assert_code(0);
    let redrive = [
        "dlq",
        "redrive",
        STREAM,
        "--all",
        "--via-retry-stream",
        "--force",
    ];
    let undone = operator.round_trip(&redrive);
    assert_eq!((&undone["restored"], length()), (&1.into(), 0));
}

#[test]
fn what_was_parked_is_pending_again_and_no_dead_letter() {
    let operator = Operator::new();
    let undone = operator.round_trip(&["dlq", "add", GROUP, "1-0", "5-0", "--reason", "odd"]);
    assert_eq!(
        (&undone["restored"], &undone["copies"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn dead_letters_are_there_again() {
    let operator = Operator::new();
    let park = [
        "dlq", "add", GROUP, "1-0", "2-0", "5-0", "--reason", "odd", "--yes",
    ];
    operator.run(&park).assert_code(0);
    let undone = operator.round_trip(&["dlq", "redrive", STREAM, "--all"]);
    assert_eq!(
        (&undone["restored"], &undone["copies"]),
        (&3.into(), &3.into())
    );
    let undone = operator.round_trip(&["dlq", "purge", STREAM, "--all"]);
    assert_eq!(
        (&undone["restored"], &undone["copies"]),
        (&3.into(), &0.into())
    );
}

#[test]
fn consumers_are_there_again_with_what_they_held() {
    let operator = Operator::new();
    let delete = [
        "consumers",
        "delete",
        GROUP,
        "c1",
        "--hand-over-to",
        "c3",
        "--force",
    ];
    let undone = operator.round_trip(&delete);
    assert_eq!(
        (&undone["restored"], &undone["consumers"]),
        (&4.into(), &1.into())
    );
    let prune = ["consumers", "prune", GROUP, "--idle", "0s"];
    let undone = operator.round_trip(&prune);
    assert_eq!(
        (&undone["restored"], &undone["consumers"]),
        (&0.into(), &1.into())
    );
}

#[test]
fn the_rule_of_undo_is_enough() {
    let operator = Operator::new();
    let before = operator.state();
    let undo = operator.change(&["dlq", "add", GROUP, "1-0", "--reason", "odd"]);
    let rule = operator.run(&["acl", "undo", "--group", GROUP, "-o", "json"]);
    let rule = rule.assert_code(0).stdout_json();
    let texts = |key: &str, sign: &str| -> Vec<String> {
        let items = rule[0][key].as_array().unwrap().iter();
        items
            .map(|it| format!("{sign}{}", it.as_str().unwrap()))
            .collect()
    };
    let words = [texts("keys", ""), texts("allowed", "+")].concat();
    let mut set = vec!["ACL", "SETUSER", "repairer", "reset", "on", ">secret"];
    set.extend(words.iter().map(String::as_str));
    operator.server.redis(&set);
    let mut args: Vec<&str> = undo.iter().map(String::as_str).collect();
    args.extend(["--yes", "--user", "repairer"]);
    let run = operator
        .server
        .command(&args)
        .env("HOME", operator.home.path())
        .env("UCP_STREAMS_PASSWORD", "secret")
        .run();
    run.assert_code(0);
    assert_eq!(operator.state(), before);
}

#[test]
fn nothing_is_changed_where_nothing_can_be_saved() {
    let operator = Operator::new();
    let before = operator.state();
    let place = operator.home.path().join(".local/state/ucp-streams");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("snapshots"), "no directory").unwrap();
    for change in [
        &["claim", GROUP, "--idle", "5m", "--to", "c3"][..],
        &["ack", GROUP, "1-0"],
        &["requeue", GROUP, "--idle", "5m"],
        &["dlq", "add", GROUP, "1-0", "--reason", "odd"],
        &["consumers", "delete", GROUP, "c3"],
    ] {
        operator
            .run(&[change, &["--yes"]].concat())
            .assert_code(74)
            .stderr_has("cannot write a snapshot");
        assert_eq!(operator.state(), before, "{change:?}");
    }
    let without = ["ack", GROUP, "1-0", "--yes", "--no-snapshot"];
    operator.run(&without).assert_code(0).stderr_lacks("undo");
}

/// The command in a shell in which no file may be larger than so many blocks, which stands for a full disk.
fn on_a_full_disk(operator: &Operator, args: &[&str], blocks: u32) -> std::process::Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &script, "bash", env!("CARGO_BIN_EXE_ucp-streams")])
        .args(args)
        .env("HOME", operator.home.path())
        .env("UCP_STREAMS_URL", operator.server.url());
    command.output().unwrap()
}

#[test]
fn on_a_full_disk_nothing_is_changed_and_nothing_is_left() {
    let operator = Operator::new();
    // Ids that do not compress to nothing.
    let ids: Vec<String> = (0..2000)
        .map(|n: u64| format!("{}-{n}", 20 + n * n * 7919))
        .collect();
    for id in &ids {
        operator.server.redis(&["XADD", STREAM, id, "n", "1"]);
    }
    deliver(&operator.server, STREAM, GROUP, "c2", 5000);
    let before = operator.state();
    let claim = [
        "claim", GROUP, "--idle", "0s", "--force", "--to", "c3", "--yes",
    ];
    let ended = on_a_full_disk(&operator, &claim, 1);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(74), "{said}");
    assert!(
        said.contains("nothing was changed: make room for it"),
        "{said}"
    );
    assert_eq!(operator.state(), before);
    let place = operator
        .home
        .path()
        .join(".local/state/ucp-streams/snapshots");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    // Where there is room for what is saved, but not for all receipts, it stops before it does what it could not note.
    let is_noted_in_part = (2..100).any(|blocks| {
        let ended = on_a_full_disk(&operator, &claim, blocks);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(74), "{said}");
        said.contains("the rest was not tried")
    });
    assert!(is_noted_in_part);
    assert_ne!(operator.state(), before, "a part was claimed");
    operator.run(&["undo", "--yes"]).assert_code(0);
    assert_eq!(operator.state(), before);
}

#[test]
fn undo_offers_the_last_change_on_this_server() {
    let (operator, other) = (Operator::new(), held_by_two(4));
    let undo = operator.change(&["ack", GROUP, "1-0"]);
    let elsewhere = other
        .command(&["ack", GROUP, "2-0", "--yes"])
        .env("HOME", operator.home.path());
    elsewhere.run().assert_code(0);
    let undone = operator.run(&["undo", "--yes", "-o", "json"]);
    let undone = undone.assert_code(0).stdout_json();
    assert_eq!(undone["snapshot"], undo[1].as_str());
    assert_eq!(pending(&operator.server, STREAM, GROUP)[0].0, "1-0");
}
