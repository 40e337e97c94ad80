//! The report of the count.

use super::distinct::Distinct;
use super::values::Counted;
use super::{FieldRow, Stats, TimelineRow, percent, share};
use crate::model::{Body, Cell, Edge, EntryId, Name, Time, Tone, report, states};

/// The shortest time in milliseconds for which a rate is calculated.
const WINDOW_MIN_MS: u64 = 1000;

states! {
    /// Why no more entries were read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum StatsEnd {
        /// All entries of the range were read.
        Complete = "all of the range" in Ok,
        /// The limit was reached: these are the newest entries of the range.
        Limit = "the newest of the range, up to the limit" in Warn,
        /// The command was stopped: these are the newest entries of the range.
        Stopped = "the newest of the range, read before it was stopped" in Warn,
    }
}

states! {
    /// What the entries of a row have in common.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ValueState {
        /// The entries share these values; a field that is not listed is missing in all of them.
        Shared = "shared" in Plain,
        /// The entries have none of the fields.
        NoSuchField = "no such field" in Plain,
        /// All other entries, with less frequent values.
        Other = "other" in Dim,
    }
}

report! {
    /// Entries that share the values of some fields.
    #[derive(Clone, Debug)]
    pub struct ValueRow {
        /// The values they share.
        pub fields: Body => text("VALUES") by Self::fields_cell,
        /// What the entries of the row have in common.
        pub state: ValueState => whole("STATE", wide),
        /// Whether only the beginning of a value is shown, because it is longer than 1,024 bytes. Such values are
        /// distinguished by their length and a hash of the whole value.
        pub is_cut: bool => whole("CUT", wide),
        /// The number of different values in this row: more than one only in the row of the other values.
        pub distinct: Distinct => number("DISTINCT", wide),
        /// The number of entries with these values. A lower bound when `uncounted_max` is not 0.
        pub entries: u64 => number("ENTRIES") by Self::entries_cell,
        /// The greatest number of further entries that can have these values: entries that were added to the row of the
        /// other values while there was no memory to count these values.
        pub uncounted_max: u64 => number("UNCOUNTED", wide),
        /// The share of these entries among all that were counted.
        pub share_percent: f64 => number("SHARE") by |it| percent(it.share_percent),
        /// The number of these entries that were added per minute; `None` when the time they span is shorter than a
        /// second.
        pub rate_per_minute: Option<f64> => number("PER MIN") by |it| Cell::rate(it.rate_per_minute),
        /// The total size of their names and values.
        pub bytes: u64 => bytes("BYTES"),
        /// Half of these entries are at most this large, to within 2 percent; `None` for the row of the other values.
        pub size_p50_bytes: Option<u64> => bytes("~P50", wide),
        /// 99 of 100 of these entries are at most this large, to within 2 percent; `None` for the row of the other
        /// values.
        pub size_p99_bytes: Option<u64> => bytes("~P99"),
        /// The first of these entries; `None` for the row of the other values.
        pub first_id: Option<EntryId> => whole("FIRST ID", wide),
        /// When this entry was added.
        pub first_time: Option<Time> => whole("FIRST TIME", wide),
        /// The last of these entries; `None` for the row of the other values.
        pub last_id: Option<EntryId> => whole("LAST ID", wide),
        /// When this entry was added.
        pub last_time: Option<Time> => whole("LAST TIME", wide),
        /// The time since the last one was added, by the server's clock.
        pub last_age_ms: Option<u64> => millis("LAST"),
    }
}

report! {
    /// The result of counting a stream's entries.
    #[derive(Clone, Debug)]
    pub struct StatsReport {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The length of the stream; `None` when the user may not read it.
        pub length: Option<u64> => number("LENGTH", unknown),
        /// Entries that were looked at.
        pub looked_at: u64 => number("LOOKED AT"),
        /// Why no more entries were read.
        pub end: StatsEnd => whole("WHICH ARE"),
        /// The number of entries that were counted, because they match the conditions.
        pub entries: u64 => number("ENTRIES"),
        /// The total size of their names and values.
        pub bytes: u64 => bytes("BYTES"),
        /// Half of these entries are at most this large, to within 2 percent.
        pub size_p50_bytes: Option<u64> => bytes("~P50"),
        /// 99 of 100 of these entries are at most this large, to within 2 percent.
        pub size_p99_bytes: Option<u64> => bytes("~P99"),
        /// The size of the largest of these entries.
        pub size_max_bytes: Option<u64> => bytes("LARGEST"),
        /// The first of these entries.
        pub first_id: Option<EntryId> => whole("FIRST ID"),
        /// When this entry was added.
        pub first_time: Option<Time> => whole("FIRST TIME"),
        /// The last of these entries.
        pub last_id: Option<EntryId> => whole("LAST ID"),
        /// When this entry was added.
        pub last_time: Option<Time> => whole("LAST TIME"),
        /// The time that the entries span: from the start of the range, or else from the first entry, to the end of the
        /// range, or else to the last entry.
        pub window_ms: u64 => millis("WITHIN"),
        /// The number of entries that were added per minute; `None` when this time is shorter than a second.
        pub rate_per_minute: Option<f64> => number("PER MIN") by |it| Cell::rate(it.rate_per_minute),
        /// The number of different values; `None` without --by.
        pub distinct: Option<Distinct> => number("DISTINCT"),
        /// The greatest number of entries with a value that is not listed, when there was no memory to count every
        /// value; 0 when all values were counted.
        pub uncounted_max: u64 => number("UNCOUNTED"),
        /// The entries by their values, the most frequent value first; `None` without --by.
        pub values: Option<Vec<ValueRow>>,
        /// The fields of the entries, those with the most bytes first; `None` with --by.
        pub fields: Option<Vec<FieldRow>>,
        /// Entries over time.
        pub timeline: Vec<TimelineRow>,
    }
}

impl ValueRow {
    fn fields_cell(&self) -> Cell {
        let cell = Cell::from(self.fields.clone());
        match self.state {
            ValueState::Shared if self.is_cut => cell.noted(Tone::Plain, "cut"),
            ValueState::Shared => cell,
            ValueState::NoSuchField => Cell::Nothing.shown_as(Tone::Dim, "(no such field)"),
            ValueState::Other => {
                let Distinct {
                    values,
                    is_estimate,
                } = self.distinct;
                let about = if is_estimate { "~" } else { "" };
                let values = match values {
                    1 => "1 other value".to_owned(),
                    many => format!("{many} other values"),
                };
                Cell::Brief(format!("({about}{values})"), Box::new(Cell::Nothing))
            }
        }
    }

    fn entries_cell(&self) -> Cell {
        match (self.state, self.uncounted_max) {
            (ValueState::Other, 1..) => Cell::AtMost(self.entries),
            (_, 1..) => Cell::AtLeast(self.entries),
            (_, 0) => self.entries.into(),
        }
    }
}

/// A rate with one decimal.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(entries: u64, window_ms: u64) -> Option<f64> {
    let per_minute = entries as f64 * 60_000.0 / window_ms.max(1) as f64;
    (window_ms >= WINDOW_MIN_MS).then(|| (per_minute * 10.0).round() / 10.0)
}

impl Stats {
    /// The report of the count, at the time `now` of the server's clock, for a stream with `length` entries.
    pub fn report(&self, now: Time, length: Option<u64>) -> StatsReport {
        let window_ms = self.window_ms(now);
        let is_by_values = !self.places.is_empty();
        let of = |id: Option<EntryId>| (id, id.and_then(EntryId::time));
        let ((first_id, first_time), (last_id, last_time)) = (of(self.first), of(self.last));
        StatsReport {
            stream: self.query.stream.clone(),
            length,
            looked_at: self.looked_at,
            end: self.end,
            entries: self.entries,
            bytes: self.bytes,
            size_p50_bytes: self.sizes.percentile(50),
            size_p99_bytes: self.sizes.percentile(99),
            size_max_bytes: self.first.map(|_| self.size_max),
            first_id,
            first_time,
            last_id,
            last_time,
            window_ms,
            rate_per_minute: rate(self.entries, window_ms),
            distinct: is_by_values.then(|| self.values.distinct()),
            uncounted_max: self.values.uncounted_max(),
            values: is_by_values.then(|| self.value_rows(now, window_ms)),
            fields: (!is_by_values).then(|| self.fields.rows()),
            timeline: self.timeline.rows(),
        }
    }

    /// The time that the entries span: that of the range when the range was given by times and all of it was read.
    fn window_ms(&self, now: Time) -> u64 {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return 0;
        };
        let asked_from = match self.query.start {
            Edge::Id(id) if id.ms > 0 && self.end == StatsEnd::Complete => Some(id.ms),
            _ => None,
        };
        let to = match self.query.end {
            Edge::Id(id) if id.ms < u64::MAX => id.ms.min(now.ms).max(last.ms),
            _ if asked_from.is_some() => now.ms.max(last.ms),
            _ => last.ms,
        };
        to - asked_from.unwrap_or(first.ms).min(to)
    }

    /// The most frequent values, and one row for all others.
    fn value_rows(&self, now: Time, window_ms: u64) -> Vec<ValueRow> {
        let listed = self.values.most_frequent(self.query.top);
        let mut others = (self.entries, self.bytes);
        for row in &listed {
            others.0 -= row.entries.min(others.0);
            others.1 -= row.bytes.min(others.1);
        }
        let all = self.values.distinct();
        let unlisted = all.values.saturating_sub(listed.len() as u64);
        let row = |counted| self.value_row(counted, now, window_ms);
        let mut rows: Vec<ValueRow> = listed.into_iter().map(row).collect();
        if others.0 > 0 {
            rows.push(ValueRow {
                fields: Body::default(),
                state: ValueState::Other,
                is_cut: false,
                // An estimate can be less than what is listed.
                distinct: Distinct {
                    values: unlisted.max(1),
                    ..all
                },
                entries: others.0,
                uncounted_max: self.values.uncounted_max(),
                share_percent: share(others.0, self.entries),
                rate_per_minute: rate(others.0, window_ms),
                bytes: others.1,
                size_p50_bytes: None,
                size_p99_bytes: None,
                first_id: None,
                first_time: None,
                last_id: None,
                last_time: None,
                last_age_ms: None,
            });
        }
        rows
    }

    fn value_row(&self, counted: Counted, now: Time, window_ms: u64) -> ValueRow {
        let Counted { first, last, .. } = counted;
        ValueRow {
            state: if counted.fields.is_empty() {
                ValueState::NoSuchField
            } else {
                ValueState::Shared
            },
            fields: Body::from(counted.fields),
            is_cut: counted.is_cut,
            distinct: Distinct {
                values: 1,
                is_estimate: false,
            },
            entries: counted.entries,
            uncounted_max: counted.uncounted_max,
            share_percent: share(counted.entries, self.entries),
            rate_per_minute: rate(counted.entries, window_ms),
            bytes: counted.bytes,
            size_p50_bytes: counted.sizes.percentile(50),
            size_p99_bytes: counted.sizes.percentile(99),
            first_id: Some(first),
            first_time: first.time(),
            last_id: Some(last),
            last_time: last.time(),
            last_age_ms: now.ms.checked_sub(last.ms),
        }
    }
}
