//! JSON in its original notation. A place within it is found by scanning the text, so that numbers keep their digits,
//! and oddities beside the wanted place (a lone surrogate, a number beyond every float, a thousand brackets) do no
//! harm. Scanning takes time that grows with the text, and memory only with the depth of what it skips.

use std::borrow::Cow;

use super::decimal::Decimal;

/// One JSON value, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonText<'j>(&'j [u8]);

/// The error for text that is not JSON, with the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}")]
pub struct NotJson {
    /// The number of bytes before the error.
    pub at: usize,
}

type Result<T> = std::result::Result<T, NotJson>;

impl<'j> JsonText<'j> {
    /// The value within `text` at the path `steps`: names of object members and indexes of array items. Among members
    /// with the same name it is the last. `None` when there is no such place; a string, number or word contains none,
    /// and neither does an empty text.
    ///
    /// # Errors
    /// When the text, or an object or array on the path, is not valid JSON.
    pub fn at<'s>(
        text: &'j [u8],
        steps: impl IntoIterator<Item = &'s [u8]>,
    ) -> Result<Option<Self>> {
        let mut walk = Walk { text, at: 0 };
        walk.skip_blank();
        match walk.byte() {
            None => return Ok(None),
            Some(b'{' | b'[') => {}
            Some(_) => return walk.only().map(|_| None),
        }
        let mut found = Self(text);
        for step in steps {
            match found.inner(step)? {
                Some(inner) => found = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The member or item called `step`.
    fn inner(self, step: &[u8]) -> Result<Option<Self>> {
        let mut walk = Walk {
            text: self.0,
            at: 0,
        };
        walk.skip_blank();
        let found = match walk.byte() {
            Some(b'{') => walk.member(step)?,
            Some(b'[') => {
                let index = std::str::from_utf8(step)
                    .ok()
                    .and_then(|it| it.parse().ok());
                walk.item(index.unwrap_or(usize::MAX))?
            }
            _ => return Ok(None),
        };
        walk.skip_blank();
        if walk.at < self.0.len() {
            return Err(walk.wrong());
        }
        Ok(found)
    }

    /// A string's text with its escapes resolved (half of a surrogate pair is U+FFFD); `None` for any other value.
    pub fn string(self) -> Option<Cow<'j, [u8]>> {
        let inside = self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some(unescaped(inside))
    }

    /// The value in its original notation, without white space between its tokens.
    pub fn compact(self) -> Vec<u8> {
        let mut compact = Vec::with_capacity(self.0.len());
        let mut walk = Walk {
            text: self.0,
            at: 0,
        };
        loop {
            walk.skip_blank();
            let from = walk.at;
            match walk.byte() {
                None => return compact,
                Some(b'"') if walk.string().is_ok() => {}
                Some(_) => walk.at += 1,
            }
            compact.extend_from_slice(&self.0[from..walk.at]);
        }
    }

    /// How it is printed: a string's text, anything else as [`JsonText::compact`].
    pub fn shown(self) -> Cow<'j, [u8]> {
        self.string().unwrap_or_else(|| self.compact().into())
    }

    /// Whether it equals `wanted`: as the text of a string, as a number of the same value (12.50 equals 12.5, and
    /// every digit counts), or as the compact form of anything else.
    pub fn is(self, wanted: &[u8]) -> bool {
        let number = || Some(Decimal::parse(self.0)? == Decimal::parse(wanted)?);
        *self.shown() == *wanted || number() == Some(true)
    }
}

/// A position in a text.
struct Walk<'j> {
    text: &'j [u8],
    at: usize,
}

impl<'j> Walk<'j> {
    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn wrong(&self) -> NotJson {
        NotJson { at: self.at }
    }

    fn skip_blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips `byte` if it comes next. Returns whether it did.
    fn passes(&mut self, byte: u8) -> bool {
        self.skip_blank();
        let is_there = self.byte() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// The last member with this name in the object that begins here. Skips the whole object.
    fn member(&mut self, name: &[u8]) -> Result<Option<JsonText<'j>>> {
        self.at += 1;
        let mut found = None;
        if self.passes(b'}') {
            return Ok(None);
        }
        loop {
            self.skip_blank();
            let key = self.string()?;
            if !self.passes(b':') {
                return Err(self.wrong());
            }
            let value = self.value()?;
            if *unescaped(key) == *name {
                found = Some(value);
            }
            if self.passes(b'}') {
                return Ok(found);
            }
            if !self.passes(b',') {
                return Err(self.wrong());
            }
        }
    }

    /// The item at `index` of the array that begins here. Skips the whole array.
    fn item(&mut self, index: usize) -> Result<Option<JsonText<'j>>> {
        self.at += 1;
        let (mut found, mut count) = (None, 0);
        if self.passes(b']') {
            return Ok(None);
        }
        loop {
            let value = self.value()?;
            if count == index {
                found = Some(value);
            }
            count += 1;
            if self.passes(b']') {
                return Ok(found);
            }
            if !self.passes(b',') {
                return Err(self.wrong());
            }
        }
    }

    /// Skips the string that begins here, and returns the text between its quotes.
    fn string(&mut self) -> Result<&'j [u8]> {
        let start = self.at + 1;
        if self.byte() != Some(b'"') {
            return Err(self.wrong());
        }
        let mut end = start;
        while let Some(found) =
            memchr::memchr2(b'"', b'\\', self.text.get(end..).unwrap_or_default())
        {
            if self.text[end + found] == b'"' {
                self.at = end + found + 1;
                return Ok(&self.text[start..end + found]);
            }
            end += found + 2;
        }
        Err(self.wrong())
    }

    /// Skips a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<()> {
        let rest = &self.text[self.at..];
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest
            .iter()
            .position(|byte| !is_part(byte))
            .unwrap_or(rest.len());
        let word = &rest[..length];
        if !matches!(word, b"true" | b"false" | b"null") && Decimal::parse(word).is_none() {
            return Err(self.wrong());
        }
        self.at += length;
        Ok(())
    }

    /// The value that begins here; nothing may follow it.
    fn only(mut self) -> Result<JsonText<'j>> {
        let value = self.value()?;
        self.skip_blank();
        match self.byte() {
            None => Ok(value),
            Some(_) => Err(self.wrong()),
        }
    }

    /// Skips a value. Inside it, only brackets, strings and words are looked at, in a loop, so no depth is too great.
    fn value(&mut self) -> Result<JsonText<'j>> {
        self.skip_blank();
        let from = self.at;
        let mut open = Vec::new();
        loop {
            self.skip_blank();
            match self.byte() {
                Some(bracket @ (b'{' | b'[')) => {
                    open.push(bracket);
                    self.at += 1;
                }
                Some(bracket @ (b'}' | b']')) => {
                    // In ASCII a closing bracket comes two after its opening one.
                    if open.pop() != Some(bracket - 2) {
                        return Err(self.wrong());
                    }
                    self.at += 1;
                }
                Some(b',' | b':') if !open.is_empty() => self.at += 1,
                Some(b'"') => drop(self.string()?),
                Some(_) => self.scalar()?,
                None => return Err(self.wrong()),
            }
            if open.is_empty() {
                return Ok(JsonText(&self.text[from..self.at]));
            }
        }
    }
}

/// The text between a string's quotes, with its escapes resolved.
fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let (character, length) = escape(&rest[at..]);
        let mut buffer = [0; 4];
        text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        rest = &rest[(at + length).min(rest.len())..];
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// The character that the escape at the beginning of `text` stands for, and the length of the escape in bytes.
fn escape(text: &[u8]) -> (char, usize) {
    let simple = match text.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text),
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 2)
}

/// `\u` and four hexadecimal digits, or two of these that form one character.
fn unicode_escape(text: &[u8]) -> (char, usize) {
    let Some(first) = code_unit(text) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if let Some(character) = char::from_u32(first.into()) {
        return (character, 6);
    }
    let second = text.get(6..).and_then(code_unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match pair {
        Some(character) => (character, 12),
        None => (char::REPLACEMENT_CHARACTER, 6),
    }
}

fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(json: &str, path: &str) -> Result<Option<String>> {
        let steps = path.split('.').map(str::as_bytes);
        let found = JsonText::at(json.as_bytes(), steps)?;
        Ok(found.map(|it| String::from_utf8_lossy(&it.shown()).into_owned()))
    }

    #[test]
    fn what_nobody_asked_for_hides_nothing() {
        let deep = format!(
            "{{\"k\":1,\"x\":{}{}}}",
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        for json in [
            r#"{"k":1,"x":"\ud83d"}"#,
            r#"{"x":1e400,"k":1}"#,
            r#" { "x" : { "k" : 2 } , "k" : 1 } "#,
            r#"{"k":2,"k":1}"#,
            r#"{"\u006b":1}"#,
            deep.as_str(),
        ] {
            assert_eq!(
                at(json, "k"),
                Ok(Some("1".to_owned())),
                "{}",
                &json[..20.min(json.len())]
            );
        }
    }

    #[test]
    fn values_are_shown_as_they_were_written() {
        let json = r#"{"n":10769150350006150715113082361,"m":1.10,"t":"a\n\u00e9\ud83d\ude00\ud83d!","o":{ "b" : [ 1, "x y" ] },"l":[true,null]}"#;
        for (path, expected) in [
            ("n", Some("10769150350006150715113082361")),
            ("m", Some("1.10")),
            ("t", Some("a\né😀\u{fffd}!")),
            ("o", Some(r#"{"b":[1,"x y"]}"#)),
            ("o.b.1", Some("x y")),
            ("l.0", Some("true")),
            ("l.1", Some("null")),
            ("l.2", None),
            ("l.x", None),
            ("n.x", None),
            ("nothing", None),
        ] {
            assert_eq!(at(json, path), Ok(expected.map(str::to_owned)), "{path}");
        }
        for text in ["", " ", "12", "\"{}\"", "null "] {
            assert_eq!(at(text, "k"), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_said_where_the_way_leads_through_it() {
        for json in [
            r#"{"k":1"#,
            r#"{"k":1,}"#,
            r#"{"k" 1}"#,
            r#"{"k":1}x"#,
            r#"{"k":[1}"#,
            r"{k:1}",
            r#"{"k":tru}"#,
            r#"{"k":01}"#,
            r#"{"k":"x}"#,
            "[1,2",
            "[",
            "oops",
            "12 13",
            "\"open",
        ] {
            assert!(at(json, "k").is_err(), "{json}: {:?}", at(json, "k"));
        }
    }

    #[test]
    fn every_digit_counts_and_their_way_of_writing_does_not() {
        for (written, wanted, is_same) in [
            ("12.50", "12.5", true),
            ("12.50", "12.50", true),
            ("1.5e2", "150", true),
            ("-0", "0", true),
            (
                "10769150350006150715113082361",
                "10769150350006150715113082362",
                false,
            ),
            ("0.1000000000000000000001", "0.1", false),
            ("1e400", "1e400", true),
            ("1e400", "10e399", true),
            ("\"a\"", "a", true),
            ("\"12.50\"", "12.5", false),
            ("[1, 2]", "[1,2]", true),
            ("true", "true", true),
        ] {
            let json = format!("[{written}]");
            let found = JsonText::at(json.as_bytes(), [&b"0"[..]]).unwrap().unwrap();
            assert_eq!(found.is(wanted.as_bytes()), is_same, "{written} {wanted}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_parser(
            name in "[a-c\\\\\"é]{0,3}", value in "[a-z\\\\\"\n😀]{0,5}", number in any::<i64>(), more in prop::collection::vec("[a-c]{1,2}", 0..4),
        ) {
            let json = serde_json::json!({"q": {name.clone(): value, "n": number}, "more": more});
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let steps = [&b"q"[..], name.as_bytes()];
                let found = JsonText::at(text.as_bytes(), steps).unwrap().unwrap();
                let expected = &json["q"][name.as_str()];
                let expected = expected.as_str().map_or_else(|| expected.to_string(), str::to_owned);
                prop_assert_eq!(String::from_utf8(found.shown().into_owned()).unwrap(), expected);
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, text in "[\\[\\]{}:,\"\\\\u0-9a-f ]{0,30}") {
            for json in [&bytes[..], text.as_bytes()] {
                let _ = JsonText::at(json, [&b"a"[..], b"0"]);
                if let Ok(Some(found)) = JsonText::at(json, [&b"0"[..]]) {
                    let _ = (found.shown(), found.is(b"1"));
                }
            }
        }
    }
}
