//! The engine: one task that owns everything a worker knows of one stream of one group, and the loop it lives in.
//!
//! Each turn does what is due (connection, lease, recovery, renewals, retries, take-over), starts handlers, asks the
//! reader for more, settles what was handled, and waits for the next event. Nothing in a turn waits longer than the
//! connection's deadline.
//!
//! | file | what the engine does about it |
//! |---|---|
//! | `run`, `due`, `drain` | its start, when it has something to do, and its end |
//! | `reading`, `reader` | new entries: asking for them, and the task that waits for them |
//! | `dispatch`, `failures` | handing entries to a handler, and judging what it made of them |
//! | `settle`, `moves` | acknowledgements, outputs, dead letters: told until the server has confirmed them |
//! | `leases`, `gone`, `attempts` | entries in hand: their leases, those that nobody has, and the next attempts at them |
//! | `bar` | what was pending before a worker that keeps an order of keys: settled before anything new is read |
//! | `sweep`, `claims` | entries that others left: finding them, and claiming them |
//! | `long` | word of what is long in flight |
//! | `policies` | how long those rest first: the longest claim idle of any worker that lives |
//! | `recover` | lost connections, a group that is gone, own messages found again |
//! | `losses` | entries that were trimmed or deleted before they were delivered |
//! | `fence`, `inheritance` | the lease of a group with one active worker, and what the one before left |
//! | `beside` | the group's retry stream: a second engine that reads it while there is something in it |
//! | `breaker_marker` | word that everything fails |
//! | `hold` | whether the group is paused |
//! | `called` | entries that an operator wants to be tried at once |

mod attempts;
mod bar;
mod beside;
mod breaker_marker;
mod called;
mod claims;
mod dispatch;
mod drain;
mod due;
mod failures;
mod fence;
mod gone;
mod hold;
mod inheritance;
mod leases;
mod long;
mod losses;
mod moves;
mod policies;
mod reader;
mod reading;
mod recover;
pub(super) mod run;
mod settle;
mod sweep;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::beside::{Beside, ended};
use self::breaker_marker::BreakerMarker;
use self::called::Called;
use self::fence::Lease;
use self::gone::Gone;
use self::hold::Hold;
use self::inheritance::Inheritance;
use self::long::Noting;
use self::losses::Losses;
use self::policies::Others;
use self::reader::Reader;
use crate::model::{AdaptiveBatch, EntryId, Name};
use crate::planted;
use crate::wire::{Connection, Dialer, Error, ExpectedPending, Fence, Holder, Lease as EntryLease};
use crate::worker::counters::{Counters, Figures};
use crate::worker::handler::Origin;
use crate::worker::handler::{Finished, Ordered};
use crate::worker::job::{Assignment, Mode, Signal};
use crate::worker::journal::JournalWriter;
use crate::worker::policy::Policy;
use crate::worker::state::bar::Bar;
use crate::worker::state::breaker::Breaker;
use crate::worker::state::in_hand::{Delivery, InHand};
use crate::worker::state::isolation_queue::IsolationQueue;
use crate::worker::state::lack::Lack;
use crate::worker::state::long::Long;
use crate::worker::state::outage::Outage;
use crate::worker::state::postponed::Postponed;
use crate::worker::state::retries::Retries;
use crate::worker::state::settlement::Settlement;
use crate::worker::state::shared::{Seat, Shared};

/// How many entries one script call claims, which takes a few milliseconds of the server's time.
const CLAIMED_AT_A_TIME: usize = 250;
/// How many entries one request reads, if there is room for them and `--batch` is not smaller.
const READ_AT_A_TIME: usize = 1000;
/// The longest time between two signs that an idle consumer is live.
const PRESENCE_MAX: Duration = Duration::from_secs(10);

/// How often an idle consumer shows that it is live: well within the time after which it would seem dead.
fn presence_interval(policy: &Policy) -> Duration {
    policy.renewal().min(PRESENCE_MAX)
}

/// When regular tasks are due.
#[derive(Debug)]
struct Timers {
    renewal: Instant,
    sweep: Instant,
    presence: Instant,
}

/// A worker's state for one stream of one group.
struct Engine {
    job: Assignment,
    origin: Arc<Origin>,
    dialer: Dialer,
    counters: Arc<Counters>,
    signal: watch::Receiver<Signal>,
    connection: Option<Connection>,
    reader: Reader,
    hand: InHand,
    ready: VecDeque<Delivery>,
    /// Entries that wait, as those that are ready do, but for the turn of their key.
    parked: HashMap<EntryId, Delivery>,
    /// Entries that were assigned to it and have not been started.
    given: VecDeque<ExpectedPending>,
    /// Entries of other consumers that are due and have not been claimed.
    stale: VecDeque<ExpectedPending>,
    /// Entries that must run alone and have not been claimed.
    lone: IsolationQueue,
    /// Where the pass through the pending entries list continues; [`EntryId::MIN`] begins a new pass.
    sweep_from: EntryId,
    /// What must be settled before anything new is read.
    bar: Bar,
    /// Pending entries that were not in hand when the list was last looked at; `None` before that.
    pending_elsewhere: Option<u64>,
    /// The greatest number of entries that a claim and a read request.
    claims: AdaptiveBatch,
    reads: AdaptiveBatch,
    retries: Retries,
    settlements: VecDeque<Settlement>,
    postponed: Postponed,
    /// Acknowledgements that were sent together with the current read.
    riding: Vec<EntryLease>,
    /// How many entries the current read may bring.
    ordered: usize,
    /// Whether the last read brought as many entries as were requested, so that there are more.
    is_bulk: bool,
    breaker: Breaker,
    lack: Lack,
    /// Set while the circuit breaker is open, and until its marker has been deleted.
    notice: Option<BreakerMarker>,
    /// Whether the group is paused.
    hold: Hold,
    /// Entries that are to be tried at once.
    called: Called,
    /// While the circuit breaker is open: whether the next entry that is read is a probe.
    is_probe_wanted: bool,
    lease: Option<Lease>,
    inheritance: Inheritance,
    /// Entries that were found to be no longer pending, until the cause is known.
    gone: Gone,
    others: Others,
    /// The writer of the group's journal, if the group has one.
    recorder: Option<JournalWriter>,
    losses: Losses,
    /// Entries that have been in flight for long, and when they are recorded.
    long: Long,
    noting: Noting,
    timers: Timers,
    trouble: Outage,
    /// The last entry that existed at the start, for `--once`; `None` once it was read.
    read_until: Option<EntryId>,
    is_reading_over: bool,
    /// Entries that were delivered and never started, to be released at the end.
    unstarted: Vec<EntryLease>,
    /// Which of the worker's engines this is, and what they share.
    seat: Seat,
    shared: Arc<Shared>,
    /// The engine that reads the group's retry stream; `None` in one that does, and where none is to be read.
    beside: Option<Beside>,
    /// Since when a retry stream has been seen empty.
    empty_since: Option<Instant>,
    read_asked: Instant,
    finished_sender: mpsc::UnboundedSender<Finished>,
    finished: mpsc::UnboundedReceiver<Finished>,
}

/// What an engine has from the one that started it, when it reads the retry stream.
#[derive(Debug, Default)]
struct Heritage {
    /// The lease of the group, if it has one active worker.
    fence: Option<Fence>,
    /// The consumer whose entries belong to this worker now.
    predecessor: Option<Name>,
}

impl Engine {
    fn new(
        mut job: Assignment,
        dialer: Dialer,
        counters: Arc<Counters>,
        signal: watch::Receiver<Signal>,
        (seat, shared): (Seat, Arc<Shared>),
        heritage: Heritage,
    ) -> Self {
        let given = VecDeque::from(std::mem::take(&mut job.given));
        let now = Instant::now();
        let (finished_sender, finished) = mpsc::unbounded_channel();
        let deleted = Arc::new(AtomicBool::new(false));
        let reader = Reader::start(
            dialer.clone(),
            job.stream.clone(),
            job.group.clone(),
            job.consumer.clone(),
            Arc::clone(&deleted),
        );
        let is_single = job.is_single && !planted::is("no-lease");
        let lease = is_single.then(|| match heritage.fence {
            Some(fence) => Lease::shared(fence),
            None => Lease::new(job.home(), &job.group, &job.consumer),
        });
        let mut inheritance = Inheritance::default();
        inheritance.of(heritage.predecessor);
        let losses = Losses::new(&job, String::new());
        let bar = Bar::of(&job, seat);
        let postponed = Postponed::new(job.policy.backoff);
        let recorder = job.recorded_for.map(|kept_for| {
            let names = (&job.stream, &job.group);
            JournalWriter::start(names, &job.consumer, kept_for, dialer.clone())
        });
        let read_at_a_time = job.policy.batch.max(READ_AT_A_TIME);
        Self {
            origin: Arc::new(Origin {
                stream: job.stream.clone(),
                group: job.group.clone(),
                trial: None,
            }),
            breaker: Breaker::new(job.policy.backoff),
            lack: Lack::default(),
            notice: None,
            hold: Hold::new(now),
            called: Called::new(now),
            is_probe_wanted: false,
            timers: Timers {
                renewal: now + job.policy.renewal(),
                sweep: now,
                presence: now + presence_interval(&job.policy),
            },
            trouble: Outage::new(now, job.policy.renewal()),
            job,
            dialer,
            counters,
            signal,
            connection: None,
            reader,
            hand: InHand::default(),
            ready: VecDeque::new(),
            parked: HashMap::new(),
            given,
            stale: VecDeque::new(),
            lone: IsolationQueue::new(now),
            sweep_from: EntryId::MIN,
            pending_elsewhere: None,
            bar,
            claims: AdaptiveBatch::new(CLAIMED_AT_A_TIME),
            reads: AdaptiveBatch::new(read_at_a_time),
            retries: Retries::default(),
            settlements: VecDeque::new(),
            postponed,
            riding: Vec::new(),
            ordered: 0,
            is_bulk: false,
            recorder,
            losses,
            lease,
            inheritance,
            gone: Gone::new(deleted),
            others: Others::new(now),
            long: Long::default(),
            noting: Noting::new(now),
            read_until: None,
            is_reading_over: false,
            unstarted: Vec::new(),
            seat,
            shared,
            beside: None,
            empty_since: None,
            read_asked: now,
            finished_sender,
            finished,
        }
    }

    /// Works until everything is done, a signal asks it to stop, or an error occurs that cannot be retried.
    async fn work(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(pulse) = &self.job.pulse {
                pulse.beat();
            }
            if *self.signal.borrow() != Signal::Run {
                return Ok(());
            }
            if let Some(failure) = self.job.handler.ordered().and_then(Ordered::failure) {
                return Err(failure.into());
            }
            if let Err(error) = self.turn().await {
                self.on_error(error).await?;
            }
            self.show_figures();
            self.look_after_beside()?;
            if self.is_done() {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Updates the figures about the entries in hand.
    fn show_figures(&self) {
        let figures = Figures {
            ready: self.hand.ready(),
            running: self.hand.running(),
            waiting: self.hand.waiting(),
            unwritten: self.postponed.len(),
            is_paused: self.breaker.is_open(),
            is_stalled: self.lack.has_stalled(Instant::now(), Duration::ZERO),
            is_standing_by: self.is_standing_by(),
            is_on_hold: self.is_on_hold(),
        };
        let both = self.shared.figures(self.seat, figures);
        self.counters.now.set(both);
    }

    /// One turn: first what is due, then what is ready.
    async fn turn(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if !self.trouble.is_over(now) {
            return Ok(());
        }
        self.reconnect().await?;
        self.show_presence(now).await?;
        if !self.hold_lease(now).await? {
            // What a read brought that was under way when the lease was lost is the active worker's.
            self.put_back_unstarted();
            return self.release_unstarted().await;
        }
        self.look_for_pause(now).await?;
        self.give_back_on_hold();
        self.look_for_calls(now).await?;
        self.release_unstarted().await?;
        self.recover().await?;
        self.look_for_gone().await?;
        self.renew_leases(now).await?;
        self.leave_word(now).await?;
        self.note_long(now).await?;
        self.start_beside();
        if self.is_on_hold() {
            // What is in hand is finished, and nothing else is taken.
        } else if self.breaker.is_open() {
            self.probe(now).await?;
        } else if self.job.mode == Mode::Preclaimed {
            self.take_given().await?;
        } else if !self.is_held_back() {
            self.sweep(now).await?;
            if self.lone.is_due(now) || self.has_nothing_else(now) {
                self.take_lone(now).await?;
            } else {
                self.retry_due(now).await?;
                self.take_stale().await?;
            }
        }
        if self.is_bulk {
            // While these are handled, the server makes the next ones ready.
            self.order_read(Instant::now());
        }
        self.look_for_lack(now);
        self.start_ready();
        let now = Instant::now();
        self.order_read(now);
        self.try_moves_again(now);
        if self.lingers_until(now).is_none() {
            self.settle().await?;
            if self.job.key.is_some() {
                // What waited for the turn of its key.
                self.start_ready();
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.send();
        }
        if !self.reader.is_reading() {
            self.trouble.ended();
        }
        Ok(())
    }

    /// Waits for the next event, or until something is due.
    async fn wait(&mut self) -> anyhow::Result<()> {
        let mut until = self.next_due();
        if let Some(wait_max) = self.job.pulse.as_ref().and_then(|pulse| pulse.wait_max) {
            until = until.min(Instant::now() + wait_max);
        }
        let until = tokio::time::Instant::from_std(until);
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
            () = self.shared.freed(self.seat) => {}
            () = ended(&mut self.beside) => {}
            _ = self.signal.changed() => {}
            () = tokio::time::sleep_until(until) => {}
        }
        Ok(())
    }

    fn holder(&self) -> Holder<'_> {
        Holder {
            stream: &self.job.stream,
            group: &self.job.group,
            consumer: &self.job.consumer,
            fence: self.lease.as_ref().map(Lease::fence),
            home: self.job.home.as_ref(),
        }
    }
}
