//! Tries handlers on entries, one attempt each, as a worker makes it. There is no group in it: nothing is acknowledged,
//! added or published; what a worker would have done with the verdict is told instead.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::handler::{Fault, Handler, Origin, Verdict};
use super::policy::Policy;
use super::state::in_hand::Delivery;
use crate::model::{Body, Cell, EntryId, Fields, Name, counted, report, states, whole_ms};
use crate::streams::sample::Specimen;
use crate::wire::{FeatureUpdate, Output};

/// How often an entry is given again to a handler that did not come to it, because its process ended over another one.
const AGAIN_MAX: usize = 3;

states! {
    /// What an attempt came to, and so what a worker would do with the entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryOutcome {
        /// It succeeded: acknowledged.
        Ok = "ok" in Ok,
        /// It failed: tried again later.
        Retry = "retry" in Warn,
        /// It was stopped, because it took too long: tried again later.
        Timeout = "timeout" in Warn,
        /// It failed for good: moved to the dead-letter stream.
        DeadLetter = "dead letter" in Bad,
        /// None was made: the handler could not be started.
        NotStarted = "not started" in Bad,
    }
}

/// An entry that would have been added, or counters that would have been raised.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Written {
    /// The stream, or the hash of the counters.
    pub key: Name,
    /// The fields of the entry, or what would have been counted.
    pub fields: Body,
}

report! {
    /// What became of one entry.
    #[derive(Clone, Debug)]
    pub struct Tried {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// What the attempt came to.
        pub outcome: TryOutcome => whole("OUTCOME"),
        /// How long it took, in milliseconds.
        pub took_ms: u64 => millis("TOOK"),
        /// The number of the delivery that the handler was told.
        pub deliveries: u64 => number("DELIVERY", wide),
        /// What the other handler came to; `None` without one.
        pub against: Option<TryOutcome> => whole("AGAINST", sparse),
        /// How long the other one took, in milliseconds.
        pub against_took_ms: Option<u64> => millis("TOOK THERE", sparse),
        /// Whether the two differ: in what they came to, or in what they would have written (but for `timestamp`).
        pub differs: Option<bool> => whole("DIFFERS", sparse),
        /// What would have been added or counted, and was not.
        pub writes: Vec<Written> => text("WOULD WRITE", sparse) by |it| written(&it.writes),
        /// What the other one would have added or counted.
        pub against_writes: Vec<Written> => text("WOULD WRITE THERE", wide) by |it| written(&it.against_writes),
        /// Why it failed, at most 4 KiB from its end.
        pub reason: Option<String> => text("REASON", sparse) by |it| cause(it.reason.as_deref()),
        /// Why the other one failed.
        pub against_reason: Option<String> => text("REASON THERE", wide) by |it| cause(it.against_reason.as_deref()),
    }
}

/// `2 to events.normalized`; nothing when there is nothing.
fn written(writes: &[Written]) -> Cell {
    let mut keys: Vec<(&Name, usize)> = Vec::new();
    for write in writes {
        match keys.iter_mut().find(|(key, _)| *key == &write.key) {
            Some((_, count)) => *count += 1,
            None => keys.push((&write.key, 1)),
        }
    }
    if keys.is_empty() {
        return Cell::Nothing;
    }
    let keys = keys.iter().map(|(key, count)| format!("{count} to {key}"));
    Cell::from(keys.collect::<Vec<_>>().join(", "))
}

/// People read the last line of a reason, scripts all of it.
fn cause(reason: Option<&str>) -> Cell {
    let Some(reason) = reason else {
        return Cell::Nothing;
    };
    let mut lines = reason.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
    Cell::Brief(last.to_owned(), Box::new(Cell::from(reason.to_owned())))
}

/// What is tried.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The handler.
    pub handler: &'a Handler,
    /// The one that it is compared with.
    pub against: Option<&'a Handler>,
    /// The stream and the group that the handlers are told.
    pub origin: Origin,
    /// How many run at a time, and for how long.
    pub policy: Policy,
}

/// One attempt.
struct Attempt {
    outcome: TryOutcome,
    took: Duration,
    reason: Option<String>,
    writes: Vec<Written>,
}

impl Trial<'_> {
    /// Tries every entry and adds what became of it to `rows`, in order; `told` is called after each. When it is dropped
    /// before its end, what runs is stopped.
    pub async fn run(&self, entries: &[Specimen], rows: &mut Vec<Tried>, told: impl Fn()) {
        let attempts = entries.iter().map(|specimen| self.of(specimen));
        let mut attempts = stream::iter(attempts).buffered(self.policy.concurrency);
        while let Some(row) = attempts.next().await {
            rows.push(row);
            told();
        }
    }

    /// Lets the processes of the handlers end.
    pub async fn close(&self) {
        self.handler.close().await;
        if let Some(other) = self.against {
            other.close().await;
        }
    }

    async fn of(&self, specimen: &Specimen) -> Tried {
        let delivery = Delivery::of(&specimen.entry, specimen.deliveries);
        let tried = self.attempt(self.handler, &delivery).await;
        let other = match self.against {
            Some(handler) => Some(self.attempt(handler, &delivery).await),
            None => None,
        };
        let differs = other.as_ref().map(|other| {
            other.outcome != tried.outcome || timeless(&other.writes) != timeless(&tried.writes)
        });
        Tried {
            id: specimen.entry.id,
            outcome: tried.outcome,
            took_ms: whole_ms(tried.took),
            deliveries: specimen.deliveries,
            against: other.as_ref().map(|it| it.outcome),
            against_took_ms: other.as_ref().map(|it| whole_ms(it.took)),
            differs,
            writes: tried.writes,
            reason: tried.reason,
            against_reason: other.as_ref().and_then(|it| it.reason.clone()),
            against_writes: other.map(|it| it.writes).unwrap_or_default(),
        }
    }

    async fn attempt(&self, handler: &Handler, delivery: &Delivery) -> Attempt {
        let mut verdict = Verdict::Interrupted;
        let mut started = Instant::now();
        for _ in 0..AGAIN_MAX {
            started = Instant::now();
            verdict = handler.handle(&self.origin, delivery, &self.policy).await;
            if !matches!(verdict, Verdict::Interrupted) {
                break;
            }
        }
        let took = started.elapsed();
        let is_overdue = verdict.is_overdue(self.policy.handler_timeout);
        let (outcome, reason, writes) = told(verdict, is_overdue);
        Attempt {
            outcome,
            took,
            reason,
            writes,
        }
    }
}

/// A verdict in the words of a report.
fn told(verdict: Verdict, is_overdue: bool) -> (TryOutcome, Option<String>, Vec<Written>) {
    match verdict {
        Verdict::Done => (TryOutcome::Ok, None, Vec::new()),
        Verdict::Publish(outputs) => (TryOutcome::Ok, None, added(outputs)),
        Verdict::Count {
            update,
            uncountable,
        } => (TryOutcome::Ok, uncountable, raised(&update)),
        Verdict::Dead { reason } => (TryOutcome::DeadLetter, Some(reason), Vec::new()),
        Verdict::Retry { reason, fault, .. } => {
            let outcome = match fault {
                Fault::Worker => TryOutcome::NotStarted,
                _ if is_overdue => TryOutcome::Timeout,
                _ => TryOutcome::Retry,
            };
            (outcome, Some(reason), Vec::new())
        }
        Verdict::Interrupted => {
            let reason = "its process ended over another entry, each time".to_owned();
            (TryOutcome::NotStarted, Some(reason), Vec::new())
        }
    }
}

fn added(outputs: Vec<Output>) -> Vec<Written> {
    let added = outputs.into_iter().map(|output| Written {
        key: output.stream,
        fields: Body::from(output.fields),
    });
    added.collect()
}

fn raised(update: &FeatureUpdate) -> Vec<Written> {
    let mut fields: Fields = vec![(b"events".to_vec(), b"1".to_vec())];
    fields.push((
        format!("events:{}", update.event_type).into_bytes(),
        b"1".to_vec(),
    ));
    if let Some(total) = &update.purchase_total {
        fields.push((b"purchase_total".to_vec(), total.clone().into_bytes()));
    }
    fields.push((b"last_seen".to_vec(), update.time.clone().into_bytes()));
    let raised = update.hashes.iter().map(|key| Written {
        key: key.clone(),
        fields: Body::from(fields.clone()),
    });
    raised.collect()
}

/// The name and the value of a field.
type Field = (Vec<u8>, Vec<u8>);

/// What is compared: an answer's `timestamp` is the time at which it was given.
fn timeless(writes: &[Written]) -> Vec<(&Name, Vec<&Field>)> {
    fn of(write: &Written) -> (&Name, Vec<&Field>) {
        let fields = write.fields.fields.iter();
        let kept = fields.filter(|(name, _)| name != b"timestamp");
        (&write.key, kept.collect())
    }
    writes.iter().map(of).collect()
}

/// One sentence about all of them: `12 tried: 9 ok, 2 retry, 1 dead letter`, and how many differ.
pub fn summary(rows: &[Tried]) -> String {
    const ALL: [TryOutcome; 5] = [
        TryOutcome::Ok,
        TryOutcome::Retry,
        TryOutcome::Timeout,
        TryOutcome::DeadLetter,
        TryOutcome::NotStarted,
    ];
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let parts = ALL.map(|outcome| (count(outcome), outcome.word()));
    let parts: Vec<String> = { parts.iter() }
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let mut took: Vec<u64> = rows.iter().map(|row| row.took_ms).collect();
    took.sort_unstable();
    let middle = took.get(took.len() / 2).copied().unwrap_or_default();
    let longest = took.last().copied().unwrap_or_default();
    let differ = rows.iter().filter(|row| row.differs == Some(true)).count();
    let compared = if rows.iter().any(|row| row.differs.is_some()) {
        format!(
            "; {} otherwise with the other handler",
            counted(differ, "ended", "ended")
        )
    } else {
        String::new()
    };
    format!(
        "{}: {}; half of them within {middle}ms, all within {longest}ms{compared}",
        counted(rows.len(), "entry tried", "entries tried"),
        parts.join(", ")
    )
}
