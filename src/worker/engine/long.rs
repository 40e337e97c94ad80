//! Records on the server which entries have been in flight for long, so that others can see since when and why. An
//! entry that is handled at once is never recorded, so this costs nothing as long as all goes well. Nothing depends
//! on it.

use std::time::{Duration, Instant};

use super::Engine;
use crate::topology::inflight_key;
use crate::wire::{Error, note_in_flight, sweep_in_flight};
use crate::worker::state::long::LONG;

/// How often the entries in hand are checked.
const LOOK: Duration = Duration::from_secs(2);
/// How often records of entries that are no longer pending are looked for, whoever wrote them.
const SWEEP: Duration = Duration::from_mins(1);
/// The greatest number of requests in one go, which take a few milliseconds of the server's time.
const REQUESTS_MAX: usize = 10;
/// The cursor of a new scan, and of a finished one.
const BEGINNING: &[u8] = b"0";

/// When records are checked.
#[derive(Debug)]
pub(super) struct Noting {
    next_look: Instant,
    next_sweep: Instant,
    cursor: Vec<u8>,
    has_warned: bool,
}

impl Noting {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next_look: now + LOOK,
            next_sweep: now + SWEEP,
            cursor: BEGINNING.to_vec(),
            has_warned: false,
        }
    }
}

impl Engine {
    /// When the next record may have to be written.
    pub(super) fn next_noting(&self) -> Option<Instant> {
        let is_idle = self.long.is_idle() && self.hand.running() == 0;
        (!is_idle).then_some(self.noting.next_look)
    }

    /// Looks for entries that have been in flight for long, and tells the server.
    pub(super) async fn note_long(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.noting.next_look {
            return Ok(());
        }
        self.noting.next_look = now + LOOK;
        for (id, attempt, started) in self.hand.running_for(now, LONG) {
            self.long.runs(id, attempt, started);
        }
        let hand = &self.hand;
        self.long.keep(|id| hand.contains(id));
        self.tell_long(now, REQUESTS_MAX).await?;
        if now >= self.noting.next_sweep {
            self.noting.next_sweep = now + SWEEP;
            return self.sweep_notes().await;
        }
        Ok(())
    }

    /// At the end: deletes the records of entries, except those of entries that failed and stay pending. Whoever
    /// makes the next attempt at these continues from the record.
    pub(super) async fn take_notes_back(&mut self) -> Result<(), Error> {
        let hand = &self.hand;
        self.long.keep(|id| hand.is_waiting(id));
        self.tell_long(Instant::now(), usize::MAX).await
    }

    /// Tells the server what has changed, in at most this many requests.
    async fn tell_long(&mut self, now: Instant, requests_max: usize) -> Result<(), Error> {
        let mut requests = 0;
        while self.long.untold_len() > 0 && requests < requests_max && self.connection.is_some() {
            self.tell_some(now).await?;
            requests += 1;
        }
        Ok(())
    }

    async fn tell_some(&mut self, now: Instant) -> Result<(), Error> {
        let (notes, over) = self.long.untold(now);
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let key = inflight_key(&self.job.stream, &self.job.group);
        let call = note_in_flight(&key, &self.job.consumer, &notes, &over);
        match connection.call(call).await {
            Err(error) if error.kind.is_connection_lost() => return Err(error),
            Err(error) => self.warn_of_no_notes(&error.to_string()),
            Ok(0) => {}
            Ok(_) => self.warn_of_no_notes("there is no room for more records, or no memory"),
        }
        self.long.was_told(&notes, &over);
        Ok(())
    }

    /// Deletes a few records of entries that are no longer pending, because others acknowledged them.
    async fn sweep_notes(&mut self) -> Result<(), Error> {
        let Some(connection) = self.connection.as_ref().filter(|_| !self.noting.has_warned) else {
            return Ok(());
        };
        let key = inflight_key(&self.job.stream, &self.job.group);
        let (stream, group) = (&self.job.stream, &self.job.group);
        let call = sweep_in_flight(stream, group, &key, &self.noting.cursor);
        match connection.call(call).await {
            Ok(next) => self.noting.cursor = next,
            Err(error) if error.kind.is_connection_lost() => return Err(error),
            Err(error) => {
                self.noting.cursor = BEGINNING.to_vec();
                self.warn_of_no_notes(&error.to_string());
            }
        }
        Ok(())
    }

    fn warn_of_no_notes(&mut self, why: &str) {
        if !std::mem::replace(&mut self.noting.has_warned, true) {
            tracing::warn!(
                group = %self.job.group, stream = %self.job.stream, why,
                "cannot record which entries have been in flight for long: `pending` cannot show since when and why"
            );
        }
    }
}
