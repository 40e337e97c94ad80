//! Whether the group is paused. The engine of the stream looks every few seconds, and both engines go by what it finds:
//! while the group is paused they read, claim and retry nothing, and finish what they have in hand. What could not be
//! started soon goes back, and its delivery is taken back.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Paused, Time};
use crate::topology::paused_key;
use crate::wire::{Error, get, time};
use crate::worker::job::Mode;
use crate::worker::state::bar::Bar;
use crate::worker::state::shared::Seat;

/// How often it looks. With [`START_FOR`], nothing is started any more within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long entries in hand may still be started after a pause was seen.
const START_FOR: Duration = Duration::from_secs(1);
/// How long it takes until the key is looked at again after access was denied.
const DENIED_PAUSE: Duration = Duration::from_mins(1);
/// How often the engine of the retry stream looks whether the other one has seen the end of the pause.
const OTHER_LOOK: Duration = Duration::from_millis(500);

/// What the engine knows of a pause.
#[derive(Debug)]
pub(super) struct Hold {
    next_look: Instant,
    paused: Option<Paused>,
    has_warned: bool,
}

impl Hold {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next_look: now,
            paused: None,
            has_warned: false,
        }
    }
}

impl Engine {
    /// Whether the group is paused, as far as this worker knows.
    pub(super) fn is_on_hold(&self) -> bool {
        self.shared.held_since().is_some()
    }

    /// Whether the group has been paused for so long that nothing in hand is started any more.
    pub(super) fn is_closed(&self) -> bool {
        let since = self.shared.held_since();
        since.is_some_and(|since| since.elapsed() >= START_FOR)
    }

    /// When this is to be looked at again, or when what was not started goes back.
    pub(super) fn next_hold(&self, now: Instant) -> Option<Instant> {
        let closes = self.shared.held_since().map(|since| since + START_FOR);
        let closes = closes.filter(|at| *at > now);
        let looks = self.looks_for_pause().then_some(self.hold.next_look);
        let waits = (self.seat == Seat::Retries && self.is_on_hold()).then(|| now + OTHER_LOOK);
        [closes, looks, waits].into_iter().flatten().min()
    }

    /// One engine of a worker looks. Entries that were assigned to a worker are handled as they were asked for.
    fn looks_for_pause(&self) -> bool {
        self.seat == Seat::Stream && self.job.mode != Mode::Preclaimed
    }

    /// Looks whether the group is paused. A worker that may not look goes on, and says so.
    pub(super) async fn look_for_pause(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.looks_for_pause() && now >= self.hold.next_look;
        let Some(connection) = self.connection.as_ref().filter(|_| is_due) else {
            return Ok(());
        };
        let key = paused_key(self.job.home(), &self.job.group);
        let paused = match connection.run(get(&key)).await {
            Ok(value) => value.and_then(|it| Paused::of_value(&it)),
            Err(error) if error.kind.is_passing() || error.kind.is_connection_lost() => {
                return Err(error);
            }
            Err(error) => {
                self.hold.next_look = now + DENIED_PAUSE;
                self.cannot_look(&error);
                self.pause_seen(None);
                return Ok(());
            }
        };
        let deadline = paused.as_ref().and_then(|it| it.until);
        let clock = match deadline {
            None => Time::now(),
            Some(_) => match connection.run(time()).await {
                Ok(ms) => Time::from_ms(ms),
                Err(error) if error.kind.is_passing() || error.kind.is_connection_lost() => {
                    return Err(error);
                }
                // By the own clock, where the server's may not be asked for.
                Err(_) => Time::now(),
            },
        };
        self.hold.has_warned = false;
        let left = deadline.map(|it| Duration::from_millis(it.ms.saturating_sub(clock.ms)));
        let left = left.filter(|it| !it.is_zero());
        self.hold.next_look = now + left.map_or(LOOK_EVERY, |it| it.min(LOOK_EVERY));
        self.pause_seen(paused.and_then(|it| it.while_on(clock)));
        Ok(())
    }

    fn pause_seen(&mut self, paused: Option<Paused>) {
        let (group, stream) = (&self.job.group, &self.job.stream);
        match (&self.hold.paused, &paused) {
            (None, Some(paused)) => {
                tracing::warn!(
                    %group, %stream, paused = %paused.told(),
                    "the group is paused: finishing what is in hand, and taking no more until it is resumed"
                );
                self.shared.hold(Some(Instant::now()));
            }
            (Some(_), None) => {
                tracing::warn!(%group, %stream, "the group is no longer paused");
                self.shared.hold(None);
                self.timers.sweep = Instant::now();
                // What was given back comes before anything new.
                self.bar = Bar::of(&self.job, self.seat);
            }
            _ => {}
        }
        self.hold.paused = paused;
    }

    fn cannot_look(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.hold.has_warned, true) {
            tracing::warn!(
                group = %self.job.group, stream = %self.job.stream, %error,
                "cannot look whether the group is paused: `pause` does not hold this worker"
            );
        }
    }

    /// Gives back what was not started, once the group has been paused for a moment.
    pub(super) fn give_back_on_hold(&mut self) {
        if self.is_closed() && !(self.ready.is_empty() && self.parked.is_empty()) {
            self.put_back_unstarted();
        }
    }

    /// The pause that ended a worker that works once.
    pub(super) fn ended_by_pause(&self) -> Option<Paused> {
        self.hold
            .paused
            .clone()
            .filter(|_| self.job.mode == Mode::Once)
    }
}
