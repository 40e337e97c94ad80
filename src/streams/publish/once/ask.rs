//! Sends requests until there is an answer. Only requests that are safe to repeat are sent here.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};
use tokio::time::sleep;

use super::OnceEntry;
use crate::streams::patience::WAITS;
use crate::streams::stop::StopFlag;
use crate::wire::{Connection, Dialer, Error, ErrorKind, Once};

/// The number of attempts to get an answer.
const ATTEMPTS_MAX: u32 = 6;

/// The result for each of some entries, or the error that makes it unknown.
type Outcomes = Result<Vec<Result<Once, Error>>, Error>;

/// Sends requests until there is an answer, on a new connection after a lost one.
pub(super) struct Asker<'d> {
    dialer: &'d Dialer,
    connection: Option<Arc<Connection>>,
}

/// A request about entries that has not been answered yet.
pub(super) struct KeyLookup(MaybeDone<Pin<Box<dyn Future<Output = Outcomes> + Send>>>);

impl KeyLookup {
    /// Sends what can be sent now, and waits for nothing.
    pub(super) async fn nudge(&mut self) {
        poll_fn(|context| {
            let _ = Pin::new(&mut self.0).poll(context);
            Poll::Ready(())
        })
        .await;
    }

    /// The answer.
    pub(super) async fn answer(mut self) -> Outcomes {
        (&mut self.0).await;
        let answer = Pin::new(&mut self.0).take_output();
        answer.unwrap_or_else(|| Err(Error::new(ErrorKind::Protocol, "publish_once", "no reply")))
    }
}

/// There is no answer, and another request would not help.
pub(super) enum Failed {
    /// Nothing was sent.
    Unsent(Error),
    /// Something was sent.
    Unknown(Error),
}

impl<'d> Asker<'d> {
    pub(super) fn new(dialer: &'d Dialer) -> Self {
        Self {
            dialer,
            connection: None,
        }
    }

    /// Sends one request about entries after the earlier ones, without waiting for the answer. `None` when no
    /// connection has answered yet.
    pub(super) async fn ask_ahead(&mut self, entries: &[OnceEntry]) -> Option<KeyLookup> {
        let connection = self.connection.as_ref().filter(|it| !it.is_lost())?;
        let connection = Arc::clone(connection);
        let calls = entries.iter().map(OnceEntry::call).collect();
        let answer = async move { connection.call_all(calls).await };
        let mut asked = KeyLookup(maybe_done(Box::pin(answer)));
        asked.nudge().await;
        Some(asked)
    }

    /// An answer was lost, so a new connection is used from now on.
    pub(super) fn forget_connection(&mut self) {
        self.connection = None;
    }

    /// The result for each entry; `lost` is the error of an earlier request whose answer was lost. Once `stop` is
    /// set, the request is not repeated.
    pub(super) async fn ask(
        &mut self,
        entries: &[OnceEntry],
        mut lost: Option<Error>,
        stop: &StopFlag,
    ) -> Result<Vec<Result<Once, Error>>, Failed> {
        let (mut attempts, mut waits) = (1, WAITS.waits());
        let mut before = lost.clone();
        loop {
            let error = match before.take() {
                Some(error) => error,
                None => match self.attempt(entries).await {
                    Ok(outcomes) => return Ok(outcomes),
                    Err(Failed::Unsent(error)) => error,
                    Err(Failed::Unknown(error)) => {
                        lost = Some(error.clone());
                        error
                    }
                },
            };
            if attempts == ATTEMPTS_MAX || stop.is_set() || !error.kind.is_passing() {
                return Err(match lost {
                    // That it may be stored outweighs that the server is away by now.
                    Some(lost) => Failed::Unknown(lost),
                    None => Failed::Unsent(error),
                });
            }
            tokio::select! {
                () = sleep(waits.failed()) => {}
                () = stop.wait() => {}
            }
            attempts += 1;
        }
    }

    async fn attempt(&mut self, entries: &[OnceEntry]) -> Result<Vec<Result<Once, Error>>, Failed> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Arc::new(self.dialer.connect().await.map_err(Failed::Unsent)?),
        };
        let calls = entries.iter().map(OnceEntry::call).collect();
        let outcomes = connection.call_all(calls).await.map_err(Failed::Unknown)?;
        self.connection = Some(connection);
        Ok(outcomes)
    }
}
