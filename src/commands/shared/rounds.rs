//! Work that is done again and again until it is told to stop, over connections that may be lost.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::service::until_told;
use super::watch::may_pass;
use crate::console::Signals;
use crate::model::format_duration_short;

/// The pause after a round that failed, and the greatest one after several.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Rounds {
    /// The pause after a round.
    pub(in crate::commands) every: Duration,
    /// So long after the first one, there is no other.
    pub(in crate::commands) lasts: Option<Duration>,
    /// What a round does, as in `cannot copy`.
    pub(in crate::commands) verb: &'static str,
}

impl Rounds {
    /// Does `round` until a signal comes, as a service whose manager is told so. One that failed for what may pass is done
    /// again after a while.
    ///
    /// # Errors
    /// Errors of a round that do not pass.
    pub(in crate::commands) async fn until_stopped(
        self,
        signals: Signals,
        round: impl AsyncFnMut() -> Result<()>,
    ) -> Result<()> {
        until_told(signals, Box::pin(self.again_and_again(round))).await
    }

    async fn again_and_again(self, mut round: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        let (began, verb) = (Instant::now(), self.verb);
        let mut pause = PAUSE;
        loop {
            match round().await {
                Ok(()) => {
                    if pause > PAUSE {
                        tracing::info!("it goes on again");
                    }
                    pause = PAUSE;
                    if self.lasts.is_some_and(|lasts| began.elapsed() >= lasts) {
                        return Ok(());
                    }
                    sleep(self.every).await;
                }
                Err(error) if may_pass(&error) => {
                    let after = format_duration_short(pause);
                    tracing::warn!("cannot {verb}: {error:#}; trying again in {after}");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
