//! The entry that a record becomes.

use crate::archive::parse_line;
use crate::kafka::Stored;
use crate::model::{EntryId, Fields, Name};
use crate::topology::validate::parse_entry;
use crate::wire::Arrival;

use super::shape::{ID, STREAM};

/// A record and the entry that it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) entry: Arrival,
    /// Whether no bridge wrote it.
    pub(super) is_foreign: bool,
    /// Whether it has no value.
    pub(super) is_tombstone: bool,
}

/// The stream and the id of the entry that a bridge made this record of; `None` when no bridge wrote it.
pub(super) fn origin_of(record: &Stored) -> Option<(Name, EntryId)> {
    let stream = Name::new(record.header(STREAM)?);
    let id = EntryId::parse(record.header(ID)?).ok()?;
    (id > EntryId::MIN).then_some((stream, id))
}

/// The entry of a record. `now_ms` is the latest time that a record without an id may have.
///
/// A value that is a JSON object, or a line of an archive, becomes the fields; another one the field `value`; none at all
/// the field `tombstone`. A key that is not in the fields is the field `key`, and each header that no bridge wrote is the
/// field `header.NAME`.
pub(super) fn arrived(record: &Stored, now_ms: u64) -> Arrived {
    let origin = origin_of(record);
    let fields = record
        .value
        .as_deref()
        .and_then(|value| fields_of(value, origin.as_ref()));
    let (is_foreign, is_tombstone) = (origin.is_none(), record.value.is_none());
    let is_whole = fields.is_some() && !is_foreign;
    let mut fields = fields.unwrap_or_else(|| match &record.value {
        Some(value) => vec![(b"value".to_vec(), value.clone())],
        None => vec![(b"tombstone".to_vec(), b"true".to_vec())],
    });
    if let Some(key) = record.key.as_ref().filter(|_| !is_whole) {
        fields.push((b"key".to_vec(), key.clone()));
    }
    for (name, value) in &record.headers {
        if is_foreign || (name != ID && name != STREAM) {
            let name = format!("header.{name}").into_bytes();
            fields.push((name, value.clone().unwrap_or_default()));
        }
    }
    let time_ms = u64::try_from(record.timestamp_ms).unwrap_or_default();
    Arrived {
        entry: Arrival {
            id: origin.map(|(_, id)| id),
            time_ms: time_ms.min(now_ms),
            fields,
        },
        is_foreign,
        is_tombstone,
    }
}

/// The fields that a value has; `None` when it is no JSON object, or an empty one.
pub(super) fn fields_of(value: &[u8], origin: Option<&(Name, EntryId)>) -> Option<Fields> {
    if value.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    if let Some((stream, id)) = origin {
        let line = parse_line(value, stream).filter(|it| it.id == *id);
        if let Some(entry) = line {
            return Some(entry.fields).filter(|it| !it.is_empty());
        }
        // An object of a bridge: repeats are arrays, and bytes are base64, as in an entry that was printed.
        let id = id.to_string();
        let printed = [br#"{"id":""#, id.as_bytes(), br#"","fields":"#, value, b"}"].concat();
        if let Some(fields) = parsed(&printed) {
            return Some(fields);
        }
    }
    parsed(value)
}

fn parsed(json: &[u8]) -> Option<Fields> {
    let mut pairs = Vec::new();
    parse_entry(json, &mut pairs).ok()?;
    let pairs = pairs.into_iter();
    let fields: Fields = pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    Some(fields).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::shape::{Shape, Value};
    use super::*;

    type Pair = (&'static [u8], &'static [u8]);

    const ODD: [Pair; 5] = [
        (b"brand_id", b"abc"),
        (b"", b"\x00\xff"),
        (b"a", b"[1]"),
        (b"a", b"{}"),
        (b"\xfe", b""),
    ];

    fn own(pairs: &[Pair]) -> Fields {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect()
    }

    fn sent(value: Value) -> Stored {
        let shape = Shape {
            stream: Name::from("s"),
            key: Name::from("brand_id"),
            value,
            partitions: 3,
        };
        let record = shape.record(EntryId::new(17, 3), ODD.iter().copied());
        Stored {
            partition: record.partition,
            offset: 5,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
        }
    }

    fn foreign(value: Option<&[u8]>) -> Stored {
        Stored {
            partition: 0,
            offset: 0,
            timestamp_ms: 1000,
            key: Some(b"k".to_vec()),
            value: value.map(<[u8]>::to_vec),
            headers: vec![
                ("h".to_owned(), Some(b"1".to_vec())),
                ("h".to_owned(), None),
            ],
        }
    }

    #[test]
    fn what_a_bridge_wrote_becomes_what_it_was() {
        for value in [Value::Object, Value::Envelope] {
            let arrived = arrived(&sent(value), 0);
            assert_eq!(arrived.entry.id, Some(EntryId::new(17, 3)));
            assert_eq!(arrived.entry.fields, own(&ODD));
            assert!(!arrived.is_foreign && !arrived.is_tombstone);
        }
        let field = arrived(&sent(Value::Field(Name::from("a"))), 0);
        let expected: [Pair; 2] = [(b"value", b"[1]"), (b"key", b"abc")];
        assert_eq!(field.entry.fields, own(&expected));
        let none = arrived(&sent(Value::Field(Name::from("none"))), 0);
        let expected: [Pair; 2] = [(b"tombstone", b"true"), (b"key", b"abc")];
        assert_eq!(none.entry.fields, own(&expected));
        assert!(none.is_tombstone && !none.is_foreign);
    }

    #[test]
    fn what_others_wrote_keeps_all_that_it_has() {
        let rest: [Pair; 3] = [(b"key", b"k"), (b"header.h", b"1"), (b"header.h", b"")];
        for (value, first) in [
            (
                Some(&b"{\"a\":1,\"b\":[2]}"[..]),
                &[(&b"a"[..], &b"1"[..]), (b"b", b"[2]")][..],
            ),
            (Some(b"{}"), &[(b"value", b"{}")]),
            (
                Some(b"{\"a\":1,\"a\":2}"),
                &[(b"value", b"{\"a\":1,\"a\":2}")],
            ),
            (Some(b"\xff"), &[(b"value", b"\xff")]),
            (Some(b"[[\"a\",\"1\"]]"), &[(b"value", b"[[\"a\",\"1\"]]")]),
            (Some(b""), &[(b"value", b"")]),
            (None, &[(b"tombstone", b"true")]),
        ] {
            let arrived = arrived(&foreign(value), 900);
            let expected = [first, &rest].concat();
            assert_eq!(arrived.entry.fields, own(&expected));
            assert_eq!((arrived.entry.id, arrived.entry.time_ms), (None, 900));
            assert!(arrived.is_foreign);
        }
    }
}
