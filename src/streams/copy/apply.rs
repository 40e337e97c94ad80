//! Carries out a copy, round by round.

use std::cell::Cell;

use anyhow::Result;
use tokio::time::{Instant, sleep_until};

use super::{CopyPlan, Kept, Pace, begin_copy};
use crate::model::{Edge, EntryId, Name, Problem, Redaction};
use crate::streams::read::place;
use crate::streams::tail::{Filter, Verdict};
use crate::topology::copied_key;
use crate::wire::{
    Adds, Connection, Dialer, ErrorKind, FieldSlices, Lane, Scan, Stop, Taker, set_value,
    xinfo_stream,
};

/// How many entries are added at once, and about how many bytes of them.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 256 << 10;
/// How many entries are read at once: with a pace, they wait in memory.
const PAGE: usize = 500;
/// What was done so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Entries that were copied.
    pub entries: Cell<u64>,
    /// Entries that did not match the conditions.
    pub left_out: Cell<u64>,
    /// Of these, entries of which a value is not JSON that a condition looks into.
    pub unjudged: Cell<u64>,
    /// Entries that could not be copied because they were not there any more; `None` when that is not known.
    pub missing: Cell<Option<u64>>,
    /// The last id that was looked at.
    pub through: Cell<Option<EntryId>>,
}

/// Both servers.
pub struct Servers<'a> {
    /// Opens connections to that of the stream.
    pub source: &'a Dialer,
    /// Opens connections to that of the copy.
    pub destination: &'a Dialer,
    /// Called with the number of further entries that were looked at.
    pub told: &'a dyn Fn(u64),
}

/// Copies what the copy does not have yet, up to the last entry that is there now. `counts` is right at any time, also when
/// this is stopped.
///
/// # Errors
/// Errors of both servers; refused when somebody else adds to the copy. What was copied stays, and the next round goes on
/// after it.
pub async fn copy_round(
    servers: &Servers<'_>,
    plan: &mut CopyPlan,
    pace: &mut Pace,
    counts: &Counts,
) -> Result<()> {
    let from = servers.source.connect().await?;
    let to = servers.destination.connect().await?;
    begin_copy(&to, plan).await?;
    let wanted = &plan.wanted;
    let info = from.run(xinfo_stream(&wanted.stream)).await?;
    let mut lane = servers.source.lane().await?;
    let start = placed(&mut lane, &wanted.stream, wanted.from, EntryId::MIN).await?;
    let until = placed(&mut lane, &wanted.stream, wanted.until, EntryId::MAX).await?;
    let end = info.last_generated_id.min(until);
    let last = copied(&to, &wanted.to).await?;
    let looked_at = plan.kept.as_ref().and_then(Kept::through);
    let next = last
        .max(looked_at)
        .map_or(Some(EntryId::MIN), EntryId::next);
    let mut copying = Copying {
        lane: servers.destination.lane().await?,
        to: &wanted.to,
        filter: &wanted.filter,
        redaction: &wanted.redaction,
        page: Vec::new(),
        adds: Adds::default(),
        read: 0,
        pace,
        counts,
        told: servers.told,
    };
    if let Some(next) = next.map(|it| it.max(start)).filter(|it| *it <= end) {
        let scan = Scan {
            start: next,
            end,
            page: PAGE,
            ..Scan::ALL
        };
        let settle = async |it: &mut Copying<'_>| it.settle().await;
        let read = lane
            .search_settling(&wanted.stream, scan, &mut copying, settle)
            .await;
        read.map_err(Stop::into_error)?;
        copying.send().await?;
    }
    let is_all = wanted.from.is_none() && wanted.until.is_none();
    let missing = match &plan.kept {
        _ if !is_all => None,
        None => Some(info.length.saturating_sub(copying.read)),
        Some(kept) => kept.missing(last, info.entries_added, copying.read),
    };
    let before = if counts.through.get().is_some() {
        counts.missing.get()
    } else {
        Some(0)
    };
    counts
        .missing
        .set(before.zip(missing).map(|(before, now)| before + now));
    counts
        .through
        .set(Some(end.max(looked_at.unwrap_or_default())));
    let kept = Kept {
        of: wanted.stream.clone(),
        terms: wanted.terms.clone(),
        through: counts.through.get().map(|it| it.to_string()),
        added: info.entries_added.filter(|_| wanted.until.is_none()),
        last: copied(&to, &wanted.to).await?.map(|it| it.to_string()),
    };
    let value = serde_json::to_vec(&kept)?;
    to.run(set_value(&copied_key(&wanted.to), &value)).await?;
    plan.kept = Some(kept);
    Ok(())
}

impl Kept {
    /// How many entries are neither there nor copied, of those that were added since; `read` of them were read after `last`.
    /// `None` where a run ended in between, so that nobody counted.
    fn missing(&self, last: Option<EntryId>, added: Option<u64>, read: u64) -> Option<u64> {
        let added = added?.checked_sub(self.added?)?;
        (last <= self.through()).then(|| added.saturating_sub(read))
    }
}

async fn placed(
    lane: &mut Lane,
    stream: &Name,
    edge: Option<Edge>,
    default: EntryId,
) -> Result<EntryId> {
    match edge {
        Some(edge) => Ok(place(lane, stream, edge).await?.unwrap_or(EntryId::MAX)),
        None => Ok(default),
    }
}

/// The last id that a copy has.
pub(super) async fn copied(connection: &Connection, to: &Name) -> Result<Option<EntryId>> {
    match connection.run(xinfo_stream(to)).await {
        Ok(info) => Ok(Some(info.last_generated_id).filter(|it| *it > EntryId::MIN)),
        Err(error) if error.kind == ErrorKind::NoKey => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An entry with its id.
type Waiting = (EntryId, Vec<(Vec<u8>, Vec<u8>)>);

/// Takes a page, and adds it when it is due.
struct Copying<'a> {
    lane: Lane,
    to: &'a Name,
    filter: &'a Filter,
    redaction: &'a Redaction,
    page: Vec<Waiting>,
    adds: Adds,
    /// How many entries were read.
    read: u64,
    pace: &'a mut Pace,
    counts: &'a Counts,
    told: &'a dyn Fn(u64),
}

impl Taker for Copying<'_> {
    fn page(&mut self, entries: usize, _last: Option<EntryId>) {
        self.read += entries as u64;
        (self.told)(entries as u64);
    }

    fn entry(&mut self, id: EntryId, fields: &FieldSlices<'_>) -> Result<(), Stop> {
        let left_out = match self.filter.judge(fields) {
            Verdict::Taken => None,
            Verdict::Left => Some(0),
            Verdict::Unjudged(_) => Some(1),
        };
        if let Some(unjudged) = left_out {
            let counts = self.counts;
            counts.left_out.set(counts.left_out.get() + 1);
            counts.unjudged.set(counts.unjudged.get() + unjudged);
            return Ok(());
        }
        let masked = self.redaction.masked(fields);
        let owned = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
        let fields = masked.unwrap_or_else(|| fields.iter().map(owned).collect());
        self.page.push((id, fields));
        Ok(())
    }
}

impl Copying<'_> {
    /// Adds what was read, each entry when it is due.
    async fn settle(&mut self) -> Result<(), Stop> {
        for (id, fields) in std::mem::take(&mut self.page) {
            if let Some(due) = self.pace.due(id, Instant::now()) {
                self.send().await.map_err(Stop::Sink)?;
                sleep_until(due).await;
            }
            self.adds.push_at(self.to, id, &fields);
            if self.adds.len() >= BATCH || self.adds.bytes() >= BATCH_BYTES {
                self.send().await.map_err(Stop::Sink)?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        let adds = std::mem::take(&mut self.adds);
        if adds.is_empty() {
            return Ok(());
        }
        self.lane.add_all_or_none(&adds).await.map_err(|error| {
            let error = error.about(Some(self.to));
            if error
                .to_string()
                .contains("smaller than the target stream top item")
            {
                let text = format!("somebody else adds to `{}`, or copies to it", self.to);
                return Problem::refused(text)
                    .hint("end that, then repeat the command: it goes on after the last id")
                    .into();
            }
            anyhow::Error::from(error)
        })?;
        let count = adds.len() as u64;
        self.counts.entries.set(self.counts.entries.get() + count);
        Ok(())
    }
}
