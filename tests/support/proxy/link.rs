//! One connection through the proxy: two threads, one for each direction.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::behind::Connection;
use super::{End, Mode, Shared, lock};

const PIECE: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    client: TcpStream,
    server: Connection,
    mode: Mutex<Mode>,
    changed: Condvar,
    has_ended: AtomicBool,
    /// Replies passed since the mode was set.
    passed: Mutex<usize>,
}

impl Link {
    pub(super) fn open(shared: &Arc<Shared>, client: TcpStream) -> io::Result<Arc<Self>> {
        client.set_nodelay(true)?;
        let server = shared.behind.connect()?;
        let link = Arc::new(Self {
            shared: Arc::clone(shared),
            client,
            server,
            mode: Mutex::new(*lock(&shared.mode)),
            changed: Condvar::new(),
            has_ended: AtomicBool::new(false),
            passed: Mutex::new(0),
        });
        let requests = Arc::clone(&link);
        thread::spawn(move || requests.pump_requests());
        let replies = Arc::clone(&link);
        thread::spawn(move || replies.pump_replies());
        Ok(link)
    }

    pub(super) fn set(&self, mode: Mode) {
        *lock(&self.passed) = 0;
        *lock(&self.mode) = mode;
        self.changed.notify_all();
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Ends both sides; whether they had not ended before.
    pub(super) fn end(&self, how: End) -> bool {
        if self.has_ended.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.shared.totals.ended.fetch_add(1, Ordering::Relaxed);
        let side = match how {
            End::Close => Shutdown::Both,
            // The reset is sent when the last owner closes the socket; shutting down its writing half would send an
            // orderly end first.
            End::Reset => {
                let _ = set_socket_linger(&self.client, Some(Duration::ZERO));
                Shutdown::Read
            }
        };
        let _ = self.client.shutdown(side);
        let _ = self.server.shutdown(Shutdown::Both);
        self.changed.notify_all();
        true
    }

    /// One side ended by itself: so does the other.
    fn side_ended(&self) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            let _ = self.client.shutdown(Shutdown::Both);
            let _ = self.server.shutdown(Shutdown::Both);
            self.changed.notify_all();
        }
    }

    fn pump_requests(&self) {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = (&self.client).read(&mut piece) {
            let request = &piece[..length];
            if let Some(mode) = self.shared.wanted_mode(request) {
                self.set(mode);
            }
            if self.mode_after(&[Mode::Hold]) == Mode::BlackHole {
                self.swallow(length);
                continue;
            }
            add(&self.shared.totals.requests, length);
            if self.server.write_all(request).is_err() {
                break;
            }
        }
        self.side_ended();
    }

    fn pump_replies(&self) {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = self.server.read(&mut piece) {
            self.shared.behind.disguise(&mut piece[..length]);
            if self.reply(&piece[..length]).is_err() {
                break;
            }
        }
        self.side_ended();
    }

    fn reply(&self, mut reply: &[u8]) -> io::Result<()> {
        // When the next byte may go. A machine that wakes this late does not make the drip slower.
        let mut due = Instant::now();
        while !reply.is_empty() {
            let length = match self.mode_after(&[Mode::Hold, Mode::HoldReplies]) {
                Mode::BlackHole | Mode::DropReplies => {
                    self.swallow(reply.len());
                    return Ok(());
                }
                Mode::CutAfter(limit) => {
                    let left = limit.saturating_sub(*lock(&self.passed));
                    if left == 0 {
                        self.end(End::Reset);
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                    left.min(reply.len())
                }
                Mode::Drip(pause) => {
                    due += pause;
                    self.await_change(Mode::Drip(pause), due);
                    1
                }
                Mode::Slow { bytes, pause } => {
                    due += pause;
                    self.await_change(Mode::Slow { bytes, pause }, due);
                    bytes.min(reply.len())
                }
                Mode::Pass | Mode::Hold | Mode::HoldReplies => reply.len(),
            };
            // Counted first: whoever has received it may look.
            *lock(&self.passed) += length;
            add(&self.shared.totals.replies, length);
            (&self.client).write_all(&reply[..length])?;
            reply = &reply[length..];
        }
        Ok(())
    }

    /// The mode, once it is none of these.
    fn mode_after(&self, held: &[Mode]) -> Mode {
        let mode = lock(&self.mode);
        let is_held = |mode: &mut Mode| held.contains(mode) && !self.has_ended();
        *self
            .changed
            .wait_while(mode, is_held)
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until `due`, and no longer than this mode lasts.
    fn await_change(&self, mode: Mode, due: Instant) {
        let is_the_same = |now: &mut Mode| *now == mode && !self.has_ended();
        let left = due.saturating_duration_since(Instant::now());
        let now = lock(&self.mode);
        drop(self.changed.wait_timeout_while(now, left, is_the_same));
    }

    fn swallow(&self, length: usize) {
        add(&self.shared.totals.swallowed, length);
    }
}

fn add(total: &AtomicU64, length: usize) {
    total.fetch_add(length as u64, Ordering::Relaxed);
}
