//! What validation has to say: what is wrong with an entry, and what is only worth a warning.

use std::fmt;

use crate::model::did_you_mean;
use crate::model::{Name, counted, escape_into};

/// A field that breaks a rule. The entry must not be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field; empty when it is the entry as a whole.
    pub field: Name,
    /// The rule it breaks.
    pub rule: Rule,
    /// The beginning of its value, escaped, at most [`EXCERPT_CHARS_MAX`] characters.
    pub value: Option<String>,
}

/// Characters of a value that a message shows.
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

    /// `value`, of which an excerpt is kept, breaks `rule` of `field`.
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
    /// The line is not a JSON object; what is wrong with it.
    NotAnObject(String),
    /// A list that is not one of pairs; what is wrong with it.
    NotPairs(String),
    /// The fields of a whole entry are not as they are printed; what is wrong with them.
    NotPrinted(String),
    /// A value in base64 that is none.
    NotBase64,
    /// A name of a whole entry that begins as one in base64 and is none.
    NotBase64Name,
    /// A whole entry without fields: they were trimmed away.
    Trimmed,
    /// The record does not have as many fields as the header of its table.
    NotAsHeader {
        /// What it has.
        fields: usize,
        /// What the header has.
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
    /// The name begins as only this tool's own fields do.
    Reserved,
    /// The field is given twice.
    Repeated,
    /// The field is given in camelCase, and by its own name, this, as well.
    RepeatedAs(String),
    /// The field is not there.
    Missing,
    /// The field must have a value.
    Empty,
    /// A JSON `null` where there is no schema to say what it means.
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
    /// Not a moment.
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
                write!(f, "must be as `read -o ndjson` prints it ({what})")
            }
            Self::NotBase64 => f.write_str("is not base64"),
            Self::NotBase64Name => f.write_str(
                "is not base64; in a whole entry a name that begins `base64:` is one in base64",
            ),
            Self::Trimmed => f.write_str("are null: the entry was trimmed, nothing is left of it"),
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
                "names that begin _dlq_ or _ucp_ are this tool's own (`dlq redrive` moves dead letters back, `restore` archives)",
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

/// A field that is published as it is, or as it was read, and should not look so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The field.
    pub field: Name,
    /// What is odd about it.
    pub oddity: Oddity,
    /// The beginning of its value, escaped, at most [`EXCERPT_CHARS_MAX`] characters.
    pub value: String,
}

/// What is odd about a value that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// An id that is not a UUID.
    NotUuid,
    /// A date and time without an offset.
    NoOffset,
    /// An identifier that nobody can be found by.
    Unread,
    /// Bytes as `read` prints them, in a flat object.
    PrintedBytes,
    /// The values of a repeated field as `read` prints them, in a flat object.
    PrintedRepeats,
    /// A name that is not UTF-8, as `read` prints it, in a flat object.
    PrintedName,
    /// The fields of a whole entry, in an object that is none.
    PrintedFields,
}

impl Warning {
    /// `value` of `field`, of which an excerpt is kept, is odd.
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
                "is stored as this text; it is a whole entry only beside an entry's `id`, `stream` and `time`"
            }
        };
        write!(f, "{}: `{}` {what}", self.field, self.value)
    }
}

/// The beginning of `value`, escaped, `…` where it was cut.
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
