//! The part of a stream that a replay handles: what is after its end, or does not match its conditions, is acknowledged
//! in the replay's own group without being handled.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counters::add;
use super::state::in_hand::Delivery;
use crate::model::EntryId;
use crate::streams::tail::{Filter, Verdict};

/// A part of a stream, and how much was left out of it.
#[derive(Debug)]
pub struct Portion {
    last: EntryId,
    filter: Filter,
    left_out: AtomicU64,
    unjudged: AtomicU64,
}

impl Portion {
    /// The entries up to and including `last` that match the filter.
    pub fn new(last: EntryId, filter: Filter) -> Self {
        Self {
            last,
            filter,
            left_out: AtomicU64::new(0),
            unjudged: AtomicU64::new(0),
        }
    }

    /// The last entry.
    pub const fn last(&self) -> EntryId {
        self.last
    }

    /// Whether the entry is to be handled. One that cannot be judged is not.
    pub(super) fn takes(&self, delivery: &Delivery) -> bool {
        if delivery.id() > self.last {
            return false;
        }
        if self.filter.is_empty() {
            return true;
        }
        let fields: Vec<_> = delivery.fields().collect();
        match self.filter.judge(&fields) {
            Verdict::Taken => true,
            Verdict::Left => false,
            Verdict::Unjudged(why) => {
                add(&self.unjudged, 1);
                tracing::debug!(id = %delivery.id(), %why, "left out");
                false
            }
        }
    }

    /// An entry within the part was acknowledged without being handled.
    pub(super) fn was_left_out(&self, id: EntryId) {
        if id <= self.last {
            add(&self.left_out, 1);
        }
    }

    /// How many entries within the part did not match.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// How many of these could not be judged, because a condition names a place in a value that is not JSON.
    pub fn unjudged(&self) -> u64 {
        self.unjudged.load(Ordering::Relaxed)
    }
}
