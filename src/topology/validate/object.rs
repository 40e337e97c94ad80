//! Parses one JSON object to ordered name and value pairs, borrowed from its text if possible. Bulk publishing runs
//! this for every line.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::flat::Flat;
use super::plain::plain_fields;
use super::text::{Text, bytes, reason, value_text};
use super::{Invalid, Pair, Rule, printed};

/// The result of parsing a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Whether it is an entry in the form in which this tool prints entries, and not the flat object of an event.
    pub is_printed: bool,
    /// The position of the first `null`, if there is one.
    pub(super) first_null: Option<usize>,
    /// Positions of fields of a flat object that look like printed ones.
    pub(super) suspects: Vec<usize>,
}

/// Appends the fields of one line to `fields`, in order. For a flat object these are its members: strings as their
/// text, numbers and booleans as they are written, `null` as nothing, objects and arrays as compact JSON. For a whole
/// entry in the form in which this tool prints it, they are the entry's fields, and for `[[name, value], …]` they are
/// these pairs.
///
/// # Errors
/// [`Rule::NotAnObject`] when the line is anything else, [`Rule::Repeated`] for a name that occurs twice, because
/// JSON does not say which one counts. What is wrong with a printed entry.
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

/// The members of a flat object, without the search for repeats, by the JSON library alone; the error is in words.
fn library_fields<'a>(text: &'a str, fields: &mut Vec<Pair<'a>>) -> Result<Flat, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Collect(fields))
        .and_then(|flat| json.end().map(|()| flat))
        .map_err(|error| match text.trim_ascii_start().as_bytes() {
            [b'[', ..] => {
                "it is an array: publish a file that is one array with `publish --format json`"
                    .to_owned()
            }
            _ => reason(&error),
        })
}

fn repeated<'f>(fields: &'f [Pair<'_>]) -> Option<&'f [u8]> {
    /// For up to this many, comparing each with each is faster than a set.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::borrow::Cow;

    use super::super::text::compact;
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
