//! Lags held against the truth: any commands on a real server, and after each of them what is said of its groups.
//! The truth is what `XRANGE` returns after a group's position.

use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;
use ucp_streams::model::{EntryId, GroupInfo, Lag, Name, StreamInfo};
use ucp_streams::streams::inspect::{Detail, GroupReport, Wanted, count, observe};
use ucp_streams::streams::lag::{Counters, lag};
use ucp_streams::topology::{AlertName, GroupSpec, Measure, StreamSpec, Threshold, Topology};
use ucp_streams::wire::{
    Connection, Dialer, Endpoint, Lane, has_commands, xinfo_groups, xinfo_stream, xrange,
};

use super::scene::{GROUP as NAMED_GROUP, STREAM as NAMED_STREAM};
use crate::support::{Client, Reply, TestServer};

const STREAM: &str = "s";
const GROUPS: [&str; 2] = ["one", "other"];
/// What the counting in alerts goes to is one more.
const MAX_LAG: u64 = 6;
/// Entries of a node, which `XTRIM … ~` removes whole.
const NODE: &str = "4";

/// Where a group is created, or put: as a share of the ids that were given, in percent.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    End,
    Within(u64),
}

/// What is said of a group's read counter or of a stream's counters.
#[derive(Clone, Copy, Debug)]
enum Told {
    Nothing,
    /// What is so.
    Truth,
    /// Something else.
    Wrong(u64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many entries, each id so far after the one before it.
    Add(u64, u64),
    Read {
        which: usize,
        count: usize,
        is_kept: bool,
    },
    Acknowledge(usize),
    /// The entry at this place, in percent.
    Delete(u64),
    /// To this share, in percent.
    Trim(u64, &'static str),
    TrimById(u64, &'static str),
    SetId(usize, Place, Told),
    Create(usize, Place, Told),
    /// The last id, so far ahead.
    SetLast(u64, Told),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Start),
        Just(Place::End),
        (0_u64..=100).prop_map(Place::Within),
    ]
}

fn honest() -> BoxedStrategy<Told> {
    prop_oneof![Just(Told::Nothing), Just(Told::Truth)].boxed()
}

fn anything() -> BoxedStrategy<Told> {
    prop_oneof![
        Just(Told::Nothing),
        Just(Told::Truth),
        (0_u64..60).prop_map(Told::Wrong)
    ]
    .boxed()
}

fn step(told: BoxedStrategy<Told>) -> impl Strategy<Value = Step> {
    let how = || prop_oneof![2 => Just("="), 1 => Just("~")];
    let (which, percent) = (0..GROUPS.len(), 0_u64..=100);
    let (to_group, to_new, to_stream) = (told.clone(), told.clone(), told);
    prop_oneof![
        5 => (1_u64..12, 1_u64..4).prop_map(|(count, gap)| Step::Add(count, gap)),
        5 => (which.clone(), 1_usize..9, any::<bool>())
            .prop_map(|(which, count, is_kept)| Step::Read { which, count, is_kept }),
        1 => which.clone().prop_map(Step::Acknowledge),
        3 => percent.clone().prop_map(Step::Delete),
        2 => (percent.clone(), how()).prop_map(|(keep, how)| Step::Trim(keep, how)),
        2 => (percent, how()).prop_map(|(least, how)| Step::TrimById(least, how)),
        2 => (which.clone(), place(), to_group).prop_map(|(which, at, told)| Step::SetId(which, at, told)),
        1 => (which, place(), to_new).prop_map(|(which, at, told)| Step::Create(which, at, told)),
        1 => (0_u64..5, to_stream).prop_map(|(ahead, told)| Step::SetLast(ahead, told)),
    ]
}

/// The connections of a run.
struct Reader {
    runtime: Runtime,
    connection: Connection,
    lane: Lane,
    counters: Counters,
    topology: Topology,
}

impl Reader {
    fn of(server: &TestServer) -> Self {
        let runtime = Runtime::new().unwrap();
        let endpoint = Endpoint::parse(&server.url()).unwrap();
        let dialer = Dialer::new(endpoint, Duration::from_secs(30));
        let (connection, lane, has) = runtime.block_on(async {
            let connection = dialer.connect().await.unwrap();
            let has = connection.run(has_commands(&["XDELEX"])).await.unwrap();
            (connection, dialer.lane().await.unwrap(), has)
        });
        Self {
            runtime,
            connection,
            lane,
            counters: if has[0] {
                Counters::Corrected
            } else {
                Counters::Plain
            },
            topology: topology(),
        }
    }
}

fn topology() -> Topology {
    let stream = StreamSpec {
        name: STREAM.into(),
        ..Topology::default().stream_or_default(&STREAM.into())
    };
    let groups = GROUPS.map(|name| {
        let mut group = GroupSpec::new(name, STREAM);
        group
            .alert
            .set(Measure::MaxLag, Some(Threshold::critical(MAX_LAG)));
        group
    });
    Topology {
        streams: vec![stream],
        groups: groups.into(),
        ..Topology::default()
    }
}

/// What was done to the stream, as far as the next step depends on it.
struct Play<'a> {
    client: Client,
    reader: &'a mut Reader,
    given: Vec<u64>,
    deleted: u64,
    last: u64,
    /// Whether a counter was set to something that is not so.
    is_told_wrong: bool,
    history: Vec<String>,
}

impl<'a> Play<'a> {
    fn begin(server: &TestServer, reader: &'a mut Reader) -> Self {
        let mut client = server.client();
        client.send(&["CONFIG", "SET", "stream-node-max-entries", NODE]);
        client.send(&["FLUSHALL"]);
        let mut play = Self {
            client,
            reader,
            given: Vec::new(),
            deleted: 0,
            last: 0,
            is_told_wrong: false,
            history: Vec::new(),
        };
        for group in GROUPS {
            play.run(&format!("XGROUP CREATE {STREAM} {group} 0 MKSTREAM"));
        }
        play
    }

    fn run(&mut self, line: &str) -> Reply {
        self.history.push(line.to_owned());
        self.client.send(&line.split(' ').collect::<Vec<_>>())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(count, gap) => {
                for _ in 0..count {
                    self.last += gap;
                    let id = self.last;
                    self.run(&format!("XADD {STREAM} {id}-0 a 1"));
                    self.given.push(id);
                }
            }
            Step::Read {
                which,
                count,
                is_kept,
            } => {
                let (group, kept) = (GROUPS[which], if is_kept { "" } else { " NOACK" });
                self.run(&format!(
                    "XREADGROUP GROUP {group} c COUNT {count}{kept} STREAMS {STREAM} >"
                ));
            }
            Step::Acknowledge(which) => {
                let group = GROUPS[which];
                let pending = self
                    .client
                    .send(&["XPENDING", STREAM, group, "-", "+", "5"]);
                for row in pending.items() {
                    let id = row.items()[0].text().to_owned();
                    self.run(&format!("XACK {STREAM} {group} {id}"));
                }
            }
            Step::Delete(percent) => {
                if let Some(id) = self.given_at(percent) {
                    let gone = self.run(&format!("XDEL {STREAM} {id}-0")).int();
                    self.deleted = if gone > 0 {
                        self.deleted.max(id)
                    } else {
                        self.deleted
                    };
                }
            }
            Step::Trim(percent, how) => {
                let length = self.client.send(&["XLEN", STREAM]).int().unsigned_abs();
                let keep = length * percent / 100;
                self.run(&format!("XTRIM {STREAM} MAXLEN {how} {keep}"));
            }
            Step::TrimById(percent, how) => {
                let least = self.last * percent / 100;
                self.run(&format!("XTRIM {STREAM} MINID {how} {least}-0"));
            }
            Step::SetId(which, place, told) => {
                let told = self.put(place, told);
                self.run(&format!("XGROUP SETID {STREAM} {} {told}", GROUPS[which]));
            }
            Step::Create(which, place, told) => {
                let (group, told) = (GROUPS[which], self.put(place, told));
                self.run(&format!("XGROUP DESTROY {STREAM} {group}"));
                self.run(&format!("XGROUP CREATE {STREAM} {group} {told}"));
            }
            Step::SetLast(ahead, told) => self.set_last(ahead, told),
        }
    }

    fn given_at(&self, percent: u64) -> Option<u64> {
        let last = self.given.len().checked_sub(1)? as u64;
        let at = usize::try_from(last * percent / 100).unwrap();
        Some(self.given[at])
    }

    /// A position, and what is said of what was read up to it.
    fn put(&mut self, place: Place, told: Told) -> String {
        let (word, id) = match place {
            Place::Start => ("0".to_owned(), 0),
            Place::End => ("$".to_owned(), self.last),
            Place::Within(percent) => {
                let id = self.last * percent / 100;
                (format!("{id}-0"), id)
            }
        };
        let truth = self.given.iter().filter(|it| **it <= id).count() as u64;
        match told {
            Told::Nothing => word,
            Told::Truth => format!("{word} ENTRIESREAD {truth}"),
            Told::Wrong(read) => {
                self.is_told_wrong |= read != truth;
                format!("{word} ENTRIESREAD {read}")
            }
        }
    }

    fn set_last(&mut self, ahead: u64, told: Told) {
        let (last, added, deleted) = (self.last + ahead, self.given.len() as u64, self.deleted);
        let told = match told {
            Told::Nothing => String::new(),
            Told::Truth => format!(" ENTRIESADDED {added} MAXDELETEDID {deleted}-0"),
            Told::Wrong(added) => {
                self.is_told_wrong = true;
                let deleted = last * (added % 5) / 4;
                format!(" ENTRIESADDED {added} MAXDELETEDID {deleted}-0")
            }
        };
        // Refused where fewer are said to be added than there are.
        if !matches!(
            self.run(&format!("XSETID {STREAM} {last}-0{told}")),
            Reply::Error(_)
        ) {
            self.last = last;
        }
    }

    /// Holds all that is said against what there is.
    fn check(&mut self) {
        let history = self.history.join("\n");
        let Reader {
            runtime,
            connection,
            lane,
            counters,
            topology,
        } = &mut *self.reader;
        let stream = Name::from(STREAM);
        runtime.block_on(async {
            let info = connection.run(xinfo_stream(&stream)).await.unwrap();
            let groups = connection.run(xinfo_groups(&stream)).await.unwrap();
            let wanted = Wanted::Groups(&topology.groups);
            let said = observe(connection, topology, wanted, Detail::Groups).await;
            let said = said.unwrap().into_groups(&topology.groups);
            assert_eq!(said.len(), GROUPS.len());
            for mut said in said {
                let group = groups.iter().find(|it| it.name == said.group).unwrap();
                let from = group.last_delivered_id.next().unwrap();
                let left = connection.run(xrange(&stream, from, EntryId::MAX, 100_000));
                let case = Case {
                    truth: left.await.unwrap().len() as u64,
                    group,
                    history: &history,
                };
                if !self.is_told_wrong {
                    case.check_stated(&info, *counters);
                    case.check_counted(&said);
                }
                count(lane, topology, &mut said, 100_000).await.unwrap();
                case.is(said.lag == Some(Lag::Known(case.truth)), &said);
                case.check_alerts(&said);
            }
        });
    }
}

/// A group, how many entries it has not been delivered, and how it came to that.
struct Case<'a> {
    truth: u64,
    group: &'a GroupInfo,
    history: &'a str,
}

impl Case<'_> {
    #[track_caller]
    fn is(&self, is_so: bool, said: &dyn std::fmt::Debug) {
        let Self {
            truth,
            group,
            history,
        } = self;
        assert!(
            is_so,
            "{said:?}, in truth {truth}, of {group:?}, after\n{history}"
        );
    }

    fn check_true(&self, said: Lag) {
        let is_true = match said {
            Lag::Known(entries) => entries == self.truth,
            Lag::AtMost(entries) => entries >= self.truth,
            Lag::AtLeast(entries) => entries <= self.truth,
            Lag::Unknown => true,
        };
        self.is(is_true, &said);
    }

    /// What the server's figures alone say.
    fn check_stated(&self, stream: &StreamInfo, counters: Counters) {
        for counters in [counters, Counters::Forgetful] {
            self.check_true(lag(stream, self.group, counters));
        }
    }

    /// What is said once unknown figures were counted to one more than the threshold.
    fn check_counted(&self, said: &GroupReport) {
        let figure = said.lag.unwrap();
        self.check_true(figure);
        self.is(figure != Lag::Unknown, said);
        self.check_alerts(said);
    }

    fn check_alerts(&self, said: &GroupReport) {
        let has = |name| said.alerts.iter().any(|alert| alert.name == name);
        self.is(has(AlertName::MaxLag) == (self.truth > MAX_LAG), said);
        self.is(!has(AlertName::LagUnknown), said);
    }
}

/// Plays the steps, each of which is checked.
fn play(server: &TestServer, reader: &mut Reader, steps: &[Step]) {
    let mut play = Play::begin(server, reader);
    for step in steps {
        play.step(*step);
        play.check();
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn field_a2_a_lag_is_never_wrong_whatever_was_done_to_the_stream() {
    let server = TestServer::start();
    let reader = RefCell::new(Reader::of(&server));
    let steps = prop::collection::vec(step(honest()), 1..40);
    proptest!(cases(96), |(steps in steps)| play(&server, &mut reader.borrow_mut(), &steps));
}

/// Nobody can see that counters were set by hand, but a count does not ask them.
#[test]
fn field_a8_a_count_is_right_whatever_the_counters_were_set_to() {
    let server = TestServer::start();
    let reader = RefCell::new(Reader::of(&server));
    let steps = prop::collection::vec(step(anything()), 1..40);
    proptest!(cases(64), |(steps in steps)| play(&server, &mut reader.borrow_mut(), &steps));
}

/// As many as are counted without being asked to, and one more.
#[test]
fn field_a2_ten_thousand_undelivered_entries_are_never_unknown() {
    let server = TestServer::start();
    server.redis(&[
        "XGROUP",
        "CREATE",
        NAMED_STREAM,
        NAMED_GROUP,
        "0",
        "MKSTREAM",
    ]);
    server.redis(&[
        "EVAL",
        "for n = 1, 10005 do redis.call('XADD', KEYS[1], n .. '-0', 'a', '1') end",
        "1",
        NAMED_STREAM,
    ]);
    super::scene::handle(&server, NAMED_STREAM, NAMED_GROUP, 4);
    // From here on no server knows.
    server.redis(&["XDEL", NAMED_STREAM, "5000-0"]);
    let topology = format!("[groups.{NAMED_GROUP}]\nalert = {{ max_lag = 20000 }}\n");
    let said = |args: &[&str]| {
        let mut words = vec!["lag", NAMED_GROUP, "-o", "json"];
        words.extend(args);
        let run = server.command(&words);
        let run = run.file("ucp-streams.toml", &topology).run();
        run.assert_code(0).stdout_json()[0]["lag"].clone()
    };
    let known = |entries: u64| json!({"entries": entries, "quality": "known"});
    assert_eq!(said(&["--exact"]), known(10_000));
    let counted = said(&[]);
    // A machine that is too slow for it says how far it came.
    let is_slow = counted["quality"] == "at_least" && counted["entries"].as_u64() > Some(1000);
    assert!(counted == known(10_000) || is_slow, "{counted}");
    server.redis(&["XADD", NAMED_STREAM, "10006-0", "a", "1"]);
    assert_eq!(said(&["--exact"]), known(10_001));
    let counted = said(&[]);
    assert_eq!(counted["quality"], "at_least", "{counted}");
}
