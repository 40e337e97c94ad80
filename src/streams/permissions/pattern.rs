//! Keys as patterns, and words in a rule that a person types.

use std::fmt::Write as _;

use crate::model::{Name, is_seen};

/// A pattern that matches the key, between the text before and after it in a rule. Servers accept no pattern with
/// white space or NUL, so the pattern has a wildcard for each such byte.
pub(super) fn keyed(prefix: &str, key: &Name, rest: &str) -> Name {
    let mut pattern = prefix.as_bytes().to_vec();
    for byte in key.as_bytes() {
        match byte {
            b'*' | b'?' | b'[' | b']' | b'\\' | b'^' => pattern.extend([b'\\', *byte]),
            0 | 0x0b => pattern.push(b'?'),
            byte if byte.is_ascii_whitespace() => pattern.push(b'?'),
            byte => pattern.push(*byte),
        }
    }
    pattern.extend_from_slice(rest.as_bytes());
    Name::new(pattern)
}

/// The rule for one key, quoted for `redis-cli`.
pub fn key_rule(is_read: bool, key: &Name) -> String {
    quoted(&keyed(if is_read { "%R~" } else { "~" }, key, ""))
}

/// A word quoted for `redis-cli`.
pub(super) fn quoted(word: &Name) -> String {
    let is_plain = |letter: char| is_seen(letter) && !"\"'\\".contains(letter);
    if let Ok(text) = std::str::from_utf8(word.as_bytes())
        && text.chars().all(is_plain)
    {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for chunk in word.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => quoted.extend(['\\', letter]),
                letter if is_seen(letter) => quoted.push(letter),
                letter => push_bytes(&mut quoted, letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_bytes(&mut quoted, chunk.invalid());
    }
    quoted.push('"');
    quoted
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Into a string nothing can fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}
