//! An entry's fields as JSON, straight from their bytes: for handlers, and for reports that carry a few entries.

use std::collections::HashMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::encoded::{Bytes, key_of};
use super::{EntryId, Fields, Name};

/// For up to this many fields, repeated names are found by comparing all pairs, without an allocation.
const COMPARED: usize = 32;

/// The fields of an entry in a report.
///
/// In JSON it is an object with the fields in order. The value of a repeated field is the array of its values, at the
/// place of the first one. A value that is not UTF-8 is `{"base64": …}`, and a name that is not UTF-8 becomes the key
/// `base64:…` ([`key_of`]). In pairs it is a list of `[name, value]`, which loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Name and value pairs in order.
    pub fields: Fields,
    /// Whether JSON shows the fields as pairs.
    pub in_pairs: bool,
}

impl From<Fields> for Body {
    fn from(fields: Fields) -> Self {
        Self {
            fields,
            in_pairs: false,
        }
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.in_pairs {
            let pairs = self
                .fields
                .iter()
                .map(|(name, value)| [Bytes(name), Bytes(value)]);
            return serializer.collect_seq(pairs);
        }
        AsObject(borrowed(&self.fields)).serialize(serializer)
    }
}

/// Appends fields as a JSON object, in the form of [`Body`].
pub fn push_object<'f>(
    out: &mut Vec<u8>,
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) {
    // Neither memory nor these fields can refuse to be written.
    let _ = serde_json::to_writer(out, &AsObject(fields));
}

/// Owned fields, borrowed.
pub(super) fn borrowed(fields: &Fields) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
    fields
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
}

/// The entry object of every JSON output: `{"stream", "id", "time", "fields"}`, fields as in [`Body`].
#[derive(Debug)]
pub struct EntryObject<'e, F> {
    /// The stream it is in.
    pub stream: &'e Name,
    /// Its id.
    pub id: EntryId,
    /// Name and value pairs in order.
    pub fields: F,
}

impl<'e, F> Serialize for EntryObject<'e, F>
where
    F: ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("stream", self.stream)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("time", &self.id.time())?;
        map.serialize_entry("fields", &AsObject(self.fields.clone()))?;
        map.end()
    }
}

/// Fields as a JSON object.
struct AsObject<F>(F);

impl<'f, F> Serialize for AsObject<F>
where
    F: ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.clone();
        let mut map = serializer.serialize_map(None)?;
        if fields.len() > COMPARED {
            for (name, values) in by_name(fields) {
                map.serialize_entry(&Key(name), &OneOrMany(values.iter().copied()))?;
            }
            return map.end();
        }
        for (at, (name, _)) in fields.clone().enumerate() {
            if fields.clone().take(at).any(|(earlier, _)| earlier == name) {
                continue;
            }
            let values = fields.clone().skip(at).filter(|(other, _)| *other == name);
            map.serialize_entry(&Key(name), &OneOrMany(values.map(|(_, value)| value)))?;
        }
        map.end()
    }
}

/// The values of each name, names in the order of their first field.
fn by_name<'f>(
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Vec<(&'f [u8], Vec<&'f [u8]>)> {
    let (mut places, mut groups) = (HashMap::new(), Vec::<(_, Vec<_>)>::new());
    for (name, value) in fields {
        let place = *places.entry(name).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

/// A value, or the array of several values; never empty.
struct OneOrMany<V>(V);

impl<'f, V: Iterator<Item = &'f [u8]> + Clone> Serialize for OneOrMany<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = self.0.clone();
        match (values.next(), values.next()) {
            (Some(only), None) => Bytes(only).serialize(serializer),
            _ => serializer.collect_seq(self.0.clone().map(Bytes)),
        }
    }
}

/// A field's name as an object's key.
struct Key<'b>(&'b [u8]);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&key_of(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("serializes")
    }

    #[test]
    fn order_repeats_and_bytes_survive() {
        let field = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        let mut body = Body::from(vec![
            field(b"z", b"1"),
            field(b"a", b"\xff"),
            field(b"z", b"2"),
            field(b"\xfe", b""),
        ]);
        assert_eq!(
            json(&body),
            r#"{"z":["1","2"],"a":{"base64":"/w=="},"base64:/g==":""}"#
        );
        body.in_pairs = true;
        assert_eq!(
            json(&body),
            r#"[["z","1"],["a",{"base64":"/w=="}],["z","2"],[{"base64":"/g=="},""]]"#
        );
    }

    #[test]
    fn many_fields_are_grouped_as_few_are() {
        let fields: Fields = (0..100)
            .map(|n| (format!("f{}", n % 60).into_bytes(), n.to_string().into()))
            .collect();
        let written: serde_json::Value =
            serde_json::from_str(&json(&Body::from(fields))).expect("JSON");
        let object = written.as_object().expect("an object");
        assert_eq!(object.len(), 60);
        assert_eq!(object["f0"], serde_json::json!(["0", "60"]));
        assert_eq!(object["f59"], serde_json::json!("59"));
        assert_eq!(object.keys().next().map(String::as_str), Some("f0"));
    }
}
