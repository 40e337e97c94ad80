//! Passes chunks from a feed to a sender: two outstanding at a time, at the wanted rate, until the end, a failure or
//! a stop.

use tokio::time::{Instant, sleep_until};

use super::super::rate_limiter::{Rate, RateLimiter};
use super::super::stop::StopFlag;
use super::feed::{Chunk, Feed, Piece};
use super::outcome::PublishOutcome;

/// How many chunks are outstanding at a time: the server processes one while the other is prepared or its replies are
/// read.
pub(super) const UNDER_WAY: usize = 2;

/// Nothing more can be sent; the results say why.
pub(super) struct GivenUp;

/// Sends chunks, and receives the answers in order.
pub(super) trait Sender {
    /// The results so far.
    fn sent(&mut self) -> &mut PublishOutcome;

    /// Whether no answer is outstanding.
    fn is_idle(&self) -> bool;

    /// Whether another chunk may be sent before the outstanding ones are answered.
    fn has_room(&self) -> bool;

    /// Sends a chunk.
    async fn send(&mut self, chunk: Chunk) -> Result<(), GivenUp>;

    /// Receives the answer to the oldest outstanding chunk.
    async fn receive(&mut self, stop: &StopFlag) -> Result<(), GivenUp>;
}

/// Sends the chunks of `feed` through `sender`. Ends early when something goes wrong or `stop` is set; outstanding
/// answers are still awaited.
pub(super) async fn pump(
    sender: &mut impl Sender,
    mut feed: Feed,
    rate: Option<Rate>,
    stop: &StopFlag,
) -> Result<(), GivenUp> {
    let mut pace = rate.map(|rate| RateLimiter::new(rate, Instant::now()));
    let mut is_over = false;
    loop {
        let sent = sender.sent();
        sent.stopped |= !is_over && stop.is_set();
        is_over |= sent.stopped || sent.refused.is_some();
        let piece = if is_over || !sender.has_room() {
            None
        } else if sender.is_idle() {
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
                    pace.sent(chunk.places.len() as u64, Instant::now());
                }
                sender.send(chunk).await?;
            }
            Some(Piece::End(found, error)) => {
                let sent = sender.sent();
                (sent.found, sent.input) = (found, error);
                is_over = true;
            }
            None if sender.is_idle() => return Ok(()),
            None => sender.receive(stop).await?,
        }
    }
}
