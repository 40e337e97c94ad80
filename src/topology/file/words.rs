//! How the file spells what reading and showing it share.

/// The value of `maxlen` for a stream that keeps all.
pub(super) const UNLIMITED: &str = "unlimited";
/// The value of `journal` for a group whose workers keep none.
pub(super) const OFF: &str = "off";
/// The mark of a field that may be left out: after a type, or as the last of the words.
pub(super) const OPTIONAL: &str = "?";
