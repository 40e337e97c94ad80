//! A connection for small requests: single commands or pipelines, one or many at a time, each with the same deadline.
//! It uses the client crate's multiplexed connection, on a stream that [`super::dial`] opened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, Value};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::error::{Error, ErrorKind, Result};
use super::request::{Decode, Request, server_error};
use super::scripts::ScriptCall;
use super::socket::Socket;

/// How many commands are sent in one write; longer lists take several.
const PIPELINE_MAX: usize = 512;

/// A connection for commands. After a missed deadline or a lost stream, every call fails at once with
/// [`ErrorKind::Closed`]: open another connection.
#[derive(Debug)]
pub struct Connection {
    inner: MultiplexedConnection,
    driver: JoinHandle<()>,
    deadline: Duration,
    is_lost: AtomicBool,
}

impl Connection {
    /// Passes a connected and authenticated `stream` to the client crate.
    pub(super) async fn over(stream: Box<dyn Socket>, deadline: Duration) -> Result<Self> {
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        // The crate's own half-second deadline is off: ours is around every call.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (inner, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|error| Error::from_crate("", &error))?;
        Ok(Self {
            inner,
            driver: tokio::spawn(driver),
            deadline,
            is_lost: AtomicBool::new(false),
        })
    }

    /// Whether the connection can no longer be used.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Runs one command. Several may be outstanding at once; their replies come in order on the same stream.
    ///
    /// # Errors
    /// Errors of the server, a missed deadline, a lost connection, or a reply that cannot be decoded.
    pub async fn run<T>(&self, request: Request<T>) -> Result<T> {
        let Request {
            cmd,
            name,
            key,
            decode,
        } = request;
        let outcome = async {
            let mut inner = self.usable(name)?;
            let value = self.within(name, inner.send_packed_command(&cmd)).await?;
            decoded(name, &value, decode)
        };
        outcome
            .await
            .map_err(|error: Error| error.about(key.as_ref()))
    }

    /// Runs many commands of one kind in few writes. Each has its own result, in order.
    ///
    /// # Errors
    /// A missed deadline or a lost connection. An error of the server to one command is that command's result.
    pub async fn run_all<T>(&self, requests: Vec<Request<T>>) -> Result<Vec<Result<T>>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let mut pipeline = Pipeline::new();
            let decoders: Vec<_> = requests
                .by_ref()
                .take(PIPELINE_MAX)
                .map(|request| {
                    pipeline.add_command(request.cmd);
                    (request.name, request.key, request.decode)
                })
                .collect();
            let (first, key, _) = &decoders[0];
            let values = async {
                let mut inner = self.usable(first)?;
                let sent = inner.send_packed_commands(&pipeline, 0, decoders.len());
                let values = self.within(first, sent).await?;
                if values.len() != decoders.len() {
                    return Err(self.losing(Error::shape(first, "one reply a command")));
                }
                Ok(values)
            };
            let values = values.await.map_err(|error| error.about(key.as_ref()))?;
            for ((name, key, decode), value) in decoders.iter().zip(&values) {
                let outcome = decoded(name, value, *decode);
                outcomes.push(outcome.map_err(|error| error.about(key.as_ref())));
            }
        }
        Ok(outcomes)
    }

    /// Runs a script, sending its text when the server does not have it.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn call<T>(&self, call: ScriptCall<T>) -> Result<T> {
        match self.run(call.by_hash()).await {
            Err(error) if error.kind == ErrorKind::NoScript => self.run(call.by_text()).await,
            outcome => outcome,
        }
    }

    /// Runs many script calls in few writes. Each has its own result, in order.
    ///
    /// # Errors
    /// As [`Connection::run_all`].
    pub async fn call_all<T>(&self, calls: Vec<ScriptCall<T>>) -> Result<Vec<Result<T>>> {
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

    fn usable(&self, name: &str) -> Result<MultiplexedConnection> {
        if self.is_lost() {
            return Err(Error::new(
                ErrorKind::Closed,
                name,
                "the connection was lost earlier",
            ));
        }
        Ok(self.inner.clone())
    }

    async fn within<T>(
        &self,
        name: &str,
        sent: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T> {
        let error = match timeout(self.deadline, sent).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Error::from_crate(name, &error),
            Err(_) => Error::new(
                ErrorKind::Timeout,
                name,
                format!("no reply in {:?}", self.deadline),
            ),
        };
        Err(self.losing(error))
    }

    /// Remembers that the connection is lost if `error` says so.
    fn losing(&self, error: Error) -> Error {
        if error.kind.is_connection_lost() {
            self.is_lost.store(true, Ordering::Relaxed);
            self.driver.abort();
        }
        error
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The server's error in `value`, or the value that `decode` returns.
fn decoded<T>(name: &str, value: &Value, decode: Decode<T>) -> Result<T> {
    match server_error(name, value) {
        Some(error) => Err(error),
        None => decode(name, value),
    }
}
