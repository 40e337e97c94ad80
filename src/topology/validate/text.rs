//! Texts and values of JSON, borrowed from the input if possible.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;

/// The error without its line number, because the input has only one line.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    match error.column() {
        0 => words.to_owned(),
        column => format!("{words} at column {column}"),
    }
}

/// The text of a JSON value; `None` for `null`.
pub(super) fn value_text(raw: &str) -> Result<Option<Cow<'_, str>>, serde_json::Error> {
    match raw.as_bytes().first() {
        Some(b'"') => match raw.get(1..raw.len() - 1) {
            Some(inner) if memchr::memchr(b'\\', inner.as_bytes()).is_none() => {
                Ok(Some(Cow::Borrowed(inner)))
            }
            _ => serde_json::from_str(raw).map(|text: String| Some(Cow::Owned(text))),
        },
        Some(b'{' | b'[') => Ok(Some(compact(raw))),
        Some(b'n') => Ok(None),
        _ => Ok(Some(Cow::Borrowed(raw))),
    }
}

/// Valid JSON without white space between its tokens. Numbers, escapes and the order of names are unchanged.
pub(super) fn compact(json: &str) -> Cow<'_, str> {
    if !has_space_between_tokens(json.as_bytes()) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let (mut kept_from, mut in_string) = (0, false);
    let mut bytes = json.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => {
                text.push_str(&json[kept_from..at]);
                kept_from = at + 1;
            }
            _ => {}
        }
    }
    text.push_str(&json[kept_from..]);
    Cow::Owned(text)
}

fn has_space_between_tokens(json: &[u8]) -> bool {
    let mut rest = json;
    let mut in_string = false;
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | b' ' | b'\t' | b'\n' | b'\r'))
    {
        let mut next = at + 1;
        match rest[at] {
            b'"' => in_string = !in_string,
            b'\\' => next += 1,
            _ if !in_string => return true,
            _ => {}
        }
        rest = rest.get(next..).unwrap_or_default();
    }
    false
}

pub(super) fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// A JSON string, borrowed unless it has escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}
