//! What entries of a stream have in common and what they take: how many there are of each value, how large they are, when
//! they came. Reads entries in pages and changes nothing; memory is bounded, whatever is in them.

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
use crate::wire::Lane;
use crate::wire::decode::FieldSlices;
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

/// Which entries, and by what to count them.
#[derive(Clone, Debug)]
pub struct StatsQuery {
    /// The stream.
    pub stream: Name,
    /// The first entry.
    pub start: Edge,
    /// The last entry.
    pub end: Edge,
    /// Look at this many at most, the newest.
    pub count_max: u64,
    /// Only those it takes.
    pub filter: Filter,
    /// Fields, or places within their JSON, by whose values to count; none for the fields themselves.
    pub by: Vec<Name>,
    /// Values to list at most, the most frequent.
    pub top: usize,
    /// Whether the entries are dead letters, which have the names `reason`, `group`, `stream` and `consumer` besides.
    pub is_dead_letters: bool,
}

/// What is told while entries are looked at.
pub trait Watch {
    /// So many more were looked at.
    fn looked_at(&mut self, entries: u64);

    /// An entry that the filter could not judge is left out.
    fn unjudged(&mut self, id: EntryId, why: &Unjudged);
}

/// Entries that are looked at between two words of progress.
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
    /// Nothing yet.
    pub fn new(query: StatsQuery) -> Self {
        let places: Vec<Vec<u8>> = query.by.iter().map(|it| it.as_bytes().to_vec()).collect();
        let conditions = query.filter.equal.iter().map(|it| it.place.clone());
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

    /// Counts the entries, the newest first. What was counted stays where this ends early.
    ///
    /// # Errors
    /// What the server says.
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

    /// Entries that were looked at so far.
    pub const fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// What is said of fields that were asked for and that no entry has.
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

    /// The fields of a dead letter, before them those of its provenance that are asked for by their short names.
    fn as_dead_letter(&self, id: EntryId, fields: &FieldSlices<'_>) -> Fields {
        let owned: Fields = fields
            .iter()
            .map(|it| (it.0.to_vec(), it.1.to_vec()))
            .collect();
        let entry = Entry { id, fields: owned };
        let letter = DeadLetter::of(&self.query.stream, entry);
        let conditions = self.query.filter.equal.iter();
        let asked = self.places.iter().chain(conditions.map(|it| &it.place));
        let mut seen = letter.seen_by(asked.map(Vec::as_slice));
        let provenance = fields.iter().filter(|(name, _)| name.starts_with(b"_dlq_"));
        seen.extend(provenance.map(|it| (it.0.to_vec(), it.1.to_vec())));
        seen
    }

    /// Counts an entry, which is seen as `seen`, where the filter takes it.
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
