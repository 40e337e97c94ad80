//! From what a feed gives to who sends it: two chunks under way, at the pace that was asked for, until the end, a failure
//! or a stop.

use tokio::time::{Instant, sleep_until};

use super::super::rate_limiter::{Rate, RateLimiter};
use super::super::stop::StopFlag;
use super::feed::{Chunk, Feed, Piece};
use super::outcome::PublishOutcome;

/// Chunks under way at a time: the server works on one while the other is made ready or read.
pub(super) const UNDER_WAY: usize = 2;

/// Nothing more is to be had; what was sent says why.
pub(super) struct GivenUp;

/// Who sends chunks, and takes the answers in their order.
pub(super) trait Sender {
    /// What became of the entries so far.
    fn sent(&mut self) -> &mut PublishOutcome;

    /// Whether no answer is awaited.
    fn is_idle(&self) -> bool;

    /// Whether another chunk may go out behind those under way.
    fn has_room(&self) -> bool;

    /// Sends a chunk.
    async fn send(&mut self, chunk: Chunk) -> Result<(), GivenUp>;

    /// Takes the answer to the oldest chunk under way.
    async fn receive(&mut self, stop: &StopFlag) -> Result<(), GivenUp>;
}

/// Has `sender` send what `feed` gives. Ends early once something goes wrong or `stop` is set; what is under way by then is
/// awaited.
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
