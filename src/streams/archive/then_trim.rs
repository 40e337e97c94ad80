//! Trims an archived stream: what is in the archive for certain, and what no group needs.

use anyhow::Result;

use super::super::inspect::between;
use super::super::read::place;
use super::super::trim::{Keep, TrimPlan, Wish, plan_trim};
use super::{Archived, Wanted};
use crate::archive::{Confirmed, Destination, Looking, end_of};
use crate::model::{EntryId, Name, Problem};
use crate::topology::Topology;
use crate::wire::{Connection, Dialer, FieldSlices, Scan, Stop, Taker, xinfo_stream};

/// A stream that is trimmed after it was archived.
pub struct ThenTrim<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// The topology.
    pub topology: &'a Topology,
    /// Opens the connections over which it is read.
    pub dialer: &'a Dialer,
    /// A connection for all else.
    pub connection: &'a Connection,
}

impl ThenTrim<'_> {
    /// Finds out what trimming would do that keeps all after `end`, and what a group has not read or not acknowledged.
    /// Changes nothing.
    ///
    /// # Errors
    /// As [`plan_trim`].
    pub async fn plan(&self, end: Option<EntryId>) -> Result<TrimPlan> {
        let from = match end {
            Some(end) => end.next().unwrap_or(EntryId::MAX),
            None => EntryId::MIN,
        };
        let wish = Wish {
            keep: Keep::UnreadOrFrom(from),
            force_past: Vec::new(),
        };
        let mut lane = self.dialer.lane().await?;
        plan_trim(self.connection, &mut lane, self.topology, self.stream, wish).await
    }

    /// Makes sure that each entry of the stream that the plan removes, up to `end`, is archived in a segment that is
    /// whole, and that the archive ends with `end`. `told` is called with the number of further entries.
    ///
    /// # Errors
    /// Data loss when a segment is damaged; refused when an entry is not archived; errors of the server and of the
    /// archive.
    pub async fn require_archived(
        &self,
        plan: &TrimPlan,
        end: EntryId,
        confirmed: &mut Confirmed,
        told: &dyn Fn(u64),
    ) -> Result<()> {
        let Some(last) = plan.row.cut_id.and_then(EntryId::previous) else {
            return Ok(());
        };
        confirmed.require_end(end).await?;
        let mut comparing = Comparing {
            looking: confirmed.look(plan.first().unwrap_or(EntryId::MIN)),
            ids: Vec::new(),
            told,
            missing: None,
        };
        let scan = Scan {
            end: last.min(end),
            ..Scan::ALL
        };
        let mut lane = self.dialer.lane().await?;
        let settle = async |it: &mut Comparing<'_>| it.settle().await;
        let read = lane
            .search_settling(self.stream, scan, &mut comparing, settle)
            .await;
        match comparing.missing {
            Some(id) => Err(not_archived(self.stream, id).into()),
            None => read.map_err(Stop::into_error),
        }
    }
}

fn not_archived(stream: &Name, id: EntryId) -> Problem {
    let text = format!(
        "entry {id} of stream `{stream}` is not in the archive, which goes on after it; nothing was trimmed"
    );
    Problem::refused(text).hint("archive the stream to another place, from its first entry on")
}

/// Compares what a page has with the archive.
struct Comparing<'a> {
    looking: Looking<'a>,
    ids: Vec<EntryId>,
    told: &'a dyn Fn(u64),
    missing: Option<EntryId>,
}

impl Taker for Comparing<'_> {
    fn page(&mut self, entries: usize, _last: Option<EntryId>) {
        (self.told)(entries as u64);
    }

    fn entry(&mut self, id: EntryId, _fields: &FieldSlices<'_>) -> Result<(), Stop> {
        self.ids.push(id);
        Ok(())
    }
}

impl Comparing<'_> {
    async fn settle(&mut self) -> Result<(), Stop> {
        let ids = std::mem::take(&mut self.ids);
        let missing = self.looking.first_missing(&ids).await;
        self.missing = missing.map_err(|problem| Stop::Sink(problem.into()))?;
        match self.missing {
            Some(_) => Err(Stop::Sink(anyhow::anyhow!("an entry is not archived"))),
            None => Ok(()),
        }
    }
}

/// What archiving the stream would do, and where the archive ends before that. Changes nothing.
///
/// # Errors
/// Errors of the server and of the destination.
pub async fn would_archive(
    what: &ThenTrim<'_>,
    destination: Option<&Destination>,
    wanted: Wanted,
) -> Result<(Archived, Option<EntryId>)> {
    let stream = what.stream;
    let info = what.connection.run(xinfo_stream(stream)).await?;
    let end = match destination {
        Some(destination) => end_of(destination, stream).await?,
        None => None,
    };
    let mut lane = what.dialer.lane().await?;
    let mut edges = [None, None];
    for (edge, wanted) in edges.iter_mut().zip([wanted.from, wanted.until]) {
        if let Some(wanted) = wanted {
            *edge = Some(
                place(&mut lane, stream, wanted)
                    .await?
                    .unwrap_or(EntryId::MAX),
            );
        }
    }
    let after = edges[0].and_then(EntryId::previous).max(end);
    let until = edges[1].unwrap_or(EntryId::MAX).min(info.last_generated_id);
    let entries = match after {
        Some(after) if after >= until => 0,
        after => {
            let after = after.unwrap_or(EntryId::MIN);
            let entries = between(&mut lane, stream, after, until, usize::MAX).await?;
            entries.entries().unwrap_or_default()
        }
    };
    let row = Archived {
        stream: stream.clone(),
        archive: destination.map_or_else(String::new, Destination::shown),
        entries,
        first_id: None,
        archived_through: if entries > 0 { Some(until) } else { end },
        segments: 0,
        taken_over: 0,
        bytes: 0,
        expanded_bytes: 0,
        groups: 0,
        pending: 0,
        missing: None,
        trimmed: None,
    };
    Ok((row, end))
}
