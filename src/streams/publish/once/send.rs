//! Many entries with keys, as they become ready: two chunks under way, one behind the other on one connection.

use std::collections::VecDeque;

use tokio::time::{Instant, sleep_until};

use super::ask::{Asked, Asker, Failed};
use super::{OnceEntry, Stored, no_answer};
use crate::streams::publish::feed::{Chunk, Feed, Piece};
use crate::streams::publish::pace::{Pace, Rate};
use crate::streams::publish::place::Place;
use crate::streams::publish::sent::Sent;
use crate::streams::publish::stop::StopFlag;
use crate::wire::{Dialer, Error, Once};

/// Chunks under way at a time: the server works on one while the other is made ready or read.
const UNDER_WAY: usize = 2;

/// Sends what `feed` gives, chunk by chunk, each until it is answered. `each` is given what is stored, in the order of
/// the input. Ends early, and says how in what it returns, once something goes wrong or `stop` is set; a key that was used
/// for other fields is noted, and the rest goes on.
pub async fn send_once(
    dialer: &Dialer,
    mut feed: Feed,
    rate: Option<Rate>,
    stop: &StopFlag,
    each: impl FnMut(&[Stored]),
) -> Sent {
    let mut sender = Sender {
        asker: Asker::new(dialer),
        under_way: VecDeque::new(),
        sent: Sent::default(),
        each,
    };
    let mut pace = rate.map(|rate| Pace::new(rate, Instant::now()));
    let mut is_over = false;
    loop {
        sender.sent.stopped |= !is_over && stop.is_set();
        is_over |= sender.sent.stopped || sender.sent.refused.is_some();
        let piece = if is_over || !sender.has_room() {
            None
        } else if sender.under_way.is_empty() {
            tokio::select! {
                piece = feed.next() => Some(piece),
                () = stop.wait() => continue,
            }
        } else {
            feed.ready()
        };
        match piece {
            Some(Piece::Chunk(chunk)) => {
                if let Some(pace) = &mut pace {
                    tokio::select! {
                        () = sleep_until(pace.next) => {}
                        () = stop.wait() => continue,
                    }
                    pace.sent(chunk.once.len() as u64, Instant::now());
                }
                sender.ask(chunk).await;
            }
            Some(Piece::End(found, error)) => {
                (sender.sent.found, sender.sent.input) = (found, error);
                is_over = true;
            }
            None if sender.under_way.is_empty() => return sender.sent,
            None => {
                if sender.receive(stop).await.is_err() {
                    return sender.sent;
                }
            }
        }
    }
}

struct Sender<'d, E> {
    asker: Asker<'d>,
    /// What is not answered, in the order of the input. Only the last may not have been asked about.
    under_way: VecDeque<(Chunk, Option<Asked>)>,
    sent: Sent,
    each: E,
}

/// Nothing more is to be had; what was sent says why.
struct GivenUp;

impl<E: FnMut(&[Stored])> Sender<'_, E> {
    /// Whether another chunk may go out behind those under way.
    fn has_room(&self) -> bool {
        let is_asked = |(_, asked): &(Chunk, Option<Asked>)| asked.is_some();
        self.under_way.len() < UNDER_WAY && self.under_way.iter().all(is_asked)
    }

    async fn ask(&mut self, chunk: Chunk) {
        // A script that the server has forgotten is sent again before anything that comes after it.
        for (_, asked) in &mut self.under_way {
            if let Some(asked) = asked {
                asked.nudge().await;
            }
        }
        let asked = self.asker.ask_ahead(&chunk.once).await;
        self.under_way.push_back((chunk, asked));
    }

    /// Takes the answer to the oldest chunk under way. When that is lost, so are those behind it on the same connection:
    /// all are asked about again, one after the other, so that they are stored in their order.
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
            let what = format!("what {} say", first.through(*last));
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

/// Notes what became of an entry; what is stored of it.
fn note(
    sent: &mut Sent,
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
