//! Sends entries to Kafka: the handler of a bridge's worker. One task has them all.
//!
//! Entries come in the order of their ids, and go to their partitions in that order. Each partition has one batch under
//! way, which the broker writes as a whole or not at all, so that nothing overtakes what fails. What cannot be sent now is
//! tried again for as long as it takes, by the same producer, whose repeats the broker recognises. What can never be sent
//! ends the bridge.
//!
//! When this worker becomes the active one, or an entry is taken from it while it is under way, what the partitions hold is
//! looked at before anything else is sent: an entry that is there is done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::look::look;
use super::outgoing::{Item, Lane, UnderWay};
use super::sending::Sending;
use crate::kafka::{Client, Error, Place, Producer};
use crate::model::{Kind, Problem, format_duration_short};
use crate::worker::Delivery;
use crate::worker::handler::{Ordered, Verdict};

/// How many entries are taken at a time.
const CAPACITY: usize = 16_384;
/// How long a batch is under way before it is told, and twice as long before the next time.
const QUIET: Duration = Duration::from_secs(5);
const QUIET_MAX: Duration = Duration::from_mins(5);
/// How often waiting work is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often the topic's number of partitions is looked at.
const PARTITIONS_EVERY: Duration = Duration::from_secs(30);
/// The pauses before the partitions are looked at again.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// The handler. Dropping it ends its task.
#[derive(Debug)]
pub struct Sender {
    queue: mpsc::UnboundedSender<Item>,
    turn: AtomicU64,
    active_until: watch::Sender<Option<Instant>>,
    failure: Arc<Mutex<Option<Problem>>>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Starts the task.
    pub fn start(client: Client, sending: Sending) -> Self {
        let (queue, items) = mpsc::unbounded_channel();
        let (active_until, active) = watch::channel(None);
        let failure = Arc::new(Mutex::default());
        let lanes = (0..sending.shape.partitions).map(|_| Lane::default());
        let task = Task {
            lanes: lanes.collect(),
            client,
            sending,
            active,
            producer: None,
            turn: None,
            must_look: true,
            under_way: FuturesUnordered::new(),
        };
        let told = Arc::clone(&failure);
        let task = tokio::spawn(async move {
            // What it still has is dropped before the failure shows.
            let failed = task.work(items).await;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        });
        Self {
            queue,
            turn: AtomicU64::new(0),
            active_until,
            failure,
            task,
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ordered for Sender {
    fn take(&self, delivery: Delivery) -> oneshot::Receiver<Verdict> {
        let (answer, told) = oneshot::channel();
        // When the task has ended, the answer does not come: the failure says why.
        let _ = self.queue.send(Item {
            delivery,
            turn: self.turn.load(Ordering::Relaxed),
            answer,
        });
        told
    }

    fn begin(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    fn is_active_until(&self, until: Instant) {
        self.active_until.send_replace(Some(until));
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn failure(&self) -> Option<Problem> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }
}

type Answers = (u32, Vec<Result<Place, Error>>);

/// What the task knows.
struct Task {
    client: Client,
    sending: Sending,
    active: watch::Receiver<Option<Instant>>,
    lanes: Vec<Lane>,
    producer: Option<Arc<Producer>>,
    /// The activity of this worker that the entries in hand are of.
    turn: Option<u64>,
    must_look: bool,
    under_way: FuturesUnordered<BoxFuture<'static, Answers>>,
}

impl Task {
    /// Sends what comes until nobody can send more. Returns why it could not go on.
    async fn work(mut self, mut items: mpsc::UnboundedReceiver<Item>) -> Option<Problem> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_partitions = Instant::now() + PARTITIONS_EVERY;
        loop {
            tokio::select! {
                item = items.recv() => {
                    let mut next = Some(item?);
                    while let Some(item) = next {
                        self.line_up(item);
                        next = items.try_recv().ok();
                    }
                }
                Some((partition, answers)) = self.under_way.next() => {
                    if let Some(problem) = self.on_answers(partition, answers) {
                        return Some(problem);
                    }
                }
                _ = ticks.tick() => {
                    if let Some(problem) = self.on_tick(&mut next_partitions).await {
                        return Some(problem);
                    }
                }
            }
            if let Some(problem) = self.send_ready().await {
                return Some(problem);
            }
        }
    }

    fn line_up(&mut self, item: Item) {
        if self.turn != Some(item.turn) {
            // Another worker may have been the active one since.
            self.turn = Some(item.turn);
            self.must_look = true;
        }
        let (id, fields) = (item.delivery.id(), item.delivery.fields());
        let partition = self.sending.shape.partition(id, fields) as usize;
        if let Some(lane) = self.lanes.get_mut(partition) {
            lane.waiting.push_back(item);
        }
    }

    /// Sends the next batch of each partition that has none under way.
    async fn send_ready(&mut self) -> Option<Problem> {
        if self.lanes.iter().all(|lane| lane.waiting.is_empty()) || !self.is_active() {
            return None;
        }
        if self.must_look {
            if !self.under_way.is_empty() {
                return None;
            }
            if let Err(problem) = self.look().await {
                return Some(problem);
            }
        }
        if self.producer.is_none() {
            match self.make_producer().await {
                Ok(producer) => self.producer = Some(producer),
                Err(problem) => return Some(problem),
            }
        }
        let producer = Arc::clone(self.producer.as_ref()?);
        for partition in 0..self.lanes.len() {
            // Looked at for each: making the batch before may have taken its time.
            if !self.is_active() {
                return None;
            }
            let lane = &mut self.lanes[partition];
            if lane.under_way.is_some() {
                continue;
            }
            let (items, records) = lane.next_batch(&self.sending, producer.batch_bytes());
            if records.is_empty() {
                continue;
            }
            lane.under_way = Some(UnderWay {
                items,
                since: Instant::now(),
                told_at: QUIET,
            });
            let producer = Arc::clone(&producer);
            let partition = u32::try_from(partition).unwrap_or(u32::MAX);
            let sent = async move { (partition, producer.send(records).await) };
            self.under_way.push(Box::pin(sent));
        }
        None
    }

    fn is_active(&self) -> bool {
        let until = *self.active.borrow();
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Answers what the broker confirmed. Returns what it refused.
    fn on_answers(
        &mut self,
        partition: u32,
        answers: Vec<Result<Place, Error>>,
    ) -> Option<Problem> {
        let lane = self.lanes.get_mut(partition as usize)?;
        let under_way = lane.under_way.take()?;
        let mut refused = None;
        for (item, answer) in under_way.items.into_iter().zip(answers) {
            let id = item.delivery.id();
            match answer {
                Ok(_) => {
                    lane.written.add(id);
                    // Taken from this worker meanwhile: others may have sent it as well.
                    self.must_look |= item.answer.send(Verdict::Done).is_err();
                }
                Err(error) => {
                    refused.get_or_insert((id, error));
                }
            }
        }
        refused.map(|(id, error)| self.sending.refused(id, &error))
    }

    async fn on_tick(&mut self, next_partitions: &mut Instant) -> Option<Problem> {
        let now = Instant::now();
        for lane in &mut self.lanes {
            let Some(under_way) = &mut lane.under_way else {
                continue;
            };
            let waited = now.duration_since(under_way.since);
            let Some(first) = under_way.items.first() else {
                continue;
            };
            if self
                .sending
                .patience
                .is_some_and(|patience| waited > patience)
            {
                return Some(self.sending.gave_up(first.delivery.id(), waited));
            }
            if waited >= under_way.told_at {
                self.sending
                    .tell_waiting(first.delivery.id(), under_way.items.len(), waited);
                under_way.told_at = (under_way.told_at * 2).min(under_way.told_at + QUIET_MAX);
            }
        }
        if now < *next_partitions {
            return None;
        }
        *next_partitions = now + PARTITIONS_EVERY;
        match self.client.partitions(&self.sending.topic).await {
            Ok(count) if count == self.sending.shape.partitions => None,
            Ok(count) => Some(self.sending.other_partitions(count)),
            Err(error) if error.kind == Kind::NotFound => Some(self.sending.no_topic(&error)),
            Err(_) => None,
        }
    }

    /// Looks what the partitions hold, until that is known.
    async fn look(&mut self) -> Result<(), Problem> {
        let waiting = self.lanes.iter().filter_map(|lane| lane.waiting.front());
        let Some(first) = waiting.map(|item| item.delivery.id()).min() else {
            return Ok(());
        };
        let Sending { shape, topic, .. } = &self.sending;
        let began = Instant::now();
        let mut pause = PAUSE;
        let known = loop {
            let error = match look(&self.client, topic, &shape.stream, first).await {
                Ok(known) => break known,
                Err(error) => error,
            };
            let is_over = self
                .sending
                .patience
                .is_some_and(|patience| began.elapsed() > patience);
            if !error.may_pass || is_over {
                return Err(self.sending.cannot_look(&error));
            }
            tracing::warn!(stream = %shape.stream, group = %self.sending.group, topic, %error, again_in = %format_duration_short(pause), "cannot look at what Kafka has");
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        };
        if known.len() != self.lanes.len() {
            let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
            return Err(self.sending.other_partitions(count));
        }
        for (partition, (lane, written)) in self.lanes.iter_mut().zip(known).enumerate() {
            if written.is_dark() {
                tracing::warn!(stream = %shape.stream, group = %self.sending.group, topic, partition, "cannot tell what was written to this partition: its last records of this stream were removed or are too far back; records may repeat");
            }
            lane.written = written;
            lane.made = None;
        }
        self.must_look = false;
        Ok(())
    }

    async fn make_producer(&mut self) -> Result<Arc<Producer>, Problem> {
        let Sending {
            topic, compression, ..
        } = &self.sending;
        let began = Instant::now();
        loop {
            let error = match self.client.producer(topic, *compression).await {
                Ok(producer) => return Ok(Arc::new(producer)),
                Err(error) => error,
            };
            let patience = self.sending.patience;
            if !error.may_pass || patience.is_some_and(|it| began.elapsed() > it) {
                return Err(self.sending.cannot_look(&error));
            }
            tracing::warn!(stream = %self.sending.shape.stream, topic, %error, "cannot begin to write; trying again");
            sleep(PAUSE_MAX).await;
        }
    }
}
