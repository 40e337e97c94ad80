//! The platform's normalisation: from an `events.raw` entry to the fields of its `events.normalized` entry. The
//! `normalize` handler and `ingest` run this same function.

use std::borrow::Cow;

use super::payload::normal_payload;
use crate::model::Country;
use crate::model::Fields;
use crate::topology::StreamSpec;
use crate::topology::validate::{
    Checker, Findings, Invalid, Oddity, Pair, RESERVED_PREFIXES, Rule, Warning,
};

/// A normalised event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normal {
    /// Its fields.
    pub fields: Fields,
    /// Identifiers of the payload that could not be read and were left out.
    pub warnings: Vec<Warning>,
}

/// Normalises a raw event.
///
/// The entry is checked against `schema` (fields that this tool appended are left out). The identifiers are the
/// payload's top-level `phone`, `email`, `customer_id` and `external_id`, each in one form; the profile is still
/// unknown. Nothing is filled in: a raw event without an id or a time is not valid, because a second attempt would
/// give it a different one.
///
/// # Errors
/// Everything that is wrong with the entry. Another attempt would not help.
pub fn normalize_event<N, V>(
    raw: &[(N, V)],
    schema: Option<&StreamSpec>,
    default_country: Option<&Country>,
) -> Result<Normal, Vec<Invalid>>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let fields = checked(raw, schema)?;
    let take = |name: &str| required(&fields, name).map(<[u8]>::to_vec);
    let json = payload_object(&fields).map_err(|invalid| vec![invalid])?;
    let payload = normal_payload(json, default_country);
    let normalized = [
        ("event_id", take("event_id")?),
        ("brand_id", take("brand_id")?),
        ("event_type", take("event_type")?),
        ("profile_id", Vec::new()),
        ("identifiers", payload.identifiers.into_bytes()),
        ("normalized_payload", payload.json.into_bytes()),
        ("timestamp", take("timestamp")?),
    ];
    let unread = payload.unread.iter().map(|(name, value)| {
        let field = format!("payload.{name}");
        Warning::new(field.as_bytes(), value.as_bytes(), Oddity::Unread)
    });
    Ok(Normal {
        warnings: unread.collect(),
        fields: normalized
            .map(|(name, value)| (name.as_bytes().to_vec(), value))
            .to_vec(),
    })
}

/// The entry's own fields, checked, with names and times in the form of the schema.
fn checked<'a, N, V>(
    raw: &'a [(N, V)],
    schema: Option<&'a StreamSpec>,
) -> Result<Vec<Pair<'a>>, Vec<Invalid>>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let mut fields: Vec<Pair<'a>> = raw
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .filter(|(name, _)| !RESERVED_PREFIXES.iter().any(|own| name.starts_with(own)))
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect();
    let checker = Checker {
        fill_in: None,
        ..Checker::new(schema)
    };
    let mut findings = Findings::default();
    checker.check_fields(&mut fields, &mut findings);
    if findings.invalid.is_empty() {
        Ok(fields)
    } else {
        Err(findings.invalid)
    }
}

fn required<'f>(fields: &'f [Pair<'_>], name: &str) -> Result<&'f [u8], Vec<Invalid>> {
    fields
        .iter()
        .find(|(field, _)| **field == *name.as_bytes())
        .map(|(_, value)| &**value)
        .ok_or_else(|| vec![Invalid::new(name.as_bytes(), Rule::Missing)])
}

/// The payload, which must be a JSON object, because nothing else has identifiers.
fn payload_object<'f>(fields: &'f [Pair<'_>]) -> Result<&'f str, Invalid> {
    let payload = required(fields, "payload").map_err(|mut missing| missing.remove(0))?;
    let not_an_object =
        |what: &str| Invalid::of_value(b"payload", payload, Rule::NotAnObject(what.to_owned()));
    let text = std::str::from_utf8(payload).map_err(|_| not_an_object("not UTF-8"))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| not_an_object(&error.to_string()))?;
    if text.trim_start().starts_with('{') {
        Ok(text)
    } else {
        Err(not_an_object("it is another JSON value"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::{EVENTS_NORMALIZED, EVENTS_RAW};
    use crate::topology::Topology;

    fn raw(payload: &str) -> Vec<(&'static str, String)> {
        vec![
            ("event_id", "event-123".to_owned()),
            ("brand_id", "test-brand".to_owned()),
            ("event_type", "purchase".to_owned()),
            ("payload", payload.to_owned()),
            ("timestamp", "2024-12-01T10:00:00+01:00".to_owned()),
            ("_ucp_attempts", "1".to_owned()),
        ]
    }

    fn normalized(payload: &str) -> Result<Fields, Vec<Invalid>> {
        let topology = Topology::default();
        normalize_event(&raw(payload), topology.stream(&EVENTS_RAW.into()), None)
            .map(|normal| normal.fields)
    }

    #[test]
    fn the_documents_own_event() {
        let fields = normalized(r#"{ "phone": "+1 234 567 890", "total": 99.99 }"#).expect("good");
        let text: Vec<_> = fields
            .iter()
            .map(|(n, v)| {
                format!(
                    "{}={}",
                    String::from_utf8_lossy(n),
                    String::from_utf8_lossy(v)
                )
            })
            .collect();
        assert_eq!(
            text,
            [
                "event_id=event-123",
                "brand_id=test-brand",
                "event_type=purchase",
                "profile_id=",
                r#"identifiers={"phone":"+1234567890"}"#,
                r#"normalized_payload={"phone":"+1234567890","total":99.99}"#,
                "timestamp=2024-12-01T09:00:00.000Z",
            ]
        );
    }

    #[test]
    fn a_payload_that_is_no_object_is_refused() {
        for (payload, rule) in [
            (
                "[1]",
                "payload: must be a JSON object (it is another JSON value) (is `[1]`)",
            ),
            (
                "5",
                "payload: must be a JSON object (it is another JSON value) (is `5`)",
            ),
            ("{", "payload: must be JSON (is `{`)"),
            ("", "payload: must have a value"),
        ] {
            let invalid = normalized(payload).expect_err(payload);
            assert_eq!(invalid[0].to_string(), rule);
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_named_even_without_a_schema() {
        let fields = [("payload", "{}"), ("brand_id", "b")];
        let invalid = normalize_event(&fields, None, None).expect_err("no id");
        assert_eq!(invalid[0].to_string(), "event_id: is missing");
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_and_is_valid(
            phone in "[+0-9 -]{0,14}", email in "[ a-zA-Z@.]{0,12}", note in any::<String>(), id in any::<u64>(),
        ) {
            let payload = serde_json::json!({"phone": phone, "email": email, "note": [note], "customer_id": id});
            let once = normalized(&payload.to_string()).expect("an object");
            let topology = Topology::default();
            let checker = Checker { fill_in: None, ..Checker::new(topology.stream(&EVENTS_NORMALIZED.into())) };
            prop_assert_eq!(&checker.check_record(once.clone()).expect("fits its schema").fields, &once);
            let (_, json) = &once[5];
            let twice = normalized(&String::from_utf8_lossy(json)).expect("still an object");
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn no_payload_panics(payload in any::<String>()) {
            let _ = normalized(&payload);
            let _ = normalized(&format!("{{\"phone\":{payload}}}"));
        }
    }
}
