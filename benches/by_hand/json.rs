//! JSON: the fields of an event that is published, and a place within a field's value.

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use ucp_streams::model::JsonText;
use ucp_streams::topology::validate::parse_entry;

/// An event of five fields, one of them JSON within a string.
const PLAIN: &str = r#"{"event_id":"01890a5d-ac96-774b-bcce-b302099a8057","source":"web","event_type":"purchase","timestamp":"2026-07-01T10:00:00.000Z","note":"a value without anything to unescape in it"}"#;
const ESCAPED: &str = r#"{"event_id":"01890a5d-ac96-774b-bcce-b302099a8057","source":"web","event_type":"purchase","timestamp":"2026-07-01T10:00:00.000Z","payload":"{\"total\":12.50,\"currency\":\"EUR\",\"items\":[{\"sku\":\"a\"}]}"}"#;
const PAYLOAD: &str = r#"{"currency":"EUR","items":[{"sku":"a-1","quantity":2,"price":6.25},{"sku":"b-2","quantity":1,"price":1}],"customer":{"email":"someone@example.org","city":"Berlin"},"total":12.50}"#;

type Fields<'a> = Vec<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;

/// The members of an object in their order, strings as their text and anything else as it is written.
struct Members<'f, 'a>(&'f mut Fields<'a>);

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<&'a str>()? {
            let raw: &'a RawValue = map.next_value()?;
            let raw = raw.get();
            let value = if !raw.starts_with('"') {
                Cow::Borrowed(raw.as_bytes())
            } else if raw.contains('\\') {
                let text: String = serde_json::from_str(raw).map_err(serde::de::Error::custom)?;
                Cow::Owned(text.into_bytes())
            } else {
                Cow::Borrowed(&raw.as_bytes()[1..raw.len() - 1])
            };
            self.0.push((Cow::Borrowed(name.as_bytes()), value));
        }
        Ok(())
    }
}

fn fields_by_serde<'a>(line: &'a str, fields: &mut Fields<'a>) {
    serde_json::Deserializer::from_str(line)
        .deserialize_map(Members(fields))
        .expect("an object");
    let names = || fields.iter().map(|(name, _)| name);
    let is_twice = |(at, name)| names().take(at).any(|earlier| earlier == name);
    assert!(!names().enumerate().any(is_twice), "a name is given twice");
}

fn lines(c: &mut Criterion, name: &str, line: &'static str) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    parse_entry(line.as_bytes(), &mut ours).expect("an object");
    fields_by_serde(line, &mut theirs);
    assert_eq!(ours, theirs);
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(line.len() as u64));
    group.bench_function("by hand", |b| {
        let mut fields = Vec::new();
        b.iter(|| {
            fields.clear();
            parse_entry(black_box(line).as_bytes(), &mut fields).expect("an object");
            fields.len()
        });
    });
    group.bench_function("serde_json RawValue", |b| {
        let mut fields = Vec::new();
        b.iter(|| {
            fields.clear();
            fields_by_serde(black_box(line), &mut fields);
            fields.len()
        });
    });
    group.bench_function("serde_json Value", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(line)).expect("an object"));
    });
    group.finish();
}

/// An event as most are.
pub(crate) fn event(c: &mut Criterion) {
    lines(c, "json event", PLAIN);
}

/// An event with JSON in one of its strings.
pub(crate) fn escaped_event(c: &mut Criterion) {
    lines(c, "json event, escaped", ESCAPED);
}

/// The last member of one name.
struct Member<'n>(&'n str);

impl<'a> Visitor<'a> for Member<'_> {
    type Value = Option<&'a RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<&'a str>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

fn by_serde(json: &str) -> &str {
    let found = serde_json::Deserializer::from_str(json).deserialize_map(Member("total"));
    found.expect("an object").expect("a total").get()
}

/// One member of a payload: what `tail --where` looks at. The walk is there for what it reads, lone surrogates, numbers
/// beyond every float and bytes that are no text, and not for its speed: the library is quicker where it reads the same.
pub(crate) fn place(c: &mut Criterion) {
    let by_hand = |json: &'static str| {
        let found = JsonText::at(json.as_bytes(), [&b"total"[..]]);
        found.expect("JSON").expect("a total")
    };
    assert_eq!(*by_hand(PAYLOAD).shown(), *by_serde(PAYLOAD).as_bytes());
    let mut group = c.benchmark_group("json place");
    group.throughput(Throughput::Bytes(PAYLOAD.len() as u64));
    group.bench_function("by hand", |b| b.iter(|| by_hand(black_box(PAYLOAD))));
    group.bench_function("serde_json RawValue", |b| {
        b.iter(|| by_serde(black_box(PAYLOAD)));
    });
    group.bench_function("serde_json Value", |b| {
        b.iter(|| {
            let json: serde_json::Value = serde_json::from_str(black_box(PAYLOAD)).expect("JSON");
            json["total"].to_string()
        });
    });
    group.finish();
}
