//! What a worker counted: shared with whoever shows it, summed up at the end.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Running totals of one worker, readable while it works.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        /// [`Counters`] at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Summary {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// The totals now.
            pub fn summary(&self) -> Summary {
                Summary { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl std::ops::AddAssign for Summary {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Entries handled and acknowledged.
    handled,
    /// Attempts that failed.
    failed_attempts,
    /// Attempts after the first.
    retried,
    /// Entries taken over from other consumers.
    taken_over,
    /// Entries moved to the dead-letter stream with their bodies.
    dead_lettered,
    /// Entries whose body had been trimmed away: recorded in the dead-letter stream.
    tombstones,
    /// Leases lost while their entry was in hand; somebody else has those entries.
    leases_lost,
    /// Entries given back unstarted when stopping.
    released,
    /// Connections made again after a loss.
    reconnects,
    /// Times the group had to be created again.
    groups_recreated,
    /// Entries left pending at the end: they failed and wait for their next attempt.
    left_pending,
}

/// Adds `count` to a counter.
pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
