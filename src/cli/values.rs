//! Names, field values and counts as arguments. Names and values may be any bytes where the system lets an
//! argument be.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::{OsStringValueParser, RangedU64ValueParser, TypedValueParser};

use crate::model::{Name, parse_duration};

/// A field and its value, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// The field's name; never empty, never with a `=`.
    pub field: Name,
    /// The value, which may be empty.
    pub value: Vec<u8>,
}

/// An argument that is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("`{0}` has no `=` (expected FIELD=VALUE)")]
    NoEquals(Name),
    #[error("`{0}` has no field name before the `=` (expected FIELD=VALUE)")]
    NoField(Name),
    #[error("a name cannot be empty")]
    EmptyName,
    #[cfg(not(unix))]
    #[error("`{0}` is not Unicode text")]
    NotText(Name),
}

/// A duration in which something can happen.
///
/// # Errors
/// As [`parse_duration`]; for zero.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if length.is_zero() => Err(format!("`{text}` is too short: the minimum is 1ms")),
        Ok(length) => Ok(length),
        Err(error) => Err(error.to_string()),
    }
}

/// A number per second, with or without `/s`.
///
/// # Errors
/// For another unit, zero, and what is no whole number.
pub fn per_second(text: &str) -> Result<u32, String> {
    let digits = text.strip_suffix("/s").unwrap_or(text);
    match digits.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a rate is a number per second from 1 on, such as 500 or 500/s".to_owned()),
    }
}

/// The bytes of an argument: as they are on Unix, elsewhere its UTF-8.
///
/// # Errors
/// Where arguments are not bytes, the text as far as it can be shown when it is not Unicode.
#[cfg(unix)]
pub fn bytes_of(argument: OsString) -> Result<Vec<u8>, Name> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(argument.into_vec())
}

/// The bytes of an argument: as they are on Unix, elsewhere its UTF-8.
///
/// # Errors
/// Where arguments are not bytes, the text as far as it can be shown when it is not Unicode.
#[cfg(not(unix))]
pub fn bytes_of(argument: OsString) -> Result<Vec<u8>, Name> {
    argument
        .into_string()
        .map(String::into_bytes)
        .map_err(|other| Name::from(other.to_string_lossy().into_owned()))
}

#[cfg(unix)]
fn bytes(argument: OsString) -> Result<Vec<u8>, ValueError> {
    bytes_of(argument).map_err(|_| ValueError::EmptyName)
}

#[cfg(not(unix))]
fn bytes(argument: OsString) -> Result<Vec<u8>, ValueError> {
    bytes_of(argument).map_err(ValueError::NotText)
}

fn to_name(argument: OsString) -> Result<Name, ValueError> {
    let bytes = bytes(argument)?;
    if bytes.is_empty() {
        return Err(ValueError::EmptyName);
    }
    Ok(Name::new(bytes))
}

fn to_field_value(argument: OsString) -> Result<FieldValue, ValueError> {
    let mut field = bytes(argument)?;
    let Some(equals) = memchr::memchr(b'=', &field) else {
        return Err(ValueError::NoEquals(Name::new(field)));
    };
    if equals == 0 {
        return Err(ValueError::NoField(Name::new(field)));
    }
    let value = field.split_off(equals + 1);
    field.truncate(equals);
    Ok(FieldValue {
        field: Name::new(field),
        value,
    })
}

/// Parses a stream, group, consumer or field name.
pub fn name() -> impl TypedValueParser<Value = Name> {
    OsStringValueParser::new().try_map(to_name)
}

/// Parses `FIELD=VALUE`, split at the first `=`.
pub fn field_value() -> impl TypedValueParser<Value = FieldValue> {
    OsStringValueParser::new().try_map(to_field_value)
}

/// Parses a count from 1 to `most`.
pub fn count(most: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_equals() {
        for (text, field, value) in [
            ("a=b", "a", &b"b"[..]),
            ("a=", "a", b""),
            ("a=b=c", "a", b"b=c"),
            ("p={\"x\":1}", "p", b"{\"x\":1}"),
            (" a= b", " a", b" b"),
        ] {
            let pair = to_field_value(text.into()).expect(text);
            assert_eq!(pair.field, field);
            assert_eq!(pair.value, value);
        }
    }

    #[test]
    fn refuses_what_is_no_pair_and_shows_it_safely() {
        let error = to_field_value("a\x1b[2J".into()).expect_err("no equals");
        assert_eq!(
            error.to_string(),
            "`a\\x1b[2J` has no `=` (expected FIELD=VALUE)"
        );
        assert!(matches!(
            to_field_value("=x".into()),
            Err(ValueError::NoField(_))
        ));
        assert!(matches!(to_name("".into()), Err(ValueError::EmptyName)));
    }

    #[cfg(unix)]
    #[test]
    fn any_bytes_pass() {
        use std::os::unix::ffi::OsStringExt as _;
        let pair =
            to_field_value(OsString::from_vec(b"f\xff=v\xfe\n".to_vec())).expect("any bytes");
        assert_eq!(pair.field.as_bytes(), b"f\xff");
        assert_eq!(pair.value, b"v\xfe\n");
    }

    #[test]
    fn a_rate_is_per_second() {
        for (text, expected) in [
            ("500", Some(500)),
            ("500/s", Some(500)),
            ("1", Some(1)),
            ("0", None),
            ("0/s", None),
            ("500/m", None),
            ("/s", None),
            ("-5", None),
            ("1.5", None),
            ("5000000000", None),
        ] {
            assert_eq!(per_second(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn counts_are_bounded() {
        let command = clap::Command::new("t").arg(clap::Arg::new("n").value_parser(count(1000)));
        for (text, fits) in [
            ("1", true),
            ("1000", true),
            ("0", false),
            ("1001", false),
            ("x", false),
        ] {
            let result = command.clone().try_get_matches_from(["t", text]);
            assert_eq!(result.is_ok(), fits, "{text}");
        }
    }
}
