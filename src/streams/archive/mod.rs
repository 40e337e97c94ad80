//! Archives a stream: its entries, after those that the archive has, and then its groups with what they have pending.

mod then_trim;

use anyhow::Result;

pub use self::then_trim::{ThenTrim, would_archive};
use super::read::place;
use super::select::{Criteria, Pager};
use super::snapshot::server_time;
use super::target::Target;
use super::trim::Trimming;
use crate::archive::{Access, Destination, Goes, GroupsBuilder, GroupsHead, Writer};
use crate::model::{Edge, EntryId, Name, Problem, Redaction, report};
use crate::wire::{
    Connection, Dialer, FieldSlices, Lane, Scan, Stop, Taker, prepare_tls, xinfo_groups,
    xinfo_stream,
};

report! {
    /// What was archived of a stream.
    #[derive(Clone, Debug)]
    pub struct Archived {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The archive.
        pub archive: String => text("ARCHIVE"),
        /// Entries that were archived.
        pub entries: u64 => number("ENTRIES"),
        /// The id of the first one; `None` when there was none.
        pub first_id: Option<EntryId> => whole("FIRST", wide),
        /// The last id of the archive: all up to it is archived. `None` when it is empty.
        pub archived_through: Option<EntryId> => whole("ARCHIVED THROUGH"),
        /// Segments that were written.
        pub segments: u64 => number("SEGMENTS"),
        /// Segments that another archiver had left without a manifest, and that were checked and taken over.
        pub taken_over: u64 => number("TAKEN OVER", wide),
        /// The size of these segments in bytes.
        pub bytes: u64 => bytes("SIZE"),
        /// Their size in bytes when they are expanded.
        pub expanded_bytes: u64 => bytes("EXPANDED", wide),
        /// Groups that were saved.
        pub groups: u64 => number("GROUPS", wide),
        /// Pending entries of these groups.
        pub pending: u64 => number("PENDING", wide),
        /// Entries that were added since the archive was written before, and trimmed or deleted before they could be
        /// archived; `None` when that is not known.
        pub missing: Option<u64> => number("MISSING", unknown),
        /// What was trimmed then, and which group holds back more; `None` without `--then-trim`.
        pub trimmed: Option<Trimming> => number("TRIMMED", sparse) by |row| row.trimmed.as_ref().map(|it| it.freed).into(),
    }
}

/// The archive in a bucket, as `bucket/prefix`; requests go through `proxy` if that is given.
///
/// # Errors
/// As [`Destination::bucket`].
pub fn open_bucket(
    place: &str,
    access: &Access,
    proxy: Option<&str>,
) -> Result<Destination, Problem> {
    prepare_tls();
    Destination::bucket(place, access, proxy)
}

/// A stream to archive.
pub struct Source<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// Opens the connections over which it is read.
    pub dialer: &'a Dialer,
    /// A connection for all else.
    pub connection: &'a Connection,
    /// What of its entries is masked.
    pub redaction: &'a Redaction,
    /// Called with the number of further entries that were read.
    pub told: &'a dyn Fn(u64),
}

/// What of a stream is archived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Where to begin, when the archive ends before that.
    pub from: Option<Edge>,
    /// The last position; the last entry that is there by default.
    pub until: Option<Edge>,
    /// Whether its groups are saved, too.
    pub has_groups: bool,
}

/// Archives the entries of a stream that `writer` does not have yet, and its groups. `before` is the snapshot of the groups
/// that the archive has, and then the new one.
///
/// # Errors
/// Errors of the server and of the destination; refused when the archive is that of another stream of this name.
pub async fn archive(
    source: &Source<'_>,
    writer: &mut Writer,
    before: &mut Option<GroupsHead>,
    wanted: Wanted,
) -> Result<Archived> {
    let Source {
        stream, connection, ..
    } = *source;
    let info = connection.run(xinfo_stream(stream)).await?;
    if writer.end().is_some_and(|end| end > info.last_generated_id) {
        return Err(other_stream(source, writer, info.last_generated_id).into());
    }
    let mut lane = source.dialer.lane().await?;
    let start = match wanted.from {
        Some(edge) => place(&mut lane, stream, edge)
            .await?
            .unwrap_or(EntryId::MAX),
        None => EntryId::MIN,
    };
    let until = match wanted.until {
        Some(edge) => place(&mut lane, stream, edge)
            .await?
            .unwrap_or(EntryId::MAX),
        None => EntryId::MAX,
    };
    let range = (start, info.last_generated_id.min(until));
    read(source, Some(lane), writer, range).await?;
    let saved = if wanted.has_groups {
        let is_all = wanted.from.is_none() && wanted.until.is_none();
        Saved::of(source, writer, before, (start, until, is_all)).await?
    } else {
        Saved::default()
    };
    let written = writer.take_written();
    Ok(Archived {
        stream: stream.clone(),
        archive: writer.shown(),
        entries: written.entries,
        first_id: written.first,
        archived_through: writer.end(),
        segments: written.segments,
        taken_over: written.taken_over,
        bytes: written.bytes,
        expanded_bytes: written.expanded_bytes,
        groups: saved.groups,
        pending: saved.pending,
        missing: saved.missing,
        trimmed: None,
    })
}

/// What was saved of the groups.
#[derive(Default)]
struct Saved {
    groups: u64,
    pending: u64,
    missing: Option<u64>,
}

impl Saved {
    /// Saves the groups, and archives what the counters beside them count; `is_all` says that nothing before that was left
    /// out.
    async fn of(
        source: &Source<'_>,
        writer: &mut Writer,
        before: &mut Option<GroupsHead>,
        (start, until, is_all): (EntryId, EntryId, bool),
    ) -> Result<Self> {
        let Source {
            stream, connection, ..
        } = *source;
        let info = connection.run(xinfo_stream(stream)).await?;
        let groups = connection.run(xinfo_groups(stream)).await?;
        let range = (start, info.last_generated_id.min(until));
        read(source, None, writer, range).await?;
        let taken = server_time(connection).await?;
        let head = GroupsHead::new(stream, (taken, writer.end()), &info, &groups);
        let pending = if before.as_ref().is_some_and(|before| before.is_as(&head)) {
            head.groups.iter().map(|it| it.pending).sum()
        } else {
            save_groups(source, writer, &head).await?
        };
        let missing = match before {
            Some(before) if is_all => missing(writer, before, &head).await?,
            _ => None,
        };
        let groups = head.groups.len() as u64;
        *before = Some(head);
        Ok(Self {
            groups,
            pending,
            missing,
        })
    }
}

fn other_stream(source: &Source<'_>, writer: &Writer, last: EntryId) -> Problem {
    let stream = source.stream;
    let end = writer.end().unwrap_or_default();
    let text = format!(
        "the archive in {} ends at {end}, and the last id of stream `{stream}` is {last}: the archive is of another stream of this name, or the stream was deleted since",
        writer.shown()
    );
    Problem::refused(text).hint("archive it to another place, or restore it first")
}

/// Takes what a page has, and waits for the writer after it.
struct Taking<'a> {
    writer: &'a mut Writer,
    redaction: &'a Redaction,
    told: &'a dyn Fn(u64),
    is_elsewhere: bool,
}

impl Taker for Taking<'_> {
    fn page(&mut self, entries: usize, _last: Option<EntryId>) {
        (self.told)(entries as u64);
    }

    fn entry(&mut self, id: EntryId, fields: &FieldSlices<'_>) -> Result<(), Stop> {
        match self.redaction.masked(fields) {
            None => self.writer.add(id, fields),
            Some(masked) => {
                let fields: Vec<(&[u8], &[u8])> = masked
                    .iter()
                    .map(|(name, value)| (&name[..], &value[..]))
                    .collect();
                self.writer.add(id, &fields);
            }
        }
        Ok(())
    }
}

impl Taking<'_> {
    async fn settle(&mut self) -> Result<(), Stop> {
        match self.writer.settle().await {
            Ok(Goes::On) => Ok(()),
            Ok(Goes::Elsewhere) => {
                self.is_elsewhere = true;
                Err(Stop::Sink(anyhow::anyhow!(
                    "another one archived the next entries"
                )))
            }
            Err(problem) => Err(Stop::Sink(problem.into())),
        }
    }
}

/// Archives the entries from `start` to `end` that the writer does not have.
async fn read(
    source: &Source<'_>,
    mut lane: Option<Lane>,
    writer: &mut Writer,
    (start, end): (EntryId, EntryId),
) -> Result<()> {
    loop {
        let next = writer.end().map_or(Some(EntryId::MIN), EntryId::next);
        let Some(next) = next.map(|it| it.max(start)).filter(|it| *it <= end) else {
            return Ok(());
        };
        let scan = Scan {
            start: next,
            end,
            ..Scan::ALL
        };
        let mut taking = Taking {
            writer,
            redaction: source.redaction,
            told: source.told,
            is_elsewhere: false,
        };
        let mut over = match lane.take() {
            Some(lane) => lane,
            None => source.dialer.lane().await?,
        };
        let settle = async |it: &mut Taking<'_>| it.settle().await;
        let read = over
            .search_settling(source.stream, scan, &mut taking, settle)
            .await;
        let is_elsewhere = taking.is_elsewhere;
        match read {
            Ok(()) if writer.finish().await? == Goes::On => return Ok(()),
            Err(stop) if !is_elsewhere => return Err(stop.into_error()),
            // Another archiver wrote the next segment: what follows it is read again.
            _ => {}
        }
    }
}

/// Saves the groups with their pending entries; how many these are.
async fn save_groups(source: &Source<'_>, writer: &Writer, head: &GroupsHead) -> Result<u64> {
    let mut builder = GroupsBuilder::begin(head)?;
    for (place, group) in head.groups.iter().enumerate() {
        let target = Target {
            stream: source.stream.clone(),
            group: group.group.clone(),
        };
        let filter = Criteria::default();
        let mut pager = Pager::new(source.connection, &target, &filter);
        while let Some(page) = pager.page().await? {
            for entry in &page {
                builder.add(place, entry)?;
            }
        }
    }
    let count = builder.count;
    writer.put_groups(head, builder).await?;
    Ok(count)
}

/// How many of the entries that were added between two snapshots are not archived; `None` when that is not known.
async fn missing(writer: &Writer, before: &GroupsHead, now: &GroupsHead) -> Result<Option<u64>> {
    let added = match (before.entries_added, now.entries_added) {
        (Some(before), Some(now)) => now.checked_sub(before),
        _ => None,
    };
    let Some(added) = added else {
        return Ok(None);
    };
    let archived = writer.entries_after(before.last_generated_id).await?;
    Ok(Some(added.saturating_sub(archived)))
}
