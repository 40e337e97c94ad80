//! The journal of a group on the server, in which its workers record what they settled, with one entry for each batch.
//! A separate task writes it over a separate connection, after the server has confirmed what is recorded: a failure of
//! the journal neither stops nor delays an acknowledgement. What it cannot take in time is left out.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::model::{EntryId, JournalOutcome, JournalRecord, Name, format_duration_short, whole_ms};
use crate::topology::journal_key;
use crate::wire::{Connection, Dialer, Error, time, xadd_since};

/// The greatest number of entries in one record.
const RECORD_ENTRIES_MAX: usize = 500;
/// The greatest number of records that wait to be written.
const WAITING_MAX: usize = 64;
/// The pause before another record is tried after one could not be written.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a worker that ends waits until the last records are written.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// Sends settled entries to the task that writes the journal.
#[derive(Debug)]
pub(super) struct JournalWriter {
    group: Name,
    consumer: Name,
    /// The entries that were settled since the last batch, with their outcomes.
    noted: Vec<(JournalOutcome, EntryId, Option<u64>)>,
    records: mpsc::Sender<JournalRecord>,
    task: JoinHandle<()>,
    has_warned: bool,
}

impl JournalWriter {
    /// Starts the task that writes the journal of the group on `stream`; its records are kept for this long.
    pub(super) fn start(
        (stream, group): (&Name, &Name),
        consumer: &Name,
        kept_for: Duration,
        dialer: Dialer,
    ) -> Self {
        let (records, receiver) = mpsc::channel(WAITING_MAX);
        let keeper = Keeper {
            group: group.clone(),
            key: journal_key(stream, group),
            kept_for,
            dialer,
            connection: None,
            has_warned: false,
        };
        Self {
            group: group.clone(),
            consumer: consumer.clone(),
            noted: Vec::new(),
            records,
            task: tokio::spawn(keeper.keep(receiver)),
            has_warned: false,
        }
    }

    /// Notes the outcome of an entry, and how long its handler took.
    pub(super) fn note(&mut self, outcome: JournalOutcome, id: EntryId, took: Option<Duration>) {
        self.noted.push((outcome, id, took.map(whole_ms)));
    }

    /// Sends the noted entries to the task, one record for each outcome; never waits.
    pub(super) fn send(&mut self) {
        while let Some((outcome, ..)) = self.noted.first() {
            let outcome = *outcome;
            let mut entries = Vec::new();
            self.noted.retain(|(its, id, ms)| {
                let is_in = *its == outcome && entries.len() < RECORD_ENTRIES_MAX;
                if is_in {
                    entries.push((*id, *ms));
                }
                !is_in
            });
            let record = JournalRecord {
                consumer: self.consumer.clone(),
                outcome,
                entries,
            };
            if self.records.try_send(record).is_err() && !self.has_warned {
                self.has_warned = true;
                tracing::warn!(
                    group = %self.group,
                    "the journal cannot be written as fast as entries are settled: some are not recorded"
                );
            }
        }
    }

    /// Waits a moment until the last records are written.
    pub(super) async fn end(mut self) {
        self.send();
        let Self {
            records, mut task, ..
        } = self;
        drop(records);
        if timeout(LAST_WITHIN, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// The task that writes the records.
struct Keeper {
    group: Name,
    key: Name,
    kept_for: Duration,
    dialer: Dialer,
    connection: Option<Connection>,
    has_warned: bool,
}

impl Keeper {
    async fn keep(mut self, mut records: mpsc::Receiver<JournalRecord>) {
        while let Some(record) = records.recv().await {
            match self.write(&record).await {
                Ok(()) => self.has_warned = false,
                Err(error) => {
                    if error.kind.is_connection_lost() {
                        self.connection = None;
                    }
                    self.warn(&error);
                    if !records.is_closed() {
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    async fn write(&mut self, record: &JournalRecord) -> Result<(), Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.dialer.connect().await?,
        };
        let connection = self.connection.insert(connection);
        // By the server's clock: one that is ahead here would cut what is to be kept.
        let now_ms = connection.run(time()).await?;
        let since_ms = now_ms.saturating_sub(whole_ms(self.kept_for));
        let added = xadd_since(&self.key, EntryId::new(since_ms, 0), &record.fields());
        connection.run(added).await.map(|_| ())
    }

    fn warn(&mut self, error: &Error) {
        if std::mem::replace(&mut self.has_warned, true) {
            return;
        }
        tracing::warn!(
            group = %self.group, key = %self.key, %error,
            kept_for = %format_duration_short(self.kept_for),
            "cannot write the journal: entries are handled and acknowledged, but not recorded"
        );
    }
}
