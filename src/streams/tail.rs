//! The ends of several streams merged by id, and what is added from then on. Within a stream the order is strict;
//! across streams it is by id within one reply.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;

use super::read::{Edge, last};
use crate::model::{Batch, EntryId, Name};
use crate::wire::decode::FieldSlices;
use crate::wire::{Dialer, Error, ErrorKind, Lane, Scan, Stop};

/// Entries of one stream that are held at a time while several are merged.
const PAGE: usize = 500;
/// How long one blocking read waits; also how soon a dead connection is noticed, twice this and the timeout.
const BLOCK: Duration = Duration::from_secs(2);
/// The first and the longest wait between two attempts to connect.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Where entries go.
pub trait Sink {
    /// The next entry, of the stream with this index.
    ///
    /// # Errors
    /// When it cannot be taken; ends the reading.
    fn entry(&mut self, stream: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()>;

    /// Nothing more for the moment: what was taken is to be shown.
    ///
    /// # Errors
    /// As [`Sink::entry`].
    fn pause(&mut self) -> Result<()>;

    /// Something the operator should know.
    fn note(&mut self, text: &str);
}

/// Which entries of every stream.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// At most so many, the newest.
    pub entries: Option<u64>,
    /// Only those from here on.
    pub since: Option<Edge>,
}

/// Hands over what `window` says of each stream, merged by id. Returns for each stream the id after which it goes on.
///
/// # Errors
/// What the server answers or `sink` returns.
pub async fn history(
    lane: &mut Lane,
    streams: &[Name],
    window: Window,
    sink: &mut impl Sink,
) -> Result<Vec<EntryId>> {
    let mut cursors = Vec::with_capacity(streams.len());
    let mut positions = Vec::with_capacity(streams.len());
    for stream in streams {
        let (cursor, position) = begin(lane, stream, window).await?;
        cursors.push(cursor);
        positions.push(position);
    }
    match cursors.as_mut_slice() {
        [cursor] => whole(lane, cursor, sink).await?,
        cursors => merge(lane, cursors, sink).await?,
    }
    sink.pause()?;
    Ok(positions)
}

/// What is still to be handed over of one stream.
struct Cursor<'s> {
    stream: &'s Name,
    /// The next id that may be there; `None` when all is read.
    next: Option<EntryId>,
    newest: EntryId,
    read: VecDeque<usize>,
    page: Batch,
}

/// Where `window` begins in `stream`, and the id after which following it goes on.
async fn begin<'s>(
    lane: &mut Lane,
    stream: &'s Name,
    window: Window,
) -> Result<(Cursor<'s>, EntryId)> {
    let by_count = match window.since {
        Some(Edge::FromEnd(entries)) => Some(window.entries.map_or(entries, |it| it.min(entries))),
        _ => window.entries,
    };
    let found = last(lane, stream, by_count.unwrap_or(1)).await?;
    let mut start = match by_count {
        Some(0) => found.newest.and_then(EntryId::next),
        Some(_) => found.at,
        None => Some(EntryId::MIN),
    };
    if let Some(Edge::Id(since)) = window.since {
        start = Some(start.map_or(since, |start| start.max(since)));
    }
    let newest = found.newest.unwrap_or(EntryId::MIN);
    let before_start = start.and_then(EntryId::previous).unwrap_or(EntryId::MIN);
    let cursor = Cursor {
        stream,
        next: start.filter(|start| *start <= newest),
        newest,
        read: VecDeque::new(),
        page: Batch::default(),
    };
    Ok((cursor, newest.max(before_start)))
}

/// One stream needs no merging: straight from the reply to the sink.
async fn whole(lane: &mut Lane, cursor: &mut Cursor<'_>, sink: &mut impl Sink) -> Result<()> {
    let Some(start) = cursor.next.take() else {
        return Ok(());
    };
    let range = Scan {
        start,
        end: cursor.newest,
        ..Scan::ALL
    };
    lane.scan(cursor.stream, range, |id, fields| {
        sink.entry(0, id, fields).map_err(Stop::Sink)
    })
    .await
    .map_err(Stop::into_error)
}

async fn merge(lane: &mut Lane, cursors: &mut [Cursor<'_>], sink: &mut impl Sink) -> Result<()> {
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
            sink.entry(index, id, &fields)?;
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
        let range = Scan {
            start,
            end: self.newest,
            count_max: PAGE,
            page: PAGE,
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
            .filter(|_| page.len() == PAGE)
            .and_then(EntryId::next)
            .filter(|next| *next <= self.newest);
        self.read = (0..page.len()).collect();
        self.page = page;
        Ok(())
    }
}

/// Hands over what is added to each stream after its position, without end. A lost connection is opened again, and
/// the reading goes on after the last entry handed over: none is missed and none comes twice.
///
/// # Errors
/// What the server answers that does not pass, or `sink` returns.
pub async fn follow(
    dialer: &Dialer,
    mut lane: Lane,
    streams: &[Name],
    mut positions: Vec<EntryId>,
    sink: &mut impl Sink,
) -> Result<()> {
    loop {
        let failed = match poll(&mut lane, streams, &mut positions, sink).await {
            Ok(()) => continue,
            Err(Stop::Sink(error)) => return Err(error),
            Err(Stop::Wire(error)) if !passes(&error) => return Err(error.into()),
            Err(Stop::Wire(error)) => error,
        };
        sink.note(&format!("{failed}; connecting again"));
        lane = again(dialer).await?;
        sink.note("connected again; nothing was missed");
    }
}

fn passes(error: &Error) -> bool {
    error.kind.is_passing() && error.kind != ErrorKind::ReadOnly
}

/// A new lane, as soon as there is one to be had.
async fn again(dialer: &Dialer) -> Result<Lane, Error> {
    let mut wait = RETRY.0;
    loop {
        match dialer.lane().await {
            Ok(lane) => return Ok(lane),
            Err(error) if !passes(&error) => return Err(error),
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(RETRY.1);
    }
}

/// One blocking read and what it brought.
async fn poll(
    lane: &mut Lane,
    streams: &[Name],
    positions: &mut [EntryId],
    sink: &mut impl Sink,
) -> Result<(), Stop> {
    let asked: Vec<(&Name, EntryId)> = streams.iter().zip(positions.iter().copied()).collect();
    let mut batch = Batch::default();
    let mut places: Vec<(EntryId, usize, usize)> = Vec::new();
    lane.read(&asked, PAGE, Some(BLOCK), |stream, id, fields| {
        places.push((id, stream, batch.len()));
        batch.push(id, fields);
        Ok(())
    })
    .await?;
    if places.is_empty() {
        return Ok(());
    }
    if streams.len() > 1 {
        places.sort_unstable();
    }
    let mut fields = Vec::new();
    for (id, stream, place) in places {
        fields.clear();
        fields.extend(batch.fields(place));
        positions[stream] = id;
        sink.entry(stream, id, &fields).map_err(Stop::Sink)?;
    }
    sink.pause().map_err(Stop::Sink)
}
