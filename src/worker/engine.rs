//! The engine: one task that owns everything a worker knows of one stream of one group, and the loop it lives in.
//!
//! Each turn does what is due (connection, lease, recovery, renewals, retries, take-over), starts handlers, asks the
//! reader for more, settles what was handled, and waits for the next event. Nothing in a turn waits longer than the
//! connection's deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::breaker::Breaker;
use super::counters::{Counters, add};
use super::fence::Lease;
use super::hand::{Delivery, Hand, Phase};
use super::handler::{Origin, Verdict};
use super::policy::spread_delay;
use super::reader::{ReadOrder, ReadOutcome, Reader};
use super::retries::Retries;
use super::run::{Assignment, Mode, Signal};
use super::settle::{Settlement, What};
use crate::model::EntryId;
use crate::wire::{Connection, Dialer, Error, GroupReply, Holder, Seen};

/// How long a read waits on the server for new entries.
const BLOCK: Duration = Duration::from_secs(2);
/// While so many entries wait for a retry, nothing new is read.
const WAITING_MAX: usize = 10_000;
/// Acknowledgements that ride along with one read.
const RIDING_MAX: usize = 1000;
/// How often an idle consumer shows that it lives.
const PRESENCE: Duration = Duration::from_secs(10);

/// A handler's end.
#[derive(Debug)]
pub(super) struct Finished {
    delivery: Delivery,
    verdict: Verdict,
}

/// Reports the verdict when it is dropped, so that a handler that panicked or was stopped reports too.
struct Report {
    finished: mpsc::UnboundedSender<Finished>,
    delivery: Delivery,
    verdict: Option<Verdict>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let verdict = self
            .verdict
            .take()
            .unwrap_or_else(|| Verdict::retry("the handler ended without a verdict"));
        let _ = self.finished.send(Finished {
            delivery: self.delivery.clone(),
            verdict,
        });
    }
}

/// When things are due.
#[derive(Debug)]
pub(super) struct Timers {
    pub(super) renewal: Instant,
    pub(super) sweep: Instant,
    pub(super) presence: Instant,
}

/// A worker's state for one stream of one group.
pub(super) struct Engine {
    pub(super) job: Assignment,
    pub(super) origin: Arc<Origin>,
    pub(super) dialer: Dialer,
    pub(super) counters: Arc<Counters>,
    pub(super) signal: watch::Receiver<Signal>,
    pub(super) connection: Option<Connection>,
    pub(super) reader: Reader,
    pub(super) hand: Hand,
    pub(super) ready: VecDeque<Delivery>,
    /// Entries of other consumers that are due, not claimed yet.
    pub(super) stale: VecDeque<Seen>,
    /// An entry that must run alone, not claimed yet.
    pub(super) lone: Option<Seen>,
    pub(super) retries: Retries,
    pub(super) settlements: VecDeque<Settlement>,
    /// Acknowledgements under way with the read.
    pub(super) riding: Vec<(EntryId, u64)>,
    pub(super) breaker: Breaker,
    /// While everything fails: the next entry that is read tries out if things work again.
    pub(super) is_probe_wanted: bool,
    pub(super) lease: Option<Lease>,
    pub(super) timers: Timers,
    pub(super) trouble: super::recover::Trouble,
    /// `--once`: the last entry there was at the start; `None` once it was read.
    pub(super) read_until: Option<EntryId>,
    pub(super) is_reading_over: bool,
    /// Entries delivered and never started, to be given back at the end.
    pub(super) unstarted: Vec<(EntryId, u64)>,
    pub(super) started: u64,
    read_asked: Instant,
    finished_sender: mpsc::UnboundedSender<Finished>,
    finished: mpsc::UnboundedReceiver<Finished>,
}

impl Engine {
    pub(super) fn new(
        job: Assignment,
        dialer: Dialer,
        counters: Arc<Counters>,
        signal: watch::Receiver<Signal>,
    ) -> Self {
        let now = Instant::now();
        let (finished_sender, finished) = mpsc::unbounded_channel();
        let reader = Reader::start(
            dialer.clone(),
            job.stream.clone(),
            job.group.clone(),
            job.consumer.clone(),
        );
        let lease = job.is_single.then(|| {
            let token = String::from_utf8_lossy(job.consumer.as_bytes()).into_owned();
            Lease::new(&job.stream, &job.group, token)
        });
        Self {
            origin: Arc::new(Origin {
                stream: job.stream.clone(),
                group: job.group.clone(),
            }),
            breaker: Breaker::new(job.policy.backoff),
            is_probe_wanted: false,
            timers: Timers {
                renewal: now + job.policy.renewal(),
                sweep: now,
                presence: now + PRESENCE,
            },
            trouble: super::recover::Trouble::new(now),
            job,
            dialer,
            counters,
            signal,
            connection: None,
            reader,
            hand: Hand::default(),
            ready: VecDeque::new(),
            stale: VecDeque::new(),
            lone: None,
            retries: Retries::default(),
            settlements: VecDeque::new(),
            riding: Vec::new(),
            lease,
            read_until: None,
            is_reading_over: false,
            unstarted: Vec::new(),
            started: 0,
            read_asked: now,
            finished_sender,
            finished,
        }
    }

    /// Works until the work is done, a signal asks for the end, or something fails for good.
    pub(super) async fn work(&mut self) -> anyhow::Result<()> {
        loop {
            if *self.signal.borrow() != Signal::Run {
                return Ok(());
            }
            if let Err(error) = self.turn().await {
                self.on_error(error).await?;
            }
            if self.is_done() {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// One turn: what is due, then what is ready.
    async fn turn(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if !self.trouble.is_over(now) {
            return Ok(());
        }
        self.reconnect().await?;
        if !self.hold_lease(now).await? {
            return Ok(());
        }
        self.renew_leases(now).await?;
        self.show_presence(now).await?;
        if self.breaker.is_open() {
            self.probe(now).await?;
        } else {
            self.retry_due(now).await?;
            self.sweep(now).await?;
            self.take_stale().await?;
        }
        self.start_ready();
        self.order_read(Instant::now());
        self.settle().await?;
        self.release_unstarted().await?;
        if !self.reader.is_reading() {
            self.trouble.ended();
        }
        Ok(())
    }

    /// Takes or renews the lease of a single active worker; whether this worker may work.
    async fn hold_lease(&mut self, now: Instant) -> Result<bool, Error> {
        let (Some(lease), Some(connection)) = (&mut self.lease, &self.connection) else {
            return Ok(true);
        };
        let was_held = lease.is_held(now);
        if now >= lease.next_try() {
            lease.take(connection).await?;
        }
        let is_held = lease.is_held(Instant::now());
        if is_held && !was_held {
            tracing::info!(group = %self.job.group, stream = %self.job.stream, "this worker is the active one");
            self.timers.sweep = now;
        } else if was_held && !is_held {
            self.drop_everything("another worker is the active one now");
        }
        Ok(is_held)
    }

    /// Starts what may start; an inline handler's verdict is there at once.
    fn start_ready(&mut self) {
        while let Some(delivery) = self.next_to_start() {
            self.started += 1;
            if delivery.deliveries > 1 && !delivery.is_probe {
                add(&self.counters.retried, 1);
            }
            match self.job.handler.inline(&delivery) {
                Some(verdict) => {
                    if self
                        .hand
                        .advance(delivery.id(), delivery.deliveries, Phase::Settling)
                    {
                        self.judge(&delivery, verdict);
                    }
                }
                None => self.spawn(delivery),
            }
        }
    }

    fn next_to_start(&mut self) -> Option<Delivery> {
        let next = match self.breaker.is_open() {
            true => self.ready.iter().position(|delivery| delivery.is_probe)?,
            false => 0,
        };
        let first = self.ready.get(next)?;
        let running = self.hand.running();
        let may_start = running < self.job.policy.concurrency
            && (!first.is_alone || running == 0)
            && !self.is_lone_running()
            && self.job.max_messages.is_none_or(|max| self.started < max);
        if may_start {
            self.ready.remove(next)
        } else {
            None
        }
    }

    fn is_lone_running(&self) -> bool {
        self.hand.is_lone_running
    }

    fn spawn(&mut self, delivery: Delivery) {
        let (id, deliveries) = (delivery.id(), delivery.deliveries);
        let is_alone = delivery.is_alone;
        let (handler, origin) = (Arc::clone(&self.job.handler), Arc::clone(&self.origin));
        let limit = self.job.policy.handler_timeout;
        let report = Report {
            finished: self.finished_sender.clone(),
            delivery,
            verdict: None,
        };
        let task = tokio::spawn(async move {
            let mut report = report;
            let verdict =
                tokio::time::timeout(limit, handler.handle(&origin, &report.delivery)).await;
            report.verdict = Some(verdict.unwrap_or_else(|_| {
                Verdict::retry(format!(
                    "the handler did not end within {limit:?} and was stopped"
                ))
            }));
        });
        let abort = task.abort_handle();
        if self.hand.advance(id, deliveries, Phase::Running(abort)) {
            self.hand.is_lone_running = is_alone;
        } else {
            task.abort();
        }
    }

    /// A handler ended.
    fn on_finished(&mut self, finished: Finished) {
        let Finished { delivery, verdict } = finished;
        if delivery.is_alone {
            self.hand.is_lone_running = false;
        }
        if self
            .hand
            .advance(delivery.id(), delivery.deliveries, Phase::Settling)
        {
            self.judge(&delivery, verdict);
        }
    }

    /// Decides what becomes of an entry that was attempted. It is in hand, settling.
    pub(super) fn judge(&mut self, delivery: &Delivery, verdict: Verdict) {
        let what = match verdict {
            Verdict::Done => {
                self.record(delivery.id());
                What::Acknowledge
            }
            Verdict::Publish(outputs) => What::Publish(outputs),
            Verdict::Count(update) => What::Count(update),
            Verdict::Dead { reason } => {
                add(&self.counters.failed_attempts, 1);
                What::DeadLetter {
                    owner: None,
                    reason,
                }
            }
            Verdict::Retry { reason, after } => {
                self.on_failed_attempt(delivery, reason, after);
                return;
            }
        };
        if !matches!(what, What::DeadLetter { .. }) && self.breaker.succeeded() {
            tracing::warn!(group = %self.job.group, "handlers succeed again: going on");
            self.timers.sweep = Instant::now();
        }
        self.settlements.push_back(Settlement {
            id: delivery.id(),
            deliveries: delivery.deliveries,
            what,
        });
    }

    /// Notes that the handler handled an entry.
    pub(super) fn record(&self, id: EntryId) {
        if let Some(journal) = &self.job.journal {
            journal(id);
        }
    }

    fn on_failed_attempt(&mut self, delivery: &Delivery, reason: String, after: Option<Duration>) {
        let (id, deliveries, now) = (delivery.id(), delivery.deliveries, Instant::now());
        add(&self.counters.failed_attempts, 1);
        let was_open = self.breaker.is_open();
        if self.breaker.failed(now, id) {
            self.on_breaker_opened(&reason);
        }
        // While everything fails it is not the message's fault: it stays.
        if deliveries >= self.job.policy.max_deliveries && !was_open && !self.breaker.is_open() {
            self.settlements.push_back(Settlement {
                id,
                deliveries,
                what: What::DeadLetter {
                    owner: None,
                    reason,
                },
            });
            return;
        }
        tracing::info!(
            group = %self.job.group, %id, attempt = deliveries, reason = %crate::model::escaped(reason.as_bytes()),
            "attempt failed"
        );
        self.wait_for_retry(id, deliveries, after);
    }

    /// Lets an entry in hand rest until its next attempt is due.
    pub(super) fn wait_for_retry(&mut self, id: EntryId, deliveries: u64, after: Option<Duration>) {
        let backoff = self.job.policy.backoff;
        let fraction = f64::from(uuid::Uuid::new_v4().as_bytes()[15]) / 255.0;
        let delay = spread_delay(backoff, deliveries.max(1), fraction);
        let delay = delay.max(after.unwrap_or_default().min(backoff.cap.max(delay)));
        if self.hand.advance(id, deliveries, Phase::Waiting) {
            self.retries.push(Instant::now() + delay, id, deliveries);
            self.settlements.push_back(Settlement {
                id,
                deliveries,
                what: What::Rest,
            });
        }
    }

    /// Entries there is room for: slots and the queue before them.
    pub(super) fn room(&self) -> usize {
        let policy = &self.job.policy;
        let active = self.hand.ready() + self.hand.running();
        let left = self.job.max_messages.map_or(usize::MAX, |max| {
            let left = usize::try_from(max.saturating_sub(self.started)).unwrap_or(usize::MAX);
            left.saturating_sub(self.hand.ready())
        });
        (policy.concurrency + policy.batch)
            .saturating_sub(active)
            .min(policy.batch)
            .min(left)
    }

    /// Asks the reader for new entries when there is room, and lets acknowledgements ride along.
    fn order_read(&mut self, now: Instant) {
        let is_probe = self.breaker.is_open();
        let room = self.room().min(if is_probe { 1 } else { usize::MAX });
        let is_worth_it = is_probe || room * 2 >= self.job.policy.batch || self.ready.is_empty();
        let may_read = !self.reader.is_reading()
            && !self.is_reading_over
            && (!is_probe || self.is_probe_wanted)
            && self.hand.waiting() < WAITING_MAX
            && room > 0
            && is_worth_it;
        if !may_read {
            return;
        }
        self.riding = self.take_riding(now, RIDING_MAX);
        self.read_asked = now;
        self.reader.read(ReadOrder {
            acks: self.riding.iter().map(|(id, _)| *id).collect(),
            count_max: room,
            block: (self.job.mode == Mode::Forever && !is_probe).then_some(BLOCK),
        });
    }

    /// The reader answered.
    fn on_read(&mut self, read: ReadOutcome) -> Result<(), Error> {
        let riding = std::mem::take(&mut self.riding);
        match read {
            Ok(reply) => {
                self.on_ridden(&riding, reply.acknowledged);
                self.on_entries(reply);
                Ok(())
            }
            Err(error) => {
                self.settle_again(riding);
                self.trouble.must_recover();
                Err(error)
            }
        }
    }

    fn on_ridden(&mut self, riding: &[(EntryId, u64)], acknowledged: u64) {
        for (id, _) in riding {
            self.hand.remove(*id);
        }
        add(&self.counters.handled, acknowledged);
        let lost = (riding.len() as u64).saturating_sub(acknowledged);
        if lost > 0 {
            add(&self.counters.leases_lost, lost);
            tracing::warn!(group = %self.job.group, lost, "handled entries were not pending any more: somebody else took or acknowledged them");
        }
    }

    fn on_entries(&mut self, reply: GroupReply) {
        let last = reply
            .batch
            .len()
            .checked_sub(1)
            .map(|index| reply.batch.id(index));
        if self.job.mode == Mode::Once
            && last.is_none_or(|last| self.read_until.is_none_or(|until| last >= until))
        {
            self.is_reading_over = true;
        }
        self.trouble.read_well(self.read_asked);
        if let Some(since) = self.trouble.ended() {
            tracing::warn!(group = %self.job.group, after = ?since.elapsed(), "the server can be used again");
        }
        let is_probe = std::mem::take(&mut self.is_probe_wanted) && self.breaker.is_open();
        if is_probe && reply.batch.is_empty() {
            self.breaker.probe_at_once(Instant::now());
        }
        let batch = Arc::new(reply.batch);
        for index in 0..batch.len() {
            self.hand.insert(batch.id(index), 1, self.read_asked);
            let mut delivery = Delivery::new(Arc::clone(&batch), index, 1);
            delivery.is_probe = is_probe && index == 0;
            self.ready.push_back(delivery);
        }
    }

    /// Waits for the next event, or until something is due.
    async fn wait(&mut self) -> anyhow::Result<()> {
        let until = tokio::time::Instant::from_std(self.next_due());
        tokio::select! {
            Some(finished) = self.finished.recv() => {
                self.on_finished(finished);
                while let Ok(finished) = self.finished.try_recv() {
                    self.on_finished(finished);
                }
            }
            read = self.reader.outcome() => {
                if let Err(error) = self.on_read(read) {
                    self.on_error(error).await?;
                }
            }
            _ = self.signal.changed() => {}
            () = tokio::time::sleep_until(until) => {}
        }
        Ok(())
    }

    fn next_due(&self) -> Instant {
        let now = Instant::now();
        if let Some(until) = self.trouble.until(now) {
            return until;
        }
        if let Some(lease) = self.lease.as_ref().filter(|lease| !lease.is_held(now)) {
            return lease.next_try();
        }
        if !self.settlements.is_empty() || !self.unstarted.is_empty() {
            return now;
        }
        let mut due = vec![self.timers.presence, self.timers.renewal];
        match self.breaker.next_probe() {
            Some(probe) if self.hand.running() == 0 => due.push(probe),
            Some(_) => {}
            None => {
                if self.room() > 0 {
                    due.extend(self.retries.next_due());
                    due.extend(self.stale.front().map(|_| now));
                }
                due.push(self.timers.sweep);
            }
        }
        due.extend(self.lease.as_ref().map(Lease::next_try));
        due.into_iter().min().unwrap_or(now)
    }

    /// Everything this worker was asked for is done.
    fn is_done(&self) -> bool {
        if self.job.max_messages.is_some_and(|max| self.started >= max) && self.is_idle() {
            return true;
        }
        self.job.mode == Mode::Once
            && self.is_reading_over
            && self.is_idle()
            && self.trouble.was_swept()
    }

    /// Nothing runs, is ready, or is being settled; what waits for a retry may.
    fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.hand.running() == 0
            && self.settlements.is_empty()
            && self.riding.is_empty()
    }

    pub(super) fn holder(&self) -> Holder<'_> {
        Holder {
            stream: &self.job.stream,
            group: &self.job.group,
            consumer: &self.job.consumer,
            fence: self.lease.as_ref().map(Lease::fence),
        }
    }

    /// The handler's end of the channel, for draining.
    pub(super) async fn next_finished(&mut self) {
        if let Some(finished) = self.finished.recv().await {
            self.on_finished(finished);
        }
    }

    /// Forgets all that is in hand and stops its handlers: none of it is this worker's any more.
    pub(super) fn drop_everything(&mut self, why: &str) {
        let ids = self.hand.ids();
        if !ids.is_empty() {
            tracing::warn!(group = %self.job.group, entries = ids.len(), why, "dropping what was in hand");
            add(&self.counters.leases_lost, ids.len() as u64);
        }
        for id in ids {
            self.let_go(id);
        }
        self.ready.clear();
        self.stale.clear();
        self.lone = None;
        self.retries.clear();
        self.settlements.clear();
        self.riding.clear();
        self.hand.is_lone_running = false;
    }

    /// Forgets one entry and stops its handler.
    pub(super) fn let_go(&mut self, id: EntryId) {
        if let Some(held) = self.hand.remove(id)
            && let Phase::Running(abort) = held.phase
        {
            abort.abort();
        }
        self.ready.retain(|delivery| delivery.id() != id);
    }
}
