//! Lags held against the truth: random commands on a real server, and a model that knows which entries are there.

use std::time::Duration;

use tokio::runtime::Runtime;
use ucp_streams::model::{EntryId, GroupInfo, Lag, Name, StreamInfo};
use ucp_streams::streams::inspect::{Detail, GroupReport, Wanted, observe};
use ucp_streams::streams::lag::{Counters, lag};
use ucp_streams::topology::{AlertName, GroupSpec, Measure, StreamSpec, Threshold, Topology};
use ucp_streams::wire::{Connection, Dialer, Endpoint, has_commands, xinfo_groups, xinfo_stream};

use crate::support::{Client, Reply, TestServer};

const STREAM: &str = "s";
const GROUPS: [&str; 2] = ["one", "other"];
/// What the counting in alerts goes to is one more.
const MAX_LAG: u64 = 6;
const STREAMS: usize = 60;
const STEPS: usize = 40;

/// A small generator, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// The stream as it is: every id it ever gave, those that are there, and where the groups stand.
struct Model {
    client: Client,
    random: Random,
    given: Vec<u64>,
    there: Vec<u64>,
    positions: [u64; 2],
    history: Vec<String>,
}

impl Model {
    fn send(&mut self, words: &[String]) -> Reply {
        self.history.push(words.join(" "));
        self.client.send(words)
    }

    fn run(&mut self, line: &str) -> Reply {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        self.send(&words)
    }

    fn begin(&mut self) {
        self.run(&format!("DEL {STREAM}"));
        (self.given, self.there) = (Vec::new(), Vec::new());
        self.positions = [0; 2];
        self.history.clear();
        for group in GROUPS {
            self.run(&format!("XGROUP CREATE {STREAM} {group} 0 MKSTREAM"));
        }
    }

    fn step(&mut self) {
        let which = usize::try_from(self.random.below(2)).unwrap();
        match self.random.below(12) {
            0..=3 => self.add(),
            4..=6 => self.read(which),
            7 => self.delete(),
            8 => self.trim(),
            9 => self.set_id(which),
            10 => {
                let (group, at) = (GROUPS[which], self.positions[which]);
                self.run(&format!("XACK {STREAM} {group} {at}-0"));
            }
            _ => self.trim_by_id(),
        }
    }

    fn add(&mut self) {
        for _ in 0..=self.random.below(9) {
            let id = self.given.last().unwrap_or(&0) + 1 + self.random.below(3);
            self.run(&format!("XADD {STREAM} {id}-0 a 1"));
            self.given.push(id);
            self.there.push(id);
        }
    }

    fn read(&mut self, which: usize) {
        let (group, count) = (GROUPS[which], self.random.below(7) + 1);
        let ack = if self.random.below(2) == 0 {
            " NOACK"
        } else {
            ""
        };
        self.run(&format!(
            "XREADGROUP GROUP {group} c COUNT {count}{ack} STREAMS {STREAM} >"
        ));
        let after = self.positions[which];
        let unread = self.there.iter().filter(|id| **id > after);
        let last = unread.take(usize::try_from(count).unwrap()).last();
        self.positions[which] = last.copied().unwrap_or(after);
    }

    fn delete(&mut self) {
        if self.there.is_empty() {
            return;
        }
        let at = usize::try_from(self.random.below(self.there.len() as u64)).unwrap();
        let id = self.there.remove(at);
        assert_eq!(self.run(&format!("XDEL {STREAM} {id}-0")).int(), 1);
    }

    fn trim(&mut self) {
        let keep = self.random.below(self.there.len() as u64 + 2);
        let about = if self.random.below(3) == 0 { "~" } else { "=" };
        let cut = self
            .run(&format!("XTRIM {STREAM} MAXLEN {about} {keep}"))
            .int();
        self.there.drain(..usize::try_from(cut).unwrap());
    }

    fn trim_by_id(&mut self) {
        let least = self.random.below(self.given.last().unwrap_or(&0) + 2);
        let about = if self.random.below(3) == 0 { "~" } else { "=" };
        let cut = self
            .run(&format!("XTRIM {STREAM} MINID {about} {least}-0"))
            .int();
        self.there.drain(..usize::try_from(cut).unwrap());
    }

    /// To an id of the stream, with the true counter or none.
    fn set_id(&mut self, which: usize) {
        let newest = *self.given.last().unwrap_or(&0);
        let (group, id) = (GROUPS[which], self.random.below(newest + 1));
        let read = self.given.iter().filter(|it| **it <= id).count();
        let told = match self.random.below(2) {
            0 => String::new(),
            _ => format!(" ENTRIESREAD {read}"),
        };
        self.run(&format!("XGROUP SETID {STREAM} {group} {id}-0{told}"));
        self.positions[which] = id;
    }

    fn truth(&self, which: usize) -> u64 {
        let after = self.positions[which];
        self.there.iter().filter(|id| **id > after).count() as u64
    }

    fn assert_true(&self, said: Lag, which: usize) {
        let truth = self.truth(which);
        let is_true = match said {
            Lag::Known(entries) => entries == truth,
            Lag::AtMost(entries) => entries >= truth,
            Lag::AtLeast(entries) => entries <= truth,
            Lag::Unknown => true,
        };
        let (group, history) = (GROUPS[which], self.history.join("\n"));
        assert!(
            is_true,
            "{group}: {said:?}, in truth {truth}, after\n{history}"
        );
    }

    /// What the server's figures alone say.
    fn check_stated(&self, stream: &StreamInfo, groups: &[GroupInfo], counters: Counters) {
        for (which, name) in GROUPS.into_iter().enumerate() {
            let group = groups.iter().find(|it| it.name == *name).unwrap();
            for counters in [counters, Counters::Forgetful] {
                self.assert_true(lag(stream, group, counters), which);
            }
        }
    }

    /// What is said once unknown figures were counted to one more than the threshold.
    fn check_counted(&self, said: &GroupReport, which: usize) {
        let (truth, history) = (self.truth(which), self.history.join("\n"));
        let figure = said.lag.unwrap();
        self.assert_true(figure, which);
        assert!(figure != Lag::Unknown, "{said:?} after\n{history}");
        let has = |name| said.alerts.iter().any(|alert| alert.name == name);
        let shown = format!("{said:?}, in truth {truth}, after\n{history}");
        assert_eq!(has(AlertName::MaxLag), truth > MAX_LAG, "{shown}");
        assert!(!has(AlertName::LagUnknown), "{shown}");
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

async fn counters(connection: &Connection) -> Counters {
    let has = connection.run(has_commands(&["XDELEX"])).await.unwrap();
    if has[0] {
        Counters::Corrected
    } else {
        Counters::Plain
    }
}

#[test]
fn field_a2_a_lag_is_never_wrong_whatever_was_done_to_the_stream() {
    let server = TestServer::start();
    let runtime = Runtime::new().unwrap();
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let dialer = Dialer::new(endpoint, Duration::from_secs(30));
    let connection = runtime.block_on(dialer.connect()).unwrap();
    let (topology, counters) = (topology(), runtime.block_on(counters(&connection)));
    let mut model = Model {
        client: server.client(),
        random: Random(42),
        given: Vec::new(),
        there: Vec::new(),
        positions: [0; 2],
        history: Vec::new(),
    };
    let stream = Name::from(STREAM);
    for _ in 0..STREAMS {
        model.begin();
        for _ in 0..STEPS {
            model.step();
            let (info, groups, said) = runtime.block_on(async {
                let info = connection.run(xinfo_stream(&stream)).await.unwrap();
                let groups = connection.run(xinfo_groups(&stream)).await.unwrap();
                let wanted = Wanted::Groups(&topology.groups);
                let said = observe(&connection, &topology, wanted, Detail::Groups).await;
                (info, groups, said.unwrap().into_groups(&topology.groups))
            });
            model.check_stated(&info, &groups, counters);
            assert_eq!(said.len(), GROUPS.len());
            for (which, said) in said.iter().enumerate() {
                model.check_counted(said, which);
            }
            // The model is the stream.
            assert_eq!(info.length, model.there.len() as u64);
            let position = EntryId::new(model.positions[0], 0);
            let one = groups.iter().find(|it| it.name == *GROUPS[0]);
            assert_eq!(one.unwrap().last_delivered_id, position);
        }
    }
}
