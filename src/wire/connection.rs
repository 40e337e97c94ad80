//! A connection for small requests: single commands or many at a time, each with the same deadline. The replies come in
//! the order of the requests, and are decoded in place by [`super::driver`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::driver::{Answer, Call, Driver, Lost};
use super::error::{Error, ErrorKind, Result};
use super::lane::no_reply;
use super::request::{Decode, Request};
use super::resp::Reply;
use super::scripts::ScriptCall;
use super::socket::Socket;
use crate::model::Name;

/// What is said of a request on a connection that can no longer be used.
const LOST_EARLIER: &str = "the connection was lost earlier";
/// How many commands are sent before their replies are awaited.
const PIPELINE_MAX: usize = 512;

/// A connection for commands. After a missed deadline or a lost stream, every call fails at once with
/// [`ErrorKind::Closed`]: open another connection.
#[derive(Debug)]
pub struct Connection {
    calls: mpsc::UnboundedSender<Call>,
    driver: JoinHandle<()>,
    deadline: Duration,
    /// Whether a deadline was missed.
    is_given_up: AtomicBool,
}

impl Connection {
    /// A connection over a connected and authenticated `stream`.
    pub(super) fn over(stream: Box<dyn Socket>, deadline: Duration) -> Self {
        let (calls, queue) = mpsc::unbounded_channel();
        Self {
            calls,
            driver: tokio::spawn(Driver::new(stream, queue).run()),
            deadline,
            is_given_up: AtomicBool::new(false),
        }
    }

    /// Whether the connection can no longer be used.
    pub fn is_lost(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed) || self.calls.is_closed()
    }

    /// Runs one command. Several may be outstanding at once; their replies come in order on the same stream.
    ///
    /// # Errors
    /// Errors of the server, a missed deadline, a lost connection, or a reply that cannot be decoded.
    pub async fn run<T: Send + 'static>(&self, request: Request<T>) -> Result<T> {
        let name = request.name;
        let mut outcomes = self.exchange(vec![request]).await?;
        let missing = || Err(Error::shape(name, "a reply"));
        outcomes.pop().unwrap_or_else(missing)
    }

    /// Runs many commands of one kind in few writes. Each has its own result, in order.
    ///
    /// # Errors
    /// A missed deadline or a lost connection. An error of the server to one command is that command's result.
    pub async fn run_all<T: Send + 'static>(
        &self,
        requests: Vec<Request<T>>,
    ) -> Result<Vec<Result<T>>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let some = requests.by_ref().take(PIPELINE_MAX).collect();
            outcomes.extend(self.exchange(some).await?);
        }
        Ok(outcomes)
    }

    /// Runs a script, sending its text when the server does not have it.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn call<T: Send + 'static>(&self, call: ScriptCall<T>) -> Result<T> {
        match self.run(call.by_hash()).await {
            Err(error) if error.kind == ErrorKind::NoScript => self.run(call.by_text()).await,
            outcome => outcome,
        }
    }

    /// Runs many script calls in few writes. Each has its own result, in order.
    ///
    /// # Errors
    /// As [`Connection::run_all`].
    pub async fn call_all<T: Send + 'static>(
        &self,
        calls: Vec<ScriptCall<T>>,
    ) -> Result<Vec<Result<T>>> {
        let requests = calls.iter().map(ScriptCall::by_hash).collect();
        let mut outcomes = self.run_all(requests).await?;
        let unknown = |outcome: &Result<T>| matches!(outcome, Err(error) if error.kind == ErrorKind::NoScript);
        let missing: Vec<usize> = (0..outcomes.len())
            .filter(|&at| unknown(&outcomes[at]))
            .collect();
        if missing.is_empty() {
            return Ok(outcomes);
        }
        let again = missing.iter().map(|&at| calls[at].by_text()).collect();
        for (at, outcome) in missing.into_iter().zip(self.run_all(again).await?) {
            outcomes[at] = outcome;
        }
        Ok(outcomes)
    }

    /// Sends requests together and awaits all their replies. What is handed over is sent at once, although the future
    /// was polled only once.
    async fn exchange<T: Send + 'static>(
        &self,
        requests: Vec<Request<T>>,
    ) -> Result<Vec<Result<T>>> {
        let first = requests.first().map(|it| (it.name, it.key.clone()));
        let (name, key) = first.unwrap_or_default();
        let error = |kind, text: &str| Error::new(kind, name, text).about(key.as_ref());
        if self.is_lost() {
            return Err(error(ErrorKind::Closed, LOST_EARLIER));
        }
        let (says, outcomes) = oneshot::channel();
        let mut bytes = Vec::new();
        for request in &requests {
            request.cmd.write_packed_command(&mut bytes);
        }
        let call = Call {
            bytes,
            answer: Box::new(Replies::to(requests, says)),
        };
        if self.calls.send(call).is_err() {
            return Err(error(ErrorKind::Closed, LOST_EARLIER));
        }
        match timeout(self.deadline, outcomes).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(_)) => Err(error(ErrorKind::Closed, "the connection was lost")),
            Err(_) => {
                self.is_given_up.store(true, Ordering::Relaxed);
                self.driver.abort();
                Err(no_reply(name, self.deadline).about(key.as_ref()))
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What decodes the reply to a request: the name and the key for its errors, and the decoder.
type Decoder<T> = (&'static str, Option<Name>, Decode<T>);

/// The replies to requests that were sent together, for whoever waits for all of them.
struct Replies<T> {
    decoders: std::vec::IntoIter<Decoder<T>>,
    outcomes: Vec<Result<T>>,
    says: Option<oneshot::Sender<Result<Vec<Result<T>>>>>,
}

impl<T> Replies<T> {
    fn to(requests: Vec<Request<T>>, says: oneshot::Sender<Result<Vec<Result<T>>>>) -> Self {
        let decoders = requests.into_iter().map(|it| (it.name, it.key, it.decode));
        let decoders: Vec<_> = decoders.collect();
        Self {
            outcomes: Vec::with_capacity(decoders.len()),
            decoders: decoders.into_iter(),
            says: Some(says),
        }
    }

    fn say(&mut self, outcomes: Result<Vec<Result<T>>>) {
        if let Some(says) = self.says.take() {
            // Whoever asked may have gone.
            let _ = says.send(outcomes);
        }
    }
}

impl<T: Send> Answer for Replies<T> {
    fn take(&mut self, reply: Reply<'_>) -> bool {
        if let Some((name, key, decode)) = self.decoders.next() {
            let outcome = match reply.error_line() {
                Some(line) => Err(Error::from_server_line(name, &line)),
                None => decode(name, reply),
            };
            let outcome = outcome.map_err(|error| error.about(key.as_ref()));
            self.outcomes.push(outcome);
        }
        let is_last = self.decoders.len() == 0;
        if is_last {
            let outcomes = std::mem::take(&mut self.outcomes);
            self.say(Ok(outcomes));
        }
        is_last
    }

    fn lose(mut self: Box<Self>, lost: &Lost) {
        if let Some((name, key, _)) = self.decoders.next() {
            self.say(Err(lost.about(name).about(key.as_ref())));
        }
    }
}
