//! The live tail: one reader of a stream for all who follow it, for as long as anyone does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;
use axum::http::StatusCode;
use tokio::sync::{broadcast, watch};

use super::refusal::Refusal;
use crate::model::{Edge, EntryId, Name};
use crate::streams::tail::{Filter, Gap, Sink, Unjudged, Window, follow, history};
use crate::wire::Dialer;
use crate::wire::FieldSlices;

/// How many messages a slow reader may be behind until it misses some. They are kept once for all who follow.
const BEHIND_MAX: usize = 128;

/// What is told to those who follow a stream.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// An entry.
    Entry(Arc<Entry>),
    /// Entries are missing here.
    Gap(Gap),
    /// It cannot go on.
    Failed(Arc<str>),
}

/// An entry, as it was read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The readers of streams. A stream that cannot be read keeps nobody from another.
#[derive(Clone, Debug)]
pub(super) struct Tails {
    dialer: Dialer,
    /// The present reader of each stream. It ends with the last who follows.
    present: Arc<Mutex<HashMap<Name, Weak<Reader>>>>,
}

/// Whether a reader stands at the end of its stream, so that it misses nothing from now on; `None` while it is on its way.
type Place = Option<Result<(), Arc<str>>>;

/// A reader that runs for as long as somebody holds this.
#[derive(Debug)]
struct Reader {
    sender: broadcast::Sender<Told>,
    place: watch::Receiver<Place>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One who follows.
#[derive(Debug)]
pub(super) struct Following {
    _reader: Arc<Reader>,
    receiver: broadcast::Receiver<Told>,
}

impl Following {
    /// What comes next; the number of messages that were missed by being too slow; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Told, u64>> {
        match self.receiver.recv().await {
            Ok(told) => Some(Ok(told)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Tails {
    /// Over connections of `dialer`.
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            present: Arc::default(),
        }
    }

    /// Follows `stream` from now on: what is added after this returns is told.
    pub(super) async fn follow(&self, stream: &Name) -> Result<Following, Refusal> {
        let reader = self.reader(stream);
        let following = Following {
            receiver: reader.sender.subscribe(),
            _reader: Arc::clone(&reader),
        };
        let mut place = reader.place.clone();
        let stands = place.wait_for(Option::is_some).await.map(|it| it.clone());
        match stands {
            Ok(Some(Ok(()))) => Ok(following),
            Ok(Some(Err(error))) => {
                let text = format!("stream `{stream}` cannot be followed: {error}");
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text))
            }
            _ => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is stopping",
            )),
        }
    }

    fn reader(&self, stream: &Name) -> Arc<Reader> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let running = present.get(stream).and_then(Weak::upgrade);
        if let Some(reader) = running.filter(|it| !it.task.is_finished()) {
            return reader;
        }
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        let (stands, place) = watch::channel(None);
        let reading = read(self.dialer.clone(), stream.clone(), sender.clone(), stands);
        let reader = Arc::new(Reader {
            sender,
            place,
            task: tokio::spawn(reading),
        });
        present.insert(stream.clone(), Arc::downgrade(&reader));
        reader
    }
}

async fn read(
    dialer: Dialer,
    stream: Name,
    sender: broadcast::Sender<Told>,
    stands: watch::Sender<Place>,
) {
    let mut channel = Channel(sender);
    if let Err(error) = follow_one(&dialer, stream, &mut channel, &stands).await {
        let error: Arc<str> = format!("{error:#}").into();
        channel.tell(Told::Failed(Arc::clone(&error)));
        let _ = stands.send(Some(Err(error)));
    }
}

async fn follow_one(
    dialer: &Dialer,
    stream: Name,
    channel: &mut Channel,
    stands: &watch::Sender<Place>,
) -> Result<()> {
    let window = Window {
        entries: None,
        since: Some(Edge::FromEnd(0)),
        filter: Filter::default(),
    };
    let streams = [stream];
    let mut lane = dialer.lane().await?;
    let places = history(&mut lane, &streams, &window, channel).await?;
    let _ = stands.send(Some(Ok(())));
    follow(dialer, lane, &streams, places, &window.filter, channel).await
}

struct Channel(broadcast::Sender<Told>);

impl Channel {
    /// Nobody may be there to hear it.
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Sink for Channel {
    fn entry(&mut self, _: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        let entry = Entry {
            id,
            fields: fields.collect(),
        };
        self.tell(Told::Entry(Arc::new(entry)));
        Ok(())
    }

    fn unjudged(&mut self, _: usize, _: EntryId, _: &Unjudged) -> Result<()> {
        // The reader takes everything.
        Ok(())
    }

    fn gap(&mut self, _: usize, gap: &Gap) -> Result<()> {
        self.tell(Told::Gap(*gap));
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }

    fn note(&mut self, text: &str) {
        tracing::info!("tail: {text}");
    }
}
