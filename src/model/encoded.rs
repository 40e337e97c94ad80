//! Bytes within JSON, which can hold only text: base64 for a value, and for a name that is an object's key.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// The prefix of a key that is a name in base64.
const ENCODED_NAME: &str = "base64:";

/// The base64 of `bytes`.
pub fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes that `base64` encodes.
pub fn decoded(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).ok()
}

/// The key of an object for a field called `name`: the name itself, or `base64:…` if it is not UTF-8. A name that
/// begins with this prefix is encoded too, so that no two names have the same key.
pub fn key_of(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !text.starts_with(ENCODED_NAME) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{ENCODED_NAME}{}", encoded(name))),
    }
}

/// The name that a key of an object stands for; `None` if it has the prefix and is not valid base64.
pub fn name_of_key(key: Cow<'_, str>) -> Option<Cow<'_, [u8]>> {
    match key.strip_prefix(ENCODED_NAME) {
        Some(base64) => decoded(base64).map(Cow::Owned),
        None => Some(match key {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
    }
}

/// A string when the bytes are UTF-8, else `{"base64": …}`.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &encoded(self.0))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_looks_encoded_is_encoded() {
        for (name, key) in [
            (&b""[..], ""),
            (b"base64", "base64"),
            (b"\xfe", "base64:/g=="),
            (b"base64:/g==", "base64:YmFzZTY0Oi9nPT0="),
            (b"base64:", "base64:YmFzZTY0Og=="),
        ] {
            assert_eq!(key_of(name), key);
        }
        assert_eq!(name_of_key("base64:x".into()), None);
    }

    proptest! {
        #[test]
        fn a_key_is_read_back(name in prop_oneof![
            any::<Vec<u8>>(),
            "(base64:){0,2}[a-zA-Z0-9+/=]{0,8}".prop_map(String::into_bytes),
        ]) {
            let key = key_of(&name).into_owned();
            prop_assert_eq!(name_of_key(key.into()), Some(Cow::Borrowed(name.as_slice())));
        }
    }
}
