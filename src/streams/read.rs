//! Reads entries of one stream: a range of any size, one entry by its id, and the start of a range that is counted
//! from the end.

use anyhow::Result;

use crate::model::{Edge, Entry, EntryId, Name, Problem};
use crate::topology::Topology;
use crate::wire::FieldSlices;
use crate::wire::{Connection, Lane, Scan, Stop, xinfo_stream, xrange};

use super::names::{explain, require_stream};

/// The end of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// The id of the requested entry, or of the first one when there are fewer; `None` when there is none.
    pub at: Option<EntryId>,
    /// The id of the newest entry.
    pub newest: Option<EntryId>,
}

/// The beginning and the end of the last `entries` of `stream`, at least one.
///
/// # Errors
/// Errors of the server.
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

/// The id at an edge; `None` when there is no such entry, because the stream is empty or the edge is after its end.
///
/// # Errors
/// Errors of the server.
pub async fn place(lane: &mut Lane, stream: &Name, edge: Edge) -> Result<Option<EntryId>> {
    match edge {
        Edge::Id(id) => Ok(Some(id)),
        Edge::FromEnd(0) => Ok(None),
        Edge::FromEnd(entries) => Ok(last(lane, stream, entries).await?.at),
    }
}

/// A range, in the form in which it was requested.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least id.
    pub start: Edge,
    /// The greatest id.
    pub end: Edge,
    /// Whether to read from the end to the start.
    pub reverse: bool,
    /// The greatest number of entries.
    pub count_max: usize,
}

/// Gives `each` every entry of the range. Returns how many there were.
///
/// # Errors
/// Errors of the server or of `each`.
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

/// Selects one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one with this id.
    Id(EntryId),
    /// The first with this id or a greater one.
    From(EntryId),
    /// The entry at this distance from the end; 1 is the last.
    FromEnd(u64),
}

/// The entry of `stream` at `place`.
///
/// # Errors
/// Not found when there is no such stream or no such entry; the error says which ids exist. Errors of the server.
pub async fn get(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    stream: &Name,
    place: Place,
) -> Result<Entry> {
    let explained = async |error| explain(connection, topology, stream, error).await;
    let range = match place {
        Place::Id(id) => Some((id, id)),
        Place::From(id) => Some((id, EntryId::MAX)),
        Place::FromEnd(entries) => match from_end(lane, stream, entries).await {
            Ok(at) => at.map(|id| (id, id)),
            Err(Stop::Wire(error)) => return Err(explained(error).await),
            Err(stop) => return Err(stop.into_error()),
        },
    };
    if let Some((start, end)) = range {
        match connection.run(xrange(stream, start, end, 1)).await {
            Ok(mut found) => {
                if let Some(entry) = found.pop() {
                    return Ok(entry);
                }
            }
            Err(error) => return Err(explained(error).await),
        }
    }
    require_stream(connection, topology, stream).await?;
    Err(none_at(connection, stream, place).await?.into())
}

/// The id of the entry at this distance from the end; `None` when there are fewer.
async fn from_end(lane: &mut Lane, stream: &Name, entries: u64) -> Result<Option<EntryId>, Stop> {
    let (mut count, mut at) = (0, None);
    let range = Scan {
        reverse: true,
        count_max: usize::try_from(entries).unwrap_or(usize::MAX),
        ..Scan::ALL
    };
    lane.scan(stream, range, |id, _| {
        count += 1;
        at = Some(id);
        Ok(())
    })
    .await?;
    Ok(at.filter(|_| count == entries))
}

/// The error that there is no entry at `place`, with the ids that exist.
async fn none_at(connection: &Connection, stream: &Name, place: Place) -> Result<Problem> {
    let what = match place {
        Place::Id(id) => format!("no entry {id} in `{stream}`"),
        Place::From(id) => format!("no entry at {id} or later in `{stream}`"),
        Place::FromEnd(entries) => format!("`{stream}` has fewer than {entries} entries"),
    };
    let problem = Problem::not_found(what);
    let info = connection.run(xinfo_stream(stream)).await?;
    let (Some(first), Some(last)) = (info.first, info.last) else {
        return Ok(problem.hint("the stream is empty"));
    };
    let why = match place {
        Place::Id(id) if id < first.id => ": it was trimmed or deleted, or never existed",
        _ => "",
    };
    let (count, first, last) = (info.length, first.id, last.id);
    Ok(problem.hint(format!("it has {count} from {first} to {last}{why}")))
}
