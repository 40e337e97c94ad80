//! Asking until there is an answer. Only what is safe to repeat is asked for here.

use std::time::Duration;

use tokio::time::sleep;

use super::OnceEntry;
use crate::streams::publish::bulk::StopFlag;
use crate::wire::{Connection, Dialer, Error, Once};

/// Attempts to get an answer, and the first and the longest wait between two.
const ATTEMPTS_MAX: u32 = 6;
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Asks until there is an answer, on a new connection after a lost one.
pub(super) struct Asker<'d> {
    dialer: &'d Dialer,
    connection: Option<Connection>,
}

/// There is no answer, and no use in asking again.
pub(super) enum Failed {
    /// Nothing was sent.
    Unsent(Error),
    /// Something was.
    Unknown(Error),
}

impl<'d> Asker<'d> {
    pub(super) fn new(dialer: &'d Dialer) -> Self {
        Self {
            dialer,
            connection: None,
        }
    }

    /// What became of each entry. Once `stop` is set, it is not asked again.
    pub(super) async fn ask(
        &mut self,
        entries: &[OnceEntry],
        stop: &StopFlag,
    ) -> Result<Vec<Result<Once, Error>>, Failed> {
        let (mut attempts, mut wait, mut lost) = (1, RETRY.0, None);
        loop {
            let error = match self.attempt(entries).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(Failed::Unsent(error)) => error,
                Err(Failed::Unknown(error)) => {
                    lost = Some(error.clone());
                    error
                }
            };
            if attempts == ATTEMPTS_MAX || stop.is_set() || !error.kind.is_passing() {
                return Err(match lost {
                    // That it may be stored outweighs that the server is away by now.
                    Some(lost) => Failed::Unknown(lost),
                    None => Failed::Unsent(error),
                });
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.wait() => {}
            }
            attempts += 1;
            wait = (wait * 2).min(RETRY.1);
        }
    }

    async fn attempt(&mut self, entries: &[OnceEntry]) -> Result<Vec<Result<Once, Error>>, Failed> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.dialer.connect().await.map_err(Failed::Unsent)?,
        };
        let calls = entries.iter().map(OnceEntry::call).collect();
        let outcomes = connection.call_all(calls).await.map_err(Failed::Unknown)?;
        self.connection = Some(connection);
        Ok(outcomes)
    }
}
