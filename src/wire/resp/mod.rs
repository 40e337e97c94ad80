//! Reads RESP2 and RESP3 replies in place: one growing buffer and a flat list of nodes that point into it.
//!
//! Nothing is copied out of the buffer; a reply borrows the reader until the next one is requested. Parsing can be
//! resumed, so a reply of many megabytes that arrives in pieces is parsed only once.

mod reply;
#[cfg(test)]
pub(super) mod written;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _};

pub(super) use reply::{Children, Reply, Shape};
use reply::{Slot, Tag};

use super::error::{Error, ErrorKind, Result};

/// Replies longer than this are refused: 512 MiB is the server's own limit for one bulk string.
const REPLY_BYTES_MAX: usize = 1 << 30;
/// Redis never nests replies more deeply than this.
const DEPTH_MAX: usize = 16;
/// What is said of a connection that ended without an error.
pub(super) const CLOSED: &str = "the server closed the connection";
/// The number of bytes in one read from the socket.
const READ_BYTES: usize = 128 * 1024;
/// A buffer that has grown beyond this size is freed once it is empty.
const KEEP_BYTES: usize = 4 << 20;

/// Reads replies from a byte stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    /// Where the reply under construction begins.
    start: usize,
    /// How far it has been parsed.
    position: usize,
    slots: Vec<Slot>,
    /// Lists under construction: their slot, and how many children are still missing.
    open: Vec<(usize, usize)>,
    /// Whether the last reply was returned, so that its bytes can be discarded.
    delivered: bool,
}

impl Reader {
    /// Whether bytes have arrived that no reply has used yet.
    pub(super) fn has_unread(&self) -> bool {
        let used = if self.delivered {
            self.position
        } else {
            self.start
        };
        self.buffer.len() > used
    }

    /// Takes bytes as from a socket.
    pub(super) fn arrived(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next reply, reading from `stream` as needed.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] at end of stream or on an I/O error, [`ErrorKind::Protocol`] for bytes that are not RESP.
    pub(super) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        command: &str,
    ) -> Result<Reply<'_>> {
        while !self.has_reply(command)? {
            let read = poll_fn(|context| self.poll_arrival(stream, context))
                .await
                .map_err(|error| Error::from_io(command, &error))?;
            if read == 0 {
                return Err(Error::new(ErrorKind::Closed, command, CLOSED));
            }
        }
        Ok(self.take())
    }

    /// Takes what has arrived on `stream`, and says how many bytes that is: 0 at its end.
    pub(super) fn poll_arrival<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.buffer.reserve(READ_BYTES);
        pin!(stream.read_buf(&mut self.buffer)).poll(context)
    }

    /// Whether a whole reply has arrived, which [`Reader::take`] returns.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for bytes that are not RESP.
    pub(super) fn has_reply(&mut self, command: &str) -> Result<bool> {
        self.discard_delivered();
        let is_whole = self.parse();
        let is_whole = is_whole.and_then(|it| match self.buffer.len() - self.start {
            REPLY_BYTES_MAX.. if !it => Err("a reply under 1 GiB"),
            _ => Ok(it),
        });
        is_whole.map_err(|expected| Error::shape(command, expected))
    }

    /// The reply that has arrived.
    pub(super) fn take(&mut self) -> Reply<'_> {
        self.delivered = true;
        Reply {
            buffer: &self.buffer,
            slots: &self.slots,
            index: 0,
        }
    }

    fn discard_delivered(&mut self) {
        if !self.delivered {
            return;
        }
        self.delivered = false;
        self.slots.clear();
        self.start = self.position;
        let rest = self.buffer.len() - self.start;
        if rest == 0 {
            if self.buffer.capacity() > KEEP_BYTES {
                self.buffer = Vec::new();
            }
            self.buffer.clear();
            self.start = 0;
        } else if self.start > READ_BYTES.max(rest) {
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(rest);
            self.start = 0;
        }
        self.position = self.start;
    }

    /// Continues to parse what has arrived; `true` when the reply is complete.
    fn parse(&mut self) -> Result<bool, &'static str> {
        loop {
            if !self.slots.is_empty() && self.open.is_empty() {
                return Ok(true);
            }
            let Some(line_end) = find_line_end(&self.buffer[self.position..]) else {
                return Ok(false);
            };
            let Some((&kind, line)) =
                self.buffer[self.position..self.position + line_end].split_first()
            else {
                return Err("a type byte");
            };
            let text_at = self.position + 1;
            let after_line = self.position + line_end + 2;
            match kind {
                b'$' | b'=' | b'!' => match length(line)? {
                    None => self.leaf(Tag::Nil, text_at, 0, after_line),
                    Some(bytes) => {
                        let end = after_line + bytes + 2;
                        if self.buffer.len() < end {
                            return Ok(false);
                        }
                        // A verbatim string begins with its format and a colon: `txt:`.
                        let skip = if kind == b'=' { 4.min(bytes) } else { 0 };
                        let tag = if kind == b'!' { Tag::Error } else { Tag::Text };
                        self.leaf(tag, after_line + skip, bytes - skip, end);
                    }
                },
                b'*' | b'~' | b'>' => self.branch(Tag::List, length(line)?, 1, after_line)?,
                b'%' => self.branch(Tag::Map, length(line)?, 2, after_line)?,
                b':' => self.leaf(Tag::Int, text_at, line.len(), after_line),
                b'+' | b',' | b'(' => self.leaf(Tag::Text, text_at, line.len(), after_line),
                b'-' => self.leaf(Tag::Error, text_at, line.len(), after_line),
                b'_' => self.leaf(Tag::Nil, text_at, 0, after_line),
                b'#' => self.leaf(Tag::Other, text_at, line.len(), after_line),
                _ => return Err("a RESP type byte"),
            }
        }
    }

    fn leaf(&mut self, tag: Tag, at: usize, len: usize, next: usize) {
        self.slots.push(Slot { tag, at, len });
        self.position = next;
        self.close_finished();
    }

    fn branch(
        &mut self,
        tag: Tag,
        count: Option<usize>,
        per_item: usize,
        next: usize,
    ) -> Result<(), &'static str> {
        let Some(count) = count else {
            self.leaf(Tag::Nil, next, 0, next);
            return Ok(());
        };
        let children = count * per_item;
        let index = self.slots.len();
        self.slots.push(Slot {
            tag,
            at: index + 1,
            len: children,
        });
        self.position = next;
        if children == 0 {
            self.close_finished();
        } else if self.open.len() == DEPTH_MAX {
            return Err("a reply less deeply nested");
        } else {
            self.open.push((index, children));
        }
        Ok(())
    }

    /// Counts a finished value in the innermost open list, and so on outwards.
    fn close_finished(&mut self) {
        while let Some((index, missing)) = self.open.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                return;
            }
            self.slots[*index].at = self.slots.len();
            self.open.pop();
        }
    }
}

/// Offset of the `\r\n` that ends the line at the start of `bytes`.
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\r', bytes)?;
    (bytes.get(end + 1) == Some(&b'\n')).then_some(end)
}

/// A line with a length: digits, or `-1` for nil.
fn length(line: &[u8]) -> Result<Option<usize>, &'static str> {
    if line == b"-1" {
        return Ok(None);
    }
    if line.is_empty() || line.len() > 10 {
        return Err("a length");
    }
    let mut value = 0usize;
    for byte in line {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err("a length");
        }
        value = value * 10 + usize::from(digit);
    }
    if value > REPLY_BYTES_MAX {
        return Err("a length under 1 GiB");
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `step` and returns each reply as debug text.
    fn replies(bytes: &[u8], step: usize) -> Result<Vec<String>, &'static str> {
        let mut reader = Reader::default();
        let mut seen = Vec::new();
        for piece in bytes.chunks(step) {
            reader.arrived(piece);
            loop {
                reader.discard_delivered();
                if !reader.parse()? {
                    break;
                }
                reader.delivered = true;
                let reply = Reply {
                    buffer: &reader.buffer,
                    slots: &reader.slots,
                    index: 0,
                };
                seen.push(show(reply));
            }
        }
        Ok(seen)
    }

    fn show(reply: Reply<'_>) -> String {
        match reply.shape() {
            Shape::Nil => "nil".into(),
            Shape::Int(value) => value.to_string(),
            Shape::Bytes(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
            Shape::List(_) | Shape::Map(_) => {
                let inner: Vec<_> = reply.children().map(show).collect();
                format!("[{}]", inner.join(" "))
            }
            Shape::Other => format!("other:{:?}", reply.error_line()),
        }
    }

    const MIXED: &[u8] = b"+OK\r\n:42\r\n$-1\r\n*3\r\n$1\r\na\r\n*0\r\n*2\r\n:1\r\n$4\r\nx\r\ny\r\n%1\r\n+k\r\n_\r\n-ERR no\r\n*-1\r\n=7\r\ntxt:abc\r\n";

    #[test]
    fn every_split_of_the_bytes_gives_the_same_replies() {
        let whole = replies(MIXED, MIXED.len()).expect("parses");
        assert_eq!(
            whole,
            [
                "'OK'",
                "42",
                "nil",
                "['a' [] [1 'x\r\ny']]",
                "['k' nil]",
                "other:Some(\"ERR no\")",
                "nil",
                "'abc'"
            ]
        );
        for step in 1..MIXED.len() {
            assert_eq!(replies(MIXED, step).expect("parses"), whole, "step {step}");
        }
    }

    #[test]
    fn what_is_not_resp_is_an_error() {
        assert!(replies(b"hello\r\n", 7).is_err());
        assert!(replies(b"$abc\r\n", 6).is_err());
        assert!(replies(b"$99999999999\r\n", 14).is_err());
        assert!(replies("*1\r\n".repeat(40).as_bytes(), 400).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(0u8..=255, 0..200), step in 1usize..50) {
            let _ = replies(&bytes, step);
        }
    }
}
