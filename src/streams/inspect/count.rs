//! Counts entries when the server's figures are not reliable, at a bounded cost whatever the stream holds.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::model::{EntryId, Lag, Name};
use crate::wire::{Connection, Error, ErrorKind, Extent, allowed, xrange_extent};

/// The greatest number of entries counted for one group.
pub(super) const ENTRIES_MAX: u64 = 10_000;
/// The greatest number of bytes read for one group.
const BYTES_MAX: usize = 4 << 20;
/// The time that one group may take, after its first pages.
const TIME_MAX: Duration = Duration::from_millis(100);
/// The time that all groups of a command may take together.
const TIME_MAX_IN_ALL: Duration = Duration::from_secs(2);

/// The number of pages that are read however long they take, so that a slow network or a busy machine does not hide
/// what a few round trips can tell.
const PAGES_MIN: usize = 3;

/// The size of the first page, in entries, before their size is known.
const FIRST_PAGE: usize = 32;
/// The size that a page should have, in bytes.
const PAGE_BYTES: usize = 256 << 10;
/// The greatest number of entries in a page, which bounds how long one read occupies the server.
const PAGE_MAX: usize = 1000;
/// The greatest factor by which a page grows over the one before.
const GROWTH: usize = 8;

/// The range of entries to count.
#[derive(Clone, Copy, Debug)]
pub(in crate::streams) struct Range<'a> {
    pub(in crate::streams) stream: &'a Name,
    /// The id before the first entry.
    pub(in crate::streams) after: EntryId,
    /// The last id.
    pub(in crate::streams) to: EntryId,
    /// The approximate size of an entry.
    pub(in crate::streams) entry_bytes: usize,
}

/// Counts for the groups of one command, one group at a time, so that memory does not grow with their number.
#[derive(Debug, Default)]
pub(in crate::streams) struct Counter {
    spent: Mutex<Duration>,
}

impl Counter {
    /// Counts the entries of the range, up to `count_max`. When a limit ends the count, it is a lower bound. It is
    /// unknown when the user may not read the stream or no time is left.
    ///
    /// # Errors
    /// Errors of the server.
    pub(super) async fn count(
        &self,
        connection: &Connection,
        range: Range<'_>,
        count_max: u64,
    ) -> Result<Lag, Error> {
        let mut spent = self.spent.lock().await;
        let left = TIME_MAX_IN_ALL.saturating_sub(*spent);
        if left.is_zero() {
            return Ok(Lag::Unknown);
        }
        let began = Instant::now();
        let deadline = began + TIME_MAX.min(left);
        let counted = count(connection, range, count_max, deadline).await;
        *spent += began.elapsed();
        counted
    }

    /// As [`Counter::count`], as many as are counted at most.
    ///
    /// # Errors
    /// Errors of the server.
    pub(in crate::streams) async fn count_usual(
        &self,
        connection: &Connection,
        range: Range<'_>,
    ) -> Result<Lag, Error> {
        self.count(connection, range, ENTRIES_MAX).await
    }
}

async fn count(
    connection: &Connection,
    range: Range<'_>,
    count_max: u64,
    deadline: Instant,
) -> Result<Lag, Error> {
    let Range { stream, to, .. } = range;
    let (mut entries, mut bytes, mut pages) = (0, 0, 0);
    let mut page = (PAGE_BYTES / range.entry_bytes.max(1)).clamp(1, FIRST_PAGE);
    let mut next = range.after.next();
    while let Some(start) = next.filter(|start| *start <= to) {
        let left = count_max - entries;
        let is_late = pages >= PAGES_MIN && Instant::now() >= deadline;
        if left == 0 || bytes >= BYTES_MAX || is_late {
            return Ok(Lag::AtLeast(entries));
        }
        let asked = page.min(usize::try_from(left).unwrap_or(usize::MAX));
        let answer = connection.run(xrange_extent(stream, start, to, asked));
        let got = match answer.await {
            // Deleted meanwhile, with everything in it.
            Err(error) if error.kind == ErrorKind::WrongType => return Ok(Lag::Unknown),
            answer => match allowed(answer)? {
                Some(got) => got,
                None => return Ok(Lag::Unknown),
            },
        };
        entries += got.entries as u64;
        bytes += got.bytes;
        pages += 1;
        page = next_page(page, got);
        next = got
            .last
            .and_then(EntryId::next)
            .filter(|_| got.entries >= asked);
    }
    Ok(Lag::Known(entries))
}

/// How many entries to request after a page, so that the next one has about the wanted size.
fn next_page(page: usize, got: Extent) -> usize {
    let entry_bytes = (got.bytes / got.entries.max(1)).max(1);
    (PAGE_BYTES / entry_bytes)
        .min(page.saturating_mul(GROWTH))
        .clamp(1, PAGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_the_sizes_that_were_seen() {
        let got = |entries, bytes| Extent {
            entries,
            bytes,
            last: None,
        };
        assert_eq!(next_page(32, got(32, 32 * 200)), 256);
        assert_eq!(next_page(256, got(256, 256 * 200)), 1000);
        assert_eq!(next_page(32, got(32, 32 << 20)), 1);
        assert_eq!(next_page(32, got(0, 0)), 256);
    }
}
