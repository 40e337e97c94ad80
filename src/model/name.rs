//! Names of streams, groups, consumers and fields: bytes that are usually text.

use std::fmt;

use serde::{Serialize, Serializer};

use super::encoded::Bytes;
use super::shown_name::shown;

/// A name as the server stores it: any bytes. Its `Display` is always safe to print, and [`Name::typed`] parses it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// A name from its bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as sent to the server.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Whether the name has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part of the name that decides its hash slot: the hash tag, or the whole name.
    pub fn hash_tag(&self) -> &[u8] {
        hash_tag(&self.0).unwrap_or(&self.0)
    }

    /// The name with `suffix`, in the same hash slot: a name with a hash tag keeps it, any other is put in braces
    /// (`events.raw` gives `{events.raw}:dlq`).
    #[must_use]
    pub fn derived(&self, suffix: impl AsRef<[u8]>) -> Self {
        let suffix = suffix.as_ref();
        let mut bytes = Vec::with_capacity(self.0.len() + suffix.len() + 2);
        if hash_tag(&self.0).is_some() {
            bytes.extend_from_slice(&self.0);
        } else {
            bytes.push(b'{');
            bytes.extend_from_slice(&self.0);
            bytes.push(b'}');
        }
        bytes.extend_from_slice(suffix);
        Self(bytes)
    }
}

/// The part of a key that the server hashes instead of the whole key: the text between the first `{` and the next
/// `}`, if it is not empty. Source: Redis cluster specification, "Hash tags".
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let tail = &key[memchr::memchr(b'{', key)? + 1..];
    match memchr::memchr(b'}', tail)? {
        0 => None,
        length => Some(&tail[..length]),
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&shown(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// A string when the bytes are UTF-8, else `{"base64": …}`.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes(&self.0).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::escape::escaped;
    use super::*;

    #[test]
    fn derived_names_share_the_slot() {
        assert_eq!(Name::from("events.raw").derived(":dlq"), "{events.raw}:dlq");
        assert_eq!(Name::from("a{x}b").derived(":dlq"), "a{x}b:dlq");
        assert_eq!(Name::from("{}x").derived(":dlq"), "{{}x}:dlq");
    }

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        let text = escaped(b"\x1b]0;x\x07 \x1b[2J \x9b31m a\rb \xe2\x80\xae \xd8\x9c \xff");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(
            text,
            "\\x1b]0;x\\x07 \\x1b[2J \\x9b31m a\\rb \\u{202e} \\u{61c} \\xff"
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_base64_in_json() {
        let json = serde_json::to_string(&Name::new(vec![0xff, 0x00])).expect("serializes");
        assert_eq!(json, r#"{"base64":"/wA="}"#);
    }
}
