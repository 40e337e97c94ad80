//! One row: the figures of a stream or a group at a time, and their least and greatest values since the row before.

use super::Subject;
use crate::model::{Lag, LagExtent, Name, Time, report};
use crate::streams::inspect::{GroupReport, StreamReport};

report! {
    /// The figures of a group, or of a stream, at a time. Where a row has several samples, figures are those of the last
    /// one, and their least and greatest values among those samples that have them stand beside. `None` means unknown, or
    /// that there is no value. What is only a bound is one in the least and the greatest value, too.
    #[derive(Clone, Debug)]
    pub struct HistoryRow {
        /// When the last sample of the row was taken.
        pub at: Time => whole("TIME"),
        /// The group; `None` for a stream.
        pub group: Option<Name> => text("GROUP"),
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Samples in the row.
        pub samples: u64 => number("SAMPLES", wide),
        /// How many of these say that nothing could be observed.
        pub failed: u64 => number("FAILED", wide),
        /// Entries not delivered to the group yet.
        pub lag: Option<Lag> => number("LAG"),
        /// The least lag.
        pub lag_min: Option<Lag> => number("LAG MIN", wide),
        /// The greatest lag.
        pub lag_max: Option<Lag> => number("LAG MAX", wide),
        /// Age of the oldest undelivered entry.
        pub undelivered_age_ms: Option<u64> => millis("BEHIND"),
        /// The greatest such age.
        pub undelivered_age_ms_max: Option<u64> => millis("BEHIND MAX", wide),
        /// Entries delivered and not acknowledged.
        pub pending: Option<u64> => number("PENDING"),
        /// The least number of them.
        pub pending_min: Option<u64> => number("PENDING MIN", wide),
        /// The greatest number of them.
        pub pending_max: Option<u64> => number("PENDING MAX", wide),
        /// Time since the oldest pending entry was last delivered.
        pub oldest_pending_idle_ms: Option<u64> => millis("IDLE", wide),
        /// The greatest such time.
        pub oldest_pending_idle_ms_max: Option<u64> => millis("IDLE MAX", wide),
        /// Live consumers.
        pub live: Option<u64> => number("LIVE"),
        /// The least number of them.
        pub live_min: Option<u64> => number("LIVE MIN", wide),
        /// The greatest number of them.
        pub live_max: Option<u64> => number("LIVE MAX", wide),
        /// Entries added to the stream per minute, as the stream's report says.
        pub added_per_minute: Option<f64> => number("ADDED/MIN") by |row| rate(row.added_per_minute),
        /// The greatest such rate.
        pub added_per_minute_max: Option<f64> => number("ADDED/MIN MAX", wide) by |row| rate(row.added_per_minute_max),
        /// Entries delivered to the group per minute.
        pub delivered_per_minute: Option<f64> => number("READ/MIN") by |row| rate(row.delivered_per_minute),
        /// The least such rate.
        pub delivered_per_minute_min: Option<f64> => number("READ/MIN MIN", wide) by |row| rate(row.delivered_per_minute_min),
        /// The greatest such rate.
        pub delivered_per_minute_max: Option<f64> => number("READ/MIN MAX", wide) by |row| rate(row.delivered_per_minute_max),
        /// Entries in the stream's dead-letter stream.
        pub dead_letters: Option<u64> => number("DEAD"),
        /// The least number of them.
        pub dead_letters_min: Option<u64> => number("DEAD MIN", wide),
        /// The greatest number of them.
        pub dead_letters_max: Option<u64> => number("DEAD MAX", wide),
        /// Entries that the group lost before they were delivered.
        pub lost: Option<Lag> => number("LOST", wide),
        /// How many entries can be added before the group loses one; of a stream, before its slowest group does.
        pub headroom: Option<Lag> => number("ROOM", wide),
        /// The least such number.
        pub headroom_min: Option<Lag> => number("ROOM MIN", wide),
        /// Entries in the stream.
        pub length: Option<u64> => number("LENGTH", wide),
        /// The least number of them.
        pub length_min: Option<u64> => number("LENGTH MIN", wide),
        /// The greatest number of them.
        pub length_max: Option<u64> => number("LENGTH MAX", wide),
        /// The memory that the stream takes.
        pub bytes: Option<u64> => bytes("BYTES", wide),
        /// The last id delivered to the group.
        pub last_delivered_id: Option<crate::model::EntryId> => whole("LAST DELIVERED", wide),
        /// The alerts of the group.
        pub alerts: Vec<String> => text("ALERTS", wide),
    }
}

fn rate(rate: Option<f64>) -> crate::model::Cell {
    rate.map(|rate| format!("{rate:.1}")).into()
}

/// The least and the greatest of some values.
#[derive(Clone, Copy, Debug)]
struct Extent<T>(Option<(T, T)>);

impl<T> Default for Extent<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialOrd + Copy> Extent<T> {
    fn add(&mut self, value: Option<T>) {
        let Some(value) = value else { return };
        self.0 = Some(match self.0 {
            None => (value, value),
            Some((least, greatest)) => (
                if value < least { value } else { least },
                if value > greatest { value } else { greatest },
            ),
        });
    }

    fn least(self) -> Option<T> {
        self.0.map(|it| it.0)
    }

    fn greatest(self) -> Option<T> {
        self.0.map(|it| it.1)
    }
}

/// The samples of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    at: Option<Time>,
    samples: u64,
    failed: u64,
    stream: Option<LastOfStream>,
    group: Option<GroupReport>,
    lag: LagExtent,
    behind: Extent<u64>,
    pending: Extent<u64>,
    idle: Extent<u64>,
    live: Extent<u64>,
    added: Extent<f64>,
    delivered: Extent<f64>,
    dead_letters: Extent<u64>,
    headroom: LagExtent,
    length: Extent<u64>,
}

/// What the last sample says of the stream.
#[derive(Clone, Debug)]
struct LastOfStream {
    rate_per_minute: Option<f64>,
    dead_letters: Option<u64>,
    headroom: Option<Lag>,
    length: Option<u64>,
    bytes: Option<u64>,
}

impl Bucket {
    pub(super) fn add_failed(&mut self, at: Time) {
        self.at = Some(at);
        self.samples += 1;
        self.failed += 1;
    }

    pub(super) fn add_stream(&mut self, at: Time, stream: &StreamReport) {
        self.at = Some(at);
        self.samples += 1;
        self.added.add(stream.rate_per_minute);
        self.dead_letters.add(stream.dead_letters);
        self.headroom.add(stream.headroom);
        self.length.add(stream.length);
        self.stream = Some(LastOfStream {
            rate_per_minute: stream.rate_per_minute,
            dead_letters: stream.dead_letters,
            headroom: stream.headroom,
            length: stream.length,
            bytes: stream.bytes,
        });
    }

    pub(super) fn add_group(&mut self, at: Time, stream: &StreamReport, group: &GroupReport) {
        let headroom = self.headroom;
        self.add_stream(at, stream);
        self.headroom = headroom;
        self.headroom.add(group.headroom);
        self.lag.add(group.lag);
        self.behind.add(group.undelivered_age_ms);
        self.pending.add(group.pending);
        self.idle.add(group.oldest_pending_idle_ms);
        self.live.add(group.live);
        self.delivered.add(group.delivered_per_minute);
        self.group = Some(GroupReport {
            // Rows do not have them, and there may be many.
            consumers: Vec::new(),
            ..group.clone()
        });
    }

    pub(super) fn row(self, subject: &Subject) -> HistoryRow {
        let (group, stream) = (self.group, self.stream);
        let of = group.as_ref();
        let on = stream.as_ref();
        let alerts = of.map(|it| it.alerts.iter().map(|it| it.name.word().to_owned()));
        HistoryRow {
            at: self.at.unwrap_or(Time::from_ms(0)),
            group: subject.group.clone(),
            stream: subject.stream.clone(),
            samples: self.samples,
            failed: self.failed,
            lag: of.and_then(|it| it.lag),
            lag_min: self.lag.least(),
            lag_max: self.lag.greatest(),
            undelivered_age_ms: of.and_then(|it| it.undelivered_age_ms),
            undelivered_age_ms_max: self.behind.greatest(),
            pending: of.and_then(|it| it.pending),
            pending_min: self.pending.least(),
            pending_max: self.pending.greatest(),
            oldest_pending_idle_ms: of.and_then(|it| it.oldest_pending_idle_ms),
            oldest_pending_idle_ms_max: self.idle.greatest(),
            live: of.and_then(|it| it.live),
            live_min: self.live.least(),
            live_max: self.live.greatest(),
            added_per_minute: on.and_then(|it| it.rate_per_minute),
            added_per_minute_max: self.added.greatest(),
            delivered_per_minute: of.and_then(|it| it.delivered_per_minute),
            delivered_per_minute_min: self.delivered.least(),
            delivered_per_minute_max: self.delivered.greatest(),
            dead_letters: on.and_then(|it| it.dead_letters),
            dead_letters_min: self.dead_letters.least(),
            dead_letters_max: self.dead_letters.greatest(),
            lost: of.and_then(|it| it.lost),
            headroom: match of {
                Some(group) => group.headroom,
                None => on.and_then(|it| it.headroom),
            },
            headroom_min: self.headroom.least(),
            length: on.and_then(|it| it.length),
            length_min: self.length.least(),
            length_max: self.length.greatest(),
            bytes: on.and_then(|it| it.bytes),
            last_delivered_id: of.and_then(|it| it.last_delivered_id),
            alerts: alerts.into_iter().flatten().collect(),
        }
    }
}
