//! Names, field values and counts as arguments. Names and values may be any bytes, if the system allows such
//! arguments.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, RangedU64ValueParser, TypedValueParser};

use crate::model::{FieldCondition, Name, NameError, escaped, parse_duration, quoted_name};

/// A field and its value, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// The field's name, which may be empty when it is quoted.
    pub field: Name,
    /// The value, which may be empty.
    pub value: Vec<u8>,
}

impl FromStr for FieldCondition {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        to_condition(text.into())
    }
}

/// Names separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(pub Vec<Name>);

impl Names {
    /// The names of an option that may be given several times.
    pub fn all(given: Vec<Self>) -> Vec<Name> {
        given.into_iter().flat_map(|it| it.0).collect()
    }
}

/// An argument that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("`{0}` has no `=` (expected FIELD=VALUE)")]
    NoEquals(String),
    #[error("`{0}` has no field name before the `=` (expected FIELD=VALUE)")]
    NoField(String),
    #[error(transparent)]
    Name(#[from] NameError),
    #[cfg(not(unix))]
    #[error("`{0}` is not Unicode text")]
    NotText(Name),
}

/// A duration longer than zero.
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
/// For another unit, for zero, and for anything that is not a whole number.
pub fn per_second(text: &str) -> Result<u32, String> {
    let digits = text.strip_suffix("/s").unwrap_or(text);
    match digits.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a rate is a number per second, 1 or more, such as 500 or 500/s".to_owned()),
    }
}

/// The bytes of an argument: unchanged on Unix, elsewhere in UTF-8.
///
/// # Errors
/// On systems where arguments are not bytes: the text, as far as it can be shown, when it is not Unicode.
#[cfg(unix)]
pub fn bytes_of(argument: OsString) -> Result<Vec<u8>, Name> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(argument.into_vec())
}

/// The bytes of an argument: unchanged on Unix, elsewhere in UTF-8.
///
/// # Errors
/// On systems where arguments are not bytes: the text, as far as it can be shown, when it is not Unicode.
#[cfg(not(unix))]
pub fn bytes_of(argument: OsString) -> Result<Vec<u8>, Name> {
    argument
        .into_string()
        .map(String::into_bytes)
        .map_err(|other| Name::from(other.to_string_lossy().into_owned()))
}

#[cfg(unix)]
fn bytes(argument: OsString) -> Result<Vec<u8>, ValueError> {
    bytes_of(argument).map_err(|_| NameError::Empty.into())
}

#[cfg(not(unix))]
fn bytes(argument: OsString) -> Result<Vec<u8>, ValueError> {
    bytes_of(argument).map_err(ValueError::NotText)
}

/// An argument as a name.
///
/// # Errors
/// What is wrong with it, as text.
pub fn to_name(argument: OsString) -> Result<Name, String> {
    typed_name(argument).map_err(|error| error.to_string())
}

fn typed_name(argument: OsString) -> Result<Name, ValueError> {
    Ok(Name::typed(&bytes(argument)?)?)
}

fn to_names(argument: OsString) -> Result<Names, ValueError> {
    Ok(Names(Name::typed_list(&bytes(argument)?)?))
}

/// The text before the first `=`, which may be a quoted name, and the text after it.
fn split(text: &[u8]) -> Result<(Name, &[u8]), ValueError> {
    if let Some((name, rest)) = quoted_name(text)? {
        return Ok((name, rest));
    }
    let Some(equals) = memchr::memchr(b'=', text) else {
        return Err(ValueError::NoEquals(escaped(text)));
    };
    if equals == 0 {
        return Err(ValueError::NoField(escaped(text)));
    }
    let (name, rest) = text.split_at(equals);
    Ok((Name::new(name), rest))
}

fn to_field_value(argument: OsString) -> Result<FieldValue, ValueError> {
    let text = bytes(argument)?;
    let (field, rest) = split(&text)?;
    let value = rest.strip_prefix(b"=");
    let value = value.ok_or_else(|| ValueError::NoEquals(escaped(&text)))?;
    Ok(FieldValue {
        field,
        value: value.to_vec(),
    })
}

fn to_condition(argument: OsString) -> Result<FieldCondition, ValueError> {
    let text = bytes(argument)?;
    let (place, rest) = split(&text)?;
    let (place, rest, is_negated) = match (place.as_bytes().strip_suffix(b"!"), rest) {
        (_, [b'!', rest @ ..]) => (place, rest, true),
        (Some(_), _) if quoted_name(&text)?.is_some() => (place, rest, false),
        (Some(b""), _) => return Err(ValueError::NoField(escaped(&text))),
        (Some(place), _) => (Name::new(place), rest, true),
        (None, _) => (place, rest, false),
    };
    let value = rest.strip_prefix(b"=");
    let value = value.ok_or_else(|| ValueError::NoEquals(escaped(&text)))?;
    Ok(FieldCondition {
        place,
        value: value.to_vec(),
        is_negated,
    })
}

/// Parses the name of a stream, group, consumer or field, either as it is or in the form in which this tool prints
/// it.
pub fn name() -> impl TypedValueParser<Value = Name> {
    OsStringValueParser::new().try_map(typed_name)
}

/// Parses names of fields or columns separated by commas.
pub fn names() -> impl TypedValueParser<Value = Names> {
    OsStringValueParser::new().try_map(to_names)
}

/// Parses `FIELD=VALUE`, split at the first `=` that is not in a quoted name.
pub fn field_value() -> impl TypedValueParser<Value = FieldValue> {
    OsStringValueParser::new().try_map(to_field_value)
}

/// Parses `FIELD=VALUE` or `FIELD!=VALUE`.
pub fn condition() -> impl TypedValueParser<Value = FieldCondition> {
    OsStringValueParser::new().try_map(to_condition)
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
    fn a_quoted_field_may_have_anything_in_its_name() {
        for (text, field, value) in [
            (r"$'a=b'=c", "a=b", "c"),
            (r"$'a\n'=", "a\n", ""),
            (r#""\$'\x00'"==c"#, "\0", "=c"),
            ("$''=c", "", "c"),
        ] {
            let pair = to_field_value(text.into()).expect(text);
            assert_eq!(pair.field, field);
            assert_eq!(pair.value, value.as_bytes());
        }
        for bad in [r"$'a'", r"$'a'b=c", r"$'a'!=c", "$'a=c"] {
            assert!(to_field_value(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_condition_may_be_negated() {
        for (text, place, value, is_negated) in [
            ("a=b", "a", "b", false),
            ("a!=b", "a", "b", true),
            ("a=!b", "a", "!b", false),
            ("a!!=b", "a!", "b", true),
            ("$'a!'=b", "a!", "b", false),
            ("$'a!'!=b", "a!", "b", true),
            ("$'a=b'!=", "a=b", "", true),
        ] {
            let condition = to_condition(text.into()).expect(text);
            assert_eq!(condition.place, place, "{text}");
            assert_eq!(condition.value, value.as_bytes(), "{text}");
            assert_eq!(condition.is_negated, is_negated, "{text}");
        }
        for bad in ["!=b", "=b", "a", "$'a'", "$'a'!b", "$'a!=b"] {
            assert!(to_condition(bad.into()).is_err(), "{bad}");
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
        assert!(to_name("".into()).is_err());
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
