//! Entries of one stream: a range of any size, one by its id, and where a range begins that counts from the end.

use anyhow::Result;

use crate::model::{Entry, EntryId, Name, Problem};
use crate::topology::Topology;
use crate::wire::decode::FieldSlices;
use crate::wire::{Connection, Lane, Scan, Stop, xinfo_stream, xrange};

use super::names::{explain, require_stream};

/// One edge of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// This id.
    Id(EntryId),
    /// The entry this many from the end; 0 is after the last.
    FromEnd(u64),
}

/// The end of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// The id of the entry that was asked for, of the first when there are not so many; `None` when there is none.
    pub at: Option<EntryId>,
    /// The id of the newest entry.
    pub newest: Option<EntryId>,
}

/// The last `entries` of `stream`, at least one: where they begin and end.
///
/// # Errors
/// What the server answers.
pub async fn last(lane: &mut Lane, stream: &Name, entries: u64) -> Result<Last> {
    let mut last = Last::default();
    let range = Scan {
        reverse: true,
        count_max: usize::try_from(entries.max(1)).unwrap_or(usize::MAX),
        ..Scan::ALL
    };
    lane.scan(stream, range, |id, _| {
        last.newest.get_or_insert(id);
        last.at = Some(id);
        Ok(())
    })
    .await
    .map_err(Stop::into_error)?;
    Ok(last)
}

/// The id of an edge; `None` when there is no such entry because the stream is empty, or the edge is after its end.
///
/// # Errors
/// What the server answers.
pub async fn place(lane: &mut Lane, stream: &Name, edge: Edge) -> Result<Option<EntryId>> {
    match edge {
        Edge::Id(id) => Ok(Some(id)),
        Edge::FromEnd(0) => Ok(None),
        Edge::FromEnd(entries) => Ok(last(lane, stream, entries).await?.at),
    }
}

/// A range, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least id.
    pub start: Edge,
    /// The greatest id.
    pub end: Edge,
    /// From the end to the start.
    pub reverse: bool,
    /// At most so many entries.
    pub count_max: usize,
}

/// Gives `each` every entry of the range and returns how many there were.
///
/// # Errors
/// What the server answers or `each` returns.
pub async fn read(
    lane: &mut Lane,
    stream: &Name,
    range: Range,
    mut each: impl FnMut(EntryId, &FieldSlices<'_>) -> Result<()>,
) -> Result<u64> {
    let (Some(start), end) = (
        place(lane, stream, range.start).await?,
        place(lane, stream, range.end).await?,
    ) else {
        return Ok(0);
    };
    let mut count = 0;
    let scan = Scan {
        start,
        end: end.unwrap_or(EntryId::MAX),
        reverse: range.reverse,
        count_max: range.count_max,
        ..Scan::ALL
    };
    lane.scan(stream, scan, |id, fields| {
        count += 1;
        each(id, fields).map_err(Stop::Sink)
    })
    .await
    .map_err(Stop::into_error)?;
    Ok(count)
}

/// The entry `id` of `stream`.
///
/// # Errors
/// Not found when there is no such stream, or no such entry: with the ids there are. What the server answers.
pub async fn get(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
    id: EntryId,
) -> Result<Entry> {
    let mut found = match connection.run(xrange(stream, id, id, 1)).await {
        Ok(found) => found,
        Err(error) => return Err(explain(connection, topology, stream, error).await),
    };
    if let Some(entry) = found.pop() {
        return Ok(entry);
    }
    require_stream(connection, topology, stream).await?;
    let problem = Problem::not_found(format!("no entry {id} in `{stream}`"));
    let info = connection.run(xinfo_stream(stream)).await?;
    let problem = match (info.first, info.last) {
        (Some(first), Some(last)) => {
            let (count, first, last) = (info.length, first.id, last.id);
            let why = if id < first {
                ": it was cut, or never there"
            } else {
                ""
            };
            problem.hint(format!("it has {count} from {first} to {last}{why}"))
        }
        _ => problem.hint("the stream is empty"),
    };
    Err(problem.into())
}
