//! The fields of entries, each with the number and the size of its values. Pure.

use std::collections::HashMap;

use super::distinct::{Distinct, DistinctValues, hash_of};
use super::sizes::Sizes;
use super::{percent, share};
use crate::model::{Cell, Name, Tone, report};

/// The greatest number of fields that are counted by name; all further fields are counted together.
const FIELDS_MAX: usize = 256;
/// The longest name, in bytes, that is counted on its own.
const NAME_MAX: usize = 1024;

report! {
    /// A field of the entries.
    #[derive(Clone, Debug)]
    pub struct FieldRow {
        /// The field; `None` for the row of all fields that are not listed by name.
        pub field: Option<Name> => text("FIELD") by Self::name_cell,
        /// The number of entries that have the field.
        pub entries: u64 => number("ENTRIES"),
        /// The share of entries with this field among all that were counted.
        pub share_percent: f64 => number("SHARE") by |it| percent(it.share_percent),
        /// The total size of its values.
        pub bytes: u64 => bytes("BYTES"),
        /// Half of the field's values are at most this large, to within 2 percent.
        pub size_p50_bytes: Option<u64> => bytes("~P50"),
        /// 99 of 100 of the field's values are at most this large, to within 2 percent.
        pub size_p99_bytes: Option<u64> => bytes("~P99"),
        /// The number of different values of the field.
        pub distinct: Distinct => number("DISTINCT"),
    }
}

impl FieldRow {
    fn name_cell(&self) -> Cell {
        match &self.field {
            Some(name) => name.into(),
            None => Cell::Nothing.shown_as(Tone::Dim, "(other fields)"),
        }
    }
}

/// The figures of one field.
#[derive(Clone, Debug, Default)]
struct Figures {
    entries: u64,
    /// The number of the last entry that was counted, so that a repeated field counts once.
    last: u64,
    bytes: u64,
    sizes: Sizes,
    distinct: DistinctValues,
}

impl Figures {
    fn count(&mut self, entry: u64, value: &[u8]) {
        if self.last != entry {
            self.last = entry;
            self.entries += 1;
        }
        let size = value.len() as u64;
        self.bytes += size;
        self.sizes.count(size);
        self.distinct.count(hash_of(value));
    }

    fn row(&self, field: Option<Name>, all: u64) -> FieldRow {
        FieldRow {
            field,
            entries: self.entries,
            share_percent: share(self.entries, all),
            bytes: self.bytes,
            size_p50_bytes: self.sizes.percentile(50),
            size_p99_bytes: self.sizes.percentile(99),
            distinct: self.distinct.distinct(),
        }
    }
}

/// The figures of all fields, by name.
#[derive(Debug, Default)]
pub(super) struct FieldsFigures {
    named: HashMap<Vec<u8>, Figures>,
    others: Figures,
    entries: u64,
}

impl FieldsFigures {
    /// Counts an entry.
    pub(super) fn count(&mut self, fields: &[(&[u8], &[u8])]) {
        self.entries += 1;
        let entry = self.entries;
        for (name, value) in fields {
            self.of(name).count(entry, value);
        }
    }

    fn of(&mut self, name: &[u8]) -> &mut Figures {
        if !self.named.contains_key(name) {
            if self.named.len() == FIELDS_MAX || name.len() > NAME_MAX {
                return &mut self.others;
            }
            self.named.insert(name.to_vec(), Figures::default());
        }
        self.named.get_mut(name).unwrap_or(&mut self.others)
    }

    /// The fields with the most bytes first; those that are not counted by name come last.
    pub(super) fn rows(&self) -> Vec<FieldRow> {
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(b.0)));
        let mut rows: Vec<FieldRow> = named
            .into_iter()
            .map(|(name, figures)| figures.row(Some(Name::from(name.as_slice())), self.entries))
            .collect();
        if self.others.entries > 0 {
            rows.push(self.others.row(None, self.entries));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_is_in_one_entry_with_all_its_values() {
        let mut figures = FieldsFigures::default();
        figures.count(&[(b"a", b"1"), (b"a", b"22"), (b"b", b"")]);
        figures.count(&[(b"a", b"1")]);
        let rows = figures.rows();
        assert_eq!((rows[0].entries, rows[0].bytes), (2, 4));
        assert_eq!(rows[0].distinct.values, 2);
        assert_eq!((rows[1].entries, rows[1].bytes), (1, 0));
        assert!((rows[1].share_percent - 50.0).abs() < f64::EPSILON);
    }

    #[test]
    fn fields_beyond_the_limit_are_counted_together() {
        let mut figures = FieldsFigures::default();
        for n in 0..300 {
            figures.count(&[(format!("f{n}").as_bytes(), b"x")]);
        }
        figures.count(&[(&[b'n'; 2000], b"x")]);
        let rows = figures.rows();
        assert_eq!(rows.len(), FIELDS_MAX + 1);
        let others = rows.last().unwrap();
        assert_eq!((&others.field, others.entries), (&None, 45));
    }
}
