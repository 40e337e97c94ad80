//! Follows what is added to streams, across lost connections, and reports what was trimmed before it could be read.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::gap::{Continuity, Gap, Place};
use super::{Filter, PAGE, Sink, hand_over};
use crate::model::{AdaptiveBatch, Batch, EntryId, Name, StreamInfo};
use crate::streams::patience::{WAITS, passes};
use crate::wire::{Dialer, Error, ErrorKind, Lane, Stop};

/// How long one blocking read waits. A dead connection is noticed after twice this time plus the timeout.
const BLOCK: Duration = Duration::from_secs(2);

/// Hands over the entries that are added to each stream after its place and that match `filter`, without end. After a
/// lost connection it reconnects and continues after the last entry handed over: no entry is handed over twice, and
/// entries that were trimmed before they could be read are reported as a gap.
///
/// # Errors
/// Errors of the server that do not go away by themselves, and those of `sink`.
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

/// The process of a server.
enum Server {
    /// With this run id.
    Known(String),
    /// The user may not ask.
    Unknown,
}

/// A new connection, as soon as there is one.
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
    /// How many entries to request at a time, for all streams together.
    portion: AdaptiveBatch,
    /// Whether entries may have been trimmed since the last read, which is not possible while it waited for entries.
    looks: bool,
    /// Whether the connection was lost and the consequences have not been reported yet.
    is_reconnected: bool,
    /// The process that was read from last; `None` before the first read.
    server: Option<Server>,
    /// Whether the streams were observed in this same process, so that it has lost nothing since.
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

    /// One blocking read and its entries. The streams are observed before it, to find what was trimmed, and after it,
    /// because a waiting read does not notice that its stream was deleted and recreated.
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

    /// The result of a read: the entries, and for each its id, stream and place among them.
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

    /// The streams that no longer exist (`None`) or are not the ones that `places` refer to. Entries that are, or may
    /// be, from a recreated stream are taken out, because that stream is read from its first entry.
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

    /// Observes the streams, and reports missing entries.
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
