//! Wraps lines between words so that they fit a screen, and calculates how many rows of a screen lines take.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

/// The beginning of a suggested command anywhere in a text: this tool, or the client of the server.
const PROGRAMS: [&str; 2] = [env!("CARGO_PKG_NAME"), "redis-cli"];
/// The escape sequence that ends every colour.
const NO_COLOUR: &str = "\x1b[0m";
/// The end of a line after which a shell reads on.
const CONTINUED: &str = " \\";

/// `text`, with each line wrapped between words if it is wider than `width` columns. Continuation lines are indented as
/// far as their line's text, and by at least `indent` columns. Without a width, the text is unchanged.
pub fn fitted(text: String, width: Option<u16>, indent: usize) -> String {
    let Some(width) = width.map(usize::from) else {
        return text;
    };
    let lines = text.split('\n').map(|line| {
        let begins = line.len() - line.trim_start_matches(' ').len();
        wrapped(line, width, begins.max(indent))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `line`, wrapped before each word that would not fit into `width` columns; continuation lines are indented by
/// `indent` columns. A word that is longer than a line is not broken; it gets a line of its own, or follows its label.
/// A command of this tool stays on one line where it fits there; where it does not, a shell still reads what is pasted
/// as one command.
fn wrapped(line: &str, width: usize, indent: usize) -> String {
    // Where not even the indent leaves room there is none.
    let indent = if indent + MARGIN_MIN > width {
        0
    } else {
        indent
    };
    let mut text = String::with_capacity(line.len() + line.len() / 8);
    let (mut column, mut begins) = (0, true);
    let room = width - indent;
    for piece in pieces(line, room) {
        let size = columns_of(piece.text) + piece.reserve;
        if begins || column + piece.gap + size <= width || column + piece.gap <= indent {
            text.extend(std::iter::repeat_n(' ', piece.gap));
            column += piece.gap;
        } else {
            text.push_str(if piece.continues { CONTINUED } else { "" });
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        }
        begins = false;
        text.push_str(piece.text);
        column += size - piece.reserve;
    }
    text
}

/// The least number of columns that are left for text beside an indent.
const MARGIN_MIN: usize = 20;

/// A part of a line that is not broken.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'t> {
    /// Spaces before it.
    gap: usize,
    text: &'t str,
    /// Whether the part continues a command whose first words are in an earlier part.
    continues: bool,
    /// The number of columns to keep free after it for the sign that the command continues.
    reserve: usize,
}

/// The parts of a line. The words of a command are one part if they fit into `room` columns.
fn pieces(line: &str, room: usize) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(begin) = rest.find(|it| it != ' ') {
        let text = &rest[begin..];
        let word = &text[..text.find(' ').unwrap_or(text.len())];
        let is_command = PROGRAMS.contains(&word.trim_start_matches(['`', '(', '"']));
        let whole = if is_command { command(text) } else { word };
        let piece = |gap, text| Piece {
            gap,
            text,
            continues: false,
            reserve: 0,
        };
        if is_command && columns_of(whole) > room {
            let words = shell_words(whole);
            let last = words.len() - 1;
            for (place, text) in words.into_iter().enumerate() {
                pieces.push(Piece {
                    continues: place > 0,
                    reserve: if place < last { CONTINUED.len() } else { 0 },
                    ..piece(if place > 0 { 1 } else { begin }, text)
                });
            }
        } else {
            pieces.push(piece(begin, whole));
        }
        rest = &text[whole.len()..];
    }
    pieces
}

/// The command with which `text` begins: up to the punctuation that ends a clause, or to the end of the line.
fn command(text: &str) -> &str {
    let mut end = 0;
    for word in shell_words(text) {
        end = (word.as_ptr() as usize - text.as_ptr() as usize) + word.len();
        if word.ends_with(['`', ',', ';', ':', ')']) {
            break;
        }
    }
    &text[..end]
}

/// The words of `text` as a shell splits them: a space in quotes or after a backslash does not split a word.
fn shell_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut begin, mut quoted, mut escaped, mut dollar) = (None, None, false, false);
    for (place, character) in text.char_indices() {
        if character == ' ' && quoted.is_none() && !escaped {
            words.extend(begin.take().map(|from: usize| &text[from..place]));
            dollar = false;
            continue;
        }
        begin.get_or_insert(place);
        match (quoted, character) {
            _ if escaped => escaped = false,
            // Within plain single quotes a backslash is one.
            (None | Some(true), '\\') => escaped = true,
            (None, '\'') => quoted = Some(dollar),
            (Some(_), '\'') => quoted = None,
            _ => {}
        }
        dollar = character == '$';
    }
    let last = begin.map_or("", |from| &text[from..]);
    match quoted {
        None if last.is_empty() => {}
        None => words.push(last),
        // No quote, but an apostrophe.
        Some(_) => words.extend(last.split(' ').filter(|word| !word.is_empty())),
    }
    words
}

/// Whether `text` takes more rows on a screen of this many `columns` than fit above a prompt on a screen of this many
/// `rows`.
pub fn has_more_rows(text: &[u8], columns: u16, rows: u16) -> bool {
    let text = String::from_utf8_lossy(text);
    let room = usize::from(rows).saturating_sub(1);
    let mut taken = 0;
    for line in text.lines() {
        taken += columns_of(line)
            .div_ceil(usize::from(columns.max(1)))
            .max(1);
        if taken > room {
            return true;
        }
    }
    false
}

/// The number of columns that a line takes; escape sequences for colours take none.
pub(super) fn columns_of(line: &str) -> usize {
    let mut columns = 0;
    let mut is_colour = false;
    for character in line.chars() {
        match character {
            '\x1b' => is_colour = true,
            'm' if is_colour => is_colour = false,
            _ if is_colour => {}
            other => columns += other.width().unwrap_or(0),
        }
    }
    columns
}

/// As much of a line as so many columns show, without the rest of a colour.
pub(super) fn cropped(line: &str, columns: usize) -> Cow<'_, str> {
    if columns_of(line) <= columns {
        return Cow::Borrowed(line);
    }
    let (mut kept, mut taken) = (String::with_capacity(line.len()), 0);
    let (mut is_colour, mut has_colour) = (false, false);
    for character in line.chars() {
        let begins = character == '\x1b';
        has_colour |= begins;
        if !is_colour && !begins {
            taken += character.width().unwrap_or(0);
            if taken > columns {
                break;
            }
        }
        is_colour = begins || is_colour && character != 'm';
        kept.push(character);
    }
    kept.push_str(if has_colour { NO_COLOUR } else { "" });
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn rows_are_counted_as_the_screen_breaks_them() {
        for (text, has_more) in [
            ("", false),
            ("a\nb\nc\n", false),
            ("a\nb\nc\nd\n", true),
            ("\n\n\n\n", true),
            ("aaaaaaaaaa\nb\nc\n", false),
            ("aaaaaaaaaaa\nb\nc\n", true),
            ("\x1b[38;5;6maaaaaaaaaa\x1b[39m\nb\nc\n", false),
            ("日本日本日本\nb\nc\n", true),
        ] {
            assert_eq!(has_more_rows(text.as_bytes(), 10, 4), has_more, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_cut_where_the_screen_ends() {
        for (line, text) in [
            ("abcde", "abcde"),
            ("abcdef", "abcde"),
            ("日本日本", "日本"),
            ("\x1b[1mabcdef\x1b[0m", "\x1b[1mabcde\x1b[0m"),
            (
                "\x1b[1mab\x1b[0m\x1b[31mcdef",
                "\x1b[1mab\x1b[0m\x1b[31mcde\x1b[0m",
            ),
            ("\x1b[1mabcde\x1b[0m", "\x1b[1mabcde\x1b[0m"),
        ] {
            assert_eq!(cropped(line, 5), text, "{line:?}");
        }
    }

    #[test]
    fn words_stay_whole_and_lines_fit() {
        let long = "x".repeat(50);
        for (line, width, indent, text) in [
            ("one two three", 80, 2, "one two three".to_owned()),
            (
                "one two three four five",
                22,
                2,
                "one two three four\n  five".into(),
            ),
            (
                "  one  two three four five",
                22,
                2,
                "  one  two three four\n  five".into(),
            ),
            ("a  b", 80, 2, "a  b".into()),
            ("日本 日本", 6, 0, "日本\n日本".into()),
            (
                "\x1b[1m日本\x1b[0m 日本",
                9,
                0,
                "\x1b[1m日本\x1b[0m 日本".into(),
            ),
            // No room for an indent.
            ("one two three", 7, 6, "one two\nthree".into()),
            (&format!("a {long} b"), 40, 2, format!("a {long}\n  b")),
            (
                &format!("one {long} b"),
                40,
                2,
                format!("one\n  {long}\n  b"),
            ),
            (&long, 40, 2, long.clone()),
            ("", 10, 2, String::new()),
        ] {
            assert_eq!(wrapped(line, width, indent), text, "{line:?}");
        }
    }

    #[test]
    fn lines_go_on_under_their_text() {
        let text =
            "error: one two three four\n       five six seven eight\n         nine ten eleven";
        assert_eq!(
            fitted(text.to_owned(), Some(22), 7),
            // Too narrow for the last indent.
            "error: one two three\nfour\n       five six seven\neight\n         nine ten\neleven"
        );
        assert_eq!(
            fitted(text.to_owned(), Some(27), 7),
            "error: one two three four\n       five six seven eight\n         nine ten eleven"
        );
        assert_eq!(
            fitted("  hint: one two three four five".to_owned(), Some(30), 8),
            "  hint: one two three four\n        five"
        );
        assert_eq!(fitted(text.to_owned(), None, 7), text);
    }

    #[test]
    fn a_command_stays_on_a_line_or_goes_on_as_a_shell_reads_it() {
        for (line, text) in [
            (
                "hint: the next step is ucp-streams lag g --exact",
                "hint: the next step is\n  ucp-streams lag g --exact",
            ),
            (
                "see `ucp-streams lag one two three` or what it was before",
                "see `ucp-streams lag one two three` or\n  what it was before",
            ),
            (
                "run ucp-streams ack events 1-0 2-0 3-0 --stream 'a b c d e' --yes",
                "run ucp-streams ack events 1-0 2-0 3-0 \\\n  --stream 'a b c d e' --yes",
            ),
            (
                "run ucp-streams info 'it'\\''s a b' $'x\\' y' --stream aaaaaaaaaa bbbbb",
                "run ucp-streams info 'it'\\''s a b' \\\n  $'x\\' y' --stream aaaaaaaaaa bbbbb",
            ),
        ] {
            assert_eq!(wrapped(line, 40, 2), text, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_line_is_wider_than_its_words(
            words in prop::collection::vec("[a-z]{1,12}|ucp-streams|日本語", 1..20), width in 30_usize..60, indent in 0_usize..12
        ) {
            let line = words.join(" ");
            let text = wrapped(&line, width, indent);
            for part in text.lines() {
                prop_assert!(part.width() <= width, "{}", part);
            }
            let parts: Vec<&str> = text.lines().map(|part| part.trim_start().trim_end_matches(" \\")).collect();
            prop_assert_eq!(parts.join(" "), line);
        }
    }
}
