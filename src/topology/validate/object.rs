//! One JSON object to ordered name and value pairs, borrowed from its text wherever its text is the
//! value: what bulk publishing runs for every line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::flat::Flat;
use super::plain::plain_fields;
use super::{Invalid, Pair, Rule, printed};

/// What a line is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Whether it is an entry as this tool prints it, and not the flat object of an event.
    pub is_printed: bool,
    /// The position of the first `null`, if there is one.
    pub(super) first_null: Option<usize>,
    /// Positions of fields of a flat object that may look like what is printed.
    pub(super) suspects: Vec<usize>,
}

/// Appends the fields of one line to `fields`, in its order. Of a flat object these are its members: strings as their text,
/// numbers and booleans as they are written, `null` as nothing, objects and arrays as compact JSON. Of a whole entry as this
/// tool prints it they are the entry's, and so are those of `[[name, value], …]`.
///
/// # Errors
/// [`Rule::NotAnObject`] when the line is anything else, [`Rule::Repeated`] for a name that is there
/// twice: JSON does not say which would count. What is wrong with a printed entry.
pub fn parse_entry<'a>(line: &'a [u8], fields: &mut Vec<Pair<'a>>) -> Result<Parsed, Invalid> {
    let not_an_object = |what: String| Invalid::of_value(b"", line, Rule::NotAnObject(what));
    let text = std::str::from_utf8(line).map_err(|error| not_an_object(error.to_string()))?;
    if printed::are_pairs(text) {
        return Ok(Parsed {
            is_printed: true,
            first_null: printed::read_pairs(text, fields)?,
            suspects: Vec::new(),
        });
    }
    let start = fields.len();
    let flat = if let Some(flat) = plain_fields(text, fields) {
        flat
    } else {
        fields.truncate(start);
        library_fields(text, fields).map_err(not_an_object)?
    };
    if let Some(name) = repeated(&fields[start..]) {
        return Err(Invalid::new(name, Rule::Repeated));
    }
    let Some(at) = flat.whole_entry(fields, start) else {
        return Ok(Parsed {
            is_printed: false,
            first_null: flat.first_null,
            suspects: flat.suspects,
        });
    };
    let json = std::mem::take(&mut fields[at].1);
    fields.truncate(start);
    Ok(Parsed {
        is_printed: true,
        first_null: printed::read_fields(json, fields)?,
        suspects: Vec::new(),
    })
}

/// The members of a flat object, without the search for repeats, by the JSON library alone; the error in words.
fn library_fields<'a>(text: &'a str, fields: &mut Vec<Pair<'a>>) -> Result<Flat, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Collect(fields))
        .and_then(|flat| json.end().map(|()| flat))
        .map_err(|error| match text.trim_ascii_start().as_bytes() {
            [b'[', ..] => {
                "it is an array: a file that is one is `publish --format json`".to_owned()
            }
            _ => reason(&error),
        })
}

/// The error without its line, which is always the first of the one line there is.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    match error.column() {
        0 => words.to_owned(),
        column => format!("{words} at column {column}"),
    }
}

fn repeated<'f>(fields: &'f [Pair<'_>]) -> Option<&'f [u8]> {
    /// Up to here comparing each with each is faster than a set.
    const COMPARED_MAX: usize = 16;
    if fields.len() <= COMPARED_MAX {
        let twice = |(at, (name, _)): &(usize, &Pair<'_>)| {
            fields[..*at].iter().any(|(earlier, _)| earlier == name)
        };
        return fields
            .iter()
            .enumerate()
            .find(twice)
            .map(|(_, (name, _))| &**name);
    }
    let mut seen = std::collections::HashSet::with_capacity(fields.len());
    fields
        .iter()
        .find(|(name, _)| !seen.insert(&**name))
        .map(|(name, _)| &**name)
}

struct Collect<'f, 'a>(&'f mut Vec<Pair<'a>>);

impl<'a> Visitor<'a> for Collect<'_, 'a> {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Flat, M::Error> {
        let mut flat = Flat::default();
        while let Some(Text(name)) = map.next_key()? {
            let raw: &'a RawValue = map.next_value()?;
            let value = value_text(raw.get()).map_err(serde::de::Error::custom)?;
            let value = value.unwrap_or_default();
            let first = raw.get().as_bytes().first().copied().unwrap_or_default();
            flat.note(self.0.len(), &name, first, &value);
            self.0.push((bytes(name), bytes(value)));
        }
        Ok(flat)
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

/// Valid JSON without the white space between its tokens. Numbers, escapes and the order of names
/// stay as they were written.
fn compact(json: &str) -> Cow<'_, str> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(line: &str) -> Result<Vec<(String, String)>, String> {
        let mut fields = Vec::new();
        parse_entry(line.as_bytes(), &mut fields).map_err(|invalid| invalid.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Ok(fields.iter().map(|(n, v)| (text(n), text(v))).collect())
    }

    #[test]
    fn values_become_their_text_in_order() {
        let line = r#" {"b":"x","a":1.50,"c":true,"d":{"k": [1, 2 ],"s":" a\" b "},"e":null,"f":"\u00e9\n"} "#;
        let expected = [
            ("b", "x"),
            ("a", "1.50"),
            ("c", "true"),
            ("d", r#"{"k":[1,2],"s":" a\" b "}"#),
            ("e", ""),
            ("f", "é\n"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(parsed(line), Ok(expected.to_vec()));
    }

    #[test]
    fn plain_text_is_borrowed() {
        let mut fields = Vec::new();
        parse_entry(br#"{"a":"b","n":5,"o":{"k":[1]}}"#, &mut fields).expect("an object");
        for (name, value) in fields {
            assert!(matches!(
                (name, value),
                (Cow::Borrowed(_), Cow::Borrowed(_))
            ));
        }
    }

    #[test]
    fn nulls_are_reported_by_position() {
        let mut fields = Vec::new();
        let parsed = parse_entry(br#"{"a":1,"b":null,"c":null}"#, &mut fields);
        assert_eq!(parsed.expect("an object").first_null, Some(1));
    }

    #[test]
    fn refuses_what_is_not_one_object_with_distinct_names() {
        for (line, part) in [
            ("", "EOF"),
            ("[1]", "it is an array"),
            ("5", "expected an object"),
            (r#"{"a":1"#, "EOF"),
            (r#"{"a":1} x"#, "trailing"),
            (r#"{"a":1,"a":2}"#, "a: is given twice"),
            (r#"{"a":"\ud800"}"#, "JSON object"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
        assert!(parse_entry(b"{\"a\":\"\xff\"}", &mut Vec::new()).is_err());
    }

    #[test]
    fn many_fields_are_searched_for_repeats_too() {
        let many = (0..40)
            .map(|at| format!("\"f{at}\":{at}"))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(parsed(&format!("{{{many}}}")).expect("distinct").len(), 40);
        assert!(parsed(&format!("{{{many},\"f39\":1}}")).is_err());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    /// Objects with every kind of white space, escape and value, of which about half are broken somewhere.
    fn nearly_json() -> impl Strategy<Value = String> {
        let space = "[ \t\r\n]{0,2}";
        let string = r#""([a-zé☃🎉 :,{}/]|\\["\\/bfnrt]|\\u00[0-9a-fA-F]{2}|\\ud83d\\ude00){0,9}""#;
        let scalar = prop_oneof![
            "null|true|false",
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][-+]?[0-9])?"
        ];
        let nested = json().prop_map(|value| format!("{value:#}"));
        let value = prop_oneof![3 => string, 1 => scalar, 1 => nested];
        let field =
            (string, space, space, value, space).prop_map(|(name, before, after, value, end)| {
                format!("{name}{before}:{after}{value}{end}")
            });
        let object = (space, prop::collection::vec(field, 0..5), space).prop_map(
            |(before, fields, after)| {
                format!(
                    "{before}{{{before}{}}}{after}",
                    fields.join(&format!(",{after}"))
                )
            },
        );
        let breakage = prop_oneof![
            3 => Just(None),
            1 => (any::<prop::sample::Index>(), "|.|[\"\\\\,:{}\\[\\]x\u{1}]").prop_map(Some),
        ];
        (object, breakage).prop_map(|(text, breakage)| match breakage {
            None => text,
            Some((at, with)) => {
                let at = at.index(text.chars().count().max(1));
                let kept = |chars: &mut dyn Iterator<Item = char>| chars.collect::<String>();
                let (head, tail) = (
                    kept(&mut text.chars().take(at)),
                    kept(&mut text.chars().skip(at + 1)),
                );
                format!("{head}{with}{tail}")
            }
        })
    }

    proptest! {
        #[test]
        fn compacting_is_what_the_library_writes(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).expect("serializes");
            let plain = serde_json::to_string(&value).expect("serializes");
            prop_assert_eq!(&*compact(&pretty), plain.as_str());
            prop_assert!(matches!(compact(&plain), Cow::Borrowed(_)));
        }

        #[test]
        fn no_line_panics(line: Vec<u8>) {
            let _ = parse_entry(&line, &mut Vec::new());
        }

        #[test]
        fn the_scanner_is_right_where_it_says_anything(text in nearly_json()) {
            let (mut plain, mut library) = (Vec::new(), Vec::new());
            let expected = library_fields(&text, &mut library).ok();
            if let Some(flat) = plain_fields(&text, &mut plain) {
                prop_assert_eq!((Some(flat), &plain), (expected, &library), "{}", text);
            } else {
                // Nothing valid is left to the library.
                prop_assert_eq!(expected, None, "{}", text);
            }
        }
    }
}
