//! What pending entries have in common: their idle times, their delivery counts, and the values they share. Pure.

use std::collections::HashMap;

use super::super::within::value_of;
use crate::model::{Body, Cell, Fields, Name, PendingEntry, Tone, is_fatal, report, states};

/// The upper limits of the idle times in milliseconds, with their labels; the last has no limit.
const IDLE: [(&str, u64); 7] = [
    ("under 1s", 1000),
    ("1s to 10s", 10_000),
    ("10s to 1m", 60_000),
    ("1m to 5m", 300_000),
    ("5m to 1h", 3_600_000),
    ("1h to 1d", 86_400_000),
    ("1d or more", u64::MAX),
];

/// The upper limits of the delivery counts, inclusive.
const DELIVERIES: [(&str, u64); 7] = [
    ("1", 1),
    ("2", 2),
    ("3", 3),
    ("4", 4),
    ("5", 5),
    ("6 to 10", 10),
    ("more than 10", u64::MAX),
];

report! {
    /// One bar of a histogram.
    #[derive(Clone, Debug, PartialEq)]
    pub struct HistogramRow {
        /// The range.
        pub range: &'static str => whole("RANGE"),
        /// Entries in it.
        pub entries: u64 => number("ENTRIES"),
        /// The share of these entries among all that were read.
        pub share_percent: f64 => number("SHARE") by |it| percent(it.share_percent),
    }
}

/// Entries by idle time and by deliveries.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    idle: [u64; IDLE.len()],
    given_back: u64,
    deliveries: [u64; DELIVERIES.len()],
    fatal: u64,
}

impl Histogram {
    pub(super) fn count(&mut self, entry: &PendingEntry) {
        match entry.idle_ms {
            Some(idle_ms) => {
                let place = IDLE.iter().position(|(_, below)| idle_ms < *below);
                self.idle[place.unwrap_or(IDLE.len() - 1)] += 1;
            }
            None => self.given_back += 1,
        }
        if is_fatal(entry.deliveries) {
            self.fatal += 1;
            return;
        }
        let place = DELIVERIES
            .iter()
            .position(|(_, most)| entry.deliveries <= *most);
        self.deliveries[place.unwrap_or(DELIVERIES.len() - 1)] += 1;
    }

    /// The rows by idle time, and those by delivery count.
    pub(super) fn rows(&self) -> (Vec<HistogramRow>, Vec<HistogramRow>) {
        let all = self.deliveries.iter().sum::<u64>() + self.fatal;
        let rows = |ranges: &[(&'static str, u64)], counts: &[u64]| {
            let pairs = ranges.iter().zip(counts);
            pairs
                .map(|((range, _), entries)| row(range, *entries, all))
                .collect::<Vec<_>>()
        };
        let mut idle = rows(&IDLE, &self.idle);
        if self.given_back > 0 {
            idle.push(row("given back", self.given_back, all));
        }
        let mut deliveries = rows(&DELIVERIES, &self.deliveries);
        if self.fatal > 0 {
            deliveries.push(row("fatal", self.fatal, all));
        }
        (idle, deliveries)
    }
}

fn row(range: &'static str, entries: u64, all: u64) -> HistogramRow {
    HistogramRow {
        range,
        entries,
        share_percent: share(entries, all),
    }
}

/// Percent with one decimal.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
pub(in crate::streams) fn share(entries: u64, all: u64) -> f64 {
    (entries as f64 * 1000.0 / all.max(1) as f64).round() / 10.0
}

states! {
    /// What the entries of a cluster have in common.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ClusterState {
        /// The entries share these values; a field that is not listed is missing in all of them.
        Shared = "shared" in Plain,
        /// The bodies of the entries were trimmed.
        Trimmed = "trimmed" in Bad,
        /// All other entries, with less frequent values.
        Other = "other" in Dim,
    }
}

report! {
    /// The entries that share the values of some fields.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Cluster {
        /// The values they share.
        pub fields: Body => text("SHARED") by Self::fields_cell,
        /// What they have in common.
        pub state: ClusterState => whole("STATE", wide) by |it| it.state.word().into(),
        /// Number of entries.
        pub entries: u64 => number("ENTRIES"),
        /// The share of these entries among all that were read.
        pub share_percent: f64 => number("SHARE") by |it| percent(it.share_percent),
    }
}

/// Counts entries by the values of some fields.
#[derive(Debug)]
pub(in crate::streams) struct Clusters {
    by: Vec<Vec<u8>>,
    counts: HashMap<Fields, u64>,
    trimmed: u64,
}

impl Clusters {
    pub(in crate::streams) fn new(by: &[Name]) -> Self {
        Self {
            by: by.iter().map(|name| name.as_bytes().to_vec()).collect(),
            counts: HashMap::new(),
            trimmed: 0,
        }
    }

    pub(in crate::streams) fn count(&mut self, body: Option<&Fields>) {
        let Some(body) = body else {
            self.trimmed += 1;
            return;
        };
        let pair = |place: &Vec<u8>| Some((place.clone(), value_of(place, body)?.into_owned()));
        let values: Fields = self.by.iter().filter_map(pair).collect();
        *self.counts.entry(values).or_default() += 1;
    }

    /// The most frequent first, at most `shown_max`; one more row counts the rest.
    pub(in crate::streams) fn rows(self, shown_max: usize) -> Vec<Cluster> {
        let all = self.counts.values().sum::<u64>() + self.trimmed;
        let cluster = |state, fields, entries| Cluster {
            state,
            fields: Body::from(fields),
            entries,
            share_percent: share(entries, all),
        };
        let mut counts: Vec<(Fields, u64)> = self.counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let other = counts.split_off(counts.len().min(shown_max));
        let other: u64 = other.iter().map(|(_, entries)| entries).sum();
        let mut rows: Vec<Cluster> = counts
            .into_iter()
            .map(|(fields, entries)| cluster(ClusterState::Shared, fields, entries))
            .collect();
        for (state, entries) in [
            (ClusterState::Other, other),
            (ClusterState::Trimmed, self.trimmed),
        ] {
            if entries > 0 {
                rows.push(cluster(state, Vec::new(), entries));
            }
        }
        rows
    }
}

/// A share as it is shown.
pub(in crate::streams) fn percent(share: f64) -> Cell {
    format!("{share:.1}%").into()
}

impl Cluster {
    fn fields_cell(&self) -> Cell {
        match self.state {
            ClusterState::Shared if self.fields.fields.is_empty() => {
                Cell::Nothing.shown_as(Tone::Dim, "(no such field)")
            }
            ClusterState::Shared => self.fields.clone().into(),
            ClusterState::Trimmed => Cell::Nothing.shown_as(Tone::Bad, "(trimmed)"),
            ClusterState::Other => Cell::Nothing.shown_as(Tone::Dim, "(other values)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryId, Name};

    #[test]
    fn every_entry_is_in_one_bar_of_each_histogram() {
        let mut histogram = Histogram::default();
        let mut count = |idle_ms, deliveries| {
            histogram.count(&PendingEntry {
                id: EntryId::MIN,
                consumer: Name::from("c"),
                idle_ms,
                deliveries,
            });
        };
        count(Some(999), 1);
        count(Some(1000), 6);
        count(Some(u64::MAX), 10);
        count(None, u64::MAX);
        let (idle, deliveries) = histogram.rows();
        let of = |rows: &[HistogramRow]| rows.iter().map(|row| row.entries).collect::<Vec<_>>();
        assert_eq!(of(&idle), [1, 1, 0, 0, 0, 0, 1, 1]);
        assert_eq!(of(&deliveries), [1, 0, 0, 0, 0, 2, 0, 1]);
        assert!((idle[0].share_percent - 25.0).abs() < f64::EPSILON);
    }

    #[test]
    fn clusters_are_by_all_named_fields_the_most_frequent_first() {
        let mut clusters = Clusters::new(&["type".into(), "brand".into()]);
        let body = |pairs: &[(&str, &str)]| -> Fields {
            let bytes = |text: &str| text.as_bytes().to_vec();
            pairs.iter().map(|(n, v)| (bytes(n), bytes(v))).collect()
        };
        let sale = body(&[("id", "1"), ("type", "sale"), ("brand", "7")]);
        clusters.count(Some(&body(&[("type", "view")])));
        clusters.count(Some(&sale));
        clusters.count(Some(&sale));
        clusters.count(None);
        let rows = clusters.rows(20);
        assert_eq!(rows[0].fields.fields, sale[1..]);
        assert_eq!((rows[0].entries, rows[1].entries), (2, 1));
        assert_eq!(rows[2].state, ClusterState::Trimmed);
    }

    #[test]
    fn rare_values_are_one_cluster() {
        let mut clusters = Clusters::new(&["n".into()]);
        for n in 0..30 {
            clusters.count(Some(&vec![(b"n".to_vec(), vec![n])]));
        }
        let rows = clusters.rows(20);
        assert_eq!(rows.len(), 21);
        assert_eq!(rows[20].state, ClusterState::Other);
        assert_eq!(rows[20].entries, 10);
    }
}
