//! JSON text, written straight from bytes. Besides what JSON requires, every character that could control a terminal
//! or reorder text is escaped, so that JSON is safe to look at.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::model::{Kind, Problem, is_json_as_is, json_body, key_of};
pub use crate::model::{json_bytes, json_text};

/// Appends an object's key for a field called `name`.
pub(super) fn json_key(out: &mut Vec<u8>, name: &[u8]) {
    json_text(out, &key_of(name));
}

/// Appends JSON text from another serializer, with its strings escaped as ours are.
pub fn json_made_safe(out: &mut Vec<u8>, json: &str) {
    for (place, structure) in json.split('"').enumerate() {
        if place > 0 {
            out.push(b'"');
        }
        for (place, text) in structure.split('\\').enumerate() {
            if place > 0 {
                out.push(b'\\');
            }
            json_body(out, text.as_bytes());
        }
    }
}

/// Appends `value` as compact JSON with the same escaping.
///
/// # Errors
/// A [`Kind::Bug`]: the report cannot be written as JSON, for example a map whose keys are not strings.
pub fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Problem> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Safe);
    value.serialize(&mut serializer).map_err(|error| {
        Problem::new(
            Kind::Bug,
            format!("cannot write the report as JSON: {error}"),
        )
    })
}

/// `serde_json`'s compact form, with the additional escaping.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if is_json_as_is(fragment.as_bytes()) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut safe = Vec::with_capacity(fragment.len() + 16);
        json_body(&mut safe, fragment.as_bytes());
        writer.write_all(&safe)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(text: &str) -> String {
        let mut out = Vec::new();
        json_text(&mut out, text);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn escapes_what_steers_a_terminal() {
        assert_eq!(
            text_of(
                "a\"b\\c\n\x1b[2J\x7f\u{9b}31m\u{202e}x\u{2028}\u{2066}\u{feff}\u{61c}\u{200b}"
            ),
            r#""a\"b\\c\n\u001b[2J\u007f\u009b31m\u202ex\u2028\u2066\ufeff\u061c\u200b""#
        );
        assert_eq!(text_of("é – ☃ 🎉 ظ £ ﻀ"), "\"é – ☃ 🎉 ظ £ ﻀ\"");
    }

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        let mut out = Vec::new();
        json_bytes(&mut out, b"\xff\x00");
        json_key(&mut out, b"\xff\x00");
        assert_eq!(out, br#"{"base64":"/wA="}"base64:/wA=""#);
    }

    proptest! {
        #[test]
        fn anothers_json_is_made_safe_and_says_the_same(text in any::<String>(), odd in "[\u{7f}-\u{a0}\u{2020}-\u{2030}\"\\\\]{0,9}") {
            let theirs = serde_json::json!({text.clone(): [odd.clone(), text.clone()]});
            let mut out = Vec::new();
            json_made_safe(&mut out, &theirs.to_string());
            prop_assert_eq!(crate::model::escaped(&out).into_bytes(), out.clone());
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).expect("JSON"), theirs);
        }

        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let json = text_of(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text.clone());
            prop_assert!(!json.chars().any(char::is_control));
            let mut out = Vec::new();
            write_json(&mut out, &text).expect("a string");
            prop_assert_eq!(String::from_utf8(out).expect("UTF-8").to_lowercase(), json.replace("\\u0008", "\\b").replace("\\u000c", "\\f").to_lowercase());
        }

        #[test]
        fn characters_near_the_odd_ones_read_back(text in "[\u{70}-\u{a5}\u{610}-\u{620}\u{1ff0}-\u{2070}\u{fe70}-\u{feff}]{0,20}") {
            let json = text_of(&text);
            prop_assert!(crate::model::escaped(json.as_bytes()) == json, "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
