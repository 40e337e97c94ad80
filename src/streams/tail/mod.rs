//! The last entries of several streams merged by id, and those added from then on. Within a stream the order is
//! strict; across streams it is by id within one reply.

mod filter;
mod follow;
mod gap;

use std::collections::VecDeque;

use anyhow::Result;

pub use filter::{Filter, Unjudged, Verdict};
pub use follow::follow;
pub use gap::{Gap, Place};

use super::read::last;
use crate::model::{AdaptiveBatch, Batch, Edge, EntryId, Name, StreamInfo};
use crate::wire::FieldSlices;
use crate::wire::{ErrorKind, Lane, Scan, Stop};

/// How many entries of one stream are held at a time while several are merged.
const PAGE: usize = 500;
/// How many entries are read at a time when searching for the last ones that match.
const LOOKED_THROUGH: usize = 2000;

/// Receives entries.
pub trait Sink {
    /// The next entry, from the stream with this index.
    ///
    /// # Errors
    /// When it cannot be processed; this ends the reading.
    fn entry(&mut self, stream: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()>;

    /// The next entry, from the stream with this index, which the filter could not decide about. It is left out, and
    /// counted.
    ///
    /// # Errors
    /// As [`Sink::entry`].
    fn unjudged(&mut self, stream: usize, id: EntryId, why: &Unjudged) -> Result<()>;

    /// Entries of the stream with this index are missing here, because they were trimmed or deleted before they were
    /// read.
    ///
    /// # Errors
    /// As [`Sink::entry`].
    fn gap(&mut self, stream: usize, gap: &Gap) -> Result<()>;

    /// There is nothing more for the moment, so what was received should be shown.
    ///
    /// # Errors
    /// As [`Sink::entry`].
    fn pause(&mut self) -> Result<()>;

    /// The entries that were received and could not be written, between the previous call and the last pause.
    fn unwritten(&mut self) -> Vec<EntryId> {
        Vec::new()
    }

    /// A message for the operator.
    fn note(&mut self, text: &str);
}

/// Selects the entries of every stream.
#[derive(Clone, Debug)]
pub struct Window {
    /// The newest entries that match the filter, up to this number.
    pub entries: Option<u64>,
    /// Only entries from here on.
    pub since: Option<Edge>,
    /// Only entries that match.
    pub filter: Filter,
}

/// Hands over the entries that `window` selects from each stream, merged by id. Returns for each stream where
/// [`follow()`] continues.
///
/// # Errors
/// Errors of the server or of `sink`.
pub async fn history(
    lane: &mut Lane,
    streams: &[Name],
    window: &Window,
    sink: &mut impl Sink,
) -> Result<Vec<Place>> {
    let mut cursors = Vec::with_capacity(streams.len());
    let mut places = Vec::with_capacity(streams.len());
    for stream in streams {
        let (cursor, place) = begin(lane, stream, window).await?;
        cursors.push(cursor);
        places.push(place);
    }
    match cursors.as_mut_slice() {
        [cursor] => whole(lane, cursor, &window.filter, sink).await?,
        cursors => merge(lane, cursors, &window.filter, sink).await?,
    }
    sink.pause()?;
    Ok(places)
}

/// Hands over an entry of the stream with this index, if `filter` lets it through.
fn hand_over(
    filter: &Filter,
    sink: &mut impl Sink,
    (stream, id): (usize, EntryId),
    fields: &FieldSlices<'_>,
) -> Result<()> {
    match filter.judge(fields) {
        Verdict::Taken => sink.entry(stream, id, fields),
        Verdict::Left => Ok(()),
        Verdict::Unjudged(why) => sink.unjudged(stream, id, &why),
    }
}

/// The entries of one stream that are still to be handed over.
struct Cursor<'s> {
    stream: &'s Name,
    /// The next id that may exist; `None` when everything has been read.
    next: Option<EntryId>,
    newest: EntryId,
    read: VecDeque<usize>,
    page: Batch,
    portion: AdaptiveBatch,
}

/// Where `window` begins in `stream`, and where following continues.
async fn begin<'s>(
    lane: &mut Lane,
    stream: &'s Name,
    window: &Window,
) -> Result<(Cursor<'s>, Place)> {
    let info = look(lane, stream).await?;
    let newest = match &info {
        Ok(info) => info.last_generated_id,
        Err(_) => last(lane, stream, 1).await?.newest.unwrap_or_default(),
    };
    let since = match window.since {
        None => Some(EntryId::MIN),
        Some(Edge::Id(id)) => Some(id),
        Some(Edge::FromEnd(0)) => newest.next(),
        Some(Edge::FromEnd(entries)) => {
            let all = Filter::default();
            newest_of(lane, stream, (EntryId::MIN, newest), entries, &all).await?
        }
    };
    let start = match (window.entries, since) {
        (Some(0), _) => newest.next(),
        (Some(entries), Some(since)) => {
            newest_of(lane, stream, (since, newest), entries, &window.filter).await?
        }
        (_, since) => since,
    };
    let cursor = Cursor {
        stream,
        next: start.filter(|start| *start <= newest),
        newest,
        read: VecDeque::new(),
        page: Batch::default(),
        portion: AdaptiveBatch::new(PAGE),
    };
    // What is to come may be asked for from a later id than there is.
    let position = newest.max(since.and_then(EntryId::previous).unwrap_or_default());
    let place = match &info {
        Ok(info) => Place::at(position, Some(info)),
        Err(ErrorKind::NoKey) => Place::before_any(position),
        Err(_) => Place::at(position, None),
    };
    Ok((cursor, place))
}

/// The stream's figures, or the error of asking for them.
async fn look(lane: &mut Lane, stream: &Name) -> Result<Result<StreamInfo, ErrorKind>> {
    let mut found = Err(ErrorKind::NoKey);
    lane.push_looks([stream]);
    lane.flush().await?;
    lane.looks(1, |_, looked| found = looked.map_err(|error| error.kind))
        .await?;
    Ok(found)
}

/// The id of the entry at this distance from the end among those within `range` that match `filter`, or of the first
/// one when there are fewer; `None` when there is none.
async fn newest_of(
    lane: &mut Lane,
    stream: &Name,
    range: (EntryId, EntryId),
    entries: u64,
    filter: &Filter,
) -> Result<Option<EntryId>> {
    let (mut found, mut left) = (None, entries);
    let mut end = Some(range.1);
    while let Some(from) = end.filter(|end| *end >= range.0 && left > 0) {
        let (mut seen, mut last) = (0, from);
        let count_max = if filter.is_empty() {
            usize::try_from(left).unwrap_or(usize::MAX)
        } else {
            LOOKED_THROUGH
        };
        let page = Scan {
            start: range.0,
            end: from,
            reverse: true,
            count_max,
            ..Scan::ALL
        };
        lane.scan(stream, page, |id, fields| {
            (seen, last) = (seen + 1, id);
            if left > 0 {
                match filter.judge(fields) {
                    Verdict::Left => {}
                    // It is told of once entries are handed over from here on.
                    Verdict::Unjudged(_) => found = Some(id),
                    Verdict::Taken => {
                        found = Some(id);
                        left -= 1;
                    }
                }
            }
            Ok(())
        })
        .await
        .map_err(Stop::into_error)?;
        end = last.previous().filter(|_| seen == count_max);
    }
    Ok(found)
}

/// Handles a single stream, which needs no merging: from the reply directly to the sink.
async fn whole(
    lane: &mut Lane,
    cursor: &mut Cursor<'_>,
    filter: &Filter,
    sink: &mut impl Sink,
) -> Result<()> {
    let Some(start) = cursor.next.take() else {
        return Ok(());
    };
    let range = Scan {
        start,
        end: cursor.newest,
        ..Scan::ALL
    };
    lane.scan(cursor.stream, range, |id, fields| {
        hand_over(filter, sink, (0, id), fields).map_err(Stop::Sink)
    })
    .await
    .map_err(Stop::into_error)
}

async fn merge(
    lane: &mut Lane,
    cursors: &mut [Cursor<'_>],
    filter: &Filter,
    sink: &mut impl Sink,
) -> Result<()> {
    loop {
        for cursor in cursors.iter_mut() {
            cursor.fill(lane).await?;
        }
        let least = cursors
            .iter()
            .enumerate()
            .filter_map(|(index, cursor)| Some((cursor.head()?, index)))
            .min();
        let Some((id, index)) = least else {
            return Ok(());
        };
        let cursor = &mut cursors[index];
        if let Some(place) = cursor.read.pop_front() {
            let fields: Vec<_> = cursor.page.fields(place).collect();
            hand_over(filter, sink, (index, id), &fields)?;
        }
    }
}

impl Cursor<'_> {
    fn head(&self) -> Option<EntryId> {
        self.read.front().map(|place| self.page.id(*place))
    }

    async fn fill(&mut self, lane: &mut Lane) -> Result<()> {
        let Some(start) = self.next.filter(|_| self.read.is_empty()) else {
            return Ok(());
        };
        let asked = self.portion.at_a_time();
        let range = Scan {
            start,
            end: self.newest,
            count_max: asked,
            page: asked,
            ..Scan::ALL
        };
        let mut page = Batch::default();
        lane.scan(self.stream, range, |id, fields| {
            page.push(id, fields);
            Ok(())
        })
        .await
        .map_err(Stop::into_error)?;
        let last = page.len().checked_sub(1).map(|last| page.id(last));
        self.next = last
            .filter(|_| page.len() == asked)
            .and_then(EntryId::next)
            .filter(|next| *next <= self.newest);
        self.portion.brought(asked, page.len(), page.bytes());
        self.read = (0..page.len()).collect();
        self.page = page;
        Ok(())
    }
}
