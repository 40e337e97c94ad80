//! What the rows share: a server with stream `s` and group `g`, workers whose handlers keep a ledger, and the account
//! of what became of every entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Invocation, PATIENCE, Spawned, TestServer, directory, until};

/// The idle time after which a worker's messages are taken over, in the tests.
pub const CLAIM_IDLE: Duration = Duration::from_secs(3);
/// How long a row may take from the fault's end until all is handled.
pub const RECOVERY: Duration = PATIENCE;

/// Requests or connections a second that a worker may make while something is wrong.
pub const RATE_MAX: f64 = 20.0;

const SPEED: [&str; 4] = ["--backoff-base", "200ms", "--backoff-cap", "1s"];

/// A server and a directory for one row.
pub struct Scene {
    pub server: TestServer,
    dir: TempDir,
}

/// A line of the ledger: `start` or `done`, of which entry, under which delivery count, by which process.
#[derive(Clone, Debug)]
pub struct Line {
    pub what: String,
    pub id: String,
    pub deliveries: u64,
    pub pid: i32,
}

/// A pending entry.
#[derive(Clone, Debug)]
pub struct Pending {
    pub id: String,
    pub consumer: String,
    pub idle_ms: i64,
    pub deliveries: i64,
}

/// What became of every entry, in distinct ids.
#[derive(Debug)]
pub struct Account {
    pub published: BTreeSet<String>,
    /// How often each was handled to the end.
    pub done: BTreeMap<String, usize>,
    /// How often each is in the dead-letter stream.
    pub dead: BTreeMap<String, usize>,
    pub pending: BTreeSet<String>,
    pub undelivered: BTreeSet<String>,
}

impl Scene {
    pub fn new() -> Self {
        Self::on(TestServer::start())
    }

    /// On a server whose kill loses nothing.
    pub fn durable() -> Self {
        Self::on(TestServer::durable())
    }

    pub fn on(server: TestServer) -> Self {
        let dir = directory();
        Self { server, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends entries `from`-1 to `to`-1.
    pub fn publish(&self, from: u64, to: u64) {
        let commands: Vec<[String; 5]> = (from..=to)
            .map(|ms| ["XADD", "s", &format!("{ms}-1"), "n", &ms.to_string()].map(str::to_owned))
            .collect();
        for reply in self.server.client().pipeline(&commands) {
            assert!(reply.text().ends_with("-1"), "{reply:?}");
        }
    }

    /// Makes the group, so that a worker may start with entries that another consumer holds.
    pub fn group(&self) {
        let create = ["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"];
        self.server.redis(&create);
    }

    /// Delivers the next entries, `from`-1 to `to`-1, to consumer `dead`, an hour ago.
    pub fn abandon(&self, from: u64, to: u64) {
        let mut client = self.server.client();
        let count = (to - from + 1).to_string();
        let read = [
            "XREADGROUP",
            "GROUP",
            "g",
            "dead",
            "COUNT",
            &count,
            "STREAMS",
            "s",
            ">",
        ];
        client.send(&read);
        let ids: Vec<String> = (from..=to).map(|ms| format!("{ms}-1")).collect();
        let mut claim: Vec<&str> = vec!["XCLAIM", "s", "g", "dead", "0"];
        claim.extend(ids.iter().map(String::as_str));
        claim.extend(["IDLE", "3600000", "RETRYCOUNT", "1", "JUSTID"]);
        assert_eq!(client.send(&claim).items().len(), ids.len());
    }

    /// `worker run g` with these flags, the shell as its handler. `body` comes between the ledger's `start` and `done`
    /// lines; `$here` is the row's directory.
    pub fn worker(&self, flags: &[&str], body: &str) -> Invocation {
        self.worker_at(&self.server.url(), flags, body)
    }

    /// As [`Scene::worker`], at another URL.
    pub fn worker_at(&self, url: &str, flags: &[&str], body: &str) -> Invocation {
        self.worker_with(url, "1s", &[&["--claim-idle", "3s"], flags].concat(), body)
    }

    /// As [`Scene::worker_at`], with a timeout and a claim idle of its own.
    pub fn worker_with(&self, url: &str, timeout: &str, flags: &[&str], body: &str) -> Invocation {
        let script = format!(
            r#"echo "start $UCP_ID $UCP_DELIVERIES $$" >>"$here/ledger"
{body}
echo "done $UCP_ID $UCP_DELIVERIES $$" >>"$here/ledger""#
        );
        let args = [
            &["--timeout", timeout, "worker", "run", "g"][..],
            &["--stream", "s"],
            &SPEED,
            flags,
            &["--exec", "--", "sh", "-c", &script],
        ];
        Invocation::new(&args.concat())
            .env("UCP_STREAMS_URL", url)
            .env("here", self.dir.path())
            .timeout(Duration::from_mins(1))
    }

    pub fn ledger(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.path("ledger")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(Line::parse).collect()
    }

    /// How many lines of the ledger say this.
    pub fn count(&self, what: &str) -> usize {
        self.ledger()
            .iter()
            .filter(|line| line.what == what)
            .count()
    }

    /// Waits until the ledger has so many lines that say this.
    #[track_caller]
    pub fn await_count(&self, what: &str, count: usize) {
        until(
            RECOVERY,
            &format!("{count} × {what} in the ledger"),
            || self.count(what) >= count,
        );
    }

    pub fn pending(&self) -> Vec<Pending> {
        let rows = self
            .server
            .try_redis(&["XPENDING", "s", "g", "-", "+", "100000"]);
        let row = |row: &crate::support::Reply| match row.items() {
            [id, consumer, idle, count] => Pending {
                id: id.text().to_owned(),
                consumer: consumer.text().to_owned(),
                idle_ms: idle.int(),
                deliveries: count.int(),
            },
            other => panic!("not a row: {other:?}"),
        };
        match rows {
            crate::support::Reply::Error(_) => Vec::new(),
            rows => rows.items().iter().map(row).collect(),
        }
    }

    /// The group's consumers.
    pub fn consumers(&self) -> Vec<String> {
        match self.server.try_redis(&["XINFO", "CONSUMERS", "s", "g"]) {
            crate::support::Reply::Error(_) => Vec::new(),
            rows => rows
                .items()
                .iter()
                .map(|row| row.field("name").text().to_owned())
                .collect(),
        }
    }

    /// Waits until a worker has joined the group.
    #[track_caller]
    pub fn await_worker(&self) {
        until(PATIENCE, "a consumer in the group", || {
            !self.consumers().is_empty()
        });
    }

    /// Waits until a worker has come so far that it waits for new entries.
    #[track_caller]
    pub fn await_reading(&self) {
        until(RECOVERY, "a read that waits", || {
            let clients = self.server.redis(&["INFO", "clients"]);
            clients.text().contains("blocked_clients:1")
        });
    }

    /// Waits until everything is delivered and nothing is pending.
    #[track_caller]
    pub fn await_settled(&self) {
        self.await_settled_by(&[]);
    }

    /// As [`Scene::await_settled`]; a failure shows what these workers said.
    #[track_caller]
    pub fn await_settled_by(&self, workers: &[&Spawned]) {
        let end = Instant::now() + RECOVERY;
        loop {
            let account = self.account();
            if account.pending.is_empty() && account.undelivered.is_empty() {
                return;
            }
            let said: Vec<String> = workers.iter().map(|worker| worker.so_far()).collect();
            assert!(
                Instant::now() < end,
                "not settled: {}\n{:?}\n{}",
                account.line(),
                self.pending(),
                said.join("\n")
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Requests the server has carried out so far.
    pub fn requests(&self) -> i64 {
        let info = self.server.redis(&["INFO", "stats"]);
        let line = info
            .text()
            .lines()
            .find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse().unwrap()
    }

    fn ids_of(&self, stream: &str, from: &str) -> BTreeSet<String> {
        let entries = self.server.redis(&["XRANGE", stream, from, "+"]);
        let id = |entry: &crate::support::Reply| entry.items()[0].text().to_owned();
        entries.items().iter().map(id).collect()
    }

    /// The dead letters as texts: field names and values in turn.
    pub fn dead_letters(&self) -> Vec<Vec<String>> {
        let entries = self.server.redis(&["XRANGE", "{s}:dlq", "-", "+"]);
        let texts = |entry: &crate::support::Reply| {
            let fields = entry.items()[1].items().iter();
            fields.map(|part| part.text().to_owned()).collect()
        };
        entries.items().iter().map(texts).collect()
    }

    pub fn account(&self) -> Account {
        let groups = match self.server.try_redis(&["XINFO", "GROUPS", "s"]) {
            crate::support::Reply::Error(_) => crate::support::Reply::Nil,
            groups => groups,
        };
        let group = groups
            .items()
            .iter()
            .find(|group| group.field("name").text() == "g");
        let undelivered = match group {
            None => self.ids_of("s", "-"),
            Some(group) => {
                let after = format!("({}", group.field("last-delivered-id").text());
                self.ids_of("s", &after)
            }
        };
        let mut done = BTreeMap::new();
        for line in self.ledger().into_iter().filter(|line| line.what == "done") {
            *done.entry(line.id).or_default() += 1;
        }
        let mut dead = BTreeMap::new();
        if self.server.redis(&["TYPE", "{s}:dlq"]).text() == "stream" {
            for letter in self.dead_letters() {
                *dead
                    .entry(field(&letter, "_dlq_id").to_owned())
                    .or_default() += 1;
            }
        }
        Account {
            published: self.ids_of("s", "-"),
            done,
            dead,
            pending: self.pending().into_iter().map(|row| row.id).collect(),
            undelivered,
        }
    }

    /// The account, printed, with nothing lost and nothing invented.
    #[track_caller]
    pub fn closed_account(&self, row: &str) -> Account {
        let account = self.account();
        println!("row {row}: {}", account.line());
        let lost = account.lost();
        assert!(lost.is_empty(), "lost: {lost:?}\n{:#?}", self.ledger());
        let ids = account.done.keys().chain(account.dead.keys());
        let invented: Vec<_> = ids.filter(|id| !account.published.contains(*id)).collect();
        assert!(invented.is_empty(), "invented: {invented:?}");
        let twice: Vec<_> = account
            .dead
            .iter()
            .filter(|(_, count)| **count > 1)
            .collect();
        assert!(twice.is_empty(), "dead letters twice: {twice:?}");
        account
    }
}

impl Account {
    /// Handled more than once: how often, beyond the first time.
    pub fn repeats(&self) -> usize {
        self.done.values().map(|count| count - 1).sum()
    }

    fn lost(&self) -> Vec<&String> {
        let is_known = |id: &&String| {
            self.done.contains_key(*id)
                || self.dead.contains_key(*id)
                || self.pending.contains(*id)
                || self.undelivered.contains(*id)
        };
        self.published.iter().filter(|id| !is_known(id)).collect()
    }

    fn line(&self) -> String {
        format!(
            "{} published, {} handled ({} repeats), {} dead letters, {} pending, {} undelivered, {} lost",
            self.published.len(),
            self.done.len(),
            self.repeats(),
            self.dead.len(),
            self.pending.len(),
            self.undelivered.len(),
            self.lost().len()
        )
    }
}

impl Line {
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, id, deliveries, pid] = words[..] else {
            panic!("not a line of the ledger: {line}");
        };
        Self {
            what: what.to_owned(),
            id: id.to_owned(),
            deliveries: deliveries.parse().unwrap(),
            pid: pid.parse().unwrap(),
        }
    }
}

/// The value after `name`.
#[track_caller]
pub fn field<'a>(fields: &'a [String], name: &str) -> &'a str {
    let pair = fields.chunks_exact(2).find(|pair| pair[0] == name);
    &pair.unwrap_or_else(|| panic!("no {name} in {fields:?}"))[1]
}

/// `kill -9`, as the kernel does when memory is short.
pub fn kill(mut worker: Spawned) {
    worker.signal(crate::support::Signal::KILL);
    worker.wait();
}
