//! The results of validation: what is wrong with an entry, and what is only worth a warning.

use std::fmt;

use crate::model::did_you_mean;
use crate::model::{Name, counted, escape_into};

/// A field that breaks a rule. The entry must not be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field; empty when the whole entry breaks the rule.
    pub field: Name,
    /// The rule it breaks.
    pub rule: Rule,
    /// The beginning of the value, escaped, at most [`EXCERPT_CHARS_MAX`] characters.
    pub value: Option<String>,
}

/// How many characters of a value a message shows.
pub const EXCERPT_CHARS_MAX: usize = 60;

impl Invalid {
    /// `field` breaks `rule`.
    pub fn new(field: &[u8], rule: Rule) -> Self {
        Self {
            field: Name::from(field),
            rule,
            value: None,
        }
    }

    /// `value` of `field` breaks `rule`; an excerpt of it is kept.
    pub fn of_value(field: &[u8], value: &[u8], rule: Rule) -> Self {
        Self {
            value: Some(excerpt(value)),
            ..Self::new(field, rule)
        }
    }

    /// The entry as a whole breaks `rule`.
    pub fn of_entry(rule: Rule) -> Self {
        Self::new(b"", rule)
    }
}

/// `event_type: must be one of purchase, page_view (is `refund`)`.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}", self.rule)?;
        match &self.value {
            Some(value) => write!(f, " (is `{value}`)"),
            None => Ok(()),
        }
    }
}

/// A rule that a field or an entry can break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The line is not a JSON object, for this reason.
    NotAnObject(String),
    /// A list is not one of pairs, for this reason.
    NotPairs(String),
    /// The fields of a whole entry are not in the printed form, for this reason.
    NotPrinted(String),
    /// A value that should be base64 and is not.
    NotBase64,
    /// A name of a whole entry that has the prefix for base64 and is not base64.
    NotBase64Name,
    /// A whole entry without fields, because they were trimmed.
    Trimmed,
    /// The record does not have as many fields as the header of its table.
    NotAsHeader {
        /// The number of its fields.
        fields: usize,
        /// The number of fields in the header.
        header: usize,
    },
    /// The entry has no fields.
    NoFields,
    /// The entry has more fields than this.
    TooManyFields(usize),
    /// The entry has more bytes than this.
    TooLarge(usize),
    /// The schema has no such field; the nearest one.
    Unknown(Option<String>),
    /// The name has a prefix that is reserved for this tool's own fields.
    Reserved,
    /// The field is given twice.
    Repeated,
    /// The field is given both in camelCase and under this name.
    RepeatedAs(String),
    /// The field is not there.
    Missing,
    /// The field must have a value.
    Empty,
    /// A JSON `null`, while there is no schema to say what it means.
    Null,
    /// Not UTF-8.
    NotText,
    /// Not a UUID, and checking is strict.
    NotUuid,
    /// Not one of these words.
    NotOneOf(Vec<String>),
    /// Not JSON.
    NotJson,
    /// Not a JSON array.
    NotJsonArray,
    /// Not a point in time.
    NotTimestamp,
    /// Not `true` or `false`.
    NotBool,
    /// Not a whole number of 64 bits.
    NotInteger,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject(what) => write!(f, "must be a JSON object ({what})"),
            Self::NotPairs(what) => write!(f, "must be [[name, value], …] ({what})"),
            Self::NotPrinted(what) => {
                write!(f, "must have the form in which `read -o ndjson` prints it ({what})")
            }
            Self::NotBase64 => f.write_str("is not base64"),
            Self::NotBase64Name => f.write_str(
                "is not base64; in a whole entry, a name that begins with `base64:` is encoded in base64",
            ),
            Self::Trimmed => f.write_str("are null: the entry was trimmed, and nothing is left of it"),
            Self::NotAsHeader { fields, header } => {
                let fields = counted(*fields, "field", "fields");
                write!(f, "{fields} where the header has {header}")
            }
            Self::NoFields => f.write_str("an entry needs at least one field"),
            Self::TooManyFields(most) => write!(f, "an entry has at most {most} fields"),
            Self::TooLarge(most) => write!(f, "an entry has at most {most} bytes"),
            Self::Unknown(nearest) => write!(
                f,
                "is not a field of this stream{}",
                did_you_mean(nearest.as_deref())
            ),
            Self::Reserved => f.write_str(
                "names that begin with _dlq_ or _ucp_ are reserved for this tool (`dlq redrive` moves dead letters \
                    back, `restore` archives)",
            ),
            Self::Repeated => f.write_str("is given twice"),
            Self::RepeatedAs(name) => write!(f, "is `{name}`, which is given as well"),
            Self::Missing => f.write_str("is missing"),
            Self::Empty => f.write_str("must have a value"),
            Self::Null => f.write_str("is null, which a stream entry cannot hold"),
            Self::NotText => f.write_str("must be text (UTF-8)"),
            Self::NotUuid => f.write_str("must be a UUID"),
            Self::NotOneOf(words) => write!(f, "must be one of {}", words.join(", ")),
            Self::NotJson => f.write_str("must be JSON"),
            Self::NotJsonArray => f.write_str("must be a JSON array"),
            Self::NotTimestamp => {
                f.write_str("must be an ISO 8601 date and time, such as 2024-12-01T10:00:00.000Z")
            }
            Self::NotBool => f.write_str("must be true or false"),
            Self::NotInteger => f.write_str("must be a whole number"),
        }
    }
}

/// A field that is published nevertheless, as it is or in a changed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The field.
    pub field: Name,
    /// What is noteworthy about it.
    pub oddity: Oddity,
    /// The beginning of the value, escaped, at most [`EXCERPT_CHARS_MAX`] characters.
    pub value: String,
}

/// What is noteworthy about a value that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// An id that is not a UUID.
    NotUuid,
    /// A date and time without an offset.
    NoOffset,
    /// An identifier that cannot be read.
    Unread,
    /// Bytes as `read` prints them, in a flat object.
    PrintedBytes,
    /// The values of a repeated field as `read` prints them, in a flat object.
    PrintedRepeats,
    /// A name that is not UTF-8, as `read` prints it, in a flat object.
    PrintedName,
    /// The fields of a whole entry, in an object that is not one.
    PrintedFields,
}

impl Warning {
    /// A warning about `value` of `field`; an excerpt of it is kept.
    pub fn new(field: &[u8], value: &[u8], oddity: Oddity) -> Self {
        Self {
            field: Name::from(field),
            oddity,
            value: excerpt(value),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.oddity {
            Oddity::NotUuid => "is not a UUID",
            Oddity::Unread => "cannot be read, and is left out of the identifiers",
            Oddity::NoOffset => "has no offset from UTC, read as UTC",
            Oddity::PrintedBytes => {
                "is stored as this text; to keep bytes, publish whole entries or pairs (--pairs)"
            }
            Oddity::PrintedRepeats => {
                "is stored as this text; to repeat a field, publish whole entries or pairs (--pairs)"
            }
            Oddity::PrintedName => {
                return write!(
                    f,
                    "{}: is stored as the field's name; to keep the name that it stands for, publish whole entries or \
                     pairs (--pairs)",
                    self.field
                );
            }
            Oddity::PrintedFields => {
                "is stored as this text; it is a whole entry only together with `id`, `stream` and `time`"
            }
        };
        write!(f, "{}: `{}` {what}", self.field, self.value)
    }
}

/// The beginning of `value`, escaped, with `…` if it was shortened.
fn excerpt(value: &[u8]) -> String {
    // No character takes more than four bytes, so this many hold all that is shown.
    let head = &value[..value.len().min(EXCERPT_CHARS_MAX * 4)];
    let mut text = String::with_capacity(EXCERPT_CHARS_MAX);
    escape_into(&mut text, head);
    let shown_whole = head.len() == value.len();
    match text.char_indices().nth(EXCERPT_CHARS_MAX - 1) {
        Some((at, last)) if !shown_whole || at + last.len_utf8() < text.len() => {
            text.truncate(at);
            text.push('…');
        }
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_safe() {
        for (value, expected) in [
            (b"abc".to_vec(), "abc".to_owned()),
            (vec![b'a'; 60], "a".repeat(60)),
            (vec![b'a'; 61], "a".repeat(59) + "…"),
            (vec![b'a'; 5000], "a".repeat(59) + "…"),
            ("é".repeat(61).into_bytes(), "é".repeat(59) + "…"),
            (b"\x1b[2J".to_vec(), "\\x1b[2J".to_owned()),
        ] {
            assert_eq!(excerpt(&value), expected);
        }
    }

    #[test]
    fn texts_name_field_rule_and_value() {
        let words = vec!["purchase".to_owned(), "page_view".to_owned()];
        let invalid = Invalid::of_value(b"event_type", b"refund", Rule::NotOneOf(words));
        assert_eq!(
            invalid.to_string(),
            "event_type: must be one of purchase, page_view (is `refund`)"
        );
    }
}
