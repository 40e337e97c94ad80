//! A run's world: directory, server, log and fleet; how it comes to rest, and the history it leaves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::check::{Rule, Verdict, check};
use crate::events::{Log, death};
use crate::faults::Fault;
use crate::fleet::{Fleet, Job};
use crate::handler;
use crate::history::{
    Attempt, Dead, Event, Gap, GroupState, History, Kept, Rules, Said, StreamState, Work,
};
use crate::ledger;
use crate::publisher::published;
use crate::service::Service;
use crate::support::{Client, Reply, TestServer};

/// A world's patience, unless told otherwise.
const REST: Duration = Duration::from_secs(90);

/// Server, fleet and ledgers of a run.
pub struct World {
    dir: Option<TempDir>,
    pub server: TestServer,
    pub log: Arc<Log>,
    pub fleet: Option<Fleet>,
    pub jobs: Vec<Job>,
    /// What handles the messages, where no process does.
    pub service: Option<Service>,
    /// What the tool tells of dead letters, by their ids, where it was asked.
    pub told: BTreeMap<String, (String, String)>,
    /// The bug its workers have.
    pub planted: Option<&'static str>,
    /// How long workers may take, once all is well again, until nothing is left to do.
    pub patience: Duration,
}

impl World {
    /// A server whose kill loses nothing, with the groups of `jobs`; nobody works yet.
    pub fn new(jobs: Vec<Job>) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ucp-chaos-")
            .tempdir()
            .unwrap();
        let server = TestServer::durable();
        for job in &jobs {
            let create = ["XGROUP", "CREATE", job.stream, job.group, "0", "MKSTREAM"];
            server.redis(&create);
        }
        std::fs::write(dir.path().join("ucp-streams.toml"), Job::topology(&jobs)).unwrap();
        let log = Arc::new(Log::open(&dir.path().join("actions.log")));
        Self {
            dir: Some(dir),
            server,
            log,
            fleet: None,
            jobs,
            service: None,
            told: BTreeMap::new(),
            planted: None,
            patience: REST,
        }
    }

    /// The run's directory.
    pub fn path(&self) -> &Path {
        self.dir.as_ref().expect("a directory").path()
    }

    pub fn start_fleet(&mut self) -> &mut Fleet {
        let fleet = Fleet::start(self);
        self.fleet.insert(fleet)
    }

    pub fn fleet(&mut self) -> &mut Fleet {
        self.fleet.as_mut().expect("a fleet")
    }

    pub fn service(&self) -> &Service {
        self.service.as_ref().expect("a service")
    }

    /// The streams of its jobs.
    pub fn streams(&self) -> Vec<&'static str> {
        let mut streams: Vec<_> = self.jobs.iter().map(|job| job.stream).collect();
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    /// Waits until every group has read everything and nothing is pending; whether that came about.
    pub fn rest(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let mut client = self.server.client();
        loop {
            let jobs = self.jobs.clone();
            let is_at_rest = jobs.iter().all(|job| {
                let (undelivered, pending, _) = progress(&mut client, job);
                undelivered == 0 && pending == 0
            });
            if is_at_rest || Instant::now() > deadline {
                self.log
                    .note(if is_at_rest { "at rest" } else { "not at rest" });
                return is_at_rest;
            }
            self.fleet().tend();
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Brings the run to its end: rest, all workers ended, and the checker's verdict.
    pub fn judge(&mut self, rules: Rules) -> (History, Verdict) {
        self.rest(self.patience);
        let peaks_kib = self.fleet.as_ref().map(Fleet::peaks_kib);
        let deserters = self.fleet.take().map(Fleet::disband).unwrap_or_default();
        let mut history = self.history(rules);
        history.peaks_kib = peaks_kib.unwrap_or_default();
        let verdict = check(&history);
        if !deserters.is_empty() {
            let kept = self.keep();
            panic!(
                "workers ended by themselves: {deserters:#?}\nsee {}",
                kept.display()
            );
        }
        (history, verdict)
    }

    /// Fails the test, with what it was, when the verdict is bad.
    pub fn demand_good(&mut self, verdict: &Verdict) {
        if verdict.violations.is_empty() {
            return;
        }
        let mut counts: BTreeMap<Rule, usize> = BTreeMap::new();
        for violation in &verdict.violations {
            *counts.entry(violation.rule).or_default() += 1;
        }
        let told: Vec<String> = verdict
            .violations
            .iter()
            .take(10)
            .map(ToString::to_string)
            .collect();
        let kept = self.keep();
        let all: Vec<String> = verdict.violations.iter().map(ToString::to_string).collect();
        std::fs::write(kept.join("violations.txt"), all.join("\n")).unwrap();
        panic!(
            "{counts:?}, the first of them:\n{}\nactions, ledgers and logs: {}",
            told.join("\n"),
            kept.display()
        );
    }

    /// Leaves the directory where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.dir.take().map(TempDir::keep).unwrap_or_default()
    }

    /// What the run left behind.
    pub fn history(&self, rules: Rules) -> History {
        let mut client = self.server.client();
        let (attempts, deaths) = attempts(self.path());
        let streams = self.streams();
        let mut events = self.log.events();
        events.extend(deaths);
        let states = streams
            .iter()
            .map(|stream| ((*stream).to_owned(), stream_state(&mut client, stream)))
            .collect();
        let was_killed = self.log.effective().contains_key(Fault::KillServer.name());
        let groups = self.jobs.iter().map(|job| {
            let mut group = group_state(&mut client, job, &self.told);
            // A server that reads its append-only file again may have forgotten what groups had read.
            group.entries_read.take_if(|_| was_killed);
            group
        });
        History {
            rules,
            published: streams
                .iter()
                .flat_map(|stream| published(self.path(), stream))
                .collect(),
            streams: states,
            groups: groups.collect(),
            attempts,
            events,
            peaks_kib: Vec::new(),
        }
    }
}

/// The handlers' ledger, and the workers that handlers killed.
pub fn attempts(dir: &Path) -> (Vec<Attempt>, Vec<Event>) {
    let (mut attempts, mut deaths) = (Vec::new(), Vec::new());
    for words in ledger::read(&handler::ledger_of(dir)) {
        let at_ms = words[1].parse().unwrap();
        let worker = words[7].parse().unwrap();
        let said = match words[0].as_str() {
            "start" => Said::Start,
            "done" => Said::Done,
            "fail" => Said::Fail,
            "late" => Said::Late,
            _ => {
                let name = "kill -9 of a worker by its handler";
                deaths.push(death(name, at_ms, worker));
                continue;
            }
        };
        attempts.push(Attempt {
            said,
            at_ms,
            stream: words[2].clone(),
            group: words[3].clone(),
            key: words[4].clone(),
            id: words[5].clone(),
            deliveries: words[6].parse().unwrap(),
            worker,
            sha: words[9].clone(),
            after_ms: words.get(10).map_or(0, |word| word.parse().unwrap()),
        });
    }
    (attempts, deaths)
}

/// Undelivered and pending entries of a group, and how many it has read by the server's count. The undelivered are
/// counted one by one: a server that was killed may not remember how many were read.
fn progress(client: &mut Client, job: &Job) -> (u64, u64, Option<u64>) {
    let groups = client.send(&["XINFO", "GROUPS", job.stream]);
    let mut groups = groups.items().iter();
    let Some(group) = groups.find(|it| it.field("name").text() == job.group) else {
        return (u64::MAX, 0, None);
    };
    let last = format!("({}", group.field("last-delivered-id").text());
    let undelivered = client.send(&["XRANGE", job.stream, &last, "+", "COUNT", "1000"]);
    let pending = u64::try_from(group.field("pending").int()).unwrap();
    let read = match group.field("entries-read") {
        Reply::Nil => None,
        value => u64::try_from(value.int()).ok(),
    };
    (undelivered.items().len() as u64, pending, read)
}

fn stream_state(client: &mut Client, stream: &str) -> StreamState {
    let info = client.send(&["XINFO", "STREAM", stream]);
    StreamState {
        entries_added: u64::try_from(info.field("entries-added").int()).unwrap(),
        present: range(client, stream)
            .into_iter()
            .map(|(_, entry)| kept(&entry))
            .collect(),
    }
}

/// Every entry of a stream: id and fields.
fn range(client: &mut Client, stream: &str) -> Vec<(String, Reply)> {
    let (mut entries, mut from) = (Vec::new(), "-".to_owned());
    loop {
        let page = client.send(&["XRANGE", stream, &from, "+", "COUNT", "1000"]);
        for entry in page.items() {
            let [id, fields] = entry.items() else {
                panic!("no entry: {entry:?}")
            };
            entries.push((id.text().to_owned(), fields.clone()));
            from = format!("({}", id.text());
        }
        if page.items().len() < 1000 {
            return entries;
        }
    }
}

/// A message by its fields; its hash is that of the body there is.
fn kept(fields: &Reply) -> Kept {
    let text = |name: &str| fields.get(name).map_or("-", Reply::text);
    Kept {
        key: text("key").to_owned(),
        sha: crate::message::sha_of(text("body")),
    }
}

fn group_state(
    client: &mut Client,
    job: &Job,
    told: &BTreeMap<String, (String, String)>,
) -> GroupState {
    let (undelivered, _, entries_read) = progress(client, job);
    let pending = client.send(&["XPENDING", job.stream, job.group, "-", "+", "10000"]);
    let letters = range(client, &format!("{{{}}}:dlq", job.stream));
    let own = letters.iter().filter(|(_, fields)| {
        fields
            .last("_dlq_group")
            .is_some_and(|it| it.text() == job.group)
    });
    let (gaps, dead_letters): (Vec<_>, Vec<_>) =
        own.partition(|(_, fields)| last(fields, "_dlq_body") == "trimmed_undelivered");
    let counted = client.send(&["HGET", &format!("{{{}}}:features:b", job.stream), "events"]);
    GroupState {
        stream: job.stream.to_owned(),
        group: job.group.to_owned(),
        work: job.work,
        workers: job.workers,
        is_single: job.is_single,
        entries_read,
        undelivered,
        pending: pending
            .items()
            .iter()
            .map(|row| row.items()[0].text().to_owned())
            .collect(),
        dead: dead_letters
            .into_iter()
            .map(|(id, fields)| dead(id, fields, told))
            .collect(),
        gaps: gaps.into_iter().map(|(_, fields)| gap(fields)).collect(),
        copies: match job.work {
            Work::Copies => range(client, &job.output())
                .iter()
                .map(|(_, it)| kept(it))
                .collect(),
            _ => Vec::new(),
        },
        counted: if counted.is_nil() {
            0
        } else {
            u64::try_from(counted.int()).unwrap()
        },
    }
}

/// A dead letter. What this tool says of it stands at its end: fields of the same names before are the message's own.
fn dead(id: &str, fields: &Reply, told: &BTreeMap<String, (String, String)>) -> Dead {
    Dead {
        id: last(fields, "_dlq_id").to_owned(),
        message: (last(fields, "_dlq_body") == "present").then(|| kept(fields)),
        deliveries: last(fields, "_dlq_deliveries").parse().unwrap(),
        reason: last(fields, "_dlq_reason").to_owned(),
        told: told.get(id).cloned(),
    }
}

/// The tombstone of what was lost before it was delivered; nobody deletes anything here, so that its count is exact.
fn gap(fields: &Reply) -> Gap {
    Gap {
        from: last(fields, "_dlq_from").to_owned(),
        to: last(fields, "_dlq_to").to_owned(),
        count: last(fields, "_dlq_count").parse().unwrap(),
    }
}

/// A field that stands at the end.
fn last<'r>(fields: &'r Reply, name: &str) -> &'r str {
    let value = fields.last(name);
    value.unwrap_or_else(|| panic!("no {name}")).text()
}
