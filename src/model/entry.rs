//! An entry of a stream: its id and its ordered list of byte pairs.

use base64::Engine as _;

use super::{EntryId, Name, Time};

/// Fields in the order they were written; names may repeat, names and values may be any bytes.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// An entry that is kept. Decoders hand out borrowed fields; this is for what must outlive a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id in the stream it was read from.
    pub id: EntryId,
    /// Name and value pairs in order.
    pub fields: Fields,
}

impl Entry {
    /// The value of the first field called `name`.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The value of the first field called `name` when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name.as_bytes())
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Bytes of all names and values.
    pub fn size_bytes(&self) -> usize {
        self.fields.iter().map(|(n, v)| n.len() + v.len()).sum()
    }
}

impl Entry {
    /// The entry object of every JSON output: `{"stream", "id", "time", "fields"}`, fields in order, a repeated field's
    /// value an array of its values, bytes that are not UTF-8 as `{"base64": …}`.
    pub fn json(&self, stream: &Name) -> serde_json::Value {
        let mut fields = serde_json::Map::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            let value = text_or_base64(value);
            match fields.entry(key(name)) {
                serde_json::map::Entry::Vacant(slot) => {
                    slot.insert(serde_json::json!([value]));
                }
                serde_json::map::Entry::Occupied(mut slot) => {
                    slot.get_mut()
                        .as_array_mut()
                        .into_iter()
                        .for_each(|values| values.push(value.clone()));
                }
            }
        }
        for values in fields.values_mut() {
            if let Some([only]) = values.as_array_mut().map(Vec::as_mut_slice) {
                *values = only.take();
            }
        }
        serde_json::json!({
            "stream": stream,
            "id": self.id,
            "time": Time::from_ms(self.id.ms),
            "fields": fields,
        })
    }
}

/// A field name as a JSON key: keys are text, so bytes that are not become `base64:…`.
fn key(name: &[u8]) -> String {
    let encoded = || {
        format!(
            "base64:{}",
            base64::engine::general_purpose::STANDARD.encode(name)
        )
    };
    std::str::from_utf8(name).map_or_else(|_| encoded(), str::to_owned)
}

fn text_or_base64(value: &[u8]) -> serde_json::Value {
    serde_json::to_value(Name::from(value)).unwrap_or_default()
}
