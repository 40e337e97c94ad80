//! Names as they are shown: unchanged if that is unambiguous, otherwise between `$'` and `'` as in bash. No two names
//! are shown alike.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::escape::is_unsafe;

pub(super) const OPEN: &[u8] = b"$'";
/// Special characters inside double quotes, for a name that every shell must pass to this tool unresolved.
pub(super) const SHELL_OPEN: &[u8] = br#""\$'"#;

/// `bytes` in the form in which a name is shown, which is the `Display` of a name.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match plain(bytes) {
        Some(text) => Cow::Borrowed(text),
        None if is_for_this_tool(bytes) => Cow::Owned(in_any_shell(bytes)),
        None => Cow::Owned(in_quotes(bytes)),
    }
}

/// Whether this tool must resolve the quotes of this name itself, because a shell that knows them would change the
/// name or drop it: bash and zsh cut a word at a NUL.
fn is_for_this_tool(name: &[u8]) -> bool {
    name.is_empty() || name.contains(&0) || is_quoted(name)
}

fn is_quoted(text: &[u8]) -> bool {
    text.starts_with(OPEN) || text.starts_with(SHELL_OPEN)
}

/// As [`shown`], for a name that is followed by `=` or `!=`, or by a comma and another name.
pub fn shown_field(bytes: &[u8]) -> Cow<'_, str> {
    match shown(bytes) {
        Cow::Borrowed(text) if text.contains(['=', ',']) || text.ends_with('!') => {
            Cow::Owned(in_quotes(bytes))
        }
        shown => shown,
    }
}

/// As the shell word that this tool parses as this name: in bash, zsh, fish and any POSIX shell.
pub(super) fn in_any_shell(bytes: &[u8]) -> String {
    let mut text = String::from("\"\\$'");
    push(&mut text, bytes, |it| "\"$`!\\'".contains(it));
    text.push_str("'\"");
    text
}

/// `bytes` as text, if all of it is visible and does not look quoted already.
pub(super) fn plain(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = !is_quoted(bytes) && !text.is_empty() && text.trim_matches(' ') == text;
    (is_plain && text.chars().all(is_seen)).then_some(text)
}

fn in_quotes(bytes: &[u8]) -> String {
    let mut text = String::from("$'");
    for part in bytes.split_inclusive(|it| matches!(it, b'\\' | b'\'')) {
        match part.split_last() {
            Some((last @ (b'\\' | b'\''), before)) => {
                push(&mut text, before, |_| false);
                text.push('\\');
                text.push(char::from(*last));
            }
            _ => push(&mut text, part, |_| false),
        }
    }
    text.push('\'');
    text
}

/// Appends `bytes`, with escapes for those that are invisible or `is_special`. It works on bytes, so the result is
/// the same in any locale.
fn push(text: &mut String, bytes: &[u8], is_special: impl Fn(char) -> bool) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                other if is_seen(other) && !is_special(other) => text.push(other),
                other => push_bytes(text, other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_bytes(text, chunk.invalid());
    }
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Into a string nothing can fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Whether a character takes up space on a screen, or visibly joins the one before it.
pub fn is_seen(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_control();
    }
    // Those of Unicode's default ignorable ones that are letters or marks.
    let is_ignorable = matches!(character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}');
    // Behind a letter a mark is printable, which alone it is not.
    let mut pair = [b'a', 0, 0, 0, 0];
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..length]).unwrap_or_default();
    let is_printable = pair.escape_debug().nth(1) == Some(character);
    is_printable && !is_ignorable && !is_unsafe(character)
}
