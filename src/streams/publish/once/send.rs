//! Sends many entries with keys, chunk after chunk on one connection.

use std::collections::VecDeque;

use super::ask::{Asker, Failed, KeyLookup};
use super::{OnceEntry, Stored, no_answer};
use crate::streams::publish::feed::{Chunk, Feed};
use crate::streams::publish::outcome::PublishOutcome;
use crate::streams::publish::place::Place;
use crate::streams::publish::pump::{GivenUp, Sender, UNDER_WAY, pump};
use crate::streams::rate_limiter::Rate;
use crate::streams::stop::StopFlag;
use crate::wire::{Dialer, Error, Once};

/// Sends the entries of `feed` chunk by chunk, each of them until it is answered. `each` is given what was stored, in
/// the order of the input. It ends early when something goes wrong or `stop` is set, and the return value says why. A
/// key that was used for other fields is recorded, and sending continues.
pub async fn send_once(
    dialer: &Dialer,
    feed: Feed,
    rate: Option<Rate>,
    stop: &StopFlag,
    each: impl FnMut(&[Stored]),
) -> PublishOutcome {
    let mut sender = Keyed {
        asker: Asker::new(dialer),
        under_way: VecDeque::new(),
        sent: PublishOutcome::default(),
        each,
    };
    // What it sent says why it gave up.
    let _ = pump(&mut sender, feed, rate, stop).await;
    sender.sent
}

struct Keyed<'d, E> {
    asker: Asker<'d>,
    /// The chunks without an answer, in the order of the input. Only the last one may not have been sent yet.
    under_way: VecDeque<(Chunk, Option<KeyLookup>)>,
    sent: PublishOutcome,
    each: E,
}

impl<E: FnMut(&[Stored])> Sender for Keyed<'_, E> {
    fn sent(&mut self) -> &mut PublishOutcome {
        &mut self.sent
    }

    fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    fn has_room(&self) -> bool {
        let is_asked = |(_, asked): &(Chunk, Option<KeyLookup>)| asked.is_some();
        self.under_way.len() < UNDER_WAY && self.under_way.iter().all(is_asked)
    }

    async fn send(&mut self, chunk: Chunk) -> Result<(), GivenUp> {
        // A script that the server has forgotten is sent again before anything that comes after it.
        for (_, asked) in &mut self.under_way {
            if let Some(asked) = asked {
                asked.nudge().await;
            }
        }
        let asked = self.asker.ask_ahead(&chunk.once).await;
        self.under_way.push_back((chunk, asked));
        Ok(())
    }

    /// When an answer is lost, so are the later ones on the same connection. All of these chunks are sent again one
    /// after the other, so that their entries are stored in order.
    async fn receive(&mut self, stop: &StopFlag) -> Result<(), GivenUp> {
        let Some((chunk, asked)) = self.under_way.pop_front() else {
            return Ok(());
        };
        let Some(asked) = asked else {
            return self.ask_again(chunk, None, stop).await;
        };
        let error = match asked.answer().await {
            Ok(outcomes) => {
                self.note(&chunk, outcomes);
                return Ok(());
            }
            Err(error) => error,
        };
        self.asker.forget_connection();
        self.ask_again(chunk, Some(&error), stop).await?;
        while let Some((chunk, asked)) = self.under_way.pop_front() {
            let lost = asked.is_some().then_some(&error);
            self.ask_again(chunk, lost, stop).await?;
        }
        Ok(())
    }
}

impl<E: FnMut(&[Stored])> Keyed<'_, E> {
    async fn ask_again(
        &mut self,
        chunk: Chunk,
        lost: Option<&Error>,
        stop: &StopFlag,
    ) -> Result<(), GivenUp> {
        match self.asker.ask(&chunk.once, lost.cloned(), stop).await {
            Ok(outcomes) => {
                self.note(&chunk, outcomes);
                Ok(())
            }
            Err(Failed::Unsent(error)) => {
                self.sent.input = Some(error.into());
                Err(GivenUp)
            }
            Err(Failed::Unknown(error)) => {
                self.give_up(&chunk, &error);
                Err(GivenUp)
            }
        }
    }

    fn give_up(&mut self, chunk: &Chunk, error: &Error) {
        let behind = self.under_way.iter().rfind(|(_, asked)| asked.is_some());
        let last = behind.map_or(chunk, |(chunk, _)| chunk);
        let ends = (chunk.places.first(), last.places.last());
        if let ((Some(first), Some(last)), Some(entry)) = (ends, chunk.once.first()) {
            let what = format!("the content of {}", first.through(*last));
            self.sent.unanswered = Some(no_answer(&what, &entry.output.stream, error));
        }
    }

    fn note(&mut self, chunk: &Chunk, outcomes: Vec<Result<Once, Error>>) {
        let told = chunk.places.iter().zip(&chunk.once).zip(outcomes);
        let mut stored = Vec::with_capacity(chunk.once.len());
        for ((place, entry), outcome) in told {
            stored.extend(note(&mut self.sent, *place, entry, outcome));
        }
        (self.each)(&stored);
    }
}

/// Records the result of an entry. Returns what was stored.
fn note(
    sent: &mut PublishOutcome,
    place: Place,
    entry: &OnceEntry,
    outcome: Result<Once, Error>,
) -> Option<Stored> {
    let problem = match outcome {
        Ok(Once::New(id)) => {
            sent.stored += 1;
            sent.last = Some(place);
            return Some(Stored {
                id,
                duplicate: false,
            });
        }
        Ok(Once::Known(id)) => {
            sent.known += 1;
            return Some(Stored {
                id,
                duplicate: true,
            });
        }
        Err(error) => {
            sent.refused_count += 1;
            sent.refused.get_or_insert((place, error));
            return None;
        }
        Ok(Once::Conflict(id)) => entry.conflict(id),
        Ok(Once::Refused(why)) => entry.refused(&why),
    };
    sent.conflicts += 1;
    sent.conflict.get_or_insert((place, problem));
    None
}
