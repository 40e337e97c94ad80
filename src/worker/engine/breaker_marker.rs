//! Announces an open circuit breaker, in the log and as a marker on the server, which `info` reads.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{OpenBreaker, Time};
use crate::topology::breaker_key;
use crate::wire::{Error, set_for};

/// How long the marker lives on the server without being renewed, and how often it is renewed: a worker that died stops
/// renewing it, and it expires.
const SAID_FOR: Duration = Duration::from_secs(30);
const SAID_EVERY: Duration = Duration::from_secs(10);

/// The marker that this worker keeps on the server while its circuit breaker is open.
#[derive(Debug)]
pub(super) struct BreakerMarker {
    open: OpenBreaker,
    /// When the marker is to be renewed.
    next: Instant,
}

impl BreakerMarker {
    fn new(open: OpenBreaker) -> Self {
        let next = Instant::now();
        Self { open, next }
    }

    /// When the marker is to be renewed.
    pub(super) fn next(&self) -> Instant {
        self.next
    }
}

impl Engine {
    /// The circuit breaker opened: releases entries that were not started, and announces it.
    pub(super) fn on_breaker_opened(&mut self, reason: &str) {
        tracing::error!(
            group = %self.job.group, stream = %self.job.stream, reason = %crate::model::escaped(reason.as_bytes()),
            "circuit breaker opened: every attempt fails; trying one entry at a time, and counting no deliveries \
                against the others"
        );
        self.put_back_unstarted();
        self.notice = Some(BreakerMarker::new(OpenBreaker {
            consumer: self.job.consumer.to_string(),
            since: Time::now(),
            reason: reason.to_owned(),
        }));
    }

    /// Publishes the marker on the server while the circuit breaker is open, and deletes it afterwards. Nothing
    /// depends on it: when it cannot be written, because of permissions or memory, only the log and the metrics show
    /// the state.
    pub(super) async fn leave_word(&mut self, now: Instant) -> Result<(), Error> {
        let is_open = self.breaker.is_open();
        let (Some(notice), Some(connection)) = (&mut self.notice, &self.connection) else {
            return Ok(());
        };
        if is_open && now < notice.next {
            return Ok(());
        }
        let key = breaker_key(self.job.home(), &self.job.group);
        let value = notice.open.to_value();
        // Taking it back is an expiry at once: deleting it would take one more permission.
        let request = if is_open {
            set_for(&key, &value, SAID_FOR)
        } else {
            set_for(&key, b"over", Duration::ZERO)
        };
        notice.next = now + SAID_EVERY;
        match connection.run(request).await {
            Err(error) if error.kind.is_connection_lost() => return Err(error),
            Err(error) => {
                tracing::debug!(group = %self.job.group, %error, "cannot publish that the circuit breaker is open");
            }
            Ok(()) => {}
        }
        if !is_open {
            self.notice = None;
        }
        Ok(())
    }
}
