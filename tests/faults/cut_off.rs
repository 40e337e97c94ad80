//! Repairs that are killed between their first and their last write, and two at once: nothing is lost or doubled, and what
//! was cut off is completed by the same command.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::oneshot::stale;
use crate::scene::{RECOVERY, Scene};
use crate::support::{Client, Invocation, Reply, Run, directory, until};

const LETTERS: &str = "{s}:dlq";
/// How many entries a command is to change that is killed.
const ENTRIES: usize = 1_500;
/// How many two change at once.
const AT_ONCE: usize = 6_000;
const SOAK_AT_ONCE: usize = 20_000;
/// How many kills of each command CI sees, and how many `make soak`.
const KILLS: usize = 10;
const SOAK_KILLS: usize = 100;

/// A repair that can be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Repair {
    Claim,
    Requeue,
    Ack,
    Park,
    Redrive,
    Purge,
    HandOver,
    Undo,
}

const ALL: [Repair; 8] = [
    Repair::Claim,
    Repair::Requeue,
    Repair::Ack,
    Repair::Park,
    Repair::Redrive,
    Repair::Purge,
    Repair::HandOver,
    Repair::Undo,
];

/// Where every entry is: pending for whom, copied how often, and dead how often, by the id that it began with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    pending: BTreeMap<String, String>,
    copies: BTreeMap<String, usize>,
    letters: BTreeMap<String, usize>,
}

struct Stage {
    scene: Scene,
    home: tempfile::TempDir,
    /// How many entries there are.
    entries: usize,
    /// How many dead letters the repair begins with.
    letters: usize,
}

impl Stage {
    fn of(repair: Repair, entries: usize) -> Self {
        let scene = Scene::new();
        stale(&scene, entries as u64);
        let server = &scene.server;
        server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "heir"]);
        let stage = Self {
            letters: 0,
            entries,
            home: directory(),
            scene,
        };
        match repair {
            Repair::Redrive | Repair::Purge => {
                let mut park: Vec<String> = words("dlq add g --stream s --reason odd --yes");
                park.extend(stage.ids());
                stage.run(&park).assert_code(0);
                Self {
                    letters: entries,
                    ..stage
                }
            }
            Repair::Undo => {
                let mut ack: Vec<String> = words("ack g --stream s --yes");
                ack.extend(stage.ids());
                stage.run(&ack).assert_code(0);
                stage
            }
            _ => stage,
        }
    }

    fn ids(&self) -> Vec<String> {
        (1..=self.entries).map(|n| format!("{n}-1")).collect()
    }

    fn command(&self, words: &[String]) -> Invocation {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let command = self.scene.server.command(&words);
        command.env("HOME", self.home.path())
    }

    fn run(&self, words: &[String]) -> Run {
        self.command(words).run()
    }

    fn words(&self, repair: Repair) -> Vec<String> {
        let mut words = words(match repair {
            Repair::Claim => "claim g --stream s --idle 1m --to heir",
            Repair::Requeue => "requeue g --stream s --idle 1m",
            Repair::Ack => "ack g --stream s",
            Repair::Park => "dlq add g --stream s --reason odd",
            Repair::Redrive => "dlq redrive s --all",
            Repair::Purge => "dlq purge s --all",
            Repair::HandOver => "consumers delete g --stream s dead --hand-over-to heir --force",
            Repair::Undo => "undo",
        });
        if matches!(repair, Repair::Ack | Repair::Park) {
            words.extend(self.ids());
        }
        words.push("--yes".to_owned());
        words
    }

    fn places(&self) -> Places {
        let server = &self.scene.server;
        let mut places = Places::default();
        for row in self.scene.pending() {
            places.pending.insert(row.id, row.consumer);
        }
        let field = |entry: &Reply, name: &str| -> Option<String> {
            let fields = entry.items()[1].items();
            let at = fields.chunks(2).find(|it| it[0].text() == name)?;
            Some(at[1].text().to_owned())
        };
        for entry in server.redis(&["XRANGE", "s", "-", "+"]).items() {
            if let Some(origin) = field(entry, "_ucp_origin") {
                *places.copies.entry(origin).or_default() += 1;
            }
        }
        for entry in server.redis(&["XRANGE", LETTERS, "-", "+"]).items() {
            let origin = field(entry, "_dlq_id").expect("a dead letter says where it came from");
            *places.letters.entry(origin).or_default() += 1;
        }
        places
    }

    /// How many entries the repair has changed so far.
    fn progress(&self, repair: Repair, client: &mut Client) -> usize {
        let mut count = |words: &[&str]| usize::try_from(client.send(words).int()).unwrap();
        match repair {
            Repair::Requeue => count(&["XLEN", "s"]) - self.entries,
            Repair::Park => count(&["XLEN", LETTERS]),
            Repair::Redrive | Repair::Purge => self.letters - count(&["XLEN", LETTERS]),
            Repair::Ack => self.entries - Self::pending_count(client, None),
            Repair::Undo => Self::pending_count(client, None),
            Repair::Claim | Repair::HandOver => Self::pending_count(client, Some("heir")),
        }
    }

    fn pending_count(client: &mut Client, of: Option<&str>) -> usize {
        let summary = client.send(&["XPENDING", "s", "g"]);
        let Some(of) = of else {
            return usize::try_from(summary.items()[0].int()).unwrap();
        };
        if summary.items()[0].int() == 0 {
            return 0;
        }
        let rows = summary.items()[3].items();
        let row = rows.iter().find(|it| it.items()[0].text() == of);
        row.map_or(0, |it| it.items()[1].text().parse().unwrap())
    }

    /// Runs the repair, and kills it once it has changed so many. Returns how many it has changed.
    fn cut_off(&self, repair: Repair, after: usize) -> usize {
        let mut client = self.scene.server.client();
        let mut child = self.command(&self.words(repair)).spawn();
        while self.progress(repair, &mut client) < after {
            if child.ended().is_some() {
                break;
            }
            thread::yield_now();
        }
        child.signal(Signal::KILL);
        let _ = child.wait();
        self.progress(repair, &mut client)
    }
}

/// Pseudo-random numbers from a seed, so that a run can be made again.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number of 1 to `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Every entry is in one place, once; `is_done` says whether all are where the repair puts them.
fn check(repair: Repair, stage: &Stage, changed: usize, is_done: bool) {
    let places = stage.places();
    let all: BTreeSet<String> = stage.ids().into_iter().collect();
    let pending: BTreeSet<String> = places.pending.keys().cloned().collect();
    let once = |counts: &BTreeMap<String, usize>| -> BTreeSet<String> {
        assert!(
            counts.values().all(|it| *it == 1),
            "{repair:?}: twice: {counts:?}"
        );
        counts.keys().cloned().collect()
    };
    let (copies, letters) = (once(&places.copies), once(&places.letters));
    let (left, moved) = match repair {
        Repair::Claim | Repair::HandOver => (pending.clone(), BTreeSet::new()),
        Repair::Requeue => (pending, copies),
        Repair::Park => (pending, letters),
        Repair::Redrive => (letters, copies),
        // What is acknowledged or purged is nowhere.
        Repair::Ack => (pending.clone(), all.difference(&pending).cloned().collect()),
        Repair::Purge => (letters.clone(), all.difference(&letters).cloned().collect()),
        Repair::Undo => (all.difference(&pending).cloned().collect(), pending),
    };
    assert!(left.is_disjoint(&moved), "{repair:?}: in two places");
    let together: BTreeSet<String> = left.union(&moved).cloned().collect();
    assert_eq!(together, all, "{repair:?}: lost or invented");
    match repair {
        Repair::Claim | Repair::HandOver => {
            let held = places.pending.values().filter(|it| *it == "heir").count();
            assert_eq!(held, changed, "{repair:?}");
        }
        _ => assert_eq!(moved.len(), changed, "{repair:?}"),
    }
    if is_done {
        assert_eq!(changed, stage.entries, "{repair:?}");
    }
}

/// Kills the repair at random places, and lets it be completed.
fn kill(repair: Repair, kills: usize) {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = u64::try_from(seed.as_nanos() & u128::from(u64::MAX)).unwrap();
    let mut random = Rng::new(seed);
    let (mut between, mut tries) = (0, 0);
    let mut phases = Vec::new();
    while between < kills {
        tries += 1;
        assert!(
            tries <= kills * 4,
            "{repair:?}: it is too fast to be killed"
        );
        let stage = Stage::of(repair, ENTRIES);
        let changed = stage.cut_off(repair, random.below(ENTRIES * 9 / 10));
        check(repair, &stage, changed, false);
        if changed < ENTRIES {
            between += 1;
            phases.push(changed);
            let rest = stage.run(&stage.words(repair));
            let code = rest.code();
            // What was named and is done already is listed as such.
            assert!(matches!(code, Some(0 | 7)), "{repair:?}: {rest}");
        }
        let mut client = stage.scene.server.client();
        let all = stage.progress(repair, &mut client);
        check(repair, &stage, all, true);
    }
    println!("{repair:?}: seed {seed}, killed after {phases:?} of {ENTRIES}");
}

#[test]
fn what_is_killed_loses_and_doubles_nothing_and_is_completed() {
    for repair in ALL {
        kill(repair, KILLS);
    }
}

#[test]
#[ignore = "minutes; make soak runs it"]
fn soak_repairs_that_are_killed() {
    for repair in ALL {
        kill(repair, SOAK_KILLS);
    }
}

/// What a killed repair did is undone, also the last batch, which it could not note any more.
#[test]
fn what_was_cut_off_is_undone() {
    for repair in [
        Repair::Claim,
        Repair::Requeue,
        Repair::Ack,
        Repair::Park,
        Repair::Redrive,
        Repair::Purge,
        Repair::HandOver,
    ] {
        let stage = Stage::of(repair, ENTRIES);
        let before = stage.places();
        let changed = stage.cut_off(repair, ENTRIES / 2);
        assert!((1..ENTRIES).contains(&changed), "{repair:?}: {changed}");
        let undone = stage.run(&words("undo --yes -o json"));
        let json = undone.assert_code(0).stdout_json();
        assert_eq!(json["restored"], changed, "{repair:?}");
        assert_eq!(stage.places(), before, "{repair:?}");
        println!("{repair:?}: {changed} changed and restored");
    }
}

/// How many entries a report says were changed; each of the others is listed with a reason.
fn changed_by(run: &Run, repair: Repair) -> usize {
    let done = ["claimed", "requeued", "redriven", "acknowledged"];
    let rows = run.stdout_ndjson();
    let is_done = |row: &&serde_json::Value| done.iter().any(|it| row["outcome"] == *it);
    let count = rows.iter().filter(is_done).count();
    let codes: &[i32] = match (count, rows.len() - count) {
        (_, 0) => &[0],
        // By the time of the plan none was pending, or by that of the change.
        (0, _) if repair == Repair::Ack => &[3, 6],
        (0, _) => &[6],
        _ => &[7],
    };
    assert!(codes.contains(&run.code().unwrap()), "{repair:?}: {run}");
    count
}

/// Both reports add up, and each entry was changed by one of them.
fn two_at_once(entries: usize) {
    for repair in [Repair::Claim, Repair::Requeue, Repair::Redrive, Repair::Ack] {
        let stage = Stage::of(repair, entries);
        let mut line = stage.words(repair);
        line.extend(words("-o ndjson"));
        let runs = thread::scope(|scope| {
            let runs = [(); 2].map(|()| scope.spawn(|| stage.run(&line)));
            runs.map(|run| run.join().unwrap())
        });
        let counts = runs.each_ref().map(|run| changed_by(run, repair));
        println!("{repair:?}: {counts:?} of {entries}");
        assert_eq!(counts.iter().sum::<usize>(), entries, "{repair:?}");
        check(repair, &stage, entries, true);
    }
}

#[test]
fn two_operators_at_once_change_each_entry_once() {
    two_at_once(AT_ONCE);
}

#[test]
#[ignore = "minutes; make soak runs it"]
fn soak_two_operators_at_once_change_twenty_thousand() {
    two_at_once(SOAK_AT_ONCE);
}

/// A worker takes over what is stale, while it is requeued: each entry is taken by one of them, and all are handled.
#[test]
fn a_requeue_beside_a_live_worker_copies_each_entry_at_most_once() {
    let stage = Stage::of(Repair::Requeue, AT_ONCE);
    let worker = words("worker run g --stream s --builtin null --claim-idle 3s --concurrency 8");
    let mut worker = stage.command(&worker).spawn();
    let mut client = stage.scene.server.client();
    until(RECOVERY, "the worker takes some over", || {
        Stage::pending_count(&mut client, None) < AT_ONCE
    });
    let requeue = words("requeue g --stream s --idle 1m --yes --no-snapshot -o ndjson");
    let run = stage.run(&requeue);
    let requeued = changed_by(&run, Repair::Requeue);
    let rows = run.stdout_ndjson().len();
    until(RECOVERY, "all is handled", || {
        let info = client.send(&["XINFO", "GROUPS", "s"]);
        let lag = info.items()[0].field("lag").int();
        lag == 0 && Stage::pending_count(&mut client, None) == 0
    });
    worker.signal(Signal::TERM);
    worker.wait().assert_code(0);
    let places = stage.places();
    assert!(places.copies.values().all(|it| *it == 1));
    assert_eq!(places.copies.len(), requeued);
    println!("{requeued} of {rows} requeued beside a worker, which took the others");
}
