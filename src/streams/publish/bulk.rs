//! Sends entries without keys, in chunks, over one connection.

use std::collections::VecDeque;

use super::super::rate_limiter::Rate;
use super::super::stop::StopFlag;
use super::Destination;
use super::feed::{Chunk, Feed};
use super::outcome::PublishOutcome;
use super::place::Place;
use super::pump::{GivenUp, Sender, UNDER_WAY, pump};
use crate::model::EntryId;
use crate::wire::{Error, Lane, Stop};

/// Sends the entries of `feed`. `each` is given the ids as the server acknowledges the entries, in the order of the
/// input. It ends early when something goes wrong or `stop` is set, and the return value says why.
pub async fn send(
    lane: &mut Lane,
    feed: Feed,
    target: &Destination,
    rate: Option<Rate>,
    stop: &StopFlag,
    each: impl FnMut(&[EntryId]),
) -> PublishOutcome {
    let mut sender = Unkeyed {
        lane,
        target,
        under_way: VecDeque::new(),
        sent: PublishOutcome::default(),
        each,
    };
    // What it sent says why it gave up.
    let _ = pump(&mut sender, feed, rate, stop).await;
    sender.sent
}

struct Unkeyed<'s, E> {
    lane: &'s mut Lane,
    target: &'s Destination,
    /// The places of the entries whose replies are still to come, chunk by chunk.
    under_way: VecDeque<Vec<Place>>,
    sent: PublishOutcome,
    each: E,
}

impl<E: FnMut(&[EntryId])> Sender for Unkeyed<'_, E> {
    fn sent(&mut self) -> &mut PublishOutcome {
        &mut self.sent
    }

    fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY
    }

    async fn send(&mut self, chunk: Chunk) -> Result<(), GivenUp> {
        self.under_way.push_back(chunk.places);
        let written = self.lane.write_adds(&chunk.adds).await;
        written.map_err(|error| self.lose(error))
    }

    async fn receive(&mut self, _: &StopFlag) -> Result<(), GivenUp> {
        self.read().await.map_err(|error| self.lose(error))
    }
}

impl<E: FnMut(&[EntryId])> Unkeyed<'_, E> {
    /// Reads the replies to the oldest outstanding chunk. If the connection is lost, the entries without a reply
    /// remain there.
    async fn read(&mut self) -> Result<(), Error> {
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
                    Err(error) => {
                        sent.refused_count += 1;
                        if sent.refused.is_none() {
                            let error = error.about(Some(&target.stream));
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

    fn lose(&mut self, error: Error) -> GivenUp {
        let first = self.under_way.iter().flatten().next();
        let last = self.under_way.iter().flatten().last();
        if let (Some(first), Some(last)) = (first, last) {
            self.sent.lost = Some((*first, *last, error));
        }
        GivenUp
    }
}
