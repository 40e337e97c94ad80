//! The one rule for escaping values and other texts before they reach a terminal.

use std::fmt::Write as _;

/// `bytes` as one line of printable text: control, bidirectional and line-separating characters become `\n`, `\x1b`
/// or `\u{202e}`; bytes that are not UTF-8 become `\xNN`. Backslashes are not escaped.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    escape_into(&mut text, bytes);
    text
}

/// Appends [`escaped`] `bytes` to `text`.
pub fn escape_into(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unsafe(character) {
                escape_character(text, character);
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
}

/// Characters that could move a cursor, hide or reorder text, or break a line.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape_character(text: &mut String, character: char) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        other if u32::from(other) < 0x100 => {
            let _ = write!(text, "\\x{:02x}", u32::from(other));
        }
        other => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(other));
        }
    }
}
