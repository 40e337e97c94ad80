//! Asking for new entries and taking them in hand, acknowledgements riding along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Engine;
use super::reader::{ReadOrder, ReadOutcome};
use crate::model::format_duration_short;
use crate::wire::{Error, ErrorKind, GroupReply};
use crate::worker::job::Mode;
use crate::worker::state::in_hand::Delivery;
use crate::worker::state::settlement::Settlement;

/// How long a read waits on the server for new entries, at most.
const BLOCK_MAX: Duration = Duration::from_secs(2);
/// While so many entries wait for a retry or for their dead letter to be written, nothing is read or taken over.
pub(super) const WAITING_MAX: usize = 10_000;
/// Bytes of the bodies in hand that wait for a slot or run, about: more is not asked for while there are as many.
const HAND_BYTES: usize = 16 << 20;
/// Acknowledgements that ride along with one read.
const RIDING_MAX: usize = 1000;
/// How long acknowledgements wait for the next read to ride along with, while there is much to read.
const LINGER: Duration = Duration::from_millis(10);

impl Engine {
    /// Entries that a read asks for and that wait for a slot at most. Where processes answer so fast that they are sent
    /// many ahead, as many wait.
    fn batch(&self) -> usize {
        let policy = &self.job.policy;
        let ahead = self.job.handler.ahead();
        policy
            .batch
            .max(if policy.is_batch_fixed { 0 } else { ahead })
    }

    /// Entries there is room for: slots and the queue before them. Where a handler takes no time, one batch is handled
    /// while the server makes the next one ready. What the read under way may bring takes no room: on a quiet stream it
    /// waits, and an entry in hand whose next attempt is due does not wait with it.
    pub(super) fn room(&self) -> usize {
        let batch = self.batch();
        let batches = 1 + usize::from(self.job.handler.is_inline());
        let active = self.hand.ready() + self.hand.running();
        let left = self.job.max_messages.map_or(usize::MAX, |max| {
            let left = usize::try_from(max.saturating_sub(self.started)).unwrap_or(usize::MAX);
            left.saturating_sub(self.hand.ready())
        });
        (self.slots() + batches * batch)
            .saturating_sub(active)
            .min(batch)
            .min(left)
            .min(self.room_in_bytes())
    }

    /// Entries that memory has room for, by what has been seen of them; one where there is none in hand.
    fn room_in_bytes(&self) -> usize {
        let fits = self
            .reads
            .fits(HAND_BYTES.saturating_sub(self.hand.bytes()));
        let is_empty = self.hand.ready() + self.hand.running() == 0;
        fits.max(usize::from(is_empty))
    }

    /// A read that waits leaves enough of twice the timeout for a dead connection to be found out and replaced in it.
    fn block(&self) -> Duration {
        BLOCK_MAX.min(self.dialer.timeout() * 3 / 4)
    }

    /// Until when the acknowledgements in the queue wait for the next read; `None` when they do not.
    pub(super) fn lingers_until(&self, now: Instant) -> Option<Instant> {
        let until = self.read_asked + LINGER;
        let may_ride = self.settlements.front().is_some_and(Settlement::may_ride);
        let rides_soon = self.is_bulk && self.reader.is_reading() && self.lease.is_none();
        (rides_soon && may_ride && now < until).then_some(until)
    }

    /// Asks the reader for new entries when there is room, and lets acknowledgements ride along.
    pub(super) fn order_read(&mut self, now: Instant) {
        let is_probe = self.breaker.is_open();
        let count_max = if is_probe {
            1
        } else {
            self.reads.at_a_time().min(self.batch())
        };
        let room = self.room().min(count_max);
        let is_worth_it = is_probe || room * 2 >= count_max || self.ready.is_empty();
        let may_read = !self.reader.is_reading()
            && !self.is_reading_over
            && (!is_probe || self.is_probe_wanted)
            && !self.lone.is_due(now)
            && !self.is_waiting_full()
            && (is_probe || !self.inheritance.is_due())
            && room > 0
            && is_worth_it;
        if !may_read {
            return;
        }
        self.riding = self.take_riding(now, RIDING_MAX);
        self.read_asked = now;
        self.ordered = room;
        let look = self.look_for_losses(now);
        self.reader.read(ReadOrder {
            acks: self.riding.iter().map(|(id, _)| *id).collect(),
            look,
            count_max: room,
            block: (self.job.mode == Mode::Forever && !is_probe).then_some(self.block()),
        });
    }

    /// The reader answered.
    pub(super) fn on_read(&mut self, read: ReadOutcome) -> Result<(), Error> {
        let riding = std::mem::take(&mut self.riding);
        let asked = std::mem::take(&mut self.ordered);
        match read {
            Ok(mut reply) => {
                if let Some(looked) = reply.looked.take() {
                    self.on_looked(looked);
                }
                let batch = &reply.batch;
                self.reads.brought(asked, batch.len(), batch.bytes());
                self.on_acknowledged(&riding, reply.acknowledged);
                self.on_entries(reply, asked);
                Ok(())
            }
            Err(error) => {
                if error.kind == ErrorKind::Timeout {
                    self.reads.was_late(asked);
                }
                self.is_bulk = false;
                self.settle_again(riding);
                self.trouble.must_recover();
                Err(error)
            }
        }
    }

    fn on_entries(&mut self, reply: GroupReply, asked: usize) {
        let last = reply
            .batch
            .len()
            .checked_sub(1)
            .map(|index| reply.batch.id(index));
        if self.job.mode == Mode::Once
            && last.is_none_or(|last| self.read_until.is_none_or(|until| last >= until))
        {
            self.is_reading_over = true;
        }
        self.is_bulk = reply.batch.len() >= asked;
        self.trouble.read_well(self.read_asked);
        if let Some(since) = self.trouble.ended() {
            tracing::warn!(group = %self.job.group, after = %told(since.elapsed()), "the server is available again");
        }
        let is_probe = std::mem::take(&mut self.is_probe_wanted) && self.breaker.is_open();
        if is_probe && reply.batch.is_empty() {
            self.breaker.probe_by(self.retries.next_due());
        }
        let batch = Arc::new(reply.batch);
        for index in 0..batch.len() {
            // A reply that came late: the entry looked left alone meanwhile, and this worker took it itself.
            if self.hand.contains(batch.id(index)) {
                continue;
            }
            let bytes = batch.entry_bytes(index);
            self.hand.insert(batch.id(index), 1, self.read_asked, bytes);
            let mut delivery = Delivery::new(Arc::clone(&batch), index, 1);
            delivery.is_probe = is_probe && index == 0;
            self.ready.push_back(delivery);
        }
    }
}

/// A time that has passed, for a log line: nothing is over in no time.
fn told(passed: Duration) -> String {
    format_duration_short(passed.max(Duration::from_millis(1)))
}
