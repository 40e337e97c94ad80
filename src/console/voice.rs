//! The messages on standard error: escaped, and on a terminal wrapped between words.

use std::io::{self, Write as _};

use super::pager::Pager;
use super::progress::Bar;
use super::terminal::stderr_width;
use crate::model::{Tone, escape_into};
use crate::view::{Theme, fitted};

/// How far the continuation lines of a message are indented on a terminal.
const REMARK_INDENT: usize = 2;

/// Standard error.
#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) theme: Theme,
    /// Whether standard error is a terminal, so that lines are wrapped between words.
    pub(super) is_terminal: bool,
    pub(super) bar: Bar,
    pub(super) pager: Pager,
}

impl Voice {
    /// A warning.
    pub(super) fn warn(&self, text: &str) {
        self.tell(&labelled(
            self.theme,
            Tone::Warn,
            "warning:",
            text,
            self.width(),
        ));
    }

    /// A remark.
    pub(super) fn remark(&self, text: &str) {
        self.tell(&self.fitted_remark(text));
    }

    /// A message, wrapped to the width of the terminal.
    pub(super) fn fitted_remark(&self, text: &str) -> String {
        fitted(lines(text, ""), self.width(), REMARK_INDENT)
    }

    /// The present width of the terminal in columns; `None` without a terminal.
    pub(super) fn width(&self) -> Option<u16> {
        self.is_terminal.then(stderr_width).flatten()
    }

    /// Writes a text that needs no wrapping, or that is not meant for people.
    pub(super) fn tell(&self, text: &str) {
        if self.pager.holds(text) {
            return;
        }
        self.bar.suspend(|| {
            let mut stderr = io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes());
            let _ = stderr.write_all(b"\n");
        });
    }
}

/// `text` after its label; its further lines stand below the first one.
pub(super) fn labelled(
    theme: Theme,
    tone: Tone,
    label: &str,
    text: &str,
    width: Option<u16>,
) -> String {
    let margin = " ".repeat(label.len() + 1);
    let text = format!("{} {}", theme.paint(tone, label), lines(text, &margin));
    fitted(text, width, margin.len())
}

/// `text`, escaped line by line; every line except the first one begins with `margin`.
pub(super) fn lines(text: &str, margin: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (place, line) in text.trim_end().split('\n').enumerate() {
        if place > 0 {
            safe.push('\n');
            safe.push_str(margin);
        }
        escape_into(&mut safe, line.as_bytes());
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_lines_and_nothing_else_that_moves_a_cursor() {
        assert_eq!(lines("a\x1b[2J\nb\rc\n", "  "), "a\\x1b[2J\n  b\\rc");
    }
}
