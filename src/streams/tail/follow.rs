//! What is added to streams from now on, across lost connections, and what was cut before it could be read.

use std::time::Duration;

use anyhow::Result;

use super::gap::{Look, Place};
use super::{Filter, PAGE, Sink};
use crate::model::{Batch, EntryId, Name, StreamInfo};
use crate::wire::{Dialer, Error, ErrorKind, Lane, Stop};

/// How long one blocking read waits; also how soon a dead connection is noticed, twice this and the timeout.
const BLOCK: Duration = Duration::from_secs(2);
/// The first and the longest wait between two attempts to connect.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Entries asked of each stream before it is known how large they are.
const FIRST_COUNT: usize = 64;
/// Bytes a reply is to have, about.
const REPLY_BYTES: usize = 2 << 20;

/// Hands over what is added to each stream after its place and what `filter` takes, without end. A lost connection is
/// opened again, and the reading goes on after the last entry handed over: none comes twice, and those that were cut
/// before they could be read are handed over as a gap.
///
/// # Errors
/// What the server answers that does not pass, or `sink` returns.
pub async fn follow(
    dialer: &Dialer,
    mut lane: Lane,
    streams: &[Name],
    places: Vec<Place>,
    filter: &Filter,
    sink: &mut impl Sink,
) -> Result<()> {
    let mut follower = Follower {
        streams,
        places,
        filter,
        count: FIRST_COUNT,
        looks: true,
        is_reconnected: false,
    };
    loop {
        let failed = match follower.poll(&mut lane, sink).await {
            Ok(()) => continue,
            Err(Stop::Sink(error)) => return Err(error),
            Err(Stop::Wire(error)) if !passes(&error) => return Err(error.into()),
            Err(Stop::Wire(error)) => error,
        };
        sink.note(&format!("{failed}; connecting again"));
        lane = again(dialer).await?;
        follower.looks = true;
        follower.is_reconnected = true;
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

/// Several streams and how far each was read.
struct Follower<'s> {
    streams: &'s [Name],
    places: Vec<Place>,
    filter: &'s Filter,
    /// Entries of each stream to ask for at a time.
    count: usize,
    /// Whether something may have been cut since the last read: not while that waited for entries.
    looks: bool,
    /// Whether the connection was lost, and what that cost is not said yet.
    is_reconnected: bool,
}

impl Follower<'_> {
    /// One blocking read and what it brought.
    async fn poll(&mut self, lane: &mut Lane, sink: &mut impl Sink) -> Result<(), Stop> {
        let asked: Vec<(&Name, EntryId)> = self
            .streams
            .iter()
            .zip(self.places.iter().map(|place| place.position))
            .collect();
        if self.looks {
            lane.push_looks(self.streams);
        }
        lane.push_read(&asked, self.count, BLOCK);
        lane.flush().await?;
        if self.looks {
            self.look(lane, sink).await?;
        }
        let mut batch = Batch::default();
        let mut places: Vec<(EntryId, usize, usize)> = Vec::new();
        let mut bytes = 0;
        lane.entries(&asked, BLOCK, |stream, id, fields| {
            bytes += fields
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>();
            places.push((id, stream, batch.len()));
            batch.push(id, fields);
            Ok(())
        })
        .await?;
        self.looks = !places.is_empty();
        if !places.is_empty() {
            let entry_bytes = (bytes / places.len()).max(1);
            self.count = (REPLY_BYTES / entry_bytes / self.streams.len()).clamp(1, PAGE);
        }
        self.hand_over(&batch, places, sink).map_err(Stop::Sink)
    }

    /// Hands over a reply's entries, each with its id, stream and place in `batch`.
    fn hand_over(
        &mut self,
        batch: &Batch,
        mut places: Vec<(EntryId, usize, usize)>,
        sink: &mut impl Sink,
    ) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        if self.streams.len() > 1 {
            places.sort_unstable();
        }
        let mut fields = Vec::new();
        for (id, stream, place) in places {
            fields.clear();
            fields.extend(batch.fields(place));
            self.places[stream].read(id);
            if self.filter.takes(&fields) {
                sink.entry(stream, id, &fields)?;
            }
        }
        sink.pause()
    }

    /// Reads what the streams say of themselves, and tells what is missing.
    async fn look(&mut self, lane: &mut Lane, sink: &mut impl Sink) -> Result<(), Stop> {
        let mut looked: Vec<Result<StreamInfo, Error>> = Vec::with_capacity(self.streams.len());
        lane.looks(self.streams.len(), |_, info| looked.push(info))
            .await?;
        let (mut has_gaps, mut is_known) = (false, true);
        for (stream, info) in looked.into_iter().enumerate() {
            let place = &mut self.places[stream];
            let look = match info {
                Ok(info) => place.look(&info),
                Err(error) if error.kind == ErrorKind::NoKey => place.gone(),
                // Whoever may read may not be allowed to look.
                Err(error) if error.kind == ErrorKind::NoPerm => Look::Unknown,
                Err(error) => return Err(error.into()),
            };
            match look {
                Look::Whole => {}
                Look::Unknown => is_known = false,
                Look::Missing(gap) => {
                    has_gaps = true;
                    sink.gap(stream, &gap).map_err(Stop::Sink)?;
                    sink.pause().map_err(Stop::Sink)?;
                }
                Look::Shorter(newest) => {
                    is_known = false;
                    sink.note(&format!(
                        "`{}` now ends at {newest}, before what was read: it was made again, or the server lost the \
                         rest; going on after {newest}",
                        self.streams[stream]
                    ));
                }
            }
        }
        if std::mem::take(&mut self.is_reconnected) {
            sink.note(match (has_gaps, is_known) {
                (true, _) => "connected again; entries were cut before they were read",
                (false, true) => "connected again; nothing was missed",
                (false, false) => "connected again; whether something was missed is unknown",
            });
        }
        Ok(())
    }
}
