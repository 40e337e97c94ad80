//! The counters and present figures of a worker: shared with the code that shows them, and summed up at the end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::model::Paused;

macro_rules! counters {
    ($($name:ident: $help:literal,)*) => {
        /// Running totals of one worker, readable while it works.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $help] pub $name: AtomicU64,)*
            /// The present figures.
            pub now: Now,
            /// The pause of the group that ended a worker that works once.
            pub paused: OnceLock<Paused>,
        }

        /// The values of [`Counters`] at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
        pub struct Summary {
            $(#[doc = $help] pub $name: u64,)*
        }

        impl Counters {
            /// The totals so far.
            pub fn summary(&self) -> Summary {
                Summary { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Summary {
            /// Each total: its name, its meaning, and its value.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), $help, self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    handled: "Entries handled and acknowledged.",
    failed_attempts: "Attempts that failed.",
    not_started: "Attempts that could not be started for lack of file descriptors, processes, memory or the program \
        itself; not counted as deliveries.",
    retried: "Attempts after the first.",
    taken_over: "Entries taken over from other consumers.",
    dead_lettered: "Entries moved to the dead-letter stream with their bodies.",
    tombstones: "Entries whose bodies had been trimmed, recorded in the dead-letter stream.",
    taken_back: "Entries that were no longer pending because this worker's consumer was deleted, and that were made \
        pending for it again.",
    uncounted: "Figures of the features handler that could not be incremented; their events were handled without them.",
    lost: "Entries that were trimmed or deleted before they were delivered to the group.",
    leases_lost: "Leases lost while their entry was in flight; another consumer claimed or acknowledged those entries.",
    released: "Entries released without being started when the worker stopped.",
    reconnects: "Connections opened again after a loss.",
    groups_recreated: "Times the group had to be created again.",
    left_pending: "Entries left pending at the end, which failed and wait for their next attempt.",
}

/// The present figures of a worker.
#[derive(Debug, Default)]
pub struct Now {
    ready: AtomicU64,
    running: AtomicU64,
    waiting: AtomicU64,
    unwritten: AtomicU64,
    is_paused: AtomicU64,
    is_stalled: AtomicU64,
    is_standing_by: AtomicU64,
    is_on_hold: AtomicU64,
}

/// The figures of [`Now`].
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a figure of its own, 0 or 1"
)]
pub(super) struct Figures {
    pub(super) ready: usize,
    pub(super) running: usize,
    pub(super) waiting: usize,
    pub(super) unwritten: usize,
    pub(super) is_paused: bool,
    pub(super) is_stalled: bool,
    pub(super) is_standing_by: bool,
    pub(super) is_on_hold: bool,
}

impl Figures {
    /// These and the others together. Only the worker itself stands by.
    pub(super) fn with(&self, others: &Self) -> Self {
        Self {
            ready: self.ready + others.ready,
            running: self.running + others.running,
            waiting: self.waiting + others.waiting,
            unwritten: self.unwritten + others.unwritten,
            is_paused: self.is_paused || others.is_paused,
            is_stalled: self.is_stalled || others.is_stalled,
            is_standing_by: self.is_standing_by,
            is_on_hold: self.is_on_hold,
        }
    }
}

impl Now {
    pub(super) fn set(&self, figures: Figures) {
        let count = |counter: &AtomicU64, count: usize| {
            counter.store(count as u64, Ordering::Relaxed);
        };
        count(&self.ready, figures.ready);
        count(&self.running, figures.running);
        count(&self.waiting, figures.waiting);
        count(&self.unwritten, figures.unwritten);
        count(&self.is_paused, figures.is_paused.into());
        count(&self.is_stalled, figures.is_stalled.into());
        count(&self.is_standing_by, figures.is_standing_by.into());
        count(&self.is_on_hold, figures.is_on_hold.into());
    }

    /// Each figure: its name, its meaning, and its value.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        [
            ("ready", "Entries in flight that wait for a free slot.", &self.ready),
            ("running", "Entries that are being handled.", &self.running),
            ("waiting", "Entries in flight that wait for their next attempt (backoff).", &self.waiting),
            (
                "unwritten",
                "Dead letters and tombstones that could not be written so far.",
                &self.unwritten,
            ),
            (
                "paused",
                "1 while the circuit breaker is open: every attempt fails, and one entry is tried at a time.",
                &self.is_paused,
            ),
            (
                "stalled",
                "1 while no attempt can be started for lack of file descriptors, processes, memory or the program.",
                &self.is_stalled,
            ),
            (
                "standing_by",
                "1 while another worker is the group's active one.",
                &self.is_standing_by,
            ),
            (
                "on_hold",
                "1 while the group is paused by an operator: nothing is read, claimed or retried.",
                &self.is_on_hold,
            ),
        ]
        .into_iter()
        .map(|(name, help, value)| (name, help, value.load(Ordering::Relaxed)))
    }
}

/// Adds `count` to a counter.
pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
