//! Entries sent in chunks, with two under way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Target;
use super::feed::{Chunk, Feed, Found, Piece};
use super::place::{Place, Unit};
use crate::model::{EntryId, Problem};
use crate::wire::{Error, Lane, Stop};

/// Chunks under way at a time.
const UNDER_WAY: usize = 2;
/// How much of its time a rate makes up for.
const LATE: Duration = Duration::from_millis(100);

/// Tells a run that it is to end.
#[derive(Debug, Default)]
pub struct StopFlag {
    flag: AtomicBool,
    changed: Notify,
}

impl StopFlag {
    /// It is to end.
    pub fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Whether it is.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Waits until it is.
    pub async fn wait(&self) {
        while !self.is_set() {
            self.changed.notified().await;
        }
    }
}

/// At most so many entries a second.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Entries.
    pub entries_per_second: u64,
}

impl Rate {
    /// Entries to send at a time, so that the rate is kept within a tenth of a second.
    pub fn chunk_entries_max(self) -> usize {
        usize::try_from((self.entries_per_second / 10).max(1)).unwrap_or(usize::MAX)
    }

    /// How long so many take.
    fn time_of(self, entries: u64) -> Duration {
        let nanos =
            u128::from(entries) * 1_000_000_000 / u128::from(self.entries_per_second.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Keeps to a rate. What could not be sent while nothing came in is not made up for, beyond what a late timer costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: Rate,
    /// When the next entries may be sent.
    pub(super) next: Instant,
}

impl Pace {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, next: now }
    }

    /// So many are sent `now`.
    pub(super) fn sent(&mut self, entries: u64, now: Instant) {
        let earliest = now.checked_sub(LATE).unwrap_or(now);
        self.next = self.next.max(earliest) + self.rate.time_of(entries);
    }
}

/// What became of entries that were being sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Entries the server has acknowledged.
    pub stored: u64,
    /// Where the last of them stands.
    pub last: Option<Place>,
    /// The first that the server refused, and why.
    pub refused: Option<(Place, Error)>,
    /// Lines the server refused.
    pub refused_count: u64,
    /// Lines that were there before, under the same key.
    pub known: u64,
    /// Lines that a rule of this tool refused: their key was used for other fields.
    pub conflicts: u64,
    /// The first of them, and why.
    pub conflict: Option<(Place, Problem)>,
    /// First and last of the lines whose replies were lost, and how.
    pub lost: Option<(Place, Place, Error)>,
    /// That an answer was not to be had, however often it was asked for.
    pub unanswered: Option<Problem>,
    /// What was wrong with the input, or kept it from being sent.
    pub input: Option<anyhow::Error>,
    /// What was found in it on the way.
    pub found: Found,
    /// It was told to stop before the end.
    pub stopped: bool,
    /// What lines are, where they are not lines.
    pub unit: Unit,
}

/// Sends what `feed` gives. `each` is given the ids of entries as the server acknowledges them, in the order of the
/// input. Ends early, and says how in what it returns, once something goes wrong or `stop` is set.
pub async fn send(
    lane: &mut Lane,
    mut feed: Feed,
    target: &Target,
    rate: Option<Rate>,
    stop: &StopFlag,
    each: impl FnMut(&[EntryId]),
) -> Sent {
    let mut sender = Sender {
        lane,
        target,
        under_way: VecDeque::new(),
        sent: Sent::default(),
        each,
    };
    let mut pace = rate.map(|rate| Pace::new(rate, Instant::now()));
    let mut is_over = false;
    loop {
        sender.sent.stopped |= !is_over && stop.is_set();
        is_over |= sender.sent.stopped || sender.sent.refused.is_some();
        let piece = if is_over || sender.under_way.len() >= UNDER_WAY {
            None
        } else if sender.under_way.is_empty() {
            tokio::select! {
                piece = feed.next() => Some(piece),
                () = stop.wait() => continue,
            }
        } else {
            feed.ready()
        };
        let done = match piece {
            Some(Piece::Chunk(chunk)) => {
                if let Some(pace) = &mut pace {
                    tokio::select! {
                        () = sleep_until(pace.next) => {}
                        () = stop.wait() => continue,
                    }
                    pace.sent(chunk.adds.len() as u64, Instant::now());
                }
                sender.write(chunk).await
            }
            Some(Piece::End(found, error)) => {
                (sender.sent.found, sender.sent.input) = (found, error);
                is_over = true;
                Ok(())
            }
            None if sender.under_way.is_empty() => return sender.sent,
            None => sender.receive().await,
        };
        if let Err(error) = done {
            sender.lose(error);
            return sender.sent;
        }
    }
}

struct Sender<'s, E> {
    lane: &'s mut Lane,
    target: &'s Target,
    /// Where the entries stand whose replies are to come, chunk by chunk.
    under_way: VecDeque<Vec<Place>>,
    sent: Sent,
    each: E,
}

impl<E: FnMut(&[EntryId])> Sender<'_, E> {
    async fn write(&mut self, chunk: Chunk) -> Result<(), Error> {
        self.under_way.push_back(chunk.places);
        self.lane.write_adds(&chunk.adds).await
    }

    /// Reads the replies to the oldest chunk under way. What is left of it when the connection is lost stays there.
    async fn receive(&mut self) -> Result<(), Error> {
        let Self {
            lane,
            target,
            under_way,
            sent,
            each,
        } = self;
        let Some(chunk) = under_way.front_mut() else {
            return Ok(());
        };
        let mut ids = Vec::with_capacity(chunk.len());
        let mut replies = 0;
        let received = lane
            .added(chunk.len(), |reply| {
                let place = chunk[replies];
                replies += 1;
                match reply {
                    Ok(id) => {
                        ids.push(id);
                        sent.stored += 1;
                        sent.last = Some(place);
                    }
                    Err(mut error) => {
                        sent.refused_count += 1;
                        if sent.refused.is_none() {
                            error.command = format!("XADD {}", target.stream);
                            sent.refused = Some((place, error));
                        }
                    }
                }
                Ok(())
            })
            .await;
        each(&ids);
        chunk.drain(..replies);
        match received {
            Ok(()) => {
                under_way.pop_front();
                Ok(())
            }
            Err(Stop::Wire(error)) => Err(error),
            Err(Stop::Sink(error)) => {
                sent.input = Some(error);
                Ok(())
            }
        }
    }

    fn lose(&mut self, error: Error) {
        let first = self.under_way.iter().flatten().next();
        let last = self.under_way.iter().flatten().last();
        if let (Some(first), Some(last)) = (first, last) {
            self.sent.lost = Some((*first, *last, error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_not_made_up_for() {
        let rate = Rate {
            entries_per_second: 100,
        };
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(rate, start);
        for (now, expected) in [
            // In time, and a little late: the rate is kept over both.
            (0, 100),
            (105, 200),
            // After a pause two chunks may come together, and no more.
            (5000, 5000),
            (5000, 5100),
            (5100, 5200),
        ] {
            pace.sent(10, after(now));
            assert_eq!(pace.next, after(expected), "{now}");
        }
    }
}
