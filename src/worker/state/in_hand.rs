//! The entries in hand: all entries that this worker has claimed or was delivered and has not settled, each with its
//! lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::key_order::KeyOrder;
use super::shared::Slot;
use crate::model::{Batch, Entry, EntryId, EntryObject, Name};

/// One entry to be handled. It is cheap to clone, because its body is shared with the read that brought it.
#[derive(Clone, Debug)]
pub struct Delivery {
    batch: Arc<Batch>,
    index: usize,
    /// The delivery count under which the entry is held; together with the consumer, this is its lease.
    pub deliveries: u64,
    /// Whether the entry must run alone, because its delivery count was already at the limit when it was claimed.
    pub is_alone: bool,
    /// Whether the entry is a probe of the circuit breaker, whose failure does not count against it.
    pub is_probe: bool,
}

impl Delivery {
    /// A single entry, held with this delivery count.
    pub fn of(entry: &Entry, deliveries: u64) -> Self {
        Self::new(Arc::new(Batch::of(entry)), 0, deliveries)
    }

    /// Entry `index` of `batch`, held with this delivery count.
    pub fn new(batch: Arc<Batch>, index: usize, deliveries: u64) -> Self {
        Self {
            batch,
            index,
            deliveries,
            is_alone: false,
            is_probe: false,
        }
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.batch.id(self.index)
    }

    /// Pairs of name and value, in order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        self.batch.fields(self.index)
    }

    /// The value of the first field called `name`.
    pub(in crate::worker) fn value(&self, name: &Name) -> Option<&[u8]> {
        let mut fields = self.fields();
        let found = fields.find(|(field, _)| *field == name.as_bytes());
        found.map(|(_, value)| value)
    }

    /// Appends the entry as a line of JSON, in the form of every JSON output.
    pub fn write_line(&self, stream: &Name, out: &mut Vec<u8>) {
        let object = EntryObject {
            stream,
            id: self.id(),
            fields: self.fields(),
        };
        // Neither memory nor this object can refuse to be written.
        let _ = serde_json::to_writer(&mut *out, &object);
        out.push(b'\n');
    }

    /// The entry as an owned value.
    pub fn entry(&self) -> Entry {
        self.batch.entry(self.index)
    }
}

/// A handler that is running, in its slot.
#[derive(Debug)]
pub(in crate::worker) struct Run {
    pub(in crate::worker) handler: AbortHandle,
    /// Free again once this is dropped.
    pub(in crate::worker) _slot: Slot,
}

impl Run {
    /// Stops the handler.
    pub(in crate::worker) fn abort(&self) {
        self.handler.abort();
    }
}

/// The phase of an entry in hand.
#[derive(Debug)]
pub(in crate::worker) enum Phase {
    /// Waits for a free slot.
    Ready,
    /// Its handler is running.
    Running(Run),
    /// Handled; its acknowledgement, output or move is being sent.
    Settling,
    /// Failed; waits for its next attempt. Its lease is not renewed.
    Waiting,
}

impl Phase {
    /// Whether the body is still needed: the entry is ready or running.
    fn has_body(&self) -> bool {
        matches!(self, Self::Ready | Self::Running(_))
    }
}

#[derive(Debug)]
pub(in crate::worker) struct Held {
    pub(in crate::worker) deliveries: u64,
    pub(in crate::worker) phase: Phase,
    /// When the lease was last known to be valid, which is the time before the confirming command was sent.
    pub(in crate::worker) confirmed: Instant,
    /// The size of its body.
    bytes: usize,
    /// When its handler was started; `None` when none was.
    pub(in crate::worker) started: Option<Instant>,
    /// How long the handler took when it last ended; `None` when none ran outside of the engine.
    pub(in crate::worker) took: Option<Duration>,
}

/// The number of entries in each phase that is counted.
#[derive(Debug, Default)]
struct Counts {
    ready: usize,
    running: usize,
    waiting: usize,
    /// The total size of the bodies of ready and running entries.
    bytes: usize,
}

impl Counts {
    fn of(&mut self, phase: &Phase) -> Option<&mut usize> {
        match phase {
            Phase::Ready => Some(&mut self.ready),
            Phase::Running(_) => Some(&mut self.running),
            Phase::Waiting => Some(&mut self.waiting),
            Phase::Settling => None,
        }
    }

    fn entered(&mut self, phase: &Phase, bytes: usize) {
        if let Some(count) = self.of(phase) {
            *count += 1;
        }
        if phase.has_body() {
            self.bytes += bytes;
        }
    }

    fn left(&mut self, phase: &Phase, bytes: usize) {
        if let Some(count) = self.of(phase) {
            *count -= 1;
        }
        if phase.has_body() {
            self.bytes -= bytes;
        }
    }
}

/// Entries in hand by id.
#[derive(Debug, Default)]
pub(in crate::worker) struct InHand {
    held: HashMap<EntryId, Held>,
    counts: Counts,
    /// Which of them are in order, by their keys.
    pub(in crate::worker) order: KeyOrder,
    /// Whether the running entry must run alone.
    pub(in crate::worker) is_lone_running: bool,
}

impl InHand {
    /// Takes an entry in hand, ready to start, with the size of its body.
    pub(in crate::worker) fn insert(
        &mut self,
        id: EntryId,
        deliveries: u64,
        confirmed: Instant,
        bytes: usize,
    ) {
        self.remove(id);
        self.counts.entered(&Phase::Ready, bytes);
        self.held.insert(
            id,
            Held {
                deliveries,
                phase: Phase::Ready,
                confirmed,
                bytes,
                started: None,
                took: None,
            },
        );
    }

    pub(in crate::worker) fn contains(&self, id: EntryId) -> bool {
        self.held.contains_key(&id)
    }

    pub(in crate::worker) fn get(&self, id: EntryId) -> Option<&Held> {
        self.held.get(&id)
    }

    /// Moves an entry to another phase. Returns `false` when the entry is not in hand (any more) under this delivery
    /// count.
    pub(in crate::worker) fn advance(
        &mut self,
        id: EntryId,
        deliveries: u64,
        phase: Phase,
    ) -> bool {
        let Some(held) = self
            .held
            .get_mut(&id)
            .filter(|held| held.deliveries == deliveries)
        else {
            return false;
        };
        self.counts.left(&held.phase, held.bytes);
        self.counts.entered(&phase, held.bytes);
        if matches!(phase, Phase::Running(_)) {
            held.started = Some(Instant::now());
        } else if matches!(held.phase, Phase::Running(_)) {
            held.took = held.started.map(|it| it.elapsed());
        }
        held.phase = phase;
        true
    }

    pub(in crate::worker) fn remove(&mut self, id: EntryId) -> Option<Held> {
        let held = self.held.remove(&id)?;
        self.order.remove(id);
        self.counts.left(&held.phase, held.bytes);
        Some(held)
    }

    /// Stops every running handler. Its entry was started, and waits for a later attempt of any worker.
    pub(in crate::worker) fn stop_running(&mut self) {
        for held in self.held.values_mut() {
            if let Phase::Running(run) = &held.phase {
                run.abort();
                self.counts.left(&held.phase, held.bytes);
                held.phase = Phase::Waiting;
                self.counts.entered(&held.phase, held.bytes);
            }
        }
    }

    /// Whether the lease was confirmed less than `within` ago.
    pub(in crate::worker) fn is_confirmed(
        &self,
        id: EntryId,
        now: Instant,
        within: Duration,
    ) -> bool {
        self.get(id)
            .is_some_and(|held| now.saturating_duration_since(held.confirmed) < within)
    }

    /// The lease was valid at `at`.
    pub(in crate::worker) fn confirm(&mut self, id: EntryId, at: Instant) {
        if let Some(held) = self.held.get_mut(&id) {
            held.confirmed = at;
        }
    }

    /// Entries whose leases are renewed: all except those that wait for a retry.
    pub(in crate::worker) fn leases(&self) -> Vec<(EntryId, u64)> {
        self.held
            .iter()
            .filter(|(_, held)| !matches!(held.phase, Phase::Waiting))
            .map(|(id, held)| (*id, held.deliveries))
            .collect()
    }

    /// Every entry, with the delivery count under which it is held.
    pub(in crate::worker) fn all(&self) -> Vec<(EntryId, u64)> {
        let held = self.held.iter();
        held.map(|(id, held)| (*id, held.deliveries)).collect()
    }

    /// Entries whose handlers have been running for at least this long at `now`: id, delivery count, and start.
    pub(in crate::worker) fn running_for(
        &self,
        now: Instant,
        long: Duration,
    ) -> Vec<(EntryId, u64, Instant)> {
        let started = |held: &Held| match held.phase {
            Phase::Running(_) => held.started,
            _ => None,
        };
        let since = |(id, held): (&EntryId, &Held)| Some((*id, held.deliveries, started(held)?));
        let running = self.held.iter().filter_map(since);
        running
            .filter(|(_, _, started)| now.saturating_duration_since(*started) >= long)
            .collect()
    }

    /// Whether the entry waits for its next attempt.
    pub(in crate::worker) fn is_waiting(&self, id: EntryId) -> bool {
        let held = self.get(id);
        held.is_some_and(|held| matches!(held.phase, Phase::Waiting))
    }

    /// Entries that wait for a retry.
    pub(in crate::worker) fn waiting(&self) -> usize {
        self.counts.waiting
    }

    pub(in crate::worker) fn ready(&self) -> usize {
        self.counts.ready
    }

    pub(in crate::worker) fn running(&self) -> usize {
        self.counts.running
    }

    /// The total size of the bodies of ready and running entries.
    pub(in crate::worker) fn bytes(&self) -> usize {
        self.counts.bytes
    }

    pub(in crate::worker) fn len(&self) -> usize {
        self.held.len()
    }

    pub(in crate::worker) fn ids(&self) -> Vec<EntryId> {
        self.held.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_the_phases() {
        let (mut hand, id) = (InHand::default(), EntryId::new(1, 0));
        hand.insert(id, 1, Instant::now(), 10);
        assert_eq!((hand.ready(), hand.running(), hand.len()), (1, 0, 1));
        assert_eq!(hand.bytes(), 10);
        assert!(!hand.advance(id, 2, Phase::Settling), "another delivery");
        assert!(hand.advance(id, 1, Phase::Waiting));
        assert_eq!(
            (hand.ready(), hand.waiting(), hand.leases().len()),
            (0, 1, 0)
        );
        hand.insert(id, 2, Instant::now(), 10);
        assert_eq!((hand.ready(), hand.waiting()), (1, 0));
        hand.remove(id);
        assert_eq!((hand.len(), hand.ready(), hand.bytes()), (0, 0, 0));
    }
}
