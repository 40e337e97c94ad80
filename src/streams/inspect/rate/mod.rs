//! The rate at which entries are added to a stream, from the ids of the newest ones. A rate is used for forecasts, so
//! it needs a window of time; there is none when the entries span too little time or nothing was added lately.

mod probe;

use probe::probed;
use serde::Serialize;

use crate::model::{EntryId, Lag, Name, StreamInfo, Time};
use crate::wire::{Connection, Error, ErrorKind, Ids, allowed, xrevrange_ids};

/// The windows, the more recent one first.
const WINDOWS_MS: [u64; 2] = [60_000, 900_000];
/// Entries that span less time than this allow no forecast for the next hour.
const SPAN_MIN_MS: u64 = 30_000;
/// A pause ends a burst when it is longer than this, and than this many times the usual pause.
const PAUSE_MS: u64 = 15_000;
const PAUSE_GAPS: u64 = 5;

/// The greatest number of entries whose ids are read.
const ENTRIES_MAX: usize = 3000;
/// The greatest number of bytes read, because no server sends ids alone.
const BYTES_MAX: usize = 1 << 20;
/// The greatest size of the first page, approximately, and of the probes together; and its greatest number of entries.
const FIRST_BYTES: usize = 64 << 10;
const FIRST_PAGE: usize = 128;
/// Where a minute has more entries than this, they are counted in a sample of it.
const ONE_BY_ONE_MAX: u64 = 600;
/// The greatest factor by which a page grows over the one before, and the greatest number of its entries.
const GROWTH: usize = 4;
const PAGE_MAX: usize = 1000;

/// How many entries were added in how much time, and the window in which they were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rate {
    /// Entries after the first one.
    entries: u64,
    /// The time from the first to the last entry.
    span_ms: u64,
    /// The window.
    pub(super) window_ms: u64,
}

impl Rate {
    /// Entries per minute, rounded to a tenth.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn per_minute(self) -> f64 {
        let per_ms = self.entries as f64 / self.span_ms as f64;
        (per_ms * 600_000.0).round() / 10.0
    }

    /// The milliseconds until `room` is used up, or a lower bound of that time.
    pub(super) fn time_left(self, room: Lag) -> Option<u64> {
        let (Lag::Known(entries) | Lag::AtLeast(entries)) = room else {
            return None;
        };
        let left_ms = u128::from(entries) * u128::from(self.span_ms) / u128::from(self.entries);
        Some(u64::try_from(left_ms).unwrap_or(u64::MAX))
    }
}

/// The rate at which entries were added to `stream` lately; `None` when it cannot be determined, or the user may not
/// read the stream.
///
/// # Errors
/// Errors of the server.
pub(super) async fn rate(
    connection: &Connection,
    stream: &Name,
    info: &StreamInfo,
    now: Time,
) -> Result<Option<Rate>, Error> {
    match rate_of_entries(connection, stream, info, now).await {
        Err(error) if error.kind == ErrorKind::WrongType => Ok(None),
        rate => Ok(allowed(rate)?.flatten()),
    }
}

async fn rate_of_entries(
    connection: &Connection,
    stream: &Name,
    info: &StreamInfo,
    now: Time,
) -> Result<Option<Rate>, Error> {
    let Some(mut sample) = Sample::begin(info, now) else {
        return Ok(None);
    };
    let [recent, _] = WINDOWS_MS;
    if sample.lacks(info, recent) {
        sample.read_page(connection, stream).await?;
        if sample.lacks(info, recent)
            && sample.would_be_many(recent)
            && let Some(rate) = probed(connection, stream, info, now).await?
        {
            return Ok(Some(rate));
        }
    }
    for window_ms in WINDOWS_MS {
        while sample.lacks(info, window_ms) {
            sample.read_page(connection, stream).await?;
        }
        if let Some(rate) = sample.over(info, window_ms) {
            return Ok(Some(rate));
        }
    }
    Ok(None)
}

/// A sample of ids, from the newest backwards.
#[derive(Debug)]
struct Sample {
    now_ms: u64,
    /// The milliseconds of the ids, newest first.
    ms: Vec<u64>,
    /// Where to continue; `None` at the beginning of the stream.
    next: Option<EntryId>,
    bytes: usize,
    page: usize,
}

impl Sample {
    /// `None` when the newest entry is older than the longest window, or ahead of the clock.
    fn begin(info: &StreamInfo, now: Time) -> Option<Self> {
        let newest = info.last.as_ref()?.id;
        let silent_ms = now.ms.checked_sub(newest.ms)?;
        (silent_ms <= WINDOWS_MS[1]).then_some(Self {
            now_ms: now.ms,
            ms: Vec::new(),
            next: Some(newest),
            bytes: 0,
            page: (FIRST_BYTES / info.entry_bytes().max(1)).clamp(1, FIRST_PAGE),
        })
    }

    /// Whether entries of the window are left to be read, and the limits allow it.
    fn lacks(&self, info: &StreamInfo, window_ms: u64) -> bool {
        let start_ms = self.now_ms.saturating_sub(window_ms);
        // Of a stream that is whole within the window, the server has counted all there is.
        !is_whole(info, start_ms)
            && self.next.is_some()
            && self.ms.last().is_none_or(|oldest| *oldest >= start_ms)
            && self.ms.len() < ENTRIES_MAX
            && self.bytes < BYTES_MAX
            && !self.has_ended(window_ms)
    }

    /// Whether nothing was added for longer than any rate in the window explains, whatever else is in it.
    fn has_ended(&self, window_ms: u64) -> bool {
        let gaps = (self.ms.len() as u64).saturating_sub(1);
        let newest_ms = self.ms.first().copied().unwrap_or(self.now_ms);
        let usual_ms = window_ms.checked_div(gaps);
        usual_ms.is_some_and(|usual_ms| is_pause(self.now_ms.saturating_sub(newest_ms), usual_ms))
    }

    /// Whether the window has more entries than are worth reading one by one, by those that were read.
    fn would_be_many(&self, window_ms: u64) -> bool {
        let oldest_ms = self.ms.last().copied().unwrap_or(self.now_ms);
        let took_ms = self.now_ms.saturating_sub(oldest_ms);
        self.ms.len() as u64 * window_ms > ONE_BY_ONE_MAX * took_ms
    }

    /// Reads one page further back.
    async fn read_page(&mut self, connection: &Connection, stream: &Name) -> Result<(), Error> {
        let Some(from) = self.next else {
            return Ok(());
        };
        let asked = self.page.min(ENTRIES_MAX - self.ms.len());
        let page = xrevrange_ids(stream, from, EntryId::MIN, asked);
        let Ids { ids, bytes } = connection.run(page).await?;
        self.bytes += bytes;
        let entry_bytes = (bytes / ids.len().max(1)).max(1);
        self.page = (BYTES_MAX.saturating_sub(self.bytes) / entry_bytes)
            .min(self.page * GROWTH)
            .clamp(1, PAGE_MAX);
        let last = ids.last().filter(|_| ids.len() >= asked);
        self.next = last.and_then(|id| id.previous());
        self.ms.extend(ids.iter().map(|id| id.ms));
        Ok(())
    }

    /// The rate within the window, from the entries in it that were read.
    fn over(&self, info: &StreamInfo, window_ms: u64) -> Option<Rate> {
        let start_ms = self.now_ms.saturating_sub(window_ms);
        let (entries, newest_ms, oldest_ms) = if is_whole(info, start_ms) {
            let (first, last) = (info.first.as_ref()?, info.last.as_ref()?);
            (info.length, last.id.ms, first.id.ms)
        } else {
            let within = self.ms.partition_point(|ms| *ms >= start_ms);
            let (newest, oldest) = (self.ms.first()?, self.ms[..within].last()?);
            (within as u64, *newest, *oldest)
        };
        let (gaps, span_ms) = (entries.checked_sub(1)?, newest_ms.checked_sub(oldest_ms)?);
        if gaps == 0 || span_ms < SPAN_MIN_MS {
            return None;
        }
        let usual_ms = span_ms / gaps;
        let silent_ms = self.now_ms.checked_sub(newest_ms)?;
        (!is_pause(silent_ms, usual_ms)).then_some(Rate {
            entries: gaps,
            span_ms,
            window_ms,
        })
    }
}

/// Whether a silence is longer than the usual time between two entries explains.
const fn is_pause(silent_ms: u64, usual_ms: u64) -> bool {
    silent_ms > PAUSE_MS && silent_ms > usual_ms.saturating_mul(PAUSE_GAPS)
}

/// Whether all entries of the stream are from `start_ms` or later.
fn is_whole(info: &StreamInfo, start_ms: u64) -> bool {
    info.first.as_ref().is_some_and(|it| it.id.ms >= start_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entry;

    const NOW_MS: u64 = 100_000_000;

    /// The sample for a window in which the entries are this many milliseconds old, newest first, and all of them were
    /// read.
    fn found(ages: impl IntoIterator<Item = u64>, window_ms: u64) -> Option<(f64, u64)> {
        let ms: Vec<u64> = ages.into_iter().map(|age| NOW_MS - age).collect();
        let entry = |ms: Option<&u64>| {
            ms.map(|ms| Entry {
                id: EntryId::new(*ms, 0),
                fields: Vec::new(),
            })
        };
        let info = StreamInfo {
            length: ms.len() as u64,
            last_generated_id: EntryId::MAX,
            max_deleted_id: None,
            entries_added: None,
            first: entry(ms.last()),
            last: entry(ms.first()),
        };
        let mut sample = Sample::begin(&info, Time::from_ms(NOW_MS))?;
        sample.ms = ms;
        let rate = sample.over(&info, window_ms)?;
        Some((rate.per_minute(), rate.window_ms))
    }

    #[test]
    fn a_rate_needs_a_window_of_data_that_ends_now() {
        let every = |step: u64, count: u64| (0..count).map(move |n| n * step);
        assert_eq!(found(every(1000, 1000), 60_000), Some((60.0, 60_000)));
        assert_eq!(found(every(100_000, 9), 60_000), None);
        assert_eq!(found(every(100_000, 9), 900_000), Some((0.6, 900_000)));
        // Three in a few milliseconds, and many in less than half a minute.
        assert_eq!(found([0, 5, 12], 60_000), None);
        assert_eq!(found(every(20, 1400), 60_000), None);
        assert_eq!(found([0], 900_000), None);
        assert_eq!(found([], 900_000), None);
    }

    #[test]
    fn what_ended_has_no_rate_and_what_pauses_keeps_it() {
        let ended = |silent: u64, step: u64| (0..500).map(move |n| silent + n * step);
        assert_eq!(found(ended(10_000, 1000), 60_000), Some((60.0, 60_000)));
        assert_eq!(found(ended(20_000, 1000), 60_000), None);
        assert_eq!(found(ended(20_000, 1000), 900_000), None);
        assert_eq!(found(ended(200_000, 60_000), 900_000), Some((1.0, 900_000)));
        assert_eq!(found(ended(400_000, 60_000), 900_000), None);
    }

    #[test]
    fn a_silence_that_no_rate_explains_ends_the_reading() {
        let sample = |silent: u64, count: u64| Sample {
            now_ms: NOW_MS,
            ms: (0..count).map(|n| NOW_MS - silent - n).collect(),
            next: Some(EntryId::MAX),
            bytes: 0,
            page: 1,
        };
        // If the other entries were as far apart as can be, 100 seconds would be 14 times the time between two.
        assert!(sample(100_000, 128).has_ended(900_000));
        assert!(!sample(100_000, 10).has_ended(900_000));
        assert!(!sample(10_000, 128).has_ended(900_000));
        assert!(!sample(100_000, 1).has_ended(900_000));
    }

    #[test]
    fn room_and_rate_give_a_time() {
        let rate = Rate {
            entries: 60,
            span_ms: 60_000,
            window_ms: 60_000,
        };
        assert_eq!(rate.time_left(Lag::Known(600)), Some(600_000));
        assert_eq!(rate.time_left(Lag::AtLeast(600)), Some(600_000));
        assert_eq!(rate.time_left(Lag::Known(0)), Some(0));
        assert_eq!(rate.time_left(Lag::AtMost(600)), None);
        assert_eq!(rate.time_left(Lag::Unknown), None);
    }
}
