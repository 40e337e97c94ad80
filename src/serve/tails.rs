//! The live tail: one reader of a stream for all who follow it, for as long as anyone does.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;
use axum::http::StatusCode;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::refusal::Refusal;
use crate::model::{Edge, EntryId, Name};
use crate::streams::tail::{Filter, Gap, Sink, Unjudged, Window, follow, history};
use crate::wire::Dialer;
use crate::wire::FieldSlices;

/// How many messages a slow follower may be behind until it misses some. They are kept once for all who follow.
const BEHIND_MAX: usize = 128;
/// How many may follow at a time. Each may have a pattern of its own, which takes memory.
const FOLLOWERS_MAX: usize = 128;
/// The size from which on entries that were read at once are sent as one message: a burst is not lost on those who keep
/// up, and what is kept for those who do not is bounded.
const MESSAGE_BYTES: usize = 64 * 1024;

/// What is told to one who follows a stream.
#[derive(Debug)]
pub(super) enum Told {
    /// An entry.
    Entry(Arc<Entry>),
    /// So many entries, or other news, came faster than they were taken.
    Missed(u64),
    /// Entries are missing here.
    Gap(Gap),
    /// It cannot go on.
    Failed(Arc<str>),
}

/// What a reader sends to all who follow.
#[derive(Clone, Debug)]
struct Message {
    /// How many entries were sent before it.
    before: u64,
    news: News,
}

#[derive(Clone, Debug)]
enum News {
    Entries(Arc<[Arc<Entry>]>),
    Gap(Gap),
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
    /// The places of those who follow.
    places: Arc<Semaphore>,
    /// The present reader of each stream. It ends with the last who follows.
    present: Arc<Mutex<HashMap<Name, Weak<Reader>>>>,
}

/// Whether a reader stands at the end of its stream, so that it misses nothing from now on; `None` while it is on its way.
type Place = Option<Result<(), Arc<str>>>;

/// A reader that runs for as long as somebody holds this.
#[derive(Debug)]
struct Reader {
    sender: broadcast::Sender<Message>,
    /// How many entries were sent.
    sent: Arc<AtomicU64>,
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
    _place: OwnedSemaphorePermit,
    receiver: broadcast::Receiver<Message>,
    /// How many entries were sent up to here.
    heard: u64,
    /// What was received and not told yet.
    waiting: VecDeque<Told>,
}

impl Following {
    /// What comes next; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Told> {
        let mut lost = 0;
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Some(told);
            }
            match self.receiver.recv().await {
                Ok(message) => self.take(message, std::mem::take(&mut lost)),
                Err(RecvError::Lagged(messages)) => lost += messages,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Takes a message before which so many were lost.
    fn take(&mut self, message: Message, lost: u64) {
        if lost > 0 {
            let entries = message.before.saturating_sub(self.heard);
            self.waiting
                .push_back(Told::Missed(if entries > 0 { entries } else { lost }));
        }
        self.heard = message.before;
        match message.news {
            News::Entries(entries) => {
                self.heard += entries.len() as u64;
                self.waiting
                    .extend(entries.iter().cloned().map(Told::Entry));
            }
            News::Gap(gap) => self.waiting.push_back(Told::Gap(gap)),
            News::Failed(error) => self.waiting.push_back(Told::Failed(error)),
        }
    }
}

impl Tails {
    /// Over connections of `dialer`.
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            places: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            present: Arc::default(),
        }
    }

    /// Follows `stream` from now on: what is added after this returns is told.
    pub(super) async fn follow(&self, stream: &Name) -> Result<Following, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let text = format!("{FOLLOWERS_MAX} follow streams here already");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .hint("ask again when another has left")
        })?;
        let reader = self.reader(stream);
        let following = Following {
            receiver: reader.sender.subscribe(),
            heard: reader.sent.load(Ordering::Relaxed),
            waiting: VecDeque::new(),
            _reader: Arc::clone(&reader),
            _place: place,
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
        let channel = Channel::new(sender.clone());
        let sent = Arc::clone(&channel.sent);
        let reading = read(self.dialer.clone(), stream.clone(), channel, stands);
        let reader = Arc::new(Reader {
            sender,
            sent,
            place,
            task: tokio::spawn(reading),
        });
        present.insert(stream.clone(), Arc::downgrade(&reader));
        reader
    }
}

async fn read(dialer: Dialer, stream: Name, mut channel: Channel, stands: watch::Sender<Place>) {
    if let Err(error) = follow_one(&dialer, stream, &mut channel, &stands).await {
        let error: Arc<str> = format!("{error:#}").into();
        channel.send(News::Failed(Arc::clone(&error)));
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

/// The way to all who follow.
struct Channel {
    sender: broadcast::Sender<Message>,
    sent: Arc<AtomicU64>,
    /// What was read and not sent yet, and its size.
    read: Vec<Arc<Entry>>,
    bytes: usize,
}

impl Channel {
    fn new(sender: broadcast::Sender<Message>) -> Self {
        Self {
            sender,
            sent: Arc::default(),
            read: Vec::new(),
            bytes: 0,
        }
    }

    /// Sends what was read, and then this. Nobody may be there to hear it.
    fn send(&mut self, news: News) {
        self.send_read();
        let before = self.sent.load(Ordering::Relaxed);
        let _ = self.sender.send(Message { before, news });
    }

    fn send_read(&mut self) {
        if self.read.is_empty() {
            return;
        }
        let entries: Arc<[_]> = std::mem::take(&mut self.read).into();
        self.bytes = 0;
        let before = self.sent.fetch_add(entries.len() as u64, Ordering::Relaxed);
        let news = News::Entries(entries);
        let _ = self.sender.send(Message { before, news });
    }
}

impl Sink for Channel {
    fn entry(&mut self, _: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()> {
        let sizes = fields.iter().map(|(name, value)| name.len() + value.len());
        self.bytes += sizes.sum::<usize>();
        let fields = fields
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        let fields = fields.collect();
        self.read.push(Arc::new(Entry { id, fields }));
        if self.bytes >= MESSAGE_BYTES {
            self.send_read();
        }
        Ok(())
    }

    fn unjudged(&mut self, _: usize, _: EntryId, _: &Unjudged) -> Result<()> {
        // The reader takes everything.
        Ok(())
    }

    fn gap(&mut self, _: usize, gap: &Gap) -> Result<()> {
        self.send(News::Gap(*gap));
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        self.send_read();
        Ok(())
    }

    fn note(&mut self, text: &str) {
        tracing::info!("tail: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn following(channel: &Channel) -> Following {
        Following {
            _reader: Arc::new(Reader {
                sender: channel.sender.clone(),
                sent: Arc::clone(&channel.sent),
                place: watch::channel(None).1,
                task: tokio::spawn(std::future::pending()),
            }),
            _place: { Arc::new(Semaphore::new(1)).try_acquire_owned() }.expect("a place"),
            receiver: channel.sender.subscribe(),
            heard: channel.sent.load(Ordering::Relaxed),
            waiting: VecDeque::new(),
        }
    }

    fn read(channel: &mut Channel, ids: std::ops::Range<u64>, value: &[u8]) {
        for ms in ids {
            let id = EntryId { ms, seq: 0 };
            channel
                .entry(0, id, &[(&b"n"[..], value)])
                .expect("it is sent");
        }
        channel.pause().expect("it is sent");
    }

    #[tokio::test]
    async fn a_burst_is_told_whole_and_what_is_missed_is_counted_in_entries() {
        let mut channel = Channel::new(broadcast::channel(BEHIND_MAX).0);
        read(&mut channel, 0..3, b"before anybody follows");
        let mut following = following(&channel);
        // Many more than messages are kept, at once.
        read(&mut channel, 3..2_000, b"v");
        for ms in 3..2_000 {
            let told = following.next().await;
            assert!(
                matches!(&told, Some(Told::Entry(it)) if it.id.ms == ms),
                "{told:?}"
            );
        }
        // Each of these is a message of its own; the first ones are gone.
        let large = vec![b'x'; MESSAGE_BYTES];
        read(&mut channel, 2_000..2_000 + BEHIND_MAX as u64 + 5, &large);
        let told = following.next().await;
        assert!(matches!(told, Some(Told::Missed(5))), "{told:?}");
        let told = following.next().await;
        assert!(
            matches!(&told, Some(Told::Entry(it)) if it.id.ms == 2_005),
            "{told:?}"
        );
    }
}
