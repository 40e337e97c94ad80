//! An entry's fields as JSON, for reports that carry a few entries (views write millions without this).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::map::Entry as Slot;

use super::{Fields, Name};

/// The fields of an entry in a report.
///
/// In JSON an object, fields in order; a repeated field's value is the array of its values, where the field first
/// stands; a value that is not UTF-8 is `{"base64": …}`, and a name that is not is the key `base64:…`. In pairs a list of
/// `[name, value]`, which loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Name and value pairs in order.
    pub fields: Fields,
    /// Whether JSON has them as pairs.
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
                .map(|(name, value)| [Name::from(name.as_slice()), Name::from(value.as_slice())]);
            return serializer.collect_seq(pairs);
        }
        fields_as_map(&self.fields).serialize(serializer)
    }
}

/// The fields as a JSON object, in one pass however many there are.
pub(super) fn fields_as_map(fields: &Fields) -> serde_json::Map<String, Value> {
    let mut map = serde_json::Map::with_capacity(fields.len());
    for (name, value) in fields {
        let key = match std::str::from_utf8(name) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("base64:{}", STANDARD.encode(name)),
        };
        let value = serde_json::to_value(Name::from(value.as_slice())).unwrap_or_default();
        match map.entry(key) {
            Slot::Vacant(slot) => {
                slot.insert(value);
            }
            Slot::Occupied(mut slot) => match slot.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::from(vec![first.take(), value]),
            },
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

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
            serde_json::to_string(&body).expect("serializes"),
            r#"{"z":["1","2"],"a":{"base64":"/w=="},"base64:/g==":""}"#
        );
        body.in_pairs = true;
        assert_eq!(
            serde_json::to_string(&body).expect("serializes"),
            r#"[["z","1"],["a",{"base64":"/w=="}],["z","2"],[{"base64":"/g=="},""]]"#
        );
    }
}
