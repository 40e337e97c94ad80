//! Handles entries that are in no group, such as those of an archive: each in as many attempts as a worker makes. Nothing is
//! acknowledged or added.

use std::cell::RefCell;
use std::time::Instant;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::sleep;

use super::handler::{Fault, Handler, Origin, Verdict};
use super::policy::{Policy, fraction, spread_delay};
use super::state::in_hand::Delivery;
use super::state::rate_limiter::RateLimiter;
use crate::model::Entry;
use crate::streams::tail::{Filter, Verdict as Judged};

/// How often a handler that cannot be started is tried before that is given up.
const STARTS_MAX: u64 = 5;

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was handled, after so many attempts that failed.
    Handled(u64),
    /// It does not match the conditions.
    LeftOut,
    /// It cannot be judged, because a condition names a place in a value that is not JSON.
    Unjudged,
    /// It failed for good in so many attempts, and why.
    Failed(u64, String),
    /// The handler cannot be started, and why: nothing is known of the entry.
    NotStarted(String),
}

/// How entries are handled.
#[derive(Debug)]
pub struct Again<'a> {
    handler: &'a Handler,
    origin: Origin,
    policy: Policy,
    filter: &'a Filter,
    limiter: RefCell<RateLimiter>,
}

impl<'a> Again<'a> {
    /// As a worker of that group would handle those of them that match.
    pub fn new(handler: &'a Handler, origin: Origin, policy: Policy, filter: &'a Filter) -> Self {
        Self {
            handler,
            origin,
            policy,
            filter,
            limiter: RefCell::new(RateLimiter::new(policy.rate, Instant::now())),
        }
    }

    /// Handles the entries, some at a time; what became of each, in their order. When it is dropped before its end, what runs
    /// is stopped.
    pub fn each<'e>(&'e self, entries: &'e [Entry]) -> impl Stream<Item = (&'e Entry, Came)> {
        let all = entries.iter().map(async |it| (it, self.came(it).await));
        stream::iter(all).buffered(self.policy.concurrency)
    }

    /// Lets the processes of the handler end.
    pub async fn close(&self) {
        self.handler.close().await;
    }

    async fn came(&self, entry: &Entry) -> Came {
        match judged(self.filter, entry) {
            Judged::Taken => {}
            Judged::Left => return Came::LeftOut,
            Judged::Unjudged(_) => return Came::Unjudged,
        }
        let (mut failed, mut not_started) = (0, 0);
        loop {
            self.turn().await;
            let delivery = Delivery::of(entry, failed + 1);
            let verdict = self
                .handler
                .handle(&self.origin, &delivery, &self.policy)
                .await;
            let after = match verdict {
                Verdict::Done => return Came::Handled(failed),
                Verdict::Publish(_) | Verdict::Count { .. } => {
                    let why =
                        "the handler has something to add, which only a replay of a stream does";
                    return Came::Failed(failed + 1, why.to_owned());
                }
                Verdict::Dead { reason } => return Came::Failed(failed + 1, reason),
                // It was not its turn: the process ended over another one.
                Verdict::Interrupted => continue,
                Verdict::Retry {
                    reason,
                    fault: Fault::Worker,
                    ..
                } => {
                    not_started += 1;
                    if not_started == STARTS_MAX {
                        return Came::NotStarted(reason);
                    }
                    None
                }
                Verdict::Retry { reason, after, .. } => {
                    failed += 1;
                    if failed >= self.policy.max_deliveries {
                        return Came::Failed(failed, reason);
                    }
                    after
                }
            };
            let delay = spread_delay(self.policy.backoff, failed.max(not_started), fraction());
            sleep(after.unwrap_or_default().max(delay)).await;
        }
    }

    /// Waits until an attempt may start.
    async fn turn(&self) {
        loop {
            let next = {
                let mut limiter = self.limiter.borrow_mut();
                if limiter.allows() {
                    limiter.started();
                    return;
                }
                limiter.next_start()
            };
            if let Some(next) = next {
                tokio::time::sleep_until(next.into()).await;
            }
        }
    }
}

/// Whether an entry matches.
pub fn judged(filter: &Filter, entry: &Entry) -> Judged {
    if filter.is_empty() {
        return Judged::Taken;
    }
    let fields = entry.fields.iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    filter.judge(&fields)
}
