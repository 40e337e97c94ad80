//! JSON text indented for people. Only white space changes: numbers keep their digits and keys their order, which
//! parsing and writing the value again would not guarantee.

use serde::de::IgnoredAny;

use super::text::push_escaped;

/// Whether `bytes` are one JSON object or array.
pub fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii().first(), Some(b'{' | b'['))
        && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Appends `json` with one key or element per line, every line after the first one after `margin` spaces. Control
/// characters in its strings are escaped. `json` must be valid (see [`is_json`]).
pub fn indent_json(out: &mut Vec<u8>, json: &[u8], margin: usize) {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at);
                push_escaped(out, &json[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(byte);
                let next = at + 1 + blank(&json[at + 1..]);
                if matches!(json.get(next), Some(b'}' | b']')) {
                    out.push(json[next]);
                    at = next;
                } else {
                    depth += 1;
                    new_line(out, margin + 2 * depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(out, margin + 2 * depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(out, margin + 2 * depth);
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            other => out.push(other),
        }
        at += 1;
    }
}

/// The position after the string that begins at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn blank(rest: &[u8]) -> usize {
    rest.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

/// Nesting deeper than this is not indented further, because white space grows with the square of the depth.
const SPACES_MAX: usize = 64;

fn new_line(out: &mut Vec<u8>, spaces: usize) {
    out.push(b'\n');
    out.resize(out.len() + spaces.min(SPACES_MAX), b' ');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn what_nests_deeply_is_not_longer_for_its_white_space() {
        let depth = 20_000;
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut out = Vec::new();
        super::indent_json(&mut out, json.as_bytes(), 0);
        assert!(
            out.len() < 2 * depth * (super::SPACES_MAX + 2),
            "{}",
            out.len()
        );
    }

    use super::*;

    fn indented(json: &str, margin: usize) -> String {
        let mut out = Vec::new();
        indent_json(&mut out, json.as_bytes(), margin);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn moves_white_space_only() {
        assert_eq!(
            indented(
                r#"{"a":[1,2.50,{}],"b": { "c":"x,{\"y"},"n":12345678901234567890123, "e":[ ]}"#,
                0
            ),
            "{\n  \"a\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"b\": {\n    \"c\": \"x,{\\\"y\"\n  },\n  \
             \"n\": 12345678901234567890123,\n  \"e\": []\n}"
        );
        assert_eq!(indented("[1]", 4), "[\n      1\n    ]");
        assert_eq!(indented("[\"\u{202e}\"]", 0), "[\n  \"\\u{202e}\"\n]");
    }

    #[test]
    fn knows_json_from_text() {
        for (text, json) in [
            ("{}", true),
            (" [1] ", true),
            ("{a}", false),
            ("1", false),
            ("", false),
            ("{\"a\":1", false),
        ] {
            assert_eq!(is_json(text.as_bytes()), json, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut out = Vec::new();
            indent_json(&mut out, &bytes, 2);
        }

        #[test]
        fn numbers_and_texts_survive(numbers in prop::collection::vec(any::<i64>(), 0..5), text in "[ -~]{0,20}") {
            let value = serde_json::json!({"n": numbers, "t": text, "k": {"x": []}});
            let shown = indented(&value.to_string(), 3);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
        }
    }
}
