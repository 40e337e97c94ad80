//! Lines that fit a screen, broken between words, and how much of a screen lines take.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `line` with a line's end in place of the space before each word that would not fit into `width` columns; what follows is
/// set in by `indent` columns. A word that is longer than a line stays whole.
pub fn wrapped(line: &str, width: usize, indent: usize) -> String {
    let mut text = String::with_capacity(line.len() + line.len() / 8);
    let mut column = 0;
    for word in line.split(' ') {
        let size = word.width();
        if column > 0 && column + 1 + size > width && size + indent <= width.max(indent + 1) {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !text.is_empty() {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += size;
    }
    text
}

/// Whether text has more lines, as a screen of so many columns breaks them, than one of so many rows shows above a prompt.
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

/// The columns that a line takes, of which colours take none.
fn columns_of(line: &str) -> usize {
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

#[cfg(test)]
mod tests {
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
    fn words_stay_whole_and_lines_fit() {
        assert_eq!(wrapped("one two three", 80, 2), "one two three");
        assert_eq!(wrapped("one two three", 7, 2), "one two\n  three");
        assert_eq!(
            wrapped("one two three four", 9, 2),
            "one two\n  three\n  four"
        );
        assert_eq!(wrapped("a  b", 80, 2), "a  b");
        assert_eq!(wrapped("日本 日本", 6, 0), "日本\n日本");
        let long = "x".repeat(30);
        assert_eq!(
            wrapped(&format!("a {long} b"), 10, 2),
            format!("a {long}\n  b")
        );
        assert_eq!(wrapped("", 10, 2), "");
    }
}
