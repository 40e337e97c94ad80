//! Counts entries by the values of some fields, with a limit on memory. As long as all values fit, every count is
//! exact. Beyond that the values with the fewest entries make room for new ones (the Space-Saving algorithm): what is
//! counted of a value is then a lower bound, and how many entries it can miss is known. Pure.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use super::distinct::{Distinct, DistinctValues, hash_of};
use super::sizes::{CLASS_BYTES, Sizes};
use crate::model::{EntryId, Fields};

/// The limit on the memory for all values and their figures.
pub(super) const BYTES_MAX: usize = 32 << 20;
/// The memory that a value takes in addition to its bytes: its counter, and its places in the map and in the order.
const OVERHEAD: usize = size_of::<Counter>() + 128;

/// The longest value, in bytes, that is kept as a whole.
const WHOLE_MAX: usize = 1024;
/// The number of bytes of a longer value that are kept, with its length and its hash.
const KEPT: usize = 256;

/// Marks in a key: the field is missing, its value is kept as a whole, or its value is cut.
const ABSENT: u8 = 0;
const WHOLE: u8 = 1;
const CUT: u8 = 2;

/// The values of an entry as one key, which is written anew for each entry.
#[derive(Debug, Default)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends the value of the next field or path.
    pub(super) fn push(&mut self, value: Option<&[u8]>) {
        let key = &mut self.0;
        match value {
            None => key.push(ABSENT),
            Some(value) if value.len() <= WHOLE_MAX => {
                key.push(WHOLE);
                key.extend_from_slice(&(value.len() as u64).to_be_bytes());
                key.extend_from_slice(value);
            }
            Some(value) => {
                key.push(CUT);
                key.extend_from_slice(&value[..KEPT]);
                key.extend_from_slice(&(value.len() as u64).to_be_bytes());
                key.extend_from_slice(&hash_of(value).to_be_bytes());
                let mut other = DefaultHasher::new();
                other.write_u8(CUT);
                other.write(value);
                key.extend_from_slice(&other.finish().to_be_bytes());
            }
        }
    }
}

/// The fields and paths in a key with their values, and whether one of the values is cut.
fn fields_of(key: &[u8], places: &[Vec<u8>]) -> (Fields, bool) {
    let (mut fields, mut is_cut) = (Fields::new(), false);
    let mut rest = key;
    for place in places {
        let Some((mark, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        let (kept, passed) = match *mark {
            WHOLE => {
                let (length, after) = rest.split_at_checked(8).unwrap_or_default();
                rest = after;
                let length = length.try_into().map_or(0, u64::from_be_bytes);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                (length, length)
            }
            CUT => {
                is_cut = true;
                (KEPT, KEPT + 3 * 8)
            }
            _ => continue,
        };
        let value = rest.get(..kept).unwrap_or(rest);
        fields.push((place.clone(), value.to_vec()));
        rest = rest.get(passed..).unwrap_or_default();
    }
    (fields, is_cut)
}

/// The figures of one value.
#[derive(Clone, Debug)]
struct Counter {
    entries: u64,
    /// The greatest number of entries that had this value before it got a counter.
    uncounted_max: u64,
    bytes: u64,
    sizes: Sizes,
    first: EntryId,
    last: EntryId,
}

impl Counter {
    const fn at_most(&self) -> u64 {
        self.entries.saturating_add(self.uncounted_max)
    }
}

/// One value with its figures.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) fields: Fields,
    pub(super) is_cut: bool,
    pub(super) entries: u64,
    pub(super) uncounted_max: u64,
    pub(super) bytes: u64,
    pub(super) sizes: Sizes,
    pub(super) first: EntryId,
    pub(super) last: EntryId,
}

/// Counts entries by the values of some fields or paths.
#[derive(Debug)]
pub(super) struct Values {
    places: Vec<Vec<u8>>,
    counters: HashMap<Arc<[u8]>, Counter>,
    /// The values ordered by the greatest number of entries that each can have; kept once a value had to make room.
    order: Option<BTreeSet<(u64, Arc<[u8]>)>>,
    /// The greatest number of entries that a value without a counter can have.
    uncounted_max: u64,
    distinct: DistinctValues,
    bytes: usize,
    bytes_max: usize,
}

impl Values {
    pub(super) fn new(places: Vec<Vec<u8>>, bytes_max: usize) -> Self {
        Self {
            places,
            counters: HashMap::new(),
            order: None,
            uncounted_max: 0,
            distinct: DistinctValues::default(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Counts an entry with these values.
    pub(super) fn count(&mut self, key: &Key, id: EntryId, bytes: u64) {
        let key = key.0.as_slice();
        self.distinct.count(hash_of(key));
        if !self.count_known(key, id, bytes) {
            self.add(key, id, bytes);
        }
        while self.bytes > self.bytes_max && self.counters.len() > 1 {
            self.make_room();
        }
    }

    /// Counts the entry if its value has a counter.
    fn count_known(&mut self, key: &[u8], id: EntryId, bytes: u64) -> bool {
        let Some(counter) = self.counters.get_mut(key) else {
            return false;
        };
        let before = counter.at_most();
        counter.entries += 1;
        counter.bytes += bytes;
        counter.first = counter.first.min(id);
        counter.last = counter.last.max(id);
        if counter.sizes.count(bytes) {
            self.bytes += CLASS_BYTES;
        }
        if let Some(order) = &mut self.order {
            let at = (before, Arc::from(key));
            order.remove(&at);
            order.insert((before + 1, at.1));
        }
        true
    }

    fn add(&mut self, key: &[u8], id: EntryId, bytes: u64) {
        let mut sizes = Sizes::default();
        sizes.count(bytes);
        let cost = cost(key, &sizes);
        while self.bytes + cost > self.bytes_max && !self.counters.is_empty() {
            self.make_room();
        }
        let counter = Counter {
            entries: 1,
            uncounted_max: self.uncounted_max,
            bytes,
            sizes,
            first: id,
            last: id,
        };
        let key: Arc<[u8]> = Arc::from(key);
        if let Some(order) = &mut self.order {
            order.insert((counter.at_most(), Arc::clone(&key)));
        }
        self.counters.insert(key, counter);
        self.bytes += cost;
    }

    /// Removes the counter of the value with the fewest entries.
    fn make_room(&mut self) {
        let counters = &self.counters;
        let order = self.order.get_or_insert_with(|| {
            let places = counters.iter();
            places
                .map(|(key, counter)| (counter.at_most(), Arc::clone(key)))
                .collect()
        });
        let Some((at_most, key)) = order.pop_first() else {
            return;
        };
        self.uncounted_max = self.uncounted_max.max(at_most);
        if let Some(counter) = self.counters.remove(&key) {
            self.bytes -= cost(&key, &counter.sizes).min(self.bytes);
        }
    }

    /// The number of different values.
    pub(super) fn distinct(&self) -> Distinct {
        if self.order.is_some() {
            self.distinct.distinct()
        } else {
            Distinct {
                values: self.counters.len() as u64,
                is_estimate: false,
            }
        }
    }

    /// The greatest number of entries that a value without a counter can have; 0 when every value has a counter.
    pub(super) const fn uncounted_max(&self) -> u64 {
        self.uncounted_max
    }

    /// The values with the most entries, up to `count_max`.
    pub(super) fn most_frequent(&self, count_max: usize) -> Vec<Counted> {
        let mut found: Vec<_> = self.counters.iter().collect();
        found.sort_by(|a, b| b.1.entries.cmp(&a.1.entries).then_with(|| a.0.cmp(b.0)));
        found.truncate(count_max);
        let counted = |(key, counter): (&Arc<[u8]>, &Counter)| {
            let (fields, is_cut) = fields_of(key, &self.places);
            Counted {
                fields,
                is_cut,
                entries: counter.entries,
                uncounted_max: counter.uncounted_max,
                bytes: counter.bytes,
                sizes: counter.sizes.clone(),
                first: counter.first,
                last: counter.last,
            }
        };
        found.into_iter().map(counted).collect()
    }
}

fn cost(key: &[u8], sizes: &Sizes) -> usize {
    key.len() + sizes.classes() * CLASS_BYTES + OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(values: &[Option<Vec<u8>>], bytes_max: usize) -> Values {
        let mut counted = Values::new(vec![b"f".to_vec()], bytes_max);
        let mut key = Key::default();
        for (ms, value) in values.iter().enumerate() {
            key.clear();
            key.push(value.as_deref());
            counted.count(&key, EntryId::new(ms as u64, 0), 10);
        }
        counted
    }

    fn fields(values: &[Option<&[u8]>]) -> (Fields, bool) {
        let mut key = Key::default();
        for value in values {
            key.push(*value);
        }
        let places = [b"a", b"b", b"c"].map(|it| it.to_vec());
        fields_of(&key.0, &places)
    }

    #[test]
    fn a_key_says_what_it_was_made_from() {
        let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        let (found, is_cut) = fields(&[Some(b"1"), None, Some(b"")]);
        assert_eq!(found, [pair(b"a", b"1"), pair(b"c", b"")]);
        assert!(!is_cut);
        let long = vec![b'x'; 5000];
        let (found, is_cut) = fields(&[Some(&long), Some(b"\x00\xff"), None]);
        assert_eq!(found, [pair(b"a", &long[..KEPT]), pair(b"b", b"\x00\xff")]);
        assert!(is_cut);
    }

    #[test]
    fn long_values_that_begin_alike_are_told_apart() {
        let long = |end: u8| {
            let mut value = vec![b'x'; 4999];
            value.push(end);
            Some(value)
        };
        let counted = counted(&[long(1), long(2), long(1)], BYTES_MAX);
        let found = counted.most_frequent(9);
        let entries: Vec<u64> = found.iter().map(|it| it.entries).collect();
        assert_eq!(entries, [2, 1]);
    }

    /// Values of which a few are frequent and many are rare.
    fn skewed() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
        let value = prop_oneof![
            3 => (0_u8..4).prop_map(|it| vec![it]),
            1 => prop::collection::vec(any::<u8>(), 0..3),
        ];
        prop::collection::vec(prop::option::weighted(0.9, value), 1..400)
    }

    proptest! {
        #[test]
        fn below_the_bound_counts_are_exact(values in skewed()) {
            let counted = counted(&values, BYTES_MAX);
            let mut expected: HashMap<Option<Vec<u8>>, u64> = HashMap::new();
            for value in values {
                *expected.entry(value).or_default() += 1;
            }
            let distinct = counted.distinct();
            prop_assert_eq!((distinct.values, distinct.is_estimate), (expected.len() as u64, false));
            let found = counted.most_frequent(usize::MAX);
            prop_assert!(found.windows(2).all(|it| it[0].entries >= it[1].entries));
            for row in found {
                let value = row.fields.first().map(|it| it.1.clone());
                prop_assert_eq!(expected.get(&value), Some(&row.entries));
                prop_assert_eq!((row.uncounted_max, row.bytes), (0, row.entries * 10));
            }
        }

        #[test]
        fn above_the_bound_no_count_is_off_by_more_than_it_says(values in skewed(), kept in 2_usize..20) {
            let counted = counted(&values, kept * (OVERHEAD + 20));
            let of = |value: &Option<Vec<u8>>| values.iter().filter(|it| *it == value).count() as u64;
            let found = counted.most_frequent(usize::MAX);
            prop_assert!(counted.bytes <= counted.bytes_max);
            for row in &found {
                let value = row.fields.first().map(|it| it.1.clone());
                let truth = of(&value);
                prop_assert!(row.entries <= truth && truth <= row.entries + row.uncounted_max);
            }
            let is_found = |value: &&Option<Vec<u8>>| {
                found.iter().any(|it| it.fields.first().map(|it| &it.1) == value.as_ref())
            };
            for value in values.iter().filter(|it| !is_found(it)) {
                prop_assert!(of(value) <= counted.uncounted_max());
            }
            prop_assert!(found.iter().map(|it| it.entries).sum::<u64>() <= values.len() as u64);
        }
    }
}
