//! The reader: a task with a connection of its own that waits on the server for new entries, so that the engine never
//! has to wait. It reads only when asked, and never more than requested, so that there is a slot for every delivered
//! entry.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::model::{EntryId, Name};
use crate::wire::{Dialer, Error, GroupRead, GroupReply, Lane, Looked, ScriptCall};

/// A request of the engine: acknowledge these entries, check for losses if that is due, then read this many entries.
#[derive(Debug)]
pub(super) struct ReadOrder {
    pub(super) acks: Vec<EntryId>,
    pub(super) look: Option<ScriptCall<Looked>>,
    pub(super) count_max: usize,
    pub(super) block: Option<Duration>,
}

/// The result of a request.
pub(super) type ReadOutcome = Result<GroupReply, Error>;

/// The engine's side of the reader. Dropping it closes the connection, and nothing is delivered to a closed
/// connection.
#[derive(Debug)]
pub(super) struct Reader {
    orders: mpsc::Sender<ReadOrder>,
    outcomes: mpsc::Receiver<ReadOutcome>,
    task: JoinHandle<()>,
    is_reading: bool,
}

impl Reader {
    /// Starts the reader; `deleted` is set when the consumer was found missing.
    pub(super) fn start(
        dialer: Dialer,
        stream: Name,
        group: Name,
        consumer: Name,
        deleted: Arc<AtomicBool>,
    ) -> Self {
        let (orders, order_receiver) = mpsc::channel(1);
        let (outcome_sender, outcomes) = mpsc::channel(1);
        let source = Source {
            dialer,
            stream,
            group,
            consumer,
            deleted,
        };
        let task = tokio::spawn(source.serve(order_receiver, outcome_sender));
        Self {
            orders,
            outcomes,
            task,
            is_reading: false,
        }
    }

    /// A reader that reads nothing, for use after the end.
    pub(super) fn idle() -> Self {
        let (orders, _) = mpsc::channel(1);
        let (_, outcomes) = mpsc::channel(1);
        Self {
            orders,
            outcomes,
            task: tokio::spawn(async {}),
            is_reading: false,
        }
    }

    /// Whether a request is outstanding.
    pub(super) fn is_reading(&self) -> bool {
        self.is_reading
    }

    /// Sends a request; only while none is outstanding.
    pub(super) fn read(&mut self, order: ReadOrder) {
        self.is_reading = self.orders.try_send(order).is_ok();
    }

    /// Waits for the result of the outstanding request; without one, it never returns.
    pub(super) async fn outcome(&mut self) -> ReadOutcome {
        match self.outcomes.recv().await {
            Some(outcome) => {
                self.is_reading = false;
                outcome
            }
            None => std::future::pending().await,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Source {
    dialer: Dialer,
    stream: Name,
    group: Name,
    consumer: Name,
    deleted: Arc<AtomicBool>,
}

impl Source {
    async fn serve(
        self,
        mut orders: mpsc::Receiver<ReadOrder>,
        outcomes: mpsc::Sender<ReadOutcome>,
    ) {
        let mut lane = None;
        while let Some(order) = orders.recv().await {
            let outcome = self.read(&mut lane, &order).await;
            if outcome.is_err() {
                // Whatever failed, the next read starts on a fresh stream.
                lane = None;
            }
            if outcomes.send(outcome).await.is_err() {
                return;
            }
        }
    }

    async fn read(&self, lane: &mut Option<Lane>, order: &ReadOrder) -> ReadOutcome {
        let lane = match lane {
            Some(lane) => lane,
            None => lane.insert(self.dialer.lane().await?),
        };
        let read = GroupRead {
            stream: &self.stream,
            group: &self.group,
            consumer: &self.consumer,
            count_max: order.count_max,
            block: order.block,
            deleted: Some(&self.deleted),
        };
        lane.read_group_after(read, &order.acks, order.look.as_ref())
            .await
    }
}
