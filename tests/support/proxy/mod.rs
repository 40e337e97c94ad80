//! A TCP proxy that breaks: between the code under test and a server, on the loopback only.

mod behind;
mod link;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use behind::Behind;
use link::Link;

/// Connections at a time; more are closed at once.
const LINKS_MAX: usize = 128;

/// What a connection's bytes go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Both ways, as they come.
    Pass,
    /// The server gets everything, the client nothing.
    DropReplies,
    /// Nothing moves, and all of it once the mode changes.
    Hold,
    /// The server gets everything; the replies come once the mode changes.
    HoldReplies,
    /// Both ways into nothing.
    BlackHole,
    /// The client is reset once so many bytes of replies have passed.
    CutAfter(usize),
    /// Replies come byte by byte, so far apart.
    Drip(Duration),
    /// Replies come in portions of so many bytes, so far apart.
    Slow {
        /// Of a portion.
        bytes: usize,
        /// Between two.
        pause: Duration,
    },
}

/// How connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a reset.
    Reset,
    /// In order: the end of the stream.
    Close,
}

/// What a proxy has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Bytes from clients that reached the server.
    pub requests: u64,
    /// Bytes from the server that reached clients.
    pub replies: u64,
    /// Bytes swallowed, both ways.
    pub swallowed: u64,
    /// Connections this proxy ended.
    pub ended: u64,
    /// Times that [`Proxy::drop_replies_to`] or [`Proxy::hold_replies_to`] found its request.
    pub found: u64,
}

#[derive(Debug, Default)]
struct Totals {
    accepted: AtomicU64,
    requests: AtomicU64,
    replies: AtomicU64,
    swallowed: AtomicU64,
    ended: AtomicU64,
    found: AtomicU64,
}

/// What the proxy and its links share.
#[derive(Debug)]
struct Shared {
    behind: Behind,
    totals: Totals,
    mode: Mutex<Mode>,
    /// Not owned: a reset is sent when a link's threads let go of it.
    links: Mutex<Vec<Weak<Link>>>,
    /// The request that sets the mode of its connection.
    wanted: Mutex<Option<(Vec<u8>, Mode)>>,
    is_over: AtomicBool,
}

/// A running proxy; its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Proxy {
    /// In front of the server on this unix socket. Passes until told otherwise.
    pub fn before(server: &Path) -> Self {
        Self::at(0, Behind::Socket(server.to_owned()))
    }

    /// In front of a Kafka broker, which tells clients its own address: they are told the proxy's instead, on the same port.
    pub fn before_broker(broker: SocketAddr) -> Self {
        Self::at(broker.port(), Behind::Broker(broker))
    }

    fn at(port: u16, behind: Behind) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            behind,
            totals: Totals::default(),
            mode: Mutex::new(Mode::Pass),
            links: Mutex::default(),
            wanted: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accepting.accept(&listener));
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// The value for `--url` and `$UCP_STREAMS_URL`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All connections, those to come too.
    pub fn set(&self, mode: Mode) {
        *lock(&self.shared.mode) = mode;
        self.set_present(mode);
    }

    /// The connections there are; those to come are as before.
    pub fn set_present(&self, mode: Mode) {
        for link in lock(&self.shared.links).iter().filter_map(Weak::upgrade) {
            link.set(mode);
        }
    }

    /// The connection on which the next request with `text` in it is seen gets no reply to that, nor to anything after.
    /// The text must come in one write.
    pub fn drop_replies_to(&self, text: &str) {
        *lock(&self.shared.wanted) = Some((text.into(), Mode::DropReplies));
    }

    /// As [`Proxy::drop_replies_to`], but the replies come once the mode changes.
    pub fn hold_replies_to(&self, text: &str) {
        *lock(&self.shared.wanted) = Some((text.into(), Mode::HoldReplies));
    }

    /// Ends all connections; how many there were.
    pub fn end_all(&self, how: End) -> usize {
        let links = std::mem::take(&mut *lock(&self.shared.links));
        links
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|link| link.end(how))
            .count()
    }

    /// What it has seen so far.
    pub fn counts(&self) -> Counts {
        let totals = &self.shared.totals;
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Counts {
            accepted: read(&totals.accepted),
            requests: read(&totals.requests),
            replies: read(&totals.replies),
            swallowed: read(&totals.swallowed),
            ended: read(&totals.ended),
            found: read(&totals.found),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.end_all(End::Close);
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.totals.accepted.fetch_add(1, Ordering::Relaxed);
            let mut links = lock(&self.links);
            links.retain(|link| link.strong_count() > 0);
            if links.len() < LINKS_MAX {
                // A server that is not there: the client is disconnected.
                links.extend(Link::open(self, client).ok().as_ref().map(Arc::downgrade));
            }
        }
    }

    /// What becomes of the connection of `request`, if the text that is looked for is in it; it is found once.
    fn wanted_mode(&self, request: &[u8]) -> Option<Mode> {
        let mut wanted = lock(&self.wanted);
        let (_, mode) =
            wanted.take_if(|(text, _)| request.windows(text.len()).any(|part| part == text))?;
        self.totals.found.fetch_add(1, Ordering::Relaxed);
        Some(mode)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
