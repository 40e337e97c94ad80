//! When the engine has something to do, and when all of its work is done.

use std::time::{Duration, Instant};

use super::Engine;
use super::beside::Beside;
use super::breaker_marker::BreakerMarker;
use super::fence::Lease;
use crate::worker::job::Mode;
use crate::worker::state::bar::Bar;

/// How often the engine of the retry stream looks whether everything still fails in the stream.
const HELD_BACK_LOOK: Duration = Duration::from_millis(500);

impl Engine {
    /// When the next turn of the loop is needed, even if no event comes.
    pub(super) fn next_due(&self) -> Instant {
        let now = Instant::now();
        if let Some(until) = self.trouble.until(now) {
            return until;
        }
        if let Some(lease) = self.lease.as_ref().filter(|lease| !lease.is_held(now)) {
            return lease.next_try();
        }
        if let Some(until) = self.lingers_until(now) {
            return until;
        }
        if !self.settlements.is_empty() || !self.unstarted.is_empty() {
            return now;
        }
        let mut due = vec![self.timers.presence, self.timers.renewal];
        due.extend(self.next_hold(now));
        due.extend(self.next_call());
        match self.breaker.next_probe() {
            _ if self.is_on_hold() => {}
            Some(probe) if self.hand.running() == 0 => due.push(probe),
            Some(_) => {}
            None if self.is_held_back() => due.push(now + HELD_BACK_LOOK),
            None => self.work_due(now, &mut due),
        }
        if self.lack.is_there() {
            due.extend(self.lack.next_look(now));
            let may_start = self.is_held_by_pace() && self.shared.is_in_pace();
            due.extend(may_start.then_some(now));
        }
        due.extend(self.notice.as_ref().map(BreakerMarker::next));
        due.extend(self.next_noting());
        due.extend(self.postponed.next_due());
        due.extend(self.lease.as_ref().map(Lease::next_try));
        due.into_iter().min().unwrap_or(now)
    }

    /// When there is work that can be started, or work to look for.
    fn work_due(&self, now: Instant, due: &mut Vec<Instant>) {
        if self.is_held_by_pace() {
            due.extend(self.shared.next_start());
        }
        if self.job.mode == Mode::Preclaimed {
            due.extend((self.room() > 0 && !self.given.is_empty()).then_some(now));
            return;
        }
        if self.stale.is_empty() {
            due.push(self.timers.sweep);
        }
        if self.lone.is_due(now) || self.has_nothing_else(now) {
            // What runs or is ready comes to its end first, and tells so.
            let may_run = self.is_idle() && self.room_for_retries() > 0;
            due.extend(may_run.then_some(now));
            return;
        }
        due.extend(self.lone.next_due());
        if self.room_for_retries() > 0 {
            due.extend(self.retries.next_due());
        }
        if self.room() > 0 {
            due.extend(self.stale.front().map(|_| now));
        }
    }

    /// Whether this worker has done everything that it was asked to do.
    pub(super) fn is_done(&self) -> bool {
        let is_settled =
            self.hand.running() == 0 && self.settlements.is_empty() && self.riding.is_empty();
        if !is_settled {
            return false;
        }
        if self
            .job
            .max_messages
            .is_some_and(|max| self.shared.started() >= max)
        {
            return true;
        }
        // One look from a cron job is over when everything fails, the group is paused, or another worker is the active one: it does not wait for
        // better times.
        let is_over = self.breaker.is_open()
            || self.is_on_hold()
            || self.is_held_back()
            || self.is_standing_by()
            || self.lack.has_stalled(Instant::now(), self.job.connect_for)
            || self.ready.is_empty() && self.has_seen_all();
        match self.job.mode {
            Mode::Forever => false,
            Mode::WhileThere => self.is_standing_by() || self.has_seen_all(),
            Mode::Once => is_over && !self.beside.as_ref().is_some_and(Beside::is_running),
            Mode::Preclaimed => is_over,
            Mode::Portion => self.is_standing_by() || self.ready.is_empty() && self.has_seen_all(),
        }
    }

    /// Whether only an entry that must run alone is left to do.
    pub(super) fn has_nothing_else(&self, now: Instant) -> bool {
        let is_free = self.hand.running() + self.hand.ready() == 0 && self.stale.is_empty();
        let is_retry_due = self.retries.next_due().is_some_and(|at| at <= now);
        is_free && !self.is_bulk && !is_retry_due && !self.lone.is_empty()
    }

    /// Whether there is nothing left to look for, or no more entries may be taken.
    fn has_seen_all(&self) -> bool {
        match self.job.mode {
            Mode::Forever => false,
            Mode::WhileThere => self.has_been_empty(),
            Mode::Once => {
                let is_over = self.is_reading_over || self.bar != Bar::Lifted;
                is_over && self.trouble.was_swept() || self.is_waiting_full()
            }
            Mode::Preclaimed => self.given.is_empty(),
            Mode::Portion => {
                let has_none =
                    self.hand.len() == 0 && self.stale.is_empty() && self.lone.is_empty();
                self.is_reading_over && has_none && self.pending_elsewhere == Some(0)
            }
        }
    }

    /// Whether another worker was found to be the active one.
    pub(super) fn is_standing_by(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_of_another)
    }
}
