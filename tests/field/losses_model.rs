//! What is said to be lost, against a group whose truth is played along on a real server.

use proptest::prelude::*;
use tokio::runtime::Runtime;
use ucp_streams::model::{EntryId, Lag, Losses, Name, Time};
use ucp_streams::streams::lag::{Counters, lost};
use ucp_streams::wire::{
    Connection, Dialer, Endpoint, Looked, LossesOf, get, record_losses, xinfo_groups, xinfo_stream,
};

use crate::support::{Client, PATIENCE, TestServer};

const STREAM: &str = "s";
const GROUP: &str = "g";
const LETTERS: &str = "{s}:dlq";
const KEPT: &str = "{s}:lost:g";

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u64),
    Read(usize),
    Acknowledge,
    Trim(usize),
    Delete(u64),
    SetId { to: u64, is_counted: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..15).prop_map(Step::Add),
        5 => (1_usize..12).prop_map(Step::Read),
        1 => Just(Step::Acknowledge),
        3 => (0_usize..25).prop_map(Step::Trim),
        1 => (1_u64..60).prop_map(Step::Delete),
        1 => (0_u64..60, any::<bool>()).prop_map(|(to, is_counted)| Step::SetId { to, is_counted }),
    ]
}

/// The truth, since the group was last put where it stands. Entries are numbered from 1.
#[derive(Debug, Default)]
struct Truth {
    last: u64,
    present: Vec<u64>,
    position: u64,
    /// The highest that was ever deleted.
    deleted: u64,
    delivered: std::collections::BTreeSet<u64>,
    /// Entries that were trimmed or deleted before they were delivered.
    lost: u64,
    /// Of these, recorded.
    recorded: u64,
    /// Whether all of them have to be found.
    is_followed: bool,
}

impl Truth {
    fn leave(&mut self, id: u64) {
        self.present.retain(|it| *it != id);
        self.lost += u64::from(id > self.position);
    }

    /// Lost between the position and the first entry there is.
    fn ahead(&self) -> u64 {
        let first = self.present.first().copied().unwrap_or(self.last + 1);
        first.saturating_sub(self.position + 1)
    }
}

struct Play {
    client: Client,
    runtime: Runtime,
    connection: Connection,
    truth: Truth,
    /// Whether somebody looks before each read, as workers do.
    is_watched: bool,
}

impl Play {
    fn new(server: &TestServer, is_watched: bool, is_counted: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let endpoint = Endpoint::parse(&server.url()).unwrap();
        let dialer = Dialer::new(endpoint, PATIENCE);
        let connection = runtime.block_on(dialer.connect()).unwrap();
        let mut client = server.client();
        client.send(&["FLUSHALL"]);
        let mut create = vec!["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"];
        if is_counted {
            create.extend(["ENTRIESREAD", "0"]);
        }
        client.send(&create);
        Self {
            client,
            runtime,
            connection,
            truth: Truth {
                is_followed: true,
                ..Truth::default()
            },
            is_watched,
        }
    }

    fn send(&mut self, line: &str) {
        let reply = self.client.send(&line.split(' ').collect::<Vec<_>>());
        assert!(
            !matches!(reply, crate::support::Reply::Error(_)),
            "{line}: {reply:?}"
        );
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(count) => {
                for _ in 0..count {
                    self.truth.last += 1;
                    let id = self.truth.last;
                    self.truth.present.push(id);
                    self.send(&format!("XADD s {id}-0 n 1"));
                }
            }
            Step::Read(count) => self.read(count),
            Step::Acknowledge => {
                let ids: Vec<_> = self
                    .truth
                    .delivered
                    .iter()
                    .map(|id| format!("{id}-0"))
                    .collect();
                if !ids.is_empty() {
                    self.send(&format!("XACK s g {}", ids.join(" ")));
                }
            }
            Step::Trim(keep) => {
                self.send(&format!("XTRIM s MAXLEN {keep}"));
                let cut = self.truth.present.len().saturating_sub(keep);
                let gone: Vec<u64> = self.truth.present.drain(..cut).collect();
                for id in gone {
                    self.truth.leave(id);
                }
            }
            Step::Delete(id) if self.truth.present.contains(&id) => {
                self.send(&format!("XDEL s {id}-0"));
                self.truth.is_followed &= id <= self.truth.position;
                self.truth.deleted = self.truth.deleted.max(id);
                self.truth.leave(id);
            }
            Step::Delete(_) => {}
            Step::SetId { to, is_counted } => self.set_id(to.min(self.truth.last), is_counted),
        }
    }

    fn read(&mut self, count: usize) {
        if self.is_watched {
            self.look();
        }
        self.send(&format!("XREADGROUP GROUP g c COUNT {count} STREAMS s >"));
        let position = self.truth.position;
        let unread = self
            .truth
            .present
            .iter()
            .copied()
            .filter(|id| *id > position);
        let read: Vec<u64> = unread.take(count).collect();
        // A server that counts anew takes what was lost before for read.
        let passes_unseen = !self.is_watched && self.truth.ahead() > 0 && !read.is_empty();
        self.truth.is_followed &= !passes_unseen;
        self.truth.position = read.last().copied().unwrap_or(position);
        self.truth.delivered.extend(read);
    }

    fn set_id(&mut self, to: u64, is_counted: bool) {
        let number = if is_counted {
            format!(" ENTRIESREAD {to}")
        } else {
            String::new()
        };
        self.send(&format!("XGROUP SETID s g {to}-0{number}"));
        let gone = (to + 1..=self.truth.last).filter(|id| !self.truth.present.contains(id));
        self.truth.lost = gone.count() as u64;
        self.truth.recorded = 0;
        self.truth.position = to;
        // On its way past what was deleted, a server counts anew.
        self.truth.is_followed = is_counted && self.truth.deleted <= to;
    }

    /// What the pure rule says, and what is kept.
    fn said(&self) -> (Lag, Option<Losses>) {
        let stream = Name::from(STREAM);
        self.runtime.block_on(async {
            let info = self.connection.run(xinfo_stream(&stream)).await.unwrap();
            let groups = self.connection.run(xinfo_groups(&stream)).await.unwrap();
            let kept = self.connection.run(get(&KEPT.into())).await.unwrap();
            let kept = kept.and_then(|it| Losses::of_value(&it));
            (
                lost(&info, &groups[0], Counters::Plain, kept.as_ref()),
                kept,
            )
        })
    }

    /// Looks as a worker does; it finds what the pure rule says.
    fn look(&mut self) {
        let (said, _) = self.said();
        let names = [STREAM, GROUP, LETTERS, KEPT, "c"].map(Name::from);
        let [stream, group, dead_letter, kept, consumer] = &names;
        let of = LossesOf {
            stream,
            group,
            dead_letter,
            kept,
            consumer,
            counted_by: "",
            reason: "why",
        };
        let call = record_losses(of, None, None, Time::now());
        let truth = &mut self.truth;
        match self.runtime.block_on(self.connection.call(call)).unwrap() {
            Looked::Nothing => {
                // What the position has passed in a stream's middle is told once it is at the end, and what may have
                // been moved back is never told.
                let is_certain = matches!(said, Lag::Known(entries) if entries > 0);
                assert!(!is_certain, "{said:?} and nothing was recorded: {truth:?}");
            }
            Looked::Recorded(gap, _) => {
                let entries = gap.entries.entries().unwrap();
                assert_eq!(said.entries(), Some(entries), "{said:?} {gap:?} {truth:?}");
                truth.recorded += entries;
                assert!(truth.recorded <= truth.lost, "{gap:?} and {truth:?}");
                assert!(gap.from <= gap.to && gap.to <= EntryId::new(truth.last, 0));
                if matches!(gap.entries, Lag::Known(_)) && truth.is_followed {
                    assert_eq!(truth.recorded, truth.lost, "{gap:?} and {truth:?}");
                }
            }
            Looked::Unrecorded(gap, why) => panic!("{gap:?}: {why}"),
        }
    }

    /// Nothing is said that is not so.
    fn check(&self) {
        let (said, _) = self.said();
        let truth = &self.truth;
        let left = truth.lost - truth.recorded;
        match said {
            Lag::Known(entries) if truth.is_followed => assert_eq!(entries, left, "{truth:?}"),
            Lag::Known(entries) | Lag::AtLeast(entries) => {
                assert!(entries <= left, "{entries}: {truth:?}");
            }
            Lag::AtMost(entries) => {
                assert!(entries >= truth.ahead().min(left), "{entries}: {truth:?}");
            }
            Lag::Unknown => {}
        }
    }
}

#[test]
fn field_a1_what_is_said_to_be_lost_is_what_was_lost() {
    let server = TestServer::start();
    let config = ProptestConfig {
        cases: 96,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 1..40);
    proptest!(config, |(steps in steps, is_watched in any::<bool>(), is_counted in any::<bool>())| {
        let mut play = Play::new(&server, is_watched, is_counted);
        for step in steps {
            play.step(step);
            play.check();
        }
        play.look();
        play.check();
    });
}
