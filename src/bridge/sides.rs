//! The two sides of a comparison: how each is read, and the hash of an entry that is the same on both.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use super::arrived::{fields_of, origin_of};
use crate::kafka::{Bounds, Client, Error, Stored};
use crate::model::{EntryId, Name};
use crate::wire::{Lane, Scan, Stop};

/// How long one poll waits.
const WAIT: Duration = Duration::from_millis(500);
/// What `bridge from-kafka` adds to an entry that could not have its own id.
const OWN_ID: &[u8] = b"_ucp_redis_id";

/// What is compared.
#[derive(Clone, Debug)]
pub struct Verifying {
    /// The stream.
    pub stream: Name,
    /// The stream whose entries the records are; another one for a stream that came back from Kafka.
    pub origin: Name,
    /// The topic.
    pub topic: String,
    /// The field whose value is the key.
    pub key: Name,
    /// The field that is the value; `None` when all fields are.
    pub value: Option<Name>,
    /// The first and the last id.
    pub window: (EntryId, EntryId),
}

/// What the topic showed.
#[derive(Default)]
pub(super) struct Shown {
    /// The least and the greatest id.
    pub(super) ends: Option<(EntryId, EntryId)>,
    /// The least id of each partition.
    firsts: BTreeMap<u32, EntryId>,
    pub(super) others: u64,
}

impl Shown {
    /// The id before which a record may be missing because the first records of its partition were removed.
    pub(super) fn removed_before(&self, bounds: &[Bounds]) -> EntryId {
        let cut = bounds.iter().filter(|it| it.begin > 0);
        let firsts = cut.map(|it| *self.firsts.get(&it.partition).unwrap_or(&EntryId::MAX));
        firsts.max().unwrap_or(EntryId::MIN)
    }
}

impl Verifying {
    pub(super) fn is_in_window(&self, id: EntryId) -> bool {
        (self.window.0..=self.window.1).contains(&id)
    }

    /// Passes on the stream's entries of the window, each with the id that it had when it was sent.
    pub(super) async fn read_stream(
        &self,
        lane: &mut Lane,
        mut each: impl FnMut(EntryId, &[(&[u8], &[u8])]),
    ) -> Result<()> {
        // One that came back may have a greater id than its own.
        let end = if self.origin == self.stream {
            self.window.1
        } else {
            EntryId::MAX
        };
        let scan = Scan {
            start: self.window.0,
            end,
            ..Scan::ALL
        };
        lane.scan(&self.stream, scan, |id, fields| {
            let own = fields
                .split_last()
                .and_then(|((name, value), rest)| Some((own_id(name, value)?, rest)));
            let (id, fields) = own.unwrap_or((id, fields));
            if self.is_in_window(id) {
                each(id, fields);
            }
            Ok(())
        })
        .await
        .map_err(Stop::into_error)
    }

    /// Passes on the topic's records of entries of the window.
    pub(super) async fn read_topic(
        &self,
        client: &Client,
        bounds: &[Bounds],
        mut each: impl FnMut(EntryId, &Stored),
    ) -> Result<Shown, Error> {
        let mut shown = Shown::default();
        let mut left: Vec<Bounds> = bounds.to_vec();
        left.retain(|it| it.begin < it.end);
        if left.is_empty() {
            return Ok(shown);
        }
        let from: Vec<_> = left.iter().map(|it| (it.partition, it.begin)).collect();
        let mut reader = client.reader(&self.topic, &from).await?;
        loop {
            let mut open = Vec::with_capacity(left.len());
            for partition in left {
                let position = reader.position(partition.partition).await;
                if position.is_none_or(|it| it < partition.end) {
                    open.push(partition);
                }
            }
            left = open;
            if left.is_empty() {
                break;
            }
            for record in reader.poll(WAIT).await? {
                let end = bounds.get(record.partition as usize).map(|it| it.end);
                if end.is_none_or(|end| record.offset >= end) {
                    continue;
                }
                let Some((_, id)) = origin_of(&record).filter(|(it, _)| *it == self.origin) else {
                    shown.others += 1;
                    continue;
                };
                let first = shown.firsts.entry(record.partition).or_insert(id);
                *first = id.min(*first);
                let (least, greatest) = shown.ends.unwrap_or((id, id));
                shown.ends = Some((id.min(least), id.max(greatest)));
                if self.is_in_window(id) {
                    each(id, &record);
                }
            }
        }
        reader.close().await;
        Ok(shown)
    }

    pub(super) fn hash_of_entry(&self, fields: &[(&[u8], &[u8])]) -> u128 {
        let key = first_field(fields, &self.key);
        match &self.value {
            Some(name) => hash(key, Content::Value(first_field(fields, name))),
            None => hash(key, Content::Fields(fields.to_vec())),
        }
    }

    pub(super) fn hash_of_record(&self, record: &Stored) -> u128 {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let fields = match &self.value {
            Some(_) => None,
            None => value.and_then(|it| fields_of(it, origin_of(record).as_ref())),
        };
        match &fields {
            Some(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, value)| (name.as_slice(), value.as_slice()));
                hash(key, Content::Fields(fields.collect()))
            }
            None => hash(key, Content::Value(value)),
        }
    }
}

pub(super) fn first_field<'f>(fields: &[(&'f [u8], &'f [u8])], name: &Name) -> Option<&'f [u8]> {
    let found = fields.iter().find(|(field, _)| *field == name.as_bytes());
    found.map(|(_, value)| *value)
}

/// What is hashed beside the key.
enum Content<'c> {
    /// Names and values, in which only the order of those with one name counts: an object keeps no other.
    Fields(Vec<(&'c [u8], &'c [u8])>),
    /// A value that is no fields.
    Value(Option<&'c [u8]>),
}

fn hash(key: Option<&[u8]>, content: Content<'_>) -> u128 {
    let mut hasher = Sha256::new();
    let mut add = |part: Option<&[u8]>| {
        // The length makes it clear where a part ends, and one that is not there is no empty one.
        let length = part.map_or(u64::MAX, |it| it.len() as u64);
        hasher.update(length.to_le_bytes());
        hasher.update(part.unwrap_or_default());
    };
    add(key);
    match content {
        Content::Value(value) => add(value),
        Content::Fields(mut fields) => {
            fields.sort_by_key(|(name, _)| *name);
            for (name, value) in fields {
                add(Some(name));
                add(Some(value));
            }
        }
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (start, _) = digest.split_at(16);
    u128::from_le_bytes(start.try_into().unwrap_or_default())
}

/// The id that this field says an entry had; `None` when it is another field.
pub(super) fn own_id(name: &[u8], value: &[u8]) -> Option<EntryId> {
    (name == OWN_ID).then(|| EntryId::parse(value).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    type Slices<'a> = Vec<(&'a [u8], &'a [u8])>;

    #[test]
    fn only_the_order_of_one_name_counts() {
        let of = |fields: Slices<'_>| hash(Some(b"k"), Content::Fields(fields));
        let one = of(vec![(b"a", b"1"), (b"b", b"x"), (b"a", b"2")]);
        assert_eq!(one, of(vec![(b"a", b"1"), (b"a", b"2"), (b"b", b"x")]));
        assert_ne!(one, of(vec![(b"a", b"2"), (b"b", b"x"), (b"a", b"1")]));
        assert_ne!(one, of(vec![(b"a", b"1"), (b"b", b"x")]));
        assert_ne!(of(vec![(b"ab", b"")]), of(vec![(b"a", b"b")]));
        let value = |key| hash(key, Content::Value(Some(b"v")));
        assert_ne!(value(None), value(Some(b"")));
        assert_ne!(value(None), hash(None, Content::Value(None)));
    }
}
