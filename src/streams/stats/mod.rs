//! Counts the entries of a stream: how many have each value, how large they are, and when they were added. Reads
//! entries in pages and changes nothing; its memory is limited, whatever the entries contain.

mod distinct;
mod facts;
mod fields;
mod names;
mod rows;
mod sizes;
mod timeline;
mod values;

use std::borrow::Cow;

use anyhow::Result;

use super::dead_letters::DeadLetter;
use super::pending::{percent, share};
use super::read::{Range, read};
use super::tail::{Filter, Unjudged, Verdict};
use super::within::value_of;
use crate::model::{Edge, Entry, EntryId, Fields, Name};
use crate::wire::FieldSlices;
use crate::wire::Lane;
pub use distinct::Distinct;
pub use facts::facts;
pub use fields::FieldRow;
use fields::FieldsFigures;
use names::Names;
pub use rows::{StatsEnd, StatsReport, ValueRow, ValueState};
use sizes::Sizes;
use timeline::Timeline;
pub use timeline::TimelineRow;
use values::{BYTES_MAX, Key, Values};

/// Which entries to count, and by which values.
#[derive(Clone, Debug)]
pub struct StatsQuery {
    /// The stream.
    pub stream: Name,
    /// The first entry.
    pub start: Edge,
    /// The last entry.
    pub end: Edge,
    /// The greatest number of entries that are read: the newest ones.
    pub count_max: u64,
    /// The conditions that an entry must meet.
    pub filter: Filter,
    /// The fields, or paths into their JSON, by whose values entries are counted; empty to count the fields themselves.
    pub by: Vec<Name>,
    /// The greatest number of values that are listed, the most frequent ones.
    pub top: usize,
    /// Whether the entries are dead letters, which also have the names `reason`, `group`, `stream` and `consumer`.
    pub is_dead_letters: bool,
}

/// Receives the progress of the count.
pub trait Watch {
    /// This many more entries were read.
    fn looked_at(&mut self, entries: u64);

    /// An entry was left out because the filter could not be applied to it.
    fn unjudged(&mut self, id: EntryId, why: &Unjudged);
}

/// The number of entries between two reports of progress.
const PROGRESS_STEP: u64 = 500;

/// What was counted so far.
#[derive(Debug)]
pub struct Stats {
    query: StatsQuery,
    places: Vec<Vec<u8>>,
    names: Names,
    end: StatsEnd,
    looked_at: u64,
    entries: u64,
    bytes: u64,
    sizes: Sizes,
    size_max: u64,
    first: Option<EntryId>,
    last: Option<EntryId>,
    timeline: Timeline,
    fields: FieldsFigures,
    values: Values,
    key: Key,
}

impl Stats {
    /// A count that has not begun.
    pub fn new(query: StatsQuery) -> Self {
        let places: Vec<Vec<u8>> = query.by.iter().map(|it| it.as_bytes().to_vec()).collect();
        let conditions = query
            .filter
            .equal
            .iter()
            .map(|it| it.place.as_bytes().to_vec());
        Self {
            names: Names::new(places.iter().cloned().chain(conditions).collect()),
            values: Values::new(places.clone(), BYTES_MAX),
            places,
            query,
            end: StatsEnd::Stopped,
            looked_at: 0,
            entries: 0,
            bytes: 0,
            sizes: Sizes::default(),
            size_max: 0,
            first: None,
            last: None,
            timeline: Timeline::default(),
            fields: FieldsFigures::default(),
            key: Key::default(),
        }
    }

    /// Counts the entries, the newest first. What was counted before an error is kept.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn count(&mut self, lane: &mut Lane, watch: &mut impl Watch) -> Result<()> {
        let stream = self.query.stream.clone();
        let count_max = self.query.count_max;
        let range = Range {
            start: self.query.start,
            end: self.query.end,
            reverse: true,
            // One more tells whether there is more.
            count_max: usize::try_from(count_max.saturating_add(1)).unwrap_or(usize::MAX),
        };
        let read = read(lane, &stream, range, |id, fields| {
            if self.looked_at < count_max {
                self.look(id, fields, watch);
            }
            Ok(())
        });
        self.end = if read.await? > count_max {
            StatsEnd::Limit
        } else {
            StatsEnd::Complete
        };
        Ok(())
    }

    /// The number of entries that were read so far.
    pub const fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// Warnings about requested fields that no entry has.
    pub fn warnings(&self) -> Vec<String> {
        self.names.warnings()
    }

    fn look(&mut self, id: EntryId, fields: &FieldSlices<'_>, watch: &mut impl Watch) {
        self.looked_at += 1;
        if self.looked_at.is_multiple_of(PROGRESS_STEP) {
            watch.looked_at(PROGRESS_STEP);
        }
        if self.query.is_dead_letters {
            let seen = self.as_dead_letter(id, fields);
            let seen: Vec<(&[u8], &[u8])> = seen.iter().map(|it| (&*it.0, &*it.1)).collect();
            self.judge(id, (fields, &seen), watch);
        } else {
            self.judge(id, (fields, fields), watch);
        }
    }

    /// The fields of a dead letter, preceded by the fields of its provenance that were requested by their short names.
    fn as_dead_letter(&self, id: EntryId, fields: &FieldSlices<'_>) -> Fields {
        let owned: Fields = fields
            .iter()
            .map(|it| (it.0.to_vec(), it.1.to_vec()))
            .collect();
        let entry = Entry { id, fields: owned };
        let letter = DeadLetter::of(&self.query.stream, entry);
        let conditions = self.query.filter.equal.iter();
        let places = self.places.iter().map(Vec::as_slice);
        let asked = places.chain(conditions.map(|it| it.place.as_bytes()));
        let mut seen = letter.seen_by(asked);
        let provenance = fields.iter().filter(|(name, _)| name.starts_with(b"_dlq_"));
        seen.extend(provenance.map(|it| (it.0.to_vec(), it.1.to_vec())));
        seen
    }

    /// Counts an entry, which has the fields `seen`, if it matches the filter.
    fn judge(
        &mut self,
        id: EntryId,
        (fields, seen): (&FieldSlices<'_>, &FieldSlices<'_>),
        watch: &mut impl Watch,
    ) {
        self.names.see(seen);
        match self.query.filter.judge(seen) {
            Verdict::Taken => self.take(id, fields, seen),
            Verdict::Left => {}
            Verdict::Unjudged(why) => watch.unjudged(id, &why),
        }
    }

    fn take(&mut self, id: EntryId, fields: &FieldSlices<'_>, seen: &FieldSlices<'_>) {
        let sizes = fields.iter().map(|(name, value)| name.len() + value.len());
        let bytes = sizes.sum::<usize>() as u64;
        self.entries += 1;
        self.bytes += bytes;
        self.sizes.count(bytes);
        self.size_max = self.size_max.max(bytes);
        self.first = Some(self.first.map_or(id, |first| first.min(id)));
        self.last = Some(self.last.map_or(id, |last| last.max(id)));
        self.timeline.count(id.ms, bytes);
        if self.places.is_empty() {
            self.fields.count(fields);
            return;
        }
        self.key.clear();
        for place in &self.places {
            let value: Option<Cow<'_, [u8]>> = value_of(place, seen);
            self.key.push(value.as_deref());
        }
        self.values.count(&self.key, id, bytes);
    }
}
