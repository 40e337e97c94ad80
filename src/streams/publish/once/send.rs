//! Many entries with keys, as they become ready.

use tokio::time::{Instant, sleep_until};

use super::ask::{Asker, Failed};
use super::{OnceEntry, Stored, no_answer};
use crate::streams::publish::bulk::{Pace, Rate, Sent, StopFlag};
use crate::streams::publish::feed::{Feed, Piece};
use crate::wire::{Dialer, Error, Once};

/// Sends what `feed` gives, chunk by chunk, each until it is answered. `each` is given what is stored, in the order of
/// the input. Ends early, and says how in what it returns, once something goes wrong or `stop` is set; a key that was used
/// for other fields is noted, and the rest goes on.
pub async fn send_once(
    dialer: &Dialer,
    mut feed: Feed,
    rate: Option<Rate>,
    stop: &StopFlag,
    mut each: impl FnMut(&[Stored]),
) -> Sent {
    let mut sent = Sent::default();
    let mut asker = Asker::new(dialer);
    let mut pace = rate.map(|rate| Pace::new(rate, Instant::now()));
    loop {
        sent.stopped = stop.is_set();
        if sent.stopped || sent.refused.is_some() {
            return sent;
        }
        let chunk = tokio::select! {
            piece = feed.next() => match piece {
                Piece::Chunk(chunk) => chunk,
                Piece::End(found, error) => {
                    (sent.found, sent.input) = (found, error);
                    return sent;
                }
            },
            () = stop.wait() => continue,
        };
        if let Some(pace) = &mut pace {
            tokio::select! {
                () = sleep_until(pace.next) => {}
                () = stop.wait() => continue,
            }
            pace.sent(chunk.once.len() as u64, Instant::now());
        }
        match asker.ask(&chunk.once, stop).await {
            Ok(outcomes) => {
                let told = chunk.numbers.iter().zip(&chunk.once).zip(outcomes);
                let mut stored = Vec::with_capacity(chunk.once.len());
                for ((number, entry), outcome) in told {
                    stored.extend(note(&mut sent, *number, entry, outcome));
                }
                each(&stored);
            }
            Err(Failed::Unsent(error)) => {
                sent.input = Some(error.into());
                return sent;
            }
            Err(Failed::Unknown(error)) => {
                let ends = (chunk.numbers.first(), chunk.numbers.last());
                if let ((Some(first), Some(last)), Some(entry)) = (ends, chunk.once.first()) {
                    let what = format!("what numbers {first} to {last} say");
                    sent.unanswered = Some(no_answer(&what, &entry.output.stream, &error));
                }
                return sent;
            }
        }
    }
}

/// Notes what became of an entry; what is stored of it.
fn note(
    sent: &mut Sent,
    number: u64,
    entry: &OnceEntry,
    outcome: Result<Once, Error>,
) -> Option<Stored> {
    let problem = match outcome {
        Ok(Once::New(id)) => {
            sent.stored += 1;
            sent.last_line = number;
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
            sent.refused.get_or_insert((number, error));
            return None;
        }
        Ok(Once::Conflict(id)) => entry.conflict(id),
        Ok(Once::Refused(why)) => entry.refused(&why),
    };
    sent.conflicts += 1;
    sent.conflict.get_or_insert((number, problem));
    None
}
