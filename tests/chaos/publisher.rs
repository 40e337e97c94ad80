//! The publisher: writes down what it means to send, sends it, and writes down what it learned. It never sends a
//! message again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::history::{Outcome, Published};
use crate::ledger::{self, Ledger, now_ms};
use crate::message::{Message, Plan};
use crate::rng::Rng;
use crate::support::{Client, Reply};

/// The most messages sent in one write.
const BATCH: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);
/// The pause after the server refused a message.
const REFUSED: Duration = Duration::from_millis(250);

/// What to publish.
#[derive(Clone, Debug)]
pub struct Order {
    pub stream: String,
    /// How many to have stored before it ends.
    pub count: usize,
    pub per_second: f64,
    /// Whether the messages are of the usual mixture, or all plain.
    pub is_mixed: bool,
}

/// A publisher at work.
#[derive(Debug)]
pub struct Publisher {
    thread: JoinHandle<usize>,
    is_over: Arc<AtomicBool>,
}

impl Publisher {
    pub fn start(dir: &Path, socket: &Path, order: Order, rng: Rng) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut work = Work {
            ledger: Ledger::open(&ledger_of(dir, &order.stream)),
            socket: socket.to_owned(),
            client: None,
            order,
            rng,
            sent: 0,
            stored: 0,
        };
        let stop = Arc::clone(&is_over);
        let thread = thread::spawn(move || work.run(&stop));
        Self { thread, is_over }
    }

    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it; how many messages are stored for sure.
    pub fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Work {
    ledger: Ledger,
    socket: PathBuf,
    client: Option<Client>,
    order: Order,
    rng: Rng,
    sent: usize,
    stored: usize,
}

impl Work {
    fn run(&mut self, is_over: &AtomicBool) -> usize {
        let started = Instant::now();
        while self.stored < self.order.count && !is_over.load(Ordering::Relaxed) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of messages"
            )]
            let due = (started.elapsed().as_secs_f64() * self.order.per_second) as usize;
            let wanted = due
                .saturating_sub(self.stored)
                .min(self.order.count - self.stored)
                .min(BATCH);
            if wanted > 0 {
                self.send(wanted);
            }
            thread::sleep(PAUSE);
        }
        self.stored
    }

    fn send(&mut self, count: usize) {
        let Some(mut client) = self
            .client
            .take()
            .or_else(|| Client::try_connect(&self.socket).ok())
        else {
            return;
        };
        let messages: Vec<Message> = (0..count).map(|_| self.message()).collect();
        self.intend(&messages);
        let commands: Vec<_> = messages
            .iter()
            .map(|message| message.command(&self.order.stream))
            .collect();
        // What was written in part may have arrived: its replies say.
        let mut is_connected = client.try_write(&commands).is_ok();
        let (mut lines, mut is_refused) = (String::new(), false);
        for message in &messages {
            let reply = is_connected.then(|| client.try_reply());
            let key = &message.key;
            match reply {
                Some(Ok(Reply::Error(_))) => {
                    is_refused = true;
                    writeln!(lines, "refused {key}")
                }
                Some(Ok(id)) => {
                    self.stored += 1;
                    writeln!(lines, "stored {key} {}", id.text())
                }
                Some(Err(_)) | None => {
                    is_connected = false;
                    writeln!(lines, "unknown {key}")
                }
            }
            .unwrap();
        }
        self.ledger.append(&lines);
        self.client = is_connected.then_some(client);
        if is_refused {
            thread::sleep(REFUSED);
        }
    }

    fn message(&mut self) -> Message {
        self.sent += 1;
        let plan = if self.order.is_mixed {
            Plan::draw(&mut self.rng)
        } else {
            Plan::Plain
        };
        let key = format!("{}-{}", self.order.stream, self.sent);
        Message::new(key, plan, &mut self.rng)
    }

    fn intend(&mut self, messages: &[Message]) {
        intend(&mut self.ledger, messages);
    }
}

/// Writes down that these are about to be sent.
fn intend(ledger: &mut Ledger, messages: &[Message]) {
    let at = now_ms();
    let mut lines = String::new();
    for message in messages {
        let Message { key, plan, .. } = message;
        writeln!(lines, "intent {key} {at} {} {plan}", message.sha()).unwrap();
    }
    ledger.append(&lines);
}

/// Publishes these at once, on a server that answers.
pub fn publish(dir: &Path, client: &mut Client, stream: &str, messages: &[Message]) {
    let mut ledger = Ledger::open(&ledger_of(dir, stream));
    intend(&mut ledger, messages);
    let commands: Vec<_> = messages.iter().map(|it| it.command(stream)).collect();
    let replies = client.pipeline(&commands);
    let mut lines = String::new();
    for (message, id) in messages.iter().zip(replies) {
        writeln!(lines, "stored {} {}", message.key, id.text()).unwrap();
    }
    ledger.append(&lines);
}

fn ledger_of(dir: &Path, stream: &str) -> PathBuf {
    dir.join(format!("published.{stream}.ledger"))
}

/// What the ledger of `stream` says. A message without an outcome is one whose outcome is unknown.
pub fn published(dir: &Path, stream: &str) -> Vec<Published> {
    let mut published: Vec<Published> = Vec::new();
    let mut at = std::collections::BTreeMap::new();
    for words in ledger::read(&ledger_of(dir, stream)) {
        let key = &words[1];
        if words[0] == "intent" {
            at.insert(key.clone(), published.len());
            published.push(Published {
                stream: stream.to_owned(),
                key: key.clone(),
                at_ms: words[2].parse().unwrap(),
                sha: words[3].clone(),
                plan: words[4].parse().unwrap(),
                outcome: Outcome::Unknown,
            });
            continue;
        }
        published[at[key]].outcome = match words[0].as_str() {
            "stored" => Outcome::Stored(words[2].clone()),
            "refused" => Outcome::Refused,
            _ => Outcome::Unknown,
        };
    }
    published
}
