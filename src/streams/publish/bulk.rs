//! Entries sent in chunks, with two under way.

use std::collections::VecDeque;

use tokio::time::{Instant, sleep_until};

use super::Destination;
use super::feed::{Chunk, Feed, Piece};
use super::pace::{Pace, Rate};
use super::place::Place;
use super::sent::Sent;
use super::stop::StopFlag;
use crate::model::EntryId;
use crate::wire::{Error, Lane, Stop};

/// Chunks under way at a time.
const UNDER_WAY: usize = 2;
/// Sends what `feed` gives. `each` is given the ids of entries as the server acknowledges them, in the order of the
/// input. Ends early, and says how in what it returns, once something goes wrong or `stop` is set.
pub async fn send(
    lane: &mut Lane,
    mut feed: Feed,
    target: &Destination,
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
    target: &'s Destination,
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
