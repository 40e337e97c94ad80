//! Names as they are shown and typed: unchanged if that is unambiguous, otherwise between `$'` and `'` as in bash. No
//! two names are shown alike, and every shown name can be typed: shells that know this quoting resolve it, and
//! otherwise this tool does.

use super::escape::is_unsafe;
use super::name::Name;
use super::shown_name::{OPEN, SHELL_OPEN, in_any_shell, plain};

/// The error for a name that is not written in this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty.
    #[error("a name cannot be empty (one that is empty is written \"\\$''\")")]
    Empty,
    /// The closing quote is not at the end of the name.
    #[error(
        "after $' a name goes on to the next ' and ends there; one that begins with $' itself is written {0}"
    )]
    Open(String),
    /// A backslash before an unknown character.
    #[error(
        "`\\{0}` is not an escape in a name in $'…'; the escapes are \\\\ \\' \\n \\r \\t, \\xff for a byte, \\u202e for a character"
    )]
    Escape(String),
}

impl Name {
    /// The name that was typed: the text itself, or the content of `$'…'`.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn typed(text: &[u8]) -> Result<Self, NameError> {
        match quoted(text)? {
            Some((name, [])) => Ok(name),
            Some(_) => Err(NameError::Open(in_any_shell(text))),
            None if text.is_empty() => Err(NameError::Empty),
            None => Ok(Self::new(text)),
        }
    }

    /// The names that were typed, separated by commas; within `$'…'`, a comma belongs to the name.
    ///
    /// # Errors
    /// As [`Name::typed`].
    pub fn typed_list(text: &[u8]) -> Result<Vec<Self>, NameError> {
        let mut names = Vec::new();
        let mut rest = text;
        loop {
            let end = match quoted(rest)? {
                Some((_, behind)) => rest.len() - behind.len(),
                None => 0,
            };
            let comma = memchr::memchr(b',', &rest[end..]).map(|at| end + at);
            names.push(Self::typed(&rest[..comma.unwrap_or(rest.len())])?);
            match comma {
                Some(comma) => rest = &rest[comma + 1..],
                None => return Ok(names),
            }
        }
    }

    /// The name in the form in which a shell completes it: unchanged if every shell can type it, otherwise as it is
    /// shown.
    pub fn completed(&self) -> String {
        match String::from_utf8(self.as_bytes().to_vec()) {
            Ok(text)
                if !text.chars().any(is_unsafe)
                    && Self::typed(text.as_bytes()).as_ref() == Ok(self) =>
            {
                text
            }
            _ => self.to_string(),
        }
    }

    /// The name as a shell word, for a command of this tool.
    pub fn word(&self) -> String {
        match plain(self.as_bytes()) {
            Some(_) if !self.as_bytes().contains(&b'\\') => super::quoted(self.as_bytes()),
            _ => in_any_shell(self.as_bytes()),
        }
    }
}

/// The quoted name at the beginning of `text`, and what follows it; `None` if there are no quotes.
///
/// # Errors
/// See [`NameError`].
pub fn quoted(text: &[u8]) -> Result<Option<(Name, &[u8])>, NameError> {
    let (inside, is_in_shell) = match (text.strip_prefix(OPEN), text.strip_prefix(SHELL_OPEN)) {
        (Some(inside), _) => (inside, false),
        (None, Some(inside)) => (inside, true),
        (None, None) => return Ok(None),
    };
    let mut name = Vec::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        rest = match rest {
            [] => return Err(NameError::Open(in_any_shell(text))),
            [b'\'', b'"', behind @ ..] if is_in_shell => {
                return Ok(Some((Name::new(name), behind)));
            }
            [b'\'', behind @ ..] if !is_in_shell => return Ok(Some((Name::new(name), behind))),
            [b'\\', escape @ ..] => unescape(&mut name, escape)?,
            [byte, behind @ ..] => {
                name.push(*byte);
                behind
            }
        };
    }
}

/// Appends the character of the escape at the beginning of `text`, after its backslash. Returns the rest.
fn unescape<'t>(name: &mut Vec<u8>, text: &'t [u8]) -> Result<&'t [u8], NameError> {
    let bad = || NameError::Escape(super::escaped(&text[..text.len().min(1)]));
    let (kind, rest) = text.split_first().ok_or_else(bad)?;
    let byte = match kind {
        b'\\' | b'\'' | b'"' | b'?' => *kind,
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        b'e' | b'E' => 0x1b,
        b'0'..=b'7' => {
            let (value, rest) = digits(text, 8, 3).ok_or_else(bad)?;
            name.push(u8::try_from(value).map_err(|_| bad())?);
            return Ok(rest);
        }
        b'x' => {
            let (value, rest) = digits(rest, 16, 2).ok_or_else(bad)?;
            name.push(u8::try_from(value).map_err(|_| bad())?);
            return Ok(rest);
        }
        b'u' | b'U' => {
            let (value, rest) =
                digits(rest, 16, if *kind == b'u' { 4 } else { 8 }).ok_or_else(bad)?;
            let character = char::from_u32(value).ok_or_else(bad)?;
            name.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(rest);
        }
        _ => return Err(bad()),
    };
    name.push(byte);
    Ok(rest)
}

/// The number at the beginning of `text`, with at most `digits_max` digits, and the rest.
fn digits(text: &[u8], radix: u32, digits_max: usize) -> Option<(u32, &[u8])> {
    let is_digit = |it: &&u8| char::from(**it).is_digit(radix);
    let count = text.iter().take(digits_max).take_while(is_digit).count();
    let value = std::str::from_utf8(&text[..count]).ok()?;
    Some((u32::from_str_radix(value, radix).ok()?, &text[count..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::shown_name::{is_seen, shown, shown_field};
    use super::*;

    /// Names that are odd more often than not.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"$'".to_vec()),
            Just(b"\"\\$'".to_vec()),
            Just(b"'\"".to_vec()),
            Just(b"\\x41".to_vec()),
            Just(b"\\n\n\0 \\u{0}".to_vec()),
            Just("\u{202e}\u{ad}e\u{301}\u{fe0f}".as_bytes().to_vec()),
            "[a-c=,!'\"\\\\ $`{}01]{0,4}".prop_map(String::into_bytes),
            any::<String>().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn names_are_shown_as_they_are_or_in_quotes() {
        for (name, expected) in [
            (&b"events.raw"[..], "events.raw"),
            (b"it's a \\n $x", "it's a \\n $x"),
            (
                "\u{fc}\u{1f600}e\u{301}".as_bytes(),
                "\u{fc}\u{1f600}e\u{301}",
            ),
            (b"", r#""\$''""#),
            (b"a ", "$'a '"),
            (b"a\nb", r"$'a\nb'"),
            (b"a\tb\r\x1b", r"$'a\tb\r\x1b'"),
            (b"'\\\n", r"$'\'\\\n'"),
            (b"$'x'", r#""\$'\x24\x27x\x27'""#),
            (b"a\xff", r"$'a\xff'"),
            ("a\u{202e}b\u{9b}".as_bytes(), r"$'a\xe2\x80\xaeb\xc2\x9b'"),
            ("so\u{ad}ft".as_bytes(), r"$'so\xc2\xadft'"),
            (b"a\0\"!\\", r#""\$'a\x00\x22\x21\x5c'""#),
            (b"\"\\$'", r#""\$'\x22\x5c\x24\x27'""#),
        ] {
            assert_eq!(shown(name), expected);
            assert_eq!(Name::typed(expected.as_bytes()).unwrap().as_bytes(), name);
        }
        assert_eq!(shown_field(b"a=b"), "$'a=b'");
        assert_eq!(shown_field(b"a b"), "a b");
    }

    #[test]
    fn the_escapes_of_bash_are_read() {
        for (text, name) in [
            (
                r"$'\a\b\e\E\f\n\r\t\v'",
                &b"\x07\x08\x1b\x1b\x0c\n\r\t\x0b"[..],
            ),
            (r#"$'\\\'\"\?'"#, b"\\'\"?"),
            (r"$'\0\101\x41\x4\x00a'", b"\0AA\x04\0a"),
            (r"$'\u202e\U1F600\u41'", "\u{202e}\u{1f600}A".as_bytes()),
            (r#""\$'\x00'""#, b"\0"),
            ("$''", b""),
        ] {
            assert_eq!(
                Name::typed(text.as_bytes()).unwrap().as_bytes(),
                name,
                "{text}"
            );
        }
        for (text, why) in [
            ("", "cannot be empty"),
            ("$'", "on to the next '"),
            ("$'a", r#"is written "\$'\x24\x27a'""#),
            ("$'a'b", "ends there"),
            (r"$'a\'", "on to the next '"),
            (r#""\$'a'"#, "on to the next '"),
            (r"$'\q'", r"`\q` is not an escape"),
            (r"$'\x'", r"`\x` is not an escape"),
            (r"$'\777'", "is not an escape"),
            (r"$'\ud800'", "is not an escape"),
        ] {
            let error = Name::typed(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_list_is_cut_at_commas_that_are_in_no_name() {
        let names = Name::typed_list(br"a,$'b,\n',c").unwrap();
        assert_eq!(
            names,
            [Name::from("a"), Name::from("b,\n"), Name::from("c")]
        );
        for bad in [&b""[..], b"a,", b"$'a'b,c"] {
            assert!(Name::typed_list(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(name in name()) {
            let text = shown(&name);
            prop_assert!(text.chars().all(is_seen), "{}", text);
            let typed = Name::typed(text.as_bytes());
            prop_assert_eq!(typed.as_ref().map(Name::as_bytes), Ok(&name[..]));
            // So no other key is shown alike; nor as a field, beside others and before a value.
            let field = shown_field(&name).into_owned();
            let list = Name::typed_list(format!("{field},x").as_bytes()).unwrap();
            prop_assert_eq!(&list, &[Name::new(&*name), Name::from("x")]);
            if let Some((quoted, behind)) = quoted(format!("{field}=x").as_bytes()).unwrap() {
                prop_assert_eq!((quoted.as_bytes(), behind), (&name[..], &b"=x"[..]));
            } else {
                prop_assert!(!field.contains('='));
            }
        }

        #[test]
        fn typing_never_panics(text in name()) {
            let _ = (Name::typed(&text), Name::typed_list(&text));
        }
    }
}
