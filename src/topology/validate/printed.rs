//! Parses entries in the form in which this tool prints them. A whole entry is an object with `id` and `fields`;
//! pairs are `[[name, value], …]`, alone or as its `fields`. In both, a value is a text or `{"base64": …}`. In the
//! object form, an array is a repeated field, and a name that begins with `base64:` is the base64 of the name. In the
//! flat object of an event, all of this is nested JSON instead, and what looks like a printed entry causes a warning.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{Text, bytes, reason, value_text};
use super::{Invalid, Oddity, Pair, Rule};
use crate::model::{EntryId, decoded, key_of, name_of_key};

/// Whether `id` is the text of an entry id, with both of its numbers.
pub fn is_entry_id(id: &[u8]) -> bool {
    let text = std::str::from_utf8(id).unwrap_or_default();
    text.contains('-') && text.parse::<EntryId>().is_ok()
}

/// Appends the fields in `json`, which is the `fields` of a whole entry. Returns the position of the first `null`.
///
/// # Errors
/// What is wrong with them.
pub(super) fn read_fields<'a>(
    json: Cow<'a, [u8]>,
    fields: &mut Vec<Pair<'a>>,
) -> Result<Option<usize>, Invalid> {
    match json {
        Cow::Borrowed(json) => read_borrowed(json, fields),
        Cow::Owned(json) => {
            let mut own = Vec::new();
            let first_null = read_borrowed(&json, &mut own)?;
            let kept = |(name, value): Pair<'_>| {
                let (name, value) = (name.into_owned(), value.into_owned());
                (Cow::Owned(name), Cow::Owned(value))
            };
            fields.extend(own.into_iter().map(kept));
            Ok(first_null)
        }
    }
}

fn read_borrowed<'a>(json: &'a [u8], fields: &mut Vec<Pair<'a>>) -> Result<Option<usize>, Invalid> {
    let broken = |what: String| Invalid::of_value(b"fields", json, Rule::NotPrinted(what));
    let text = std::str::from_utf8(json).map_err(|error| broken(error.to_string()))?;
    match json.first() {
        None => Err(Invalid::new(b"fields", Rule::Trimmed)),
        Some(b'[') => read_pairs(text, fields),
        Some(_) => read_object(text, fields),
    }
}

/// Whether a line is a list of pairs, which is a list of lists.
pub(super) fn are_pairs(line: &str) -> bool {
    let inside = line.trim_ascii_start().strip_prefix('[');
    inside.is_some_and(|it| it.trim_ascii_start().starts_with('['))
}

/// Whether a line that begins like this may be a printed entry; if not, the line limit of an event applies.
pub fn may_be_printed(begin: &[u8]) -> bool {
    let begin = begin.trim_ascii_start();
    let are_pairs = |rest: &[u8]| rest.trim_ascii_start().starts_with(b"[");
    match begin.split_first() {
        Some((b'[', rest)) => are_pairs(rest),
        Some((b'{', rest)) => memchr::memmem::find(rest, b"\"fields\"").is_some(),
        _ => false,
    }
}

/// Appends the pairs of `[[name, value], …]`. Returns the position of the first value that is `null`.
///
/// # Errors
/// What is wrong with them.
pub(super) fn read_pairs<'a>(
    text: &'a str,
    fields: &mut Vec<Pair<'a>>,
) -> Result<Option<usize>, Invalid> {
    let broken = |what: String| Invalid::of_value(b"", text.as_bytes(), Rule::NotPairs(what));
    let pairs: Vec<(&RawValue, &RawValue)> =
        serde_json::from_str(text).map_err(|error| broken(reason(&error)))?;
    fields.reserve(pairs.len());
    let mut first_null = None;
    for (name, value) in pairs {
        let not_text = |what: &str| broken(format!("{what} is neither text nor base64"));
        let given = name.get().as_bytes();
        let name = scalar(name.get()).ok_or_else(|| not_text("a name"))?;
        let name = name.map_err(|rule| Invalid::of_value(b"", given, rule))?;
        if value.get() == "null" {
            first_null = first_null.or(Some(fields.len()));
        }
        let value = match value.get().as_bytes().first() {
            Some(b'{' | b'[') => scalar(value.get()).ok_or_else(|| not_text("a value"))?,
            _ => text_of(value.get()),
        };
        let value = value.map_err(|rule| Invalid::new(&name, rule))?;
        fields.push((name, value));
    }
    Ok(first_null)
}

/// A string's text or the bytes of `{"base64": …}`; `None` for any other value.
fn scalar(raw: &str) -> Option<Result<Cow<'_, [u8]>, Rule>> {
    match raw.as_bytes().first() {
        Some(b'"') => Some(text_of(raw)),
        Some(b'{') => base64_of(raw).map(|text| match decoded(&text) {
            Some(bytes) => Ok(Cow::Owned(bytes)),
            None => Err(Rule::NotBase64),
        }),
        _ => None,
    }
}

fn text_of(raw: &str) -> Result<Cow<'_, [u8]>, Rule> {
    let text = value_text(raw).map_err(|error| Rule::NotPrinted(reason(&error)))?;
    Ok(bytes(text.unwrap_or_default()))
}

/// The text in `{"base64": text}`.
fn base64_of(raw: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Base64<'a> {
        #[serde(borrow)]
        base64: Text<'a>,
    }
    let inside = raw.strip_prefix('{')?.trim_ascii_start();
    inside.strip_prefix("\"base64\"")?;
    let object: Base64<'_> = serde_json::from_str(raw).ok()?;
    Some(object.base64.0)
}

fn read_object<'a>(text: &'a str, fields: &mut Vec<Pair<'a>>) -> Result<Option<usize>, Invalid> {
    let mut object = Object {
        fields,
        names: HashSet::new(),
        first_null: None,
        invalid: None,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(&mut object);
    match (object.invalid, read) {
        (Some(invalid), _) => Err(invalid),
        (None, Ok(())) => Ok(object.first_null),
        (None, Err(error)) => {
            let rule = Rule::NotPrinted(reason(&error));
            Err(Invalid::of_value(b"fields", text.as_bytes(), rule))
        }
    }
}

/// Takes the members of the `fields` object one by one.
struct Object<'f, 'a> {
    fields: &'f mut Vec<Pair<'a>>,
    names: HashSet<Cow<'a, [u8]>>,
    first_null: Option<usize>,
    invalid: Option<Invalid>,
}

impl<'a> Object<'_, 'a> {
    fn member(&mut self, name: Cow<'a, [u8]>, raw: &'a str) -> Result<(), Invalid> {
        if !self.names.insert(name.clone()) {
            return Err(Invalid::new(&name, Rule::Repeated));
        }
        let broken =
            |error: serde_json::Error| Invalid::new(&name, Rule::NotPrinted(reason(&error)));
        let Some(b'[') = raw.as_bytes().first() else {
            return self.value(name, raw);
        };
        let values: Vec<&'a RawValue> = serde_json::from_str(raw).map_err(broken)?;
        let mut values = values.into_iter();
        values.try_for_each(|value| self.value(name.clone(), value.get()))
    }

    fn value(&mut self, name: Cow<'a, [u8]>, raw: &'a str) -> Result<(), Invalid> {
        if raw == "null" {
            self.first_null = self.first_null.or(Some(self.fields.len()));
        }
        let value = scalar(raw).unwrap_or_else(|| text_of(raw));
        match value {
            Ok(value) => {
                self.fields.push((name, value));
                Ok(())
            }
            Err(rule) => Err(Invalid::of_value(&name, raw.as_bytes(), rule)),
        }
    }
}

impl<'a> Visitor<'a> for &mut Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or [name, value] pairs")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let raw: &'a RawValue = map.next_value()?;
            let bad_name = || Invalid::new(key.as_bytes(), Rule::NotBase64Name);
            let name = name_of_key(key.clone()).ok_or_else(bad_name);
            if let Err(invalid) = name.and_then(|name| self.member(name, raw.get())) {
                self.invalid = Some(invalid);
                return Err(serde::de::Error::custom("not in the printed form"));
            }
        }
        Ok(())
    }
}

/// Whether a nested JSON value may be one that [`oddity`] warns about; it looks only at the first bytes.
pub(super) fn is_suspect(raw: &str) -> bool {
    let inside = raw.get(1..).unwrap_or_default().trim_ascii_start();
    match raw.as_bytes().first() {
        Some(b'{') => inside.starts_with("\"base64\""),
        Some(b'[') => inside.starts_with(['"', '{']),
        _ => false,
    }
}

/// What a field of a flat event looks like that is nevertheless stored unchanged: bytes or a repeated field as `read`
/// prints them, a name that is not UTF-8, or the fields of a whole entry without its id.
pub(super) fn oddity(name: &[u8], value: &[u8]) -> Option<Oddity> {
    let text = std::str::from_utf8(value).ok()?;
    let is_value = |raw: &&RawValue| raw.get().starts_with('"') || base64_of(raw.get()).is_some();
    let is_repeated = || {
        let values: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        values.len() > 1 && values.iter().all(is_value)
    };
    if base64_of(text).is_some_and(|it| decoded(&it).is_some()) {
        Some(Oddity::PrintedBytes)
    } else if name == b"fields" && text.starts_with(['{', '[']) {
        Some(Oddity::PrintedFields)
    } else if text.starts_with('[') && is_repeated() {
        Some(Oddity::PrintedRepeats)
    } else if is_encoded(name) {
        Some(Oddity::PrintedName)
    } else {
        None
    }
}

/// Whether a name is an encoded one, as `read` prints it.
pub(super) fn is_encoded(key: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(key) else {
        return false;
    };
    matches!(name_of_key(text.into()), Some(Cow::Owned(name)) if key_of(&name) == text)
}
