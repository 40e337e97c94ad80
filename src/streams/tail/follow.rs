//! What is added to streams from now on, across lost connections, and what was cut before it could be read.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::gap::{Continuity, Gap, Place};
use super::{Filter, PAGE, Sink, hand_over};
use crate::model::{AdaptiveBatch, Batch, EntryId, Name, StreamInfo};
use crate::streams::patience::{WAITS, passes};
use crate::wire::{Dialer, Error, ErrorKind, Lane, Stop};

/// How long one blocking read waits; also how soon a dead connection is noticed, twice this and the timeout.
const BLOCK: Duration = Duration::from_secs(2);

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
        portion: AdaptiveBatch::new(PAGE),
        looks: true,
        is_reconnected: false,
        server: None,
        is_same_server: true,
    };
    loop {
        let failed = match follower.step(&mut lane, sink).await {
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

fn tell(sink: &mut impl Sink, stream: usize, gap: &Gap) -> Result<(), Stop> {
    sink.gap(stream, gap).map_err(Stop::Sink)?;
    sink.pause().map_err(Stop::Sink)
}

/// An entry's id, the index of its stream, and its place in a batch.
type BatchPlace = (EntryId, usize, usize);

/// A server process.
enum Server {
    /// With this run id.
    Known(String),
    /// The user may not ask.
    Unknown,
}

/// A new lane, as soon as there is one to be had.
async fn again(dialer: &Dialer) -> Result<Lane, Error> {
    let mut waits = WAITS.waits();
    loop {
        match dialer.lane().await {
            Ok(lane) => return Ok(lane),
            Err(error) if !passes(&error) => return Err(error),
            Err(_) => sleep(waits.failed()).await,
        }
    }
}

/// Several streams and how far each was read.
struct Follower<'s> {
    streams: &'s [Name],
    places: Vec<Place>,
    filter: &'s Filter,
    /// Entries to ask for at a time, of all streams together.
    portion: AdaptiveBatch,
    /// Whether something may have been cut since the last read: not while that waited for entries.
    looks: bool,
    /// Whether the connection was lost, and what that cost is not said yet.
    is_reconnected: bool,
    /// The process that was read from last; `None` before the first.
    server: Option<Server>,
    /// Whether the streams were looked at in this very process: then it has lost nothing since.
    is_same_server: bool,
}

impl Follower<'_> {
    async fn step(&mut self, lane: &mut Lane, sink: &mut impl Sink) -> Result<(), Stop> {
        if self.server.is_none() || self.is_reconnected {
            let server = match lane.run_id().await? {
                Some(run_id) => Server::Known(run_id),
                None => Server::Unknown,
            };
            self.is_same_server = match (&self.server, &server) {
                (None, _) => true,
                (Some(Server::Known(before)), Server::Known(now)) => before == now,
                _ => false,
            };
            self.server = Some(server);
        }
        self.poll(lane, sink).await
    }

    /// One blocking read and what it brought. The streams are looked at before it, for what was cut, and after it, since
    /// a read that waits does not notice that the stream it waits for is another one by now.
    async fn poll(&mut self, lane: &mut Lane, sink: &mut impl Sink) -> Result<(), Stop> {
        let asked: Vec<(&Name, EntryId)> = self
            .streams
            .iter()
            .zip(self.places.iter().map(|place| place.position))
            .collect();
        if self.looks {
            lane.push_looks(self.streams);
        }
        let count = (self.portion.at_a_time() / self.streams.len()).max(1);
        lane.push_read(&asked, count, BLOCK);
        lane.push_looks(self.streams);
        lane.flush().await?;
        if self.looks {
            self.look(lane, sink).await?;
        }
        // Read from where they are no longer read: their entries come again, from the new place on.
        let moved: Vec<bool> = asked
            .iter()
            .zip(&self.places)
            .map(|((_, asked), place)| place.position < *asked)
            .collect();
        let (batch, mut places) = self.entries(lane, &asked).await?;
        places.retain(|(_, stream, _)| !moved[*stream]);
        let others = self.others(lane, &mut places).await?;
        self.hand_over(&batch, places, sink).map_err(Stop::Sink)?;
        for (stream, info) in others {
            let place = &mut self.places[stream];
            let missing = match info {
                Some(info) => Continuity::Missing(place.begin_again(&info)),
                None => place.gone(),
            };
            if let Continuity::Missing(gap) = missing {
                self.looks = true;
                tell(sink, stream, &gap)?;
            }
        }
        Ok(())
    }

    /// What a read brought: the entries, and for each its id, stream and place among them.
    async fn entries(
        &mut self,
        lane: &mut Lane,
        asked: &[(&Name, EntryId)],
    ) -> Result<(Batch, Vec<BatchPlace>), Stop> {
        let mut batch = Batch::default();
        let mut places: Vec<BatchPlace> = Vec::new();
        lane.entries(asked, BLOCK, |stream, id, fields| {
            places.push((id, stream, batch.len()));
            batch.push(id, fields);
            Ok(())
        })
        .await?;
        self.looks = !places.is_empty();
        self.portion
            .brought(self.portion.at_a_time(), batch.len(), batch.bytes());
        Ok((batch, places))
    }

    /// The streams that are gone (`None`) or are others than those that `places` were to be read from. Entries that
    /// are, or may be, of a new one are taken out: it is read from its first.
    async fn others(
        &self,
        lane: &mut Lane,
        places: &mut Vec<BatchPlace>,
    ) -> Result<Vec<(usize, Option<StreamInfo>)>, Stop> {
        let mut looked: Vec<Result<StreamInfo, Error>> = Vec::with_capacity(self.streams.len());
        lane.looks(self.streams.len(), |_, info| looked.push(info))
            .await?;
        let mut others = Vec::new();
        for (stream, info) in looked.into_iter().enumerate() {
            let mut place = self.places[stream];
            let read = places.iter().filter(|(_, of, _)| *of == stream);
            read.for_each(|(id, _, _)| place.read(*id));
            match info {
                Ok(info) if self.is_same_server && place.is_another(&info) => {
                    let newest = info.last_generated_id;
                    places.retain(|(id, of, _)| *of != stream || *id > newest);
                    others.push((stream, Some(info)));
                }
                Err(error) if error.kind == ErrorKind::NoKey => others.push((stream, None)),
                // What is wrong with it, the next read says.
                _ => {}
            }
        }
        Ok(others)
    }

    /// Hands over a reply's entries, each with its id, stream and place in `batch`.
    fn hand_over(
        &mut self,
        batch: &Batch,
        mut places: Vec<BatchPlace>,
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
            hand_over(self.filter, sink, (stream, id), &fields)?;
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
                Ok(info) => place.look(&info, self.is_same_server),
                Err(error) if error.kind == ErrorKind::NoKey => place.gone(),
                // Whoever may read may not be allowed to look.
                Err(error) if error.kind.is_refusal() => Continuity::Unknown,
                Err(error) => return Err(error.into()),
            };
            match look {
                Continuity::Whole => {}
                Continuity::Unknown => is_known = false,
                Continuity::Missing(gap) => {
                    has_gaps = true;
                    tell(sink, stream, &gap)?;
                }
                Continuity::Shorter(newest) => {
                    is_known = false;
                    sink.note(&format!(
                        "`{}` now ends at {newest}, before what was read: it was recreated, or the server lost its \
                         newest entries; continuing after {newest}",
                        self.streams[stream]
                    ));
                }
            }
        }
        // From here on, for as long as the connection lasts.
        self.is_same_server = true;
        if std::mem::take(&mut self.is_reconnected) {
            sink.note(match (has_gaps, is_known) {
                (true, _) => "reconnected; entries were trimmed before they were read",
                (false, true) => "reconnected; nothing was missed",
                (false, false) => "reconnected; whether entries were missed is unknown",
            });
        }
        Ok(())
    }
}
