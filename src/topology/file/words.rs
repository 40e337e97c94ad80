//! How the file spells what reading and showing it share.

/// The value of `maxlen` for a stream that keeps all.
pub(super) const UNLIMITED: &str = "unlimited";
/// The mark of a field that may be left out: after a type, or as the last of the words.
pub(super) const OPTIONAL: &str = "?";

/// A bare key where TOML allows one, else quoted.
pub(super) fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
