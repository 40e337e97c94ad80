//! Checks one value against its field's type.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::timestamp::{ReadTimestamp, read_timestamp};
use super::{Oddity, Rule};
use crate::topology::FieldType;

/// Checks a value that is not empty, and rewrites it if its type has a canonical form.
///
/// `Ok(Some(_))` is an accepted value with a warning.
pub(super) fn check_value(
    kind: &FieldType,
    value: &mut Cow<'_, [u8]>,
    strict: bool,
) -> Result<Option<Oddity>, Rule> {
    let holds = |good: bool, rule: Rule| if good { Ok(None) } else { Err(rule) };
    match kind {
        FieldType::Uuid if is_uuid(value) => Ok(None),
        FieldType::Uuid if strict => Err(Rule::NotUuid),
        FieldType::Uuid if std::str::from_utf8(value).is_err() => Err(Rule::NotText),
        FieldType::Uuid => Ok(Some(Oddity::NotUuid)),
        FieldType::String => holds(std::str::from_utf8(value).is_ok(), Rule::NotText),
        FieldType::Json => holds(is_json(value), Rule::NotJson),
        FieldType::JsonArray => holds(
            value.trim_ascii_start().first() == Some(&b'[') && is_json(value),
            Rule::NotJsonArray,
        ),
        FieldType::Timestamp => check_timestamp(value),
        FieldType::Bool => holds(matches!(&**value, b"true" | b"false"), Rule::NotBool),
        FieldType::Integer => holds(is_integer(value), Rule::NotInteger),
        FieldType::Words(words) => {
            if words.iter().any(|word| word.as_bytes() == &**value) {
                Ok(None)
            } else {
                Err(Rule::NotOneOf(words.clone()))
            }
        }
    }
}

fn check_timestamp(value: &mut Cow<'_, [u8]>) -> Result<Option<Oddity>, Rule> {
    match read_timestamp(value) {
        Some(ReadTimestamp::AsWritten) => Ok(None),
        Some(ReadTimestamp::Rewritten(text)) => {
            *value = Cow::Owned(text.into_bytes());
            Ok(None)
        }
        Some(ReadTimestamp::WithoutOffset(text)) => {
            *value = Cow::Owned(text.into_bytes());
            Ok(Some(Oddity::NoOffset))
        }
        None => Err(Rule::NotTimestamp),
    }
}

/// Whether `value` is a UUID in its usual form of 36 characters, of whatever version.
pub fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_json(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn is_integer(value: &[u8]) -> bool {
    std::str::from_utf8(value)
        .is_ok_and(|text| text.parse::<i64>().is_ok() && !text.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(kind: &FieldType, value: &str) -> Result<Option<Oddity>, Rule> {
        check_value(kind, &mut Cow::Borrowed(value.as_bytes()), false)
    }

    #[test]
    fn each_type_takes_its_own() {
        let words = FieldType::Words(vec!["churn".into(), "ltv".into()]);
        for (kind, value) in [
            (FieldType::Uuid, "01890a5d-ac96-774b-bcce-b302099a8057"),
            (FieldType::Uuid, "01890A5D-AC96-774B-BCCE-B302099A8057"),
            (FieldType::String, "any text"),
            (FieldType::Json, "{\"a\": [1]}"),
            (FieldType::Json, "5"),
            (FieldType::JsonArray, " [1, \"2\"]"),
            (FieldType::Bool, "true"),
            (FieldType::Integer, "-9223372036854775808"),
            (words, "ltv"),
        ] {
            assert_eq!(checked(&kind, value), Ok(None), "{kind:?} {value}");
        }
    }

    #[test]
    fn and_refuses_the_rest() {
        let words = FieldType::Words(vec!["churn".into()]);
        for (kind, value, rule) in [
            (FieldType::Json, "{a:1}", Rule::NotJson),
            (FieldType::Json, "{} {}", Rule::NotJson),
            (FieldType::JsonArray, "{}", Rule::NotJsonArray),
            (FieldType::JsonArray, "[1", Rule::NotJsonArray),
            (FieldType::Timestamp, "yesterday", Rule::NotTimestamp),
            (FieldType::Bool, "True", Rule::NotBool),
            (FieldType::Integer, "1.0", Rule::NotInteger),
            (FieldType::Integer, "+1", Rule::NotInteger),
            (FieldType::Integer, "9223372036854775808", Rule::NotInteger),
            (words, "CHURN", Rule::NotOneOf(vec!["churn".into()])),
        ] {
            assert_eq!(checked(&kind, value), Err(rule), "{kind:?} {value}");
        }
        let mut binary = Cow::Borrowed(&b"\xff"[..]);
        for kind in [FieldType::String, FieldType::Uuid] {
            assert_eq!(check_value(&kind, &mut binary, false), Err(Rule::NotText));
        }
    }

    #[test]
    fn a_foreign_id_is_odd_and_wrong_only_when_strict() {
        let mut id = Cow::Borrowed(&b"event-123"[..]);
        assert_eq!(
            check_value(&FieldType::Uuid, &mut id, false),
            Ok(Some(Oddity::NotUuid))
        );
        assert_eq!(
            check_value(&FieldType::Uuid, &mut id, true),
            Err(Rule::NotUuid)
        );
    }
}
