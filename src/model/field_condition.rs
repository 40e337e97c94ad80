//! A condition on a field of an entry.

use std::fmt;

use super::Name;

/// A field, or a value within a field's JSON, that must equal a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCondition {
    /// A field's name; where there is no such field, a field's name and a path into its JSON, joined by dots:
    /// `payload.customer.email`, `payload.items.0.sku`.
    pub place: Name,
    /// The value, which may be empty: a text, or a number, `true`, `false`, `null`, an object or array as compact JSON.
    pub value: Vec<u8>,
    /// Whether it must not equal that value; this also holds when there is no such place.
    pub is_negated: bool,
}

/// As it is typed, with what does not print escaped.
impl fmt::Display for FieldCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negated { "!=" } else { "=" };
        write!(f, "{}{sign}{}", self.place, Name::from(&self.value[..]))
    }
}
