//! JSON strings, written straight from bytes. Besides what JSON requires, every character that could control a terminal
//! or reorder text is escaped, so that JSON is safe to look at.

use super::encoded;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes that may begin something to escape; all others are copied unchanged.
const LOOK: [bool; 256] = {
    let mut look = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        look[byte] = true;
        byte += 1;
    }
    look[b'"' as usize] = true;
    look[b'\\' as usize] = true;
    look[0x7f] = true;
    // Lead bytes of U+0080-U+009F, U+061C, U+200B-U+206F and U+FEFF.
    look[0xc2] = true;
    look[0xd8] = true;
    look[0xe2] = true;
    look[0xef] = true;
    look
};

/// Appends a JSON string of `text`, quotes included.
pub fn json_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    json_body(out, text.as_bytes());
    out.push(b'"');
}

/// Appends a JSON string of `bytes`, or `{"base64": …}` when they are not UTF-8.
pub fn json_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => json_text(out, text),
        Err(_) => {
            out.extend_from_slice(b"{\"base64\":\"");
            out.extend_from_slice(encoded(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Whether nothing in a string's text has to be escaped.
pub fn is_json_as_is(text: &[u8]) -> bool {
    text.iter().all(|byte| !LOOK[usize::from(*byte)])
}

/// Appends the inside of a string. `text` is valid UTF-8.
pub fn json_body(out: &mut Vec<u8>, text: &[u8]) {
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].iter().position(|byte| LOOK[usize::from(*byte)]) {
        at += found;
        let (length, code) = unsafe_at(&text[at..]);
        if let Some(code) = code {
            out.extend_from_slice(&text[copied..at]);
            push_escape(out, code);
            copied = at + length;
        }
        at += length;
    }
    out.extend_from_slice(&text[copied..]);
}

/// The length of the character that `rest` begins with, and its code when it has to be escaped.
fn unsafe_at(rest: &[u8]) -> (usize, Option<u16>) {
    match *rest {
        [byte, ..] if byte < 0x80 => (1, Some(u16::from(byte))),
        [0xc2, byte @ 0x80..=0x9f, ..] => (2, Some(u16::from(byte))),
        [0xd8, 0x9c, ..] => (2, Some(0x61c)),
        [0xe2, 0x80, byte @ (0x8b..=0x8f | 0xa8..=0xae), ..] => {
            (3, Some(0x2000 + u16::from(byte - 0x80)))
        }
        [0xe2, 0x81, byte @ 0xa6..=0xa9, ..] => (3, Some(0x2040 + u16::from(byte - 0x80))),
        [0xef, 0xbb, 0xbf, ..] => (3, Some(0xfeff)),
        [0xc2 | 0xd8, ..] => (2, None),
        _ => (3, None),
    }
}

fn push_escape(out: &mut Vec<u8>, code: u16) {
    match code {
        0x22 => out.extend_from_slice(b"\\\""),
        0x5c => out.extend_from_slice(b"\\\\"),
        0x0a => out.extend_from_slice(b"\\n"),
        0x0d => out.extend_from_slice(b"\\r"),
        0x09 => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u");
            for shift in [12, 8, 4, 0] {
                out.push(HEX[usize::from(code >> shift & 0xf)]);
            }
        }
    }
}
