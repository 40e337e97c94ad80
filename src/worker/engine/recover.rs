//! Faults: lost connections, servers that are not ready, a group that no longer exists. The worker recovers by
//! itself, retries at a bounded rate, and finds its own entries again.

use std::time::{Duration, Instant};

use super::Engine;
use super::claims::Whose;
use crate::model::{CommandLine, EntryId, PendingEntry, Problem, format_duration_short};
use crate::planted;
use crate::streams::losses::counted_by;
use crate::topology::OnGroupLost;
use crate::wire::{
    CountMode, Error, ErrorKind, ExpectedPending, GroupStart, PendingFilter, create_group,
    xgroup_create_consumer, xinfo_groups, xpending_entries,
};
use crate::worker::counters::add;
use crate::worker::job::Mode;

/// The number of rows in a page of this consumer's pending entries.
const PAGE: usize = 500;
/// How much earlier than the request of a read its entries may seem to have been delivered, because of differences
/// between clocks.
const STAMP_SLACK: Duration = Duration::from_secs(1);

impl Engine {
    /// Decides what an error means: a retry after a pause, or the end.
    pub(super) async fn on_error(&mut self, error: Error) -> anyhow::Result<()> {
        let now = Instant::now();
        match error.kind {
            ErrorKind::NoGroup | ErrorKind::NoKey | ErrorKind::Unblocked => {
                self.trouble.failed(now);
                return self.on_group_missing(&error).await;
            }
            ErrorKind::Fenced => {
                if let Some(lease) = &mut self.lease {
                    lease.lost();
                }
                self.drop_everything("another worker is the active one now");
                return Ok(());
            }
            kind if kind.is_passing()
                || matches!(
                    kind,
                    ErrorKind::Server | ErrorKind::Exhausted | ErrorKind::Protocol
                ) => {}
            _ => return Err(self.fatal(error)),
        }
        if error.kind.is_connection_lost() || error.kind == ErrorKind::ReadOnly {
            self.connection = None;
        }
        self.trouble.must_recover();
        let is_news = self.trouble.since.is_none();
        let pause = self.trouble.failed(now);
        let since = self.trouble.since.unwrap_or(now);
        if is_news {
            tracing::warn!(group = %self.job.group, %error, "the server is unavailable: retrying with backoff");
        } else {
            tracing::debug!(group = %self.job.group, %error, pause = %format_duration_short(pause), "server still \
                unavailable");
        }
        let is_giving_up =
            !self.job.mode.waits() && now.duration_since(since) > self.job.connect_for;
        if is_giving_up {
            return Err(self.fatal(error));
        }
        Ok(())
    }

    fn fatal(&self, error: Error) -> anyhow::Error {
        self.job.failed_with(error)
    }

    /// Opens the connection if there is none.
    pub(super) async fn reconnect(&mut self) -> Result<(), Error> {
        if self
            .connection
            .as_ref()
            .is_some_and(crate::wire::Connection::is_lost)
        {
            self.connection = None;
            self.trouble.must_recover();
        }
        if self.connection.is_none() {
            let connection = self.dialer.connect().await?;
            // It may be another server by now, or one that has started again.
            self.losses.watch.counted_by = counted_by(&connection).await?;
            self.connection = Some(connection);
            // A server that is back may have lost what is kept there.
            self.others.must_look();
            add(&self.counters.reconnects, 1);
        }
        Ok(())
    }

    /// Takes entries in hand that were delivered to this consumer in a reply that was lost: those that are pending
    /// for it, not in hand, and delivered after the last successful read. It looks only at the pending entries list,
    /// because reading the history would count a delivery.
    pub(super) async fn recover(&mut self) -> Result<(), Error> {
        if !self.trouble.is_recovery_due || self.reader.is_reading() {
            return Ok(());
        }
        if self.job.mode == Mode::Preclaimed {
            // It reads nothing: what it holds is what it was given.
            self.trouble.is_recovery_due = false;
            return Ok(());
        }
        let strays = self.own_strays().await?;
        if !strays.is_empty() && !planted::is("no-recovery") {
            tracing::info!(group = %self.job.group, entries = strays.len(), "found entries whose delivery was lost with the connection");
            let mut rows = strays.into_iter().peekable();
            while rows.peek().is_some() {
                let portion = rows.by_ref().take(self.claims.at_a_time());
                let seen: Vec<ExpectedPending> = portion
                    .map(|row| ExpectedPending {
                        id: row.id,
                        owner: Some(row.consumer),
                        deliveries: Some(row.deliveries),
                    })
                    .collect();
                self.claim(CountMode::Keep, Whose::Own, &seen).await?;
            }
        }
        self.trouble.is_recovery_due = false;
        Ok(())
    }

    /// Entries that were delivered to this consumer since the last successful read and are not in hand.
    pub(super) async fn own_strays(&self) -> Result<Vec<PendingEntry>, Error> {
        let mut strays = Vec::new();
        let Some(connection) = &self.connection else {
            return Ok(strays);
        };
        let settling = self.being_settled();
        let mut start = EntryId::MIN;
        loop {
            let filter = PendingFilter {
                start,
                consumer: Some(&self.job.consumer),
                count_max: PAGE,
                ..PendingFilter::default()
            };
            let rows = connection
                .run(xpending_entries(&self.job.stream, &self.job.group, &filter))
                .await?;
            let is_last_page = rows.len() < PAGE;
            let next = rows.last().and_then(|row| row.id.next());
            let window = self.trouble.last_good_read.elapsed() + STAMP_SLACK;
            strays.extend(rows.into_iter().filter(|row| {
                row.deliveries == 1
                    && row
                        .idle_ms
                        .is_some_and(|idle_ms| Duration::from_millis(idle_ms) <= window)
                    && !self.hand.contains(row.id)
                    && !settling.contains(&row.id)
            }));
            match next {
                Some(next) if !is_last_page => start = next,
                _ => return Ok(strays),
            }
        }
    }

    /// The group or its stream does not exist: checks again, and creates it if that is allowed.
    async fn on_group_missing(&mut self, error: &Error) -> anyhow::Result<()> {
        match self.restore_group(error).await {
            Ok(()) => Ok(()),
            Err(RestoreError::Final(error)) => Err(error),
            Err(RestoreError::Passing(error)) => {
                // Without this the same error would be asked about in a circle.
                self.connection = None;
                tracing::debug!(group = %self.job.group, %error, "cannot claim pending entries of the group yet");
                Ok(())
            }
        }
    }

    async fn restore_group(&mut self, error: &Error) -> Result<(), RestoreError> {
        let (stream, group) = (&self.job.stream, &self.job.group);
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let is_there = match connection.run(xinfo_groups(stream)).await {
            Ok(groups) => groups.iter().any(|info| info.name == *group),
            Err(error) if error.kind == ErrorKind::NoKey => false,
            Err(error) => return Err(RestoreError::of(self, error)),
        };
        if is_there {
            return Ok(());
        }
        if self.job.on_group_lost == OnGroupLost::Stop || !self.job.may_create {
            let lost = Problem::not_found(format!(
                "group `{group}` on `{stream}` no longer exists ({error})"
            ))
            .hint(format!(
                "create it with: {} --start 0",
                CommandLine::new("init")
                    .arg(group)
                    .option("--stream", stream)
            ));
            return Err(RestoreError::Final(lost.into()));
        }
        let created = connection
            .call(create_group(
                stream,
                group,
                GroupStart::After(EntryId::MIN),
                None,
            ))
            .await;
        match created {
            Ok(()) => {
                add(&self.counters.groups_recreated, 1);
                tracing::error!(%group, %stream, "the group was deleted, with its position and its pending entries, \
                    and was created again from the beginning of the stream; entries may be handled again");
            }
            Err(error) if error.kind == ErrorKind::BusyGroup => {}
            Err(error) => return Err(RestoreError::of(self, error)),
        }
        let consumer = xgroup_create_consumer(stream, group, &self.job.consumer);
        connection
            .run(consumer)
            .await
            .map_err(|error| RestoreError::of(self, error))?;
        self.drop_everything("the group was deleted and created again");
        Ok(())
    }
}

/// Why a group could not be restored.
enum RestoreError {
    Final(anyhow::Error),
    Passing(Error),
}

impl RestoreError {
    fn of(engine: &Engine, error: Error) -> Self {
        // It may go away again between two steps: what is restored is looked at again.
        let is_gone_again = matches!(error.kind, ErrorKind::NoGroup | ErrorKind::NoKey);
        if error.kind.is_passing() || is_gone_again {
            Self::Passing(error)
        } else {
            Self::Final(engine.fatal(error))
        }
    }
}
