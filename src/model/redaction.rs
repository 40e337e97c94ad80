//! Fields, and places within their JSON, that are not shown.

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Name;

/// What stands in the place of what is not shown.
const MASK: &str = "***";

/// The fields of a stream's entries that are not shown.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    places: Vec<Name>,
}

impl Redaction {
    /// Of these fields; `payload.email` is the member `email` of the JSON in field `payload`, or a field of that name.
    pub fn new(places: impl IntoIterator<Item = Name>) -> Self {
        Self {
            places: places.into_iter().collect(),
        }
    }

    /// The same, and these places, too.
    #[must_use]
    pub fn and(mut self, places: impl IntoIterator<Item = Name>) -> Self {
        self.places.extend(places);
        self
    }

    /// The places, in words: what is masked.
    pub fn places(&self) -> &[Name] {
        &self.places
    }

    /// The fields with what is not shown masked; `None` when nothing has to be.
    pub fn masked(&self, fields: &[(&[u8], &[u8])]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        if self.places.is_empty() {
            return None;
        }
        let masked = fields.iter().map(|(name, value)| {
            let mut value = value.to_vec();
            for place in &self.places {
                if let Some(steps) = steps_in(place.as_bytes(), name) {
                    value = masked_at(&value, &steps);
                }
            }
            (name.to_vec(), value)
        });
        Some(masked.collect())
    }
}

/// The steps of `place` within field `name`; `None` when it is in another field.
fn steps_in<'p>(place: &'p [u8], name: &[u8]) -> Option<Vec<&'p [u8]>> {
    match place.strip_prefix(name)? {
        [] => Some(Vec::new()),
        [b'.', rest @ ..] => Some(rest.split(|it| *it == b'.').collect()),
        _ => None,
    }
}

/// A field's value with the place masked. What is not JSON has no such place, and may be JSON that was cut off: it is
/// masked as a whole.
fn masked_at(value: &[u8], steps: &[&[u8]]) -> Vec<u8> {
    if steps.is_empty() {
        return MASK.into();
    }
    let masked = std::str::from_utf8(value)
        .ok()
        .and_then(|text| within(text, steps));
    masked.map_or_else(|| MASK.into(), String::into_bytes)
}

/// JSON text with what is at `steps` masked, under every member of a name, and in every item of an array; `None` when it is
/// not JSON.
fn within(text: &str, steps: &[&[u8]]) -> Option<String> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(format!("\"{MASK}\""));
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let parts = json.deserialize_any(Parts).ok()?;
    json.end().ok()?;
    match parts {
        Some(Value::Members(members)) => {
            let mut all = Vec::with_capacity(members.len());
            for (name, value) in members {
                let value = if name.as_bytes() == *step {
                    within(value.get(), rest)?
                } else {
                    value.get().to_owned()
                };
                all.push(format!("{}:{value}", serde_json::to_string(&name).ok()?));
            }
            Some(format!("{{{}}}", all.join(",")))
        }
        Some(Value::Items(items)) => {
            let index = std::str::from_utf8(step)
                .ok()
                .and_then(|it| it.parse::<usize>().ok());
            let mut all = Vec::with_capacity(items.len());
            for (place, item) in items.into_iter().enumerate() {
                all.push(match index {
                    Some(index) if index == place => within(item.get(), rest)?,
                    Some(_) => item.get().to_owned(),
                    None => within(item.get(), steps)?,
                });
            }
            Some(format!("[{}]", all.join(",")))
        }
        None => Some(text.to_owned()),
    }
}

/// The parts of a value as they were written.
enum Value {
    Members(Vec<(String, Box<RawValue>)>),
    Items(Vec<Box<RawValue>>),
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Some(Value::Members(members)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Some(Value::Items(all)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(places: &[&str], value: &str) -> String {
        let redaction = Redaction::new(places.iter().map(|it| Name::from(*it)));
        let fields = redaction
            .masked(&[(b"payload", value.as_bytes())])
            .expect("masked");
        String::from_utf8(fields[0].1.clone()).expect("text")
    }

    #[test]
    fn what_is_named_is_masked_and_the_rest_is_as_it_was_written() {
        for (place, value, expected) in [
            ("payload", "anything", "***"),
            (
                "payload.email",
                r#"{"email":"a@b", "n":1.50}"#,
                r#"{"email":"***","n":1.50}"#,
            ),
            (
                "payload.email",
                r#"{"email":"a","email":{"x":1}}"#,
                r#"{"email":"***","email":"***"}"#,
            ),
            (
                "payload.\u{e9}",
                r#"{"\u00e9":"a"}"#,
                "{\"\u{e9}\":\"***\"}",
            ),
            (
                "payload.a.b",
                r#"{"a":[{"b":1},{"b":[2]}],"b":3}"#,
                r#"{"a":[{"b":"***"},{"b":"***"}],"b":3}"#,
            ),
            ("payload.a.1", r#"{"a":[1,2]}"#, r#"{"a":[1,"***"]}"#),
            (
                "payload.email",
                r#"{"n":123456789012345678901}"#,
                r#"{"n":123456789012345678901}"#,
            ),
            ("payload.email", "12", "12"),
            ("payload.email", r#"{"email":"a@b""#, "***"),
            ("payload.email", r#"{"email":"a@b"} x"#, "***"),
            ("payloads.email", r#"{"email":"a@b"}"#, r#"{"email":"a@b"}"#),
            ("other", "x", "x"),
        ] {
            assert_eq!(masked(&[place], value), expected, "{place} {value}");
        }
        assert_eq!(
            masked(&["payload.a", "payload.b"], r#"{"a":1,"b":2}"#),
            r#"{"a":"***","b":"***"}"#
        );
        assert!(Redaction::default().masked(&[(b"payload", b"x")]).is_none());
    }
}
