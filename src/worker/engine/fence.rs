//! The lease of a group with one active worker. It is taken before anything is read, renewed while working, and
//! released at the end. Every command of the worker that writes carries it as a fencing token, so a worker that has
//! lost the lease changes nothing.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::Name;
use crate::planted;
use crate::topology::lease_key;
use crate::wire::{Connection, Error, Fence, LeaseHolder, drop_lease, take_lease};
use crate::worker::state::bar::Bar;
use crate::worker::state::shared::Seat;

/// How long the lease lasts without renewal, and so the longest time that a stand-by worker waits.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How often it is renewed, and how often a stand-by worker tries to take it.
const RENEWAL: Duration = Duration::from_secs(4);

/// How soon the lease is requested again after it was found to be lost.
const LOST_PAUSE: Duration = Duration::from_millis(100);

/// How this worker's role changed when the lease was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This worker has become the active one.
    Won,
    /// This worker is no longer the active one.
    Lost,
    /// The worker starts as a stand-by worker.
    StandsBy,
    /// No change.
    Same,
}

/// What a worker knows about the group's lease.
#[derive(Debug)]
pub(super) struct Lease {
    fence: Fence,
    held_since: Option<Instant>,
    /// Whether another worker was seen to hold the lease.
    is_of_another: bool,
    /// The consumer of the worker that held the lease last.
    predecessor: Option<Name>,
    /// Whether the engine was last told that it is the active one; `None` before it was told anything.
    is_active: Option<bool>,
    next_try: Instant,
}

impl Lease {
    /// As [`lease_key`].
    pub(super) fn key(stream: &Name, group: &Name) -> Name {
        lease_key(stream, group)
    }

    /// A lease that has not been requested yet. Its token is unique even when another process has the same consumer
    /// name.
    pub(super) fn new(stream: &Name, group: &Name, consumer: &Name) -> Self {
        let consumer = String::from_utf8_lossy(consumer.as_bytes());
        Self::shared(Fence {
            key: Self::key(stream, group),
            token: format!("{consumer} {}", uuid::Uuid::new_v4().simple()),
        })
    }

    /// The lease of this worker's other engine, which takes it as well: whoever has the token is the active worker.
    pub(super) fn shared(fence: Fence) -> Self {
        Self {
            fence,
            held_since: None,
            is_of_another: false,
            predecessor: None,
            is_active: None,
            next_try: Instant::now(),
        }
    }

    pub(super) fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Whether this worker is the active one. A lease that could not be renewed in time does not count as held,
    /// whatever the server will answer, because another worker may have it by now.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.held_until().is_some_and(|until| now < until)
    }

    /// The time until which the lease is held if it is not renewed; `None` when it is not held.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_since.map(|since| since + LEASE)
    }

    /// Records whether the lease is held. Returns how this changes the worker's role.
    pub(super) fn turned(&mut self, is_held: bool) -> Turn {
        match (self.is_active.replace(is_held), is_held) {
            (None | Some(false), true) => Turn::Won,
            (Some(true), false) => Turn::Lost,
            (None, false) => Turn::StandsBy,
            _ => Turn::Same,
        }
    }

    pub(super) fn next_try(&self) -> Instant {
        self.next_try
    }

    /// Whether another worker was the active one when the lease was last looked at.
    pub(super) fn is_of_another(&self) -> bool {
        self.is_of_another
    }

    /// Takes or renews the lease. Returns which worker holds it.
    pub(super) async fn take(&mut self, connection: &Connection) -> Result<LeaseHolder, Error> {
        let asked_at = Instant::now();
        // A try that failed says nothing: the next one follows as soon as the server can be used.
        self.next_try = asked_at;
        let holder = connection.call(take_lease(&self.fence, LEASE)).await?;
        self.next_try = asked_at + RENEWAL;
        self.held_since = matches!(holder, LeaseHolder::Us).then_some(asked_at);
        self.is_of_another = matches!(holder, LeaseHolder::Other { .. });
        if let LeaseHolder::Other { token, left } = &holder {
            self.predecessor = consumer_of(token);
            if let Some(left) = left {
                self.next_try = asked_at + RENEWAL.min(*left + Duration::from_millis(20));
            }
        }
        Ok(holder)
    }

    /// The consumer of the worker that was the active one before; returned only once.
    pub(super) fn take_predecessor(&mut self) -> Option<Name> {
        self.predecessor.take()
    }

    /// A script found that this worker does not hold the lease. It is requested again soon, because it may be free.
    pub(super) fn lost(&mut self) {
        self.held_since = None;
        self.next_try = Instant::now() + LOST_PAUSE;
    }

    /// Releases the lease, so that a stand-by worker need not wait until it expires.
    pub(super) async fn drop(&mut self, connection: &Connection) -> Result<(), Error> {
        self.held_since = None;
        connection.call(drop_lease(&self.fence)).await.map(|_| ())
    }
}

/// The consumer that a token names.
fn consumer_of(token: &str) -> Option<Name> {
    let (consumer, _) = token.rsplit_once(' ')?;
    Some(Name::from(consumer))
}

impl Engine {
    /// Takes or renews the lease of a single active worker. Returns whether this worker may work.
    pub(super) async fn hold_lease(&mut self, now: Instant) -> Result<bool, Error> {
        let (Some(lease), Some(connection)) = (&mut self.lease, &self.connection) else {
            return Ok(true);
        };
        if now >= lease.next_try() {
            lease.take(connection).await?;
        }
        let is_held = lease.is_held(Instant::now());
        match lease.turned(is_held) {
            Turn::Won => {
                self.timers.sweep = now;
                if self.seat == Seat::Stream {
                    tracing::info!(group = %self.job.group, stream = %self.job.stream, "this worker is the active one");
                    let predecessor = lease.take_predecessor();
                    if !planted::is("no-inheritance") {
                        if let Some(beside) = &mut self.beside {
                            beside.predecessor.clone_from(&predecessor);
                        }
                        self.inheritance.of(predecessor);
                    }
                    self.bar = Bar::of(&self.job, self.seat);
                    if let Some(handler) = self.job.handler.ordered() {
                        handler.begin();
                    }
                }
            }
            Turn::Lost => {
                tracing::warn!(group = %self.job.group, stream = %self.job.stream, "another worker is the active one now: standing by");
                self.drop_everything("another worker is the active one now");
            }
            Turn::StandsBy => {
                tracing::info!(group = %self.job.group, stream = %self.job.stream, "another worker is the active one: standing by");
            }
            Turn::Same => {}
        }
        if let Some(lease) = &self.lease
            && let (Some(handler), Some(until)) = (self.job.handler.ordered(), lease.held_until())
        {
            handler.is_active_until(until);
        }
        Ok(is_held)
    }
}
