//! Parses the fields of a JSON object with a scanner that knows only strings and the tokens between values. The JSON
//! library parses all other values, the whole of an object that the scanner does not understand, and produces every
//! error message.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Pair;
use super::flat::Flat;
use super::text::{bytes, value_text};

/// Appends the fields of the object `text` to `fields`. `None` when it is not an object, or not a simple one: then
/// some of its fields may have been appended.
pub(super) fn plain_fields<'a>(text: &'a str, fields: &mut Vec<Pair<'a>>) -> Option<Flat> {
    let mut scanner = Scanner { text, at: 0 };
    let mut flat = Flat::default();
    scanner.token(b'{')?;
    if scanner.peek()? == b'}' {
        scanner.at += 1;
        return scanner.is_at_end().then_some(flat);
    }
    loop {
        scanner.peek()?;
        let name = scanner.string()?;
        scanner.token(b':')?;
        let first = scanner.peek()?;
        let value = scanner.value(first)?;
        flat.note(fields.len(), &name, first, &value);
        fields.push((bytes(name), bytes(value)));
        let next = scanner.peek()?;
        scanner.at += 1;
        match next {
            b',' => {}
            b'}' => return scanner.is_at_end().then_some(flat),
            _ => return None,
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Skips white space, and returns the next byte without skipping it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.rest().first()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Skips `byte`.
    fn token(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The text of the next value, which begins with `first`.
    fn value(&mut self, first: u8) -> Option<Cow<'a, str>> {
        if first == b'"' {
            return self.string();
        }
        let json = serde_json::Deserializer::from_str(&self.text[self.at..]);
        let mut values = json.into_iter::<&'a RawValue>();
        let raw = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value_text(raw.get()).ok()?.unwrap_or_default())
    }

    /// The text of the string that begins here.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let from = self.at;
        if *self.rest().first()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut has_escapes = false;
        loop {
            self.at += plain_length(self.rest());
            match *self.rest().first()? {
                b'"' => break,
                // Whatever it is, it does not end the string.
                b'\\' => self.at += 2,
                _ => return None,
            }
            has_escapes = true;
            // The second byte may be missing, or the first of a longer character.
            self.text.get(self.at..)?;
        }
        self.at += 1;
        let inner = &self.text[from + 1..self.at - 1];
        if !has_escapes {
            return Some(Cow::Borrowed(inner));
        }
        match unescaped(inner) {
            Some(text) => Some(Cow::Owned(text)),
            None => {
                let text = serde_json::from_str::<String>(&self.text[from..self.at]);
                text.ok().map(Cow::Owned)
            }
        }
    }
}

/// The text of a string with escapes of one letter; `None` when it has any other escape.
fn unescaped(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        text.push(match rest.as_bytes().get(at + 1)? {
            same @ (b'"' | b'\\' | b'/') => char::from(*same),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    Some(text)
}

/// How many bytes come before the first quote, backslash or control character.
fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    let (words, _) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The highest bit of each byte that is less than `limit`; after the first such byte others may have it, too.
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
        let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let found = (below(word, 0x20) | is(b'"') | is(b'\\')) & HIGHEST;
        if found != 0 {
            return place * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let checked = words.len() * 8;
    let is_plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..0x20);
    checked + text[checked..].iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_bytes_are_counted(mut text in prop::collection::vec(prop_oneof![9 => 0x20u8..=0xff, 1 => any::<u8>()], 0..60)) {
            let odd = |byte: &u8| matches!(*byte, b'"' | b'\\' | 0..0x20);
            loop {
                prop_assert_eq!(plain_length(&text), text.iter().position(odd).unwrap_or(text.len()));
                if text.pop().is_none() {
                    break;
                }
            }
        }
    }
}
