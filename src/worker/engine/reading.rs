//! Requests new entries and takes them in hand. Acknowledgements are sent together with the reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Engine;
use super::reader::{ReadOrder, ReadOutcome};
use crate::model::format_duration_short;
use crate::wire::{Error, ErrorKind, GroupReply};
use crate::worker::job::Mode;
use crate::worker::state::bar::Bar;
use crate::worker::state::in_hand::{Delivery, Phase};
use crate::worker::state::settlement::{Settlement, What};

/// The longest time that a read waits on the server for new entries.
const BLOCK_MAX: Duration = Duration::from_secs(2);
/// While this many entries wait for a retry or for their dead letter to be written, nothing is read or claimed.
pub(super) const WAITING_MAX: usize = 10_000;
/// The approximate size of the bodies of entries in hand that wait for a slot or are being handled; beyond it no more
/// are requested.
const HAND_BYTES: usize = 16 << 20;
/// How many acknowledgements are sent with one read.
const RIDING_MAX: usize = 1000;
/// How long acknowledgements wait for the next read while there is much to read.
const LINGER: Duration = Duration::from_millis(10);

impl Engine {
    /// How many entries a read requests, and how many may wait for a slot. When processes answer so fast that many
    /// entries are sent ahead, as many may wait.
    fn batch(&self) -> usize {
        let policy = &self.job.policy;
        let ahead = self.job.handler.ahead();
        policy
            .batch
            .max(if policy.is_batch_fixed { 0 } else { ahead })
    }

    /// How many more entries there is room for: in slots and in the queue before them. A handler that takes no time
    /// handles one batch while the server prepares the next one. Entries that the current read may bring do not
    /// count, because on a quiet stream that read waits, and a retry that is due must not wait with it.
    pub(super) fn room(&self) -> usize {
        let batch = self.batch();
        let batches = 1 + usize::from(self.job.handler.is_inline());
        let active = self.hand.ready() + self.hand.running();
        let left = self.job.max_messages.map_or(usize::MAX, |max| {
            let left =
                usize::try_from(max.saturating_sub(self.shared.started())).unwrap_or(usize::MAX);
            left.saturating_sub(self.hand.ready())
        });
        (self.slots() + batches * batch)
            .saturating_sub(active)
            .min(batch)
            .min(left)
            .min(self.room_in_bytes())
    }

    /// How many more entries fit in memory, by the sizes seen so far; at least one when none is in hand.
    fn room_in_bytes(&self) -> usize {
        let fits = self
            .reads
            .fits(HAND_BYTES.saturating_sub(self.hand.bytes()));
        let is_empty = self.hand.ready() + self.hand.running() == 0;
        fits.max(usize::from(is_empty))
    }

    /// How long a read blocks. It leaves enough of twice the timeout to detect and replace a dead connection within
    /// that time.
    fn block(&self) -> Duration {
        BLOCK_MAX.min(self.dialer.timeout() * 3 / 4)
    }

    /// The time until which queued acknowledgements wait for the next read; `None` when they do not wait.
    pub(super) fn lingers_until(&self, now: Instant) -> Option<Instant> {
        let until = self.read_asked + LINGER;
        let may_ride = self.settlements.front().is_some_and(Settlement::may_ride);
        let rides_soon = self.is_bulk && self.reader.is_reading() && self.lease.is_none();
        (rides_soon && may_ride && now < until).then_some(until)
    }

    /// Requests new entries when there is room, and sends acknowledgements along.
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
            && !self.is_held_back()
            && !self.is_on_hold()
            && !self.is_reading_over
            && (!is_probe || self.is_probe_wanted)
            && !self.lone.is_due(now)
            && !self.is_waiting_full()
            && (is_probe || !self.inheritance.is_due())
            && self.bar == Bar::Lifted
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
            block: (self.job.mode.waits() && !is_probe).then_some(self.block()),
        });
    }

    /// Handles the result of a read.
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
        if matches!(self.job.mode, Mode::Once | Mode::Portion)
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
            self.make_ready(delivery);
        }
    }

    /// Lets an entry in hand wait for its turn, unless it is not to be handled: that is all there is to do with it then.
    pub(super) fn make_ready(&mut self, delivery: Delivery) {
        let portion = self.job.portion.as_ref();
        if portion.is_none_or(|portion| portion.takes(&delivery)) {
            self.line_up(delivery);
            return;
        }
        let (id, deliveries) = (delivery.id(), delivery.deliveries);
        if self.hand.advance(id, deliveries, Phase::Settling) {
            let what = What::LeaveOut;
            self.settlements
                .push_back(Settlement::new(id, deliveries, what));
        }
    }
}

/// A duration that has passed, for a log line; it is never shown as zero.
fn told(passed: Duration) -> String {
    format_duration_short(passed.max(Duration::from_millis(1)))
}
