//! Normalises a JSON payload token by token: numbers keep all their digits, and names keep their order.

use std::borrow::Cow;

use crate::model::{Country, normalize_phone};

/// The top-level fields of a payload that identify a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identifier {
    Phone,
    Email,
    CustomerId,
    ExternalId,
}

impl Identifier {
    const ALL: [(&'static str, Self); 4] = [
        ("phone", Self::Phone),
        ("email", Self::Email),
        ("customer_id", Self::CustomerId),
        ("external_id", Self::ExternalId),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, identifier)| *identifier)
    }

    /// The normal form of a value; `None` when it does not identify anybody.
    fn normal(self, value: &str, default_country: Option<&Country>) -> Option<String> {
        let visible: String = value.chars().filter(|it| !is_invisible(*it)).collect();
        let trimmed = visible.trim();
        match self {
            Self::Phone => normalize_phone(trimmed, default_country),
            Self::Email => Some(trimmed.to_lowercase()),
            Self::CustomerId | Self::ExternalId => Some(trimmed.to_owned()),
        }
        .filter(|normal| !normal.is_empty())
    }
}

/// Whether a character is invisible: controls and format characters, which copied text often contains. Source:
/// Unicode, general categories Cc and Cf.
fn is_invisible(character: char) -> bool {
    // White space separates: it is left to what reads the value.
    (character.is_control() && !character.is_whitespace())
        || matches!(character,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// A normalised payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// The identifiers it has, as a JSON object of strings.
    pub(super) identifiers: String,
    /// The payload with all strings trimmed and the identifiers in their normal form, compact.
    pub(super) json: String,
    /// Identifiers whose value cannot be read: the name, and the beginning of the value.
    pub(super) unread: Vec<(&'static str, String)>,
}

/// How much of such a value is kept.
const UNREAD_CHARS_MAX: usize = 100;

/// Normalises a valid JSON object.
pub(super) fn normal_payload(json: &str, default_country: Option<&Country>) -> Payload {
    let mut rewrite = Rewrite {
        json,
        out: String::with_capacity(json.len()),
        depth: 0,
        name: None,
        found: [const { None }; Identifier::ALL.len()],
        unread: Vec::new(),
        default_country,
    };
    let mut at = 0;
    while let Some(byte) = json.as_bytes().get(at) {
        at = rewrite.token(*byte, at);
    }
    Payload {
        identifiers: identifiers_json(&rewrite.found),
        json: rewrite.out,
        unread: rewrite.unread,
    }
}

fn identifiers_json(found: &[Option<String>]) -> String {
    let pairs = Identifier::ALL.iter().zip(found);
    let object: serde_json::Map<_, _> = pairs
        .filter_map(|((name, _), value)| Some(((*name).to_owned(), value.clone()?.into())))
        .collect();
    serde_json::Value::Object(object).to_string()
}

struct Rewrite<'a> {
    json: &'a str,
    out: String,
    /// The number of open objects and arrays.
    depth: usize,
    /// The identifier whose value comes next.
    name: Option<Identifier>,
    found: [Option<String>; Identifier::ALL.len()],
    unread: Vec<(&'static str, String)>,
    default_country: Option<&'a Country>,
}

impl Rewrite<'_> {
    /// Handles the token that begins with `byte` at `at`. Returns where the next one begins.
    fn token(&mut self, byte: u8, at: usize) -> usize {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return at + 1,
            b'"' => return self.string(at),
            b'-' | b'0'..=b'9' => return self.number(at),
            b'{' | b'[' | b't' | b'f' if self.identifier().is_some() => {
                self.cannot_read(&self.json[at..]);
                return self.token(byte, at);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.out.push(char::from(byte));
        at + 1
    }

    fn string(&mut self, at: usize) -> usize {
        let bytes = self.json.as_bytes();
        let end = string_end(bytes, at);
        let token = &self.json[at..end];
        if bytes[end..].trim_ascii_start().first() == Some(&b':') {
            if self.depth == 1 {
                self.name = decoded(token).and_then(|name| Identifier::named(&name));
            }
            self.out.push_str(token);
            return end;
        }
        match decoded(token) {
            Some(text) => self.value(&text),
            None => self.out.push_str(token),
        }
        end
    }

    fn number(&mut self, at: usize) -> usize {
        let rest = &self.json[at..];
        let length = rest
            .find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'))
            .unwrap_or(rest.len());
        let token = &rest[..length];
        match self.identifier() {
            Some(Identifier::Email) | None => self.out.push_str(token),
            Some(_) => self.value(token),
        }
        at + length
    }

    /// Writes a value as a normalised string.
    fn value(&mut self, text: &str) {
        let normal = self.identifier().and_then(|identifier| {
            let normal = identifier.normal(text, self.default_country)?;
            self.found[identifier as usize] = Some(normal.clone());
            Some(normal)
        });
        if normal.is_none() && !text.trim().is_empty() {
            self.cannot_read(text);
        }
        let written = normal.map_or(Cow::Borrowed(text.trim()), Cow::Owned);
        self.out
            .push_str(&serde_json::Value::from(&*written).to_string());
    }

    /// Records that the value of an identifier, which begins with `text`, does not identify anybody.
    fn cannot_read(&mut self, text: &str) {
        if let Some(identifier) = self.identifier() {
            let beginning = text.chars().take(UNREAD_CHARS_MAX).collect();
            let (name, _) = Identifier::ALL[identifier as usize];
            self.unread.push((name, beginning));
        }
        self.name = None;
    }

    fn identifier(&self) -> Option<Identifier> {
        self.name.filter(|_| self.depth == 1)
    }
}

/// The end of the string that begins at `at`, including its closing quote.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', json.get(end..).unwrap_or_default()) {
        if json[end + found] == b'"' {
            return end + found + 1;
        }
        end += found + 2;
    }
    json.len()
}

fn decoded(token: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', token.as_bytes()).is_none() {
        return token.get(1..token.len() - 1).map(Cow::Borrowed);
    }
    serde_json::from_str::<String>(token).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_trimmed_at_every_depth_and_numbers_kept() {
        let payload = normal_payload(
            r#"{ "a" : " x\n", "b": [" y ", {" k ": "\u00a0z\t"}], "n": 99.90, "big": 12345678901234567890123, "t": true, "u": null }"#,
            None,
        );
        assert_eq!(
            payload.json,
            r#"{"a":"x","b":["y",{" k ":"z"}],"n":99.90,"big":12345678901234567890123,"t":true,"u":null}"#
        );
        assert_eq!(payload.identifiers, "{}");
    }

    #[test]
    fn identifiers_are_the_top_level_ones() {
        let payload = normal_payload(
            r#"{"external_id":" x ","customer_id":12345678901234567890123,"email":" Ann@Example.COM ",
                "phone":"0049 30-1234567","other":{"phone":" 5 ","email":"B@c"}}"#,
            None,
        );
        assert_eq!(
            payload.identifiers,
            r#"{"phone":"+49301234567","email":"ann@example.com","customer_id":"12345678901234567890123","external_id":"x"}"#
        );
        assert_eq!(
            payload.json,
            r#"{"external_id":"x","customer_id":"12345678901234567890123","email":"ann@example.com","phone":"+49301234567","other":{"phone":"5","email":"B@c"}}"#
        );
    }

    #[test]
    fn what_cannot_be_seen_makes_no_other_identifier() {
        let payload = normal_payload(
            "{\"phone\":\"\u{202a}+49 30 123456\u{202c}\",\"email\":\"a\u{200b}nn@example.com\",\"customer_id\":\"\\u00007\"}",
            None,
        );
        assert_eq!(
            payload.identifiers,
            r#"{"phone":"+4930123456","email":"ann@example.com","customer_id":"7"}"#
        );
        assert!(payload.unread.is_empty());
    }

    #[test]
    fn what_identifies_nobody_is_left_out() {
        let payload = normal_payload(
            r#"{"phone":"ask me ","email":"  ","customer_id":null,"external_id":["x"]}"#,
            None,
        );
        assert_eq!(payload.identifiers, "{}");
        let unread: Vec<_> = payload.unread.iter().map(|(name, _)| *name).collect();
        assert_eq!(unread, ["phone", "external_id"], "said");
        assert_eq!(
            payload.json,
            r#"{"phone":"ask me","email":"","customer_id":null,"external_id":["x"]}"#
        );
    }
}
