//! The record that an entry becomes.

use crate::archive::push_line;
use crate::kafka::{Record, Stored, partition_of};
use crate::model::{EntryId, Name, push_object};

/// The header with the entry's id.
pub(super) const ID: &str = "redis-id";
/// The header with the name of the entry's stream.
pub(super) const STREAM: &str = "redis-stream";

/// What the value of a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The entry's fields as a JSON object.
    Object,
    /// The value of this field as it is; null for an entry without it.
    Field(Name),
    /// The entry as a line of an archive, which loses nothing: fields as pairs, in their order, bytes as base64.
    Envelope,
}

/// How entries of a stream become records.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The stream.
    pub stream: Name,
    /// The field whose value is the key.
    pub key: Name,
    /// What the value is.
    pub value: Value,
    /// How many partitions the topic has.
    pub partitions: u32,
}

impl Shape {
    /// The partition of an entry: that of its key, as Java's client chooses it, or, if it has none, that of its id.
    pub fn partition<'f>(
        &self,
        id: EntryId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    ) -> u32 {
        match self.key(fields) {
            Some(key) => partition_of(key, self.partitions),
            None => partition_of(id.to_string().as_bytes(), self.partitions),
        }
    }

    /// The record of an entry.
    pub fn record<'f>(
        &self,
        id: EntryId,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> Record {
        let headers = vec![
            (ID.to_owned(), Some(id.to_string().into_bytes())),
            (STREAM.to_owned(), Some(self.stream.as_bytes().to_vec())),
        ];
        let value = match &self.value {
            Value::Object => {
                let mut object = Vec::new();
                push_object(&mut object, fields.clone());
                Some(object)
            }
            Value::Field(name) => first(fields.clone(), name).map(<[u8]>::to_vec),
            Value::Envelope => {
                let pairs: Vec<_> = fields.clone().collect();
                let mut line = Vec::new();
                push_line(&mut line, &self.stream, id, &pairs);
                // The line's end separates lines, and a record is one.
                line.pop();
                Some(line)
            }
        };
        Record {
            partition: self.partition(id, fields.clone()),
            key: self.key(fields).map(<[u8]>::to_vec),
            value,
            headers,
            // Later than any clock shows: Kafka has one bit less for it.
            timestamp_ms: i64::try_from(id.ms).unwrap_or(i64::MAX),
        }
    }

    fn key<'f>(&self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> Option<&'f [u8]> {
        first(fields, &self.key)
    }
}

/// The id of the entry of `stream` that became this record; `None` when it is of another stream or not of a bridge.
pub(super) fn id_of(record: &Stored, stream: &Name) -> Option<EntryId> {
    (record.header(STREAM)? == stream.as_bytes()).then_some(())?;
    EntryId::parse(record.header(ID)?).ok()
}

fn first<'f>(
    mut fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
    name: &Name,
) -> Option<&'f [u8]> {
    let (_, value) = fields.find(|(field, _)| *field == name.as_bytes())?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (&'static [u8], &'static [u8]);

    fn shape(value: Value) -> Shape {
        Shape {
            stream: Name::from("s"),
            key: Name::from("brand_id"),
            value,
            partitions: 12,
        }
    }

    #[test]
    fn a_record_has_the_key_the_time_and_the_headers_of_its_entry() {
        let fields: [Pair; 3] = [(b"brand_id", b"abc"), (b"a", b"1"), (b"a", b"\xff")];
        let record = shape(Value::Object).record(EntryId::new(17, 3), fields.iter().copied());
        assert_eq!(record.partition, partition_of(b"abc", 12));
        assert_eq!(record.key.as_deref(), Some(&b"abc"[..]));
        assert_eq!(record.timestamp_ms, 17);
        assert_eq!(
            record
                .value
                .as_deref()
                .map(String::from_utf8_lossy)
                .as_deref(),
            Some(r#"{"brand_id":"abc","a":["1",{"base64":"/w=="}]}"#)
        );
        let stored = Stored {
            partition: record.partition,
            offset: 0,
            timestamp_ms: 17,
            key: None,
            value: None,
            headers: record.headers,
        };
        assert_eq!(id_of(&stored, &Name::from("s")), Some(EntryId::new(17, 3)));
        assert_eq!(id_of(&stored, &Name::from("t")), None);
    }

    #[test]
    fn an_envelope_is_the_line_of_an_archive() {
        let fields: [Pair; 2] = [(b"", b"\x00"), (b"", b"x")];
        let record = shape(Value::Envelope).record(EntryId::new(0, 1), fields.iter().copied());
        assert_eq!(record.key, None);
        let value = String::from_utf8(record.value.expect("a value")).expect("UTF-8");
        assert_eq!(
            value,
            r#"{"stream":"s","id":"0-1","time":"1970-01-01T00:00:00.000Z","fields":[["","\u0000"],["","x"]]}"#
        );
    }

    #[test]
    fn a_field_is_taken_as_it_is() {
        let fields: [Pair; 1] = [(b"payload", b"\xff{")];
        let of = |name| shape(Value::Field(Name::from(name)));
        let value = of("payload").record(EntryId::new(1, 0), fields.iter().copied());
        assert_eq!(value.value.as_deref(), Some(&b"\xff{"[..]));
        let none = of("other").record(EntryId::new(1, 0), fields.iter().copied());
        assert_eq!(none.value, None);
    }
}
