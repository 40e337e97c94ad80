//! `archive --follow`: archives a stream again and again until it is told to stop.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::then_trim::{self, Trimmer};
use crate::archive::{Destination, GroupsHead, Writer, newest_groups};
use crate::commands::shared::Context;
use crate::commands::shared::archives::open_to_write;
use crate::commands::shared::rounds::Rounds;
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{
    EntryId, LogFormat, Name, Redaction, counted, entries, format_duration_short, human_bytes,
};
use crate::streams::archive::{Archived, Source, ThenTrim, Wanted, archive};
use crate::topology::Topology;
use crate::wire::{Connection, Dialer};

/// How often the groups are saved: less often than entries, because a snapshot has all that they have pending.
const GROUPS_EVERY: Duration = Duration::from_mins(5);

/// What is followed.
pub(super) struct Following<'a> {
    pub(super) stream: &'a Name,
    pub(super) to: &'a Path,
    pub(super) every: Duration,
    pub(super) lasts: Option<Duration>,
    pub(super) wanted: Wanted,
    pub(super) log_format: LogFormat,
    pub(super) then_trim: bool,
}

/// What was done since the command began.
#[derive(Default)]
struct Totals {
    entries: u64,
    segments: u64,
    bytes: u64,
    missing: u64,
}

/// A stream that is followed, over connections that may be lost.
struct Round<'a> {
    following: &'a Following<'a>,
    dialer: Dialer,
    redaction: Redaction,
    destination: Destination,
    /// The writer and the connection, unless something went wrong with one of them.
    open: Option<(Writer, Connection)>,
    before: Option<GroupsHead>,
    groups_saved: Option<Instant>,
    totals: Totals,
    topology: &'a Topology,
    /// What trims after each round.
    trimmer: Option<Trimmer>,
}

pub(super) async fn follow(following: Following<'_>, context: &Context) -> Result<Exit> {
    let destination = open_to_write(following.to)?;
    let trimmer = if following.then_trim {
        let shown = destination.shown();
        let what = (following.stream, &*shown, following.every);
        let consent = then_trim::consent(what, context).await?;
        Some(Trimmer::new(consent, &destination, following.stream))
    } else {
        None
    };
    context.console.start_logs(following.log_format);
    let signals = Signals::catch()?;
    let topology = context.topology()?;
    let mut round = Round {
        dialer: context.dialer()?.named("ucp-streams-archive"),
        redaction: topology.redaction(following.stream),
        topology,
        trimmer,
        destination,
        following: &following,
        open: None,
        before: None,
        groups_saved: None,
        totals: Totals::default(),
    };
    let (stream, shown) = (following.stream, round.destination.shown());
    let every = format_duration_short(following.every);
    tracing::info!("archiving stream `{stream}` to {shown} every {every}");
    // What cannot be mended by waiting is said at once.
    round.open().await?;
    let rounds = Rounds {
        every: following.every,
        lasts: following.lasts,
        verb: "archive",
    };
    let ended = rounds
        .until_stopped(signals, async || round.once().await)
        .await;
    let totals = &round.totals;
    tracing::info!(
        "archived {} of stream `{stream}` in {} ({}) to {shown}",
        entries(totals.entries),
        counted(totals.segments, "segment", "segments"),
        human_bytes(totals.bytes),
    );
    let mut wrong = None;
    if let Some(trimmer) = &round.trimmer {
        tracing::info!("trimmed {} of stream `{stream}`", entries(trimmer.freed));
        context.audit_done(Some(trimmer.freed), None);
        wrong = trimmer.wrong;
    }
    ended?;
    Ok(if totals.missing == 0 {
        wrong.unwrap_or(Exit::Done)
    } else {
        Exit::DataLoss
    })
}

impl Round<'_> {
    async fn once(&mut self) -> Result<()> {
        let done = match self.archive().await {
            Ok(row) => {
                self.tell(&row);
                self.trim(row.archived_through).await
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => {
                // What was begun may be in any state: the next round finds out where the archive ends.
                self.open = None;
                Err(error)
            }
        }
    }

    async fn open(&mut self) -> Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        let (destination, stream) = (&self.destination, self.following.stream);
        let writer = Writer::open(destination, stream).await?;
        if self.before.is_none() {
            let (groups, problems) = newest_groups(destination, stream, u64::MAX).await?;
            for problem in problems {
                tracing::warn!("{problem}");
            }
            self.before = groups.map(|it| it.head);
        }
        let connection = self.dialer.connect().await?;
        self.open = Some((writer, connection));
        Ok(())
    }

    async fn archive(&mut self) -> Result<Archived> {
        self.open().await?;
        let due = self
            .groups_saved
            .is_none_or(|it| it.elapsed() >= GROUPS_EVERY);
        let Some((writer, connection)) = &mut self.open else {
            unreachable!("it was opened");
        };
        let source = Source {
            stream: self.following.stream,
            dialer: &self.dialer,
            connection,
            redaction: &self.redaction,
            told: &|_| {},
        };
        let wanted = Wanted {
            has_groups: due,
            ..self.following.wanted
        };
        let row = archive(&source, writer, &mut self.before, wanted).await?;
        if due {
            self.groups_saved = Some(Instant::now());
        }
        Ok(row)
    }

    async fn trim(&mut self, end: Option<EntryId>) -> Result<()> {
        let (Some(trimmer), Some((_, connection))) = (&mut self.trimmer, &self.open) else {
            return Ok(());
        };
        let what = ThenTrim {
            stream: self.following.stream,
            topology: self.topology,
            dialer: &self.dialer,
            connection,
        };
        trimmer.round(&what, end).await
    }

    fn tell(&mut self, row: &Archived) {
        let totals = &mut self.totals;
        totals.entries += row.entries;
        totals.segments += row.segments;
        totals.bytes += row.bytes;
        if row.entries > 0 {
            let through = row.archived_through.unwrap_or_default();
            tracing::info!("archived {}, through {through}", entries(row.entries));
        }
        let missing = row.missing.unwrap_or_default();
        if missing > 0 {
            totals.missing += missing;
            tracing::error!(
                "{} were trimmed or deleted before they could be archived; archive more often, or keep more in the stream",
                entries(missing)
            );
        }
    }
}
