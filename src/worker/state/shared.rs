//! What the two engines of a worker share, the one of the stream and the one of the group's retry stream: the slots for
//! handlers, in turns while both want one; the rate limit; and the number of started entries.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::rate_limiter::RateLimiter;
use crate::model::EntryId;
use crate::worker::counters::Figures;

/// How long an engine that could not start an entry is known to want a slot; it asks again well within that time.
const ASKED_FOR: Duration = Duration::from_secs(3);

/// One of a worker's engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Seat {
    /// The one that reads the stream.
    Stream,
    /// The one that reads the group's retry stream.
    Retries,
}

impl Seat {
    const fn index(self) -> usize {
        match self {
            Self::Stream => 0,
            Self::Retries => 1,
        }
    }

    const fn other(self) -> usize {
        1 - self.index()
    }
}

/// What an entry needs to be started.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Need {
    pub(in crate::worker) id: EntryId,
    /// How many slots there are.
    pub(in crate::worker) slots: usize,
    /// Whether it must run alone.
    pub(in crate::worker) is_alone: bool,
}

/// An engine that wants a slot and has none.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    is_alone: bool,
}

impl Asked {
    fn now(need: &Need) -> Self {
        Self {
            at: Instant::now(),
            is_alone: need.is_alone,
        }
    }
}

#[derive(Debug)]
struct State {
    /// Entries that handlers have. Their ids are of two streams; a process that has several entries answers by id, so
    /// none is started while another has its id.
    running: HashSet<EntryId>,
    is_lone_running: bool,
    asked: [Option<Asked>; 2],
    /// The engine that started an entry last.
    last: usize,
    started: u64,
    pace: RateLimiter,
    figures: [Figures; 2],
    /// Whether the circuit breaker of the stream's engine is open.
    is_paused: bool,
    /// Since when the group is known to be paused.
    held_since: Option<Instant>,
}

impl State {
    fn has_slot(&self, seat: Seat, need: &Need) -> bool {
        if self.is_lone_running || self.running.contains(&need.id) {
            return false;
        }
        let other = self.asked[seat.other()].filter(|it| it.at.elapsed() < ASKED_FOR);
        let is_turn_of_other = other.is_some() && self.last == seat.index();
        if need.is_alone {
            let is_other_alone = other.is_some_and(|it| it.is_alone);
            return self.running.is_empty() && !(is_other_alone && is_turn_of_other);
        }
        let free = need.slots.saturating_sub(self.running.len());
        free > usize::from(is_turn_of_other) && !other.is_some_and(|it| it.is_alone)
    }
}

/// Shared by the engines of a worker.
#[derive(Debug)]
pub(in crate::worker) struct Shared {
    state: Mutex<State>,
    /// Tells each engine that it may have a slot now.
    freed: [Notify; 2],
}

impl Shared {
    /// Nothing is running; at most `rate` attempts start per second, from `now` on.
    pub(in crate::worker) fn new(rate: Option<u32>, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                running: HashSet::new(),
                is_lone_running: false,
                asked: [None; 2],
                last: Seat::Retries.index(),
                started: 0,
                pace: RateLimiter::new(rate, now),
                figures: [Figures::default(); 2],
                is_paused: false,
                held_since: None,
            }),
            freed: [Notify::new(), Notify::new()],
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a slot for an entry; otherwise the engine is next when one is freed.
    pub(in crate::worker) fn ask(&self, seat: Seat, need: &Need) -> bool {
        let mut state = self.state();
        let has_slot = state.has_slot(seat, need);
        state.asked[seat.index()] = (!has_slot).then(|| Asked::now(need));
        has_slot
    }

    /// Whether there is a slot for an entry.
    pub(in crate::worker) fn has_slot(&self, seat: Seat, need: &Need) -> bool {
        self.state().has_slot(seat, need)
    }

    /// The engine has no entry that wants a slot.
    pub(in crate::worker) fn wants_none(&self, seat: Seat) {
        let was_asked = self.state().asked[seat.index()].take().is_some();
        if was_asked {
            self.freed[seat.other()].notify_one();
        }
    }

    /// Starts an entry, if there is a slot, the rate allows it, and fewer than `max` were started. `None` also when
    /// the engines started something at the same moment.
    pub(in crate::worker) fn start(
        self: &Arc<Self>,
        seat: Seat,
        need: &Need,
        max: Option<u64>,
    ) -> Option<Slot> {
        let mut state = self.state();
        if !state.has_slot(seat, need) {
            state.asked[seat.index()] = Some(Asked::now(need));
            return None;
        }
        if !state.may_start(max) {
            return None;
        }
        state.count_start();
        state.running.insert(need.id);
        state.is_lone_running = need.is_alone;
        state.last = seat.index();
        state.asked[seat.index()] = None;
        if state.asked[seat.other()].is_some() {
            self.freed[seat.other()].notify_one();
        }
        drop(state);
        Some(Slot {
            shared: Arc::clone(self),
            seat,
            id: need.id,
        })
    }

    /// Starts an entry that needs no slot, because it is handled at once. Returns whether it may.
    pub(in crate::worker) fn start_inline(&self, max: Option<u64>) -> bool {
        let mut state = self.state();
        let may_start = state.may_start(max);
        if may_start {
            state.count_start();
        }
        may_start
    }

    /// One that was counted as started was not.
    pub(in crate::worker) fn was_not_started(&self) {
        let mut state = self.state();
        state.started = state.started.saturating_sub(1);
    }

    /// The number of started entries.
    pub(in crate::worker) fn started(&self) -> u64 {
        self.state().started
    }

    /// Whether the rate allows another start.
    pub(in crate::worker) fn is_in_pace(&self) -> bool {
        self.state().pace.allows()
    }

    /// When the rate allows the next start; `None` without a limit.
    pub(in crate::worker) fn next_start(&self) -> Option<Instant> {
        self.state().pace.next_start()
    }

    /// Waits until this engine may have a slot.
    pub(in crate::worker) async fn freed(&self, seat: Seat) {
        self.freed[seat.index()].notified().await;
    }

    /// Takes note of an engine's figures, and returns those of both.
    pub(in crate::worker) fn figures(&self, seat: Seat, figures: Figures) -> Figures {
        let mut state = self.state();
        if seat == Seat::Stream {
            state.is_paused = figures.is_paused;
        }
        state.figures[seat.index()] = figures;
        state.figures[0].with(&state.figures[1])
    }

    /// Whether the circuit breaker of the stream's engine is open: then nothing of the retry stream is started either.
    pub(in crate::worker) fn is_paused(&self) -> bool {
        self.state().is_paused
    }

    /// Takes note that the group was seen to be paused, or no longer is.
    pub(in crate::worker) fn hold(&self, since: Option<Instant>) {
        self.state().held_since = since;
    }

    /// Since when the group is known to be paused; `None` while it is not.
    pub(in crate::worker) fn held_since(&self) -> Option<Instant> {
        self.state().held_since
    }
}

impl State {
    fn may_start(&self, max: Option<u64>) -> bool {
        max.is_none_or(|max| self.started < max) && self.pace.allows()
    }

    fn count_start(&mut self) {
        self.started += 1;
        self.pace.started();
    }
}

/// A slot that an entry has until this is dropped.
#[derive(Debug)]
pub(in crate::worker) struct Slot {
    shared: Arc<Shared>,
    seat: Seat,
    id: EntryId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.running.remove(&self.id);
        state.is_lone_running = false;
        if state.asked[self.seat.other()].is_some() {
            self.shared.freed[self.seat.other()].notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(ms: u64, slots: usize) -> Need {
        Need {
            id: EntryId::new(ms, 0),
            slots,
            is_alone: false,
        }
    }

    fn take(shared: &Arc<Shared>, seat: Seat, need: &Need) -> Option<Slot> {
        shared
            .ask(seat, need)
            .then(|| shared.start(seat, need, None))?
    }

    #[test]
    fn together_they_have_no_more_than_the_slots_and_take_turns() {
        use Seat::{Retries, Stream};
        let shared = Shared::new(None, Instant::now());
        let first = take(&shared, Stream, &need(1, 1)).unwrap();
        assert!(take(&shared, Retries, &need(2, 1)).is_none());
        drop(first);
        // The stream's engine is first to look, and it is not its turn.
        assert!(take(&shared, Stream, &need(3, 1)).is_none());
        let second = take(&shared, Retries, &need(2, 1)).unwrap();
        drop(second);
        assert!(take(&shared, Retries, &need(4, 1)).is_none());
        drop(take(&shared, Stream, &need(3, 1)).unwrap());
        // Whoever wants nothing any more keeps nobody waiting.
        assert!(take(&shared, Stream, &need(5, 1)).is_none());
        shared.wants_none(Retries);
        assert!(take(&shared, Stream, &need(5, 1)).is_some());
        assert_eq!(shared.started(), 4);
    }

    #[test]
    fn of_two_slots_one_is_left_to_whoever_waits() {
        use Seat::{Retries, Stream};
        let shared = Shared::new(None, Instant::now());
        let held = [1, 2].map(|ms| take(&shared, Stream, &need(ms, 2)).unwrap());
        assert!(take(&shared, Retries, &need(9, 2)).is_none());
        let [first, _second] = held;
        drop(first);
        assert!(take(&shared, Stream, &need(3, 2)).is_none());
        assert!(take(&shared, Retries, &need(9, 2)).is_some());
    }

    #[test]
    fn what_must_run_alone_runs_alone_and_is_let_in() {
        use Seat::{Retries, Stream};
        let shared = Shared::new(None, Instant::now());
        let alone = Need {
            is_alone: true,
            ..need(1, 4)
        };
        let running = take(&shared, Retries, &need(2, 4)).unwrap();
        assert!(take(&shared, Stream, &alone).is_none());
        assert!(take(&shared, Retries, &need(3, 4)).is_none(), "it waits");
        drop(running);
        let lone = take(&shared, Stream, &alone).unwrap();
        assert!(take(&shared, Retries, &need(3, 4)).is_none());
        drop(lone);
        assert!(take(&shared, Retries, &need(3, 4)).is_some());
    }

    #[test]
    fn no_two_entries_of_one_id_run_at_a_time_and_none_beyond_the_last() {
        use Seat::{Retries, Stream};
        let shared = Shared::new(None, Instant::now());
        let one = take(&shared, Stream, &need(1, 4)).unwrap();
        assert!(take(&shared, Retries, &need(1, 4)).is_none());
        drop(one);
        let two = take(&shared, Retries, &need(1, 4)).unwrap();
        assert!(shared.start(Stream, &need(2, 4), Some(2)).is_none());
        shared.was_not_started();
        drop(two);
        assert!(shared.start(Stream, &need(2, 4), Some(2)).is_some());
    }
}
