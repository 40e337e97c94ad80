//! Lines that fit a screen: broken between words.

use unicode_width::UnicodeWidthStr as _;

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

#[cfg(test)]
mod tests {
    use super::*;

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
