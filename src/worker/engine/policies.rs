//! How long entries must be idle before this worker claims them: the longest claim idle of any live consumer. Each
//! worker publishes its own value before it reads anything. It reads the others' values after it has found stale
//! entries and before it claims them, because the owner of an entry published its value before the entry was
//! delivered to it.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{ClaimIdle, Name, format_duration_short};
use crate::planted;
use crate::topology::policy_key;
use crate::wire::{Error, ErrorKind, Kept, Policies, keep_claim_idle, xinfo_consumers};

/// How long it takes until the key is tried again after access was denied.
const DENIED_PAUSE: Duration = Duration::from_mins(1);

/// What is known about the claim idle of the other consumers.
#[derive(Debug)]
pub(super) struct Others {
    /// The longest value that exceeds this worker's own.
    longest: Option<ClaimIdle>,
    /// The values of dead consumers that are to be deleted, each as it was when it was read.
    dead: Vec<(Name, Vec<u8>)>,
    /// Whether a warning was logged that this worker's value could not be published.
    has_warned: bool,
    /// When a key that cannot be used is tried again.
    next_try: Instant,
    /// Whether this worker's value must be published before anything is read.
    is_due: bool,
    /// Whether this worker's claim idle was published with its last sign of life.
    was_kept_last: bool,
}

impl Others {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            longest: None,
            dead: Vec::new(),
            has_warned: false,
            next_try: now,
            is_due: true,
            was_kept_last: false,
        }
    }

    /// Whether this worker's claim idle must be published with this sign of life. Every other one is enough to keep it
    /// fresh within any claim idle.
    pub(super) fn goes_with_presence(&mut self) -> bool {
        self.was_kept_last = !self.was_kept_last;
        self.is_due || self.was_kept_last
    }

    /// The published value may have been lost.
    pub(super) fn must_look(&mut self) {
        self.is_due = true;
    }

    /// The published value is another one now, unless `is_same`.
    pub(super) fn must_look_unless(&mut self, is_same: bool) {
        self.is_due |= !is_same;
    }

    /// Whether this worker's value must be published before anything is read.
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }
}

impl Engine {
    /// The longest claim idle of the live consumers, including this one.
    pub(super) fn claim_idle(&self) -> Duration {
        let own = self.job.policy.claim_idle;
        let others = self.others.longest.as_ref();
        let others = others.filter(|_| !planted::is("own-claim-idle"));
        others.map_or(own, |it| own.max(it.claim_idle))
    }

    /// Publishes this worker's claim idle, and reads those of the others. Without permission, it uses its own.
    pub(super) async fn keep_claim_idle(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let Some(connection) = self
            .connection
            .as_ref()
            .filter(|_| now >= self.others.next_try)
        else {
            return Ok(());
        };
        let job = &self.job;
        let key = policy_key(job.home(), &job.group);
        let own = Some(job.policy.claim_idle);
        let reads_retries = self.reads_retries();
        let call = keep_claim_idle(&key, &job.consumer, own, reads_retries, &self.others.dead);
        match connection.call(call).await {
            Ok(found) => {
                self.others.is_due = false;
                self.others.dead.clear();
                self.warn_unless_kept(found.kept);
                self.learn(found).await
            }
            Err(error) if is_about_the_key(error.kind) => {
                self.others.is_due = false;
                self.others.longest = None;
                self.others.next_try = now + DENIED_PAUSE;
                self.warn_of_own_rule(&error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes this worker's claim idle, so that nobody waits for a worker that no longer exists.
    pub(super) async fn take_claim_idle_back(&self) -> Result<(), Error> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let key = policy_key(self.job.home(), &self.job.group);
        let call = keep_claim_idle(&key, &self.job.consumer, None, false, &[]);
        match connection.call(call).await {
            Err(error) if error.kind.is_connection_lost() => Err(error),
            // One that could not be kept, or cannot be taken back, is forgotten by the others.
            _ => Ok(()),
        }
    }

    /// Determines the longest claim idle of the live consumers. A value that was not refreshed in time may still
    /// belong to a live worker, if the server had no memory for it; its consumer's idle time decides.
    async fn learn(&mut self, found: Policies) -> Result<(), Error> {
        let mut longest = found.longest;
        if let Some(connection) = self.connection.as_ref().filter(|_| !found.stale.is_empty()) {
            let (stream, group) = (self.job.home(), &self.job.group);
            let consumers = match connection.run(xinfo_consumers(stream, group)).await {
                // Whoever may not ask goes by what was refreshed.
                Err(error) if error.kind == ErrorKind::NoPerm => Vec::new(),
                consumers => consumers?,
            };
            for (name, value) in found.stale {
                match ClaimIdle::of_value(&name, &value).filter(|it| it.is_live(&consumers)) {
                    Some(live) => longest = Some(longer(longest, live)),
                    None => self.others.dead.push((name, value)),
                }
            }
        }
        let own = self.job.policy.claim_idle;
        let longest = longest.filter(|it| it.claim_idle > own);
        if let Some(it) = longest.as_ref().filter(|_| self.others.longest.is_none()) {
            tracing::info!(
                group = %self.job.group, consumer = %it.consumer,
                claim_idle = %format_duration_short(it.claim_idle), own = %format_duration_short(own),
                "a live consumer has a longer claim idle: this worker waits for that long before it claims pending \
                    entries"
            );
        }
        self.others.longest = longest;
        Ok(())
    }

    fn warn_unless_kept(&mut self, kept: Kept) {
        match kept {
            Kept::Done => self.others.has_warned = false,
            Kept::Full => {
                self.warn_of_own_rule("too many consumers have published their claim idle");
            }
            Kept::NoMemory => self.warn_of_own_rule("the server has no memory for it"),
        }
    }

    fn warn_of_own_rule(&mut self, why: &str) {
        if std::mem::replace(&mut self.others.has_warned, true) {
            return;
        }
        tracing::warn!(
            group = %self.job.group, stream = %self.job.stream, claim_idle = %format_duration_short(self.job.policy.claim_idle), why,
            "cannot publish this worker's claim idle: it uses its own, and workers with a shorter one may claim its \
                entries in flight; give all workers of the group the same --claim-idle"
        );
    }
}

/// Whether only this key cannot be used, and not the whole server.
fn is_about_the_key(kind: ErrorKind) -> bool {
    kind == ErrorKind::OutOfMemory || !kind.is_passing() && !kind.is_connection_lost()
}

fn longer(one: Option<ClaimIdle>, other: ClaimIdle) -> ClaimIdle {
    match one {
        Some(one) if one.claim_idle >= other.claim_idle => one,
        _ => other,
    }
}
