//! The live tail: one reader of the streams for all who follow, for as long as anyone does.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;
use tokio::sync::broadcast;

use crate::model::{Edge, EntryId, Name};
use crate::streams::tail::{Filter, Gap, Sink, Unjudged, Window, follow, history};
use crate::wire::Dialer;
use crate::wire::decode::FieldSlices;

/// How many messages a slow reader may be behind until it misses some.
const BEHIND_MAX: usize = 1024;

/// What is told to those who follow.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// An entry of the stream with this index.
    Entry(usize, Arc<Entry>),
    /// Entries of the stream with this index are missing here.
    Gap(usize, Arc<Gap>),
    /// It cannot go on.
    Failed(Arc<str>),
}

/// An entry, as it was read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The reader of some streams.
#[derive(Clone, Debug)]
pub(super) struct Tails {
    dialer: Dialer,
    streams: Arc<[Name]>,
    /// The channel of the present reader. It ends with the last who follows.
    present: Arc<Mutex<Weak<Reader>>>,
}

/// A reader that runs for as long as somebody holds this.
#[derive(Debug)]
struct Reader {
    sender: broadcast::Sender<Told>,
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
    /// Of these streams.
    pub(super) fn new(dialer: Dialer, streams: Vec<Name>) -> Self {
        Self {
            dialer,
            streams: streams.into(),
            present: Arc::default(),
        }
    }

    /// The index of a stream.
    pub(super) fn place(&self, stream: &Name) -> Option<usize> {
        self.streams.iter().position(|it| it == stream)
    }

    /// Follows from now on.
    pub(super) fn follow(&self) -> Following {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let running = present.upgrade().filter(|it| !it.task.is_finished());
        let reader = running.unwrap_or_else(|| {
            let (sender, _) = broadcast::channel(BEHIND_MAX);
            let task = tokio::spawn(read(
                self.dialer.clone(),
                Arc::clone(&self.streams),
                sender.clone(),
            ));
            Arc::new(Reader { sender, task })
        });
        *present = Arc::downgrade(&reader);
        Following {
            receiver: reader.sender.subscribe(),
            _reader: reader,
        }
    }
}

async fn read(dialer: Dialer, streams: Arc<[Name]>, sender: broadcast::Sender<Told>) {
    let mut channel = Channel(sender);
    if let Err(error) = follow_all(&dialer, &streams, &mut channel).await {
        channel.tell(Told::Failed(format!("{error:#}").into()));
    }
}

async fn follow_all(dialer: &Dialer, streams: &[Name], channel: &mut Channel) -> Result<()> {
    let window = Window {
        entries: None,
        since: Some(Edge::FromEnd(0)),
        filter: Filter::default(),
    };
    let mut lane = dialer.lane().await?;
    let places = history(&mut lane, streams, &window, channel).await?;
    follow(dialer, lane, streams, places, &window.filter, channel).await
}

struct Channel(broadcast::Sender<Told>);

impl Channel {
    /// Nobody may be there to hear it.
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Sink for Channel {
    fn entry(&mut self, stream: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        let entry = Entry {
            id,
            fields: fields.collect(),
        };
        self.tell(Told::Entry(stream, Arc::new(entry)));
        Ok(())
    }

    fn unjudged(&mut self, _: usize, _: EntryId, _: &Unjudged) -> Result<()> {
        // The reader takes everything.
        Ok(())
    }

    fn gap(&mut self, stream: usize, gap: &Gap) -> Result<()> {
        self.tell(Told::Gap(stream, Arc::new(*gap)));
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }

    fn note(&mut self, text: &str) {
        tracing::info!("tail: {text}");
    }
}
