//! Reads a range of a stream page by page; the next page is requested while the present one is handed out.

use memchr::memmem::Finder;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::decode::{self, FieldSlices};
use super::encode::{push_arg, push_header, push_id, push_number};
use super::error::{Error, Result};
use super::lane::{Lane, Stop, no_reply};
use super::resp::Reply;
use crate::model::{AdaptiveBatch, EntryId, Name};

/// A range of a stream, including both ends.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    /// The least id.
    pub start: EntryId,
    /// The greatest id.
    pub end: EntryId,
    /// Whether to read from the end to the start.
    pub reverse: bool,
    /// The greatest number of entries.
    pub count_max: usize,
    /// The greatest number of entries in a page; fewer if they are large.
    pub page: usize,
}

impl Scan {
    /// All of a stream.
    pub const ALL: Self = Self {
        start: EntryId::MIN,
        end: EntryId::MAX,
        reverse: false,
        count_max: usize::MAX,
        page: 1000,
    };

    fn command(self) -> &'static str {
        if self.reverse { "XREVRANGE" } else { "XRANGE" }
    }

    /// The first and the last id of the range, in its own direction.
    fn ends(self) -> (EntryId, EntryId) {
        if self.reverse {
            (self.end, self.start)
        } else {
            (self.start, self.end)
        }
    }

    /// The rest of the range after `last`; `None` when nothing is left.
    fn after(self, last: EntryId) -> Option<EntryId> {
        let next = if self.reverse {
            last.previous()
        } else {
            last.next()
        };
        next.filter(|id| (self.start..=self.end).contains(id))
    }
}

/// Receives what a scan reads.
pub trait Taker {
    /// Bytes that every wanted entry contains somewhere. The entries of a page without them are only counted.
    fn needle(&self) -> Option<&[u8]> {
        None
    }

    /// A page was read: it has this many entries, and this is its last id.
    fn page(&mut self, _entries: usize, _last: Option<EntryId>) {}

    /// The next entry.
    ///
    /// # Errors
    /// The error that ends the scan.
    fn entry(&mut self, id: EntryId, fields: &FieldSlices<'_>) -> Result<(), Stop>;
}

/// One who takes every entry.
struct Each<F>(F);

impl<F: FnMut(EntryId, &FieldSlices<'_>) -> Result<(), Stop>> Taker for Each<F> {
    fn entry(&mut self, id: EntryId, fields: &FieldSlices<'_>) -> Result<(), Stop> {
        (self.0)(id, fields)
    }
}

/// The number of entries in a page, and the id of the last one.
fn extent(command: &str, reply: Reply<'_>) -> Result<(usize, Option<EntryId>)> {
    let mut last = None;
    let mut count = 0;
    for item in reply.children() {
        count += 1;
        last = Some(item);
    }
    let Some(item) = last else {
        return Ok((0, None));
    };
    let id = item
        .children()
        .next()
        .ok_or_else(|| Error::shape(command, "an id and its fields"))?;
    Ok((count, Some(decode::id(command, id)?)))
}

fn push_page(out: &mut Vec<u8>, stream: &Name, range: Scan, from: EntryId, count: usize) {
    push_header(out, 6);
    push_arg(out, range.command().as_bytes());
    push_arg(out, stream.as_bytes());
    push_id(out, from);
    push_id(out, range.ends().1);
    push_arg(out, b"COUNT");
    push_number(out, count as u64);
}

/// Passes the entries of a page to `taker`.
fn hand_out(command: &str, reply: Reply<'_>, taker: &mut impl Taker) -> Result<(), Stop> {
    let mut stopped = Ok(());
    decode::entries(command, reply, |id, fields| {
        if stopped.is_ok() {
            stopped = taker.entry(id, fields.unwrap_or_default());
        }
        Ok(())
    })?;
    stopped
}

impl Lane {
    /// Calls `each` with every entry from `start` to `end`, at most `count_max`, in pages of at most `page` entries
    /// and about two megabytes, so that memory does not grow with the range. The next page is requested before the
    /// present one is handed out.
    ///
    /// # Errors
    /// Errors of the server or of `each`.
    pub async fn scan(
        &mut self,
        stream: &Name,
        range: Scan,
        each: impl FnMut(EntryId, &FieldSlices<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.search(stream, range, &mut Each(each)).await
    }

    /// As [`Lane::scan`], for a receiver that wants only a few of the entries.
    ///
    /// # Errors
    /// Whatever the server answers or `taker` returns.
    pub async fn search(
        &mut self,
        stream: &Name,
        range: Scan,
        taker: &mut impl Taker,
    ) -> Result<(), Stop> {
        self.search_settling(stream, range, taker, async |_| Ok(()))
            .await
    }

    /// As [`Lane::search`], and awaits `settle` after each page, for a receiver that has to wait for something else. The
    /// next page waits meanwhile where it was sent to.
    ///
    /// # Errors
    /// Whatever the server answers, `taker` or `settle` returns.
    pub async fn search_settling<T: Taker>(
        &mut self,
        stream: &Name,
        range: Scan,
        taker: &mut T,
        settle: impl AsyncFnMut(&mut T) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let scanned = self.scan_pages(stream, range, taker, settle).await;
        scanned.map_err(|stop| match stop {
            Stop::Wire(error) => error.about(Some(stream)).into(),
            Stop::Sink(error) => Stop::Sink(error),
        })
    }

    async fn scan_pages<T: Taker>(
        &mut self,
        stream: &Name,
        range: Scan,
        taker: &mut T,
        mut settle: impl AsyncFnMut(&mut T) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let command = range.command();
        let finder = taker
            .needle()
            .map(|needle| Finder::new(needle).into_owned());
        let mut left = range.count_max;
        let mut portion = AdaptiveBatch::new(range.page);
        if left == 0 || range.start > range.end {
            return Ok(());
        }
        let mut asked = left.min(portion.at_a_time());
        push_page(&mut self.out, stream, range, range.ends().0, asked);
        loop {
            self.flush().await?;
            let reply =
                match timeout(self.deadline, self.reader.next(&mut self.stream, command)).await {
                    Ok(reply) => reply?,
                    Err(_) => return Err(no_reply(command, self.deadline).into()),
                };
            if let Some(line) = reply.error_line() {
                return Err(Error::from_server_line(command, &line).into());
            }
            let (got, last) = extent(command, reply)?;
            left -= got.min(left);
            portion.brought(asked, got, reply.bytes());
            let more = got >= asked && left > 0;
            let next = last.filter(|_| more).and_then(|last| range.after(last));
            if let Some(next) = next {
                asked = left.min(portion.at_a_time());
                push_page(&mut self.out, stream, range, next, asked);
                // Not `flush()`: the reply borrows the reader. TLS holds bytes back until it is flushed.
                let written = async {
                    self.stream.write_all(&self.out).await?;
                    self.stream.flush().await
                };
                match timeout(self.deadline, written).await {
                    Ok(Ok(())) => self.out.clear(),
                    Ok(Err(error)) => return Err(Error::from_io(command, &error).into()),
                    Err(_) => return Err(no_reply(command, self.deadline).into()),
                }
            }
            taker.page(got, last);
            if finder.as_ref().is_none_or(|finder| reply.holds(finder)) {
                hand_out(command, reply, taker)?;
            }
            settle(taker).await?;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}
