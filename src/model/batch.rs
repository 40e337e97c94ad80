//! Many entries in one buffer: what a read passes to a worker.

use super::{Entry, EntryId};

/// Entries in the order they were read, their names and values in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each field's name begins, where its value begins, and where its value ends.
    fields: Vec<[usize; 3]>,
    entries: Vec<BatchEntry>,
}

#[derive(Clone, Copy, Debug)]
struct BatchEntry {
    id: EntryId,
    first_field: usize,
    field_count: usize,
}

impl Batch {
    /// Appends an entry.
    pub fn push(&mut self, id: EntryId, fields: &[(&[u8], &[u8])]) {
        self.entries.push(BatchEntry {
            id,
            first_field: self.fields.len(),
            field_count: fields.len(),
        });
        for (name, value) in fields {
            let name_at = self.bytes.len();
            self.bytes.extend_from_slice(name);
            let value_at = self.bytes.len();
            self.bytes.extend_from_slice(value);
            self.fields.push([name_at, value_at, self.bytes.len()]);
        }
    }

    /// A batch of one.
    pub fn of(entry: &Entry) -> Self {
        let mut batch = Self::default();
        batch.append(entry);
        batch
    }

    /// Appends a copy of an entry.
    pub fn append(&mut self, entry: &Entry) {
        let fields: Vec<_> = entry
            .fields
            .iter()
            .map(|(n, v)| (n.as_slice(), v.as_slice()))
            .collect();
        self.push(entry.id, &fields);
    }

    /// Entries in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The total size of the names and values of all entries.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The total size of the names and values of entry `index`.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn entry_bytes(&self, index: usize) -> usize {
        let entry = self.entries[index];
        let fields = &self.fields[entry.first_field..entry.first_field + entry.field_count];
        match (fields.first(), fields.last()) {
            (Some(&[begin, ..]), Some(&[.., end])) => end - begin,
            _ => 0,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The id of entry `index`.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn id(&self, index: usize) -> EntryId {
        self.entries[index].id
    }

    /// Name and value pairs of entry `index`, in order.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn fields(&self, index: usize) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        let entry = self.entries[index];
        self.fields[entry.first_field..entry.first_field + entry.field_count]
            .iter()
            .map(|&[name_at, value_at, end]| {
                (&self.bytes[name_at..value_at], &self.bytes[value_at..end])
            })
    }

    /// Entry `index` as an owned value.
    ///
    /// # Panics
    /// When there is no such entry.
    pub fn entry(&self, index: usize) -> Entry {
        Entry {
            id: self.id(index),
            fields: self
                .fields(index)
                .map(|(n, v)| (n.to_vec(), v.to_vec()))
                .collect(),
        }
    }
}
