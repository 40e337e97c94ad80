//! A key that was pressed on the keyboard of a terminal, and how the bytes that a terminal sends become keys.

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character that can be seen, or a space.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with Shift.
    BackTab,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Deletes the character before the cursor.
    Backspace,
    /// Deletes the whole line: Ctrl-U.
    Kill,
    /// Draws everything again: Ctrl-L.
    Redraw,
}

const ESC: u8 = 0x1b;
/// The longest sequence of bytes that may still become a key; what is longer is dropped.
const SEQUENCE_MAX: usize = 16;

/// Collects the bytes that a terminal sends until they are a key.
#[derive(Debug, Default)]
pub struct KeyDecoder {
    bytes: Vec<u8>,
}

impl KeyDecoder {
    /// Takes one more byte. Returns the key that is complete with it, if there is one.
    pub fn take(&mut self, byte: u8) -> Option<Key> {
        if byte == ESC && !self.bytes.is_empty() {
            // A sequence that was cut off: only the new one counts.
            let was_alone = self.bytes == [ESC];
            self.bytes.clear();
            self.bytes.push(ESC);
            return was_alone.then_some(Key::Esc);
        }
        self.bytes.push(byte);
        let decoded = decode(&self.bytes);
        if decoded != Decoded::More || self.bytes.len() >= SEQUENCE_MAX {
            self.bytes.clear();
        }
        match decoded {
            Decoded::Key(key) => Some(key),
            Decoded::Nothing | Decoded::More => None,
        }
    }

    /// Whether a key may still come out of the bytes so far: when no more of them come, [`KeyDecoder::end`] says what
    /// they are.
    pub fn waits(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// No more bytes came: the Escape key, when that is all there is.
    pub fn end(&mut self) -> Option<Key> {
        let bytes = std::mem::take(&mut self.bytes);
        (bytes == [ESC]).then_some(Key::Esc)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decoded {
    Key(Key),
    /// The bytes are no key that anybody waits for.
    Nothing,
    /// The bytes may be the beginning of a key.
    More,
}

fn decode(bytes: &[u8]) -> Decoded {
    match bytes {
        [ESC] | [ESC, b'[' | b'O'] => Decoded::More,
        [ESC, b'[', rest @ ..] => sequence(rest),
        [ESC, b'O', last] => last_of(*last).map_or(Decoded::Nothing, Decoded::Key),
        [ESC, ..] => Decoded::Nothing,
        [b'\r' | b'\n'] => Decoded::Key(Key::Enter),
        [b'\t'] => Decoded::Key(Key::Tab),
        [0x7f | 0x08] => Decoded::Key(Key::Backspace),
        [0x15] => Decoded::Key(Key::Kill),
        [0x0c] => Decoded::Key(Key::Redraw),
        [0x10] => Decoded::Key(Key::Up),
        [0x0e] => Decoded::Key(Key::Down),
        [byte] if byte.is_ascii_control() => Decoded::Nothing,
        bytes => character(bytes),
    }
}

/// What follows `ESC [`: parameters, and a last byte.
fn sequence(rest: &[u8]) -> Decoded {
    let Some((last, parameters)) = rest.split_last() else {
        return Decoded::More;
    };
    let number = parameters.split(|it| *it == b';').next();
    let key = match (last, number) {
        (0x20..=0x3f, _) => return Decoded::More,
        (b'Z', _) => Some(Key::BackTab),
        (b'~', Some(b"1" | b"7")) => Some(Key::Home),
        (b'~', Some(b"4" | b"8")) => Some(Key::End),
        (b'~', Some(b"5")) => Some(Key::PageUp),
        (b'~', Some(b"6")) => Some(Key::PageDown),
        (last, _) => last_of(*last),
    };
    key.map_or(Decoded::Nothing, Decoded::Key)
}

const fn last_of(last: u8) -> Option<Key> {
    match last {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        b'M' => Some(Key::Enter),
        _ => None,
    }
}

fn character(bytes: &[u8]) -> Decoded {
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.chars().next() {
            Some(it) if super::is_seen(it) || it == ' ' => Decoded::Key(Key::Char(it)),
            _ => Decoded::Nothing,
        },
        // Cut off in the middle of a character.
        Err(error) if error.error_len().is_none() => Decoded::More,
        Err(_) => Decoded::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = KeyDecoder::default();
        let mut keys: Vec<Key> = bytes.iter().filter_map(|it| decoder.take(*it)).collect();
        keys.extend(decoder.end());
        keys
    }

    #[test]
    fn bytes_become_keys() {
        use Key::{BackTab, Backspace, Char, Down, End, Enter, Esc, Home, Kill, Left, PageDown};
        use Key::{PageUp, Right, Tab, Up};
        for (bytes, are) in [
            (&b"q/"[..], &[Char('q'), Char('/')][..]),
            (
                b"\r\t\x7f\x08\x15",
                &[Enter, Tab, Backspace, Backspace, Kill],
            ),
            (b"\x1b[A\x1b[B\x1b[C\x1b[D", &[Up, Down, Right, Left]),
            (b"\x1bOA\x1bOB\x1bOC\x1bOD", &[Up, Down, Right, Left]),
            (
                b"\x1b[5~\x1b[6~\x1b[H\x1b[F",
                &[PageUp, PageDown, Home, End],
            ),
            (b"\x1b[1~\x1b[4~\x1b[Z", &[Home, End, BackTab]),
            (b"\x1b[1;5Cx", &[Right, Char('x')]),
            ("é日".as_bytes(), &[Char('é'), Char('日')]),
            (b"\x1b", &[Esc]),
            (b"\x1b\x1b", &[Esc, Esc]),
            (b"\x1b\x1b[A", &[Esc, Up]),
            (b"\x1b[\x1b[A", &[Up]),
        ] {
            assert_eq!(keys(bytes), are, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_dropped_and_what_follows_is_not() {
        for bytes in [
            &b"\x1b[200~a"[..],
            b"\x1bxa",
            b"\x01\x02a",
            b"\xff\xfea",
            b"\x1b[11;11;11;11;11;1a",
            "\u{202e}a".as_bytes(),
        ] {
            assert_eq!(keys(bytes).last(), Some(&Key::Char('a')), "{bytes:?}");
        }
        assert_eq!(keys(b"\x1b["), []);
    }
}
