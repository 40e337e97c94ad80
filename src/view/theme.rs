//! The palette: how each kind of text looks, with or without colour. The meaning never depends on colour alone.

use std::borrow::Cow;

use colored::Colorize as _;
use comfy_table::{Attribute, Color};

use crate::model::Tone;

/// Colours or none, decided once for a stream by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// No colour, no bold.
    pub const PLAIN: Self = Self { colour: false };

    /// With or without colour.
    pub fn new(colour: bool) -> Self {
        if colour {
            // Both crates would decide for themselves, from stdout and the environment. The decision is
            // made here, for each stream: without colour neither is asked at all.
            colored::control::set_override(true);
            crossterm::style::force_color_output(true);
        }
        Self { colour }
    }

    /// Whether it uses colours.
    pub const fn has_colour(self) -> bool {
        self.colour
    }

    /// `text` in the look of `tone`.
    pub fn paint(self, tone: Tone, text: &str) -> Cow<'_, str> {
        if !self.colour || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let painted = match tone {
            Tone::Plain => return Cow::Borrowed(text),
            Tone::Ok => text.green(),
            Tone::Warn => text.yellow(),
            Tone::Bad => text.red().bold(),
            Tone::Dim => text.dimmed(),
            Tone::Heading => text.bold(),
            Tone::Id => text.cyan(),
        };
        Cow::Owned(painted.to_string())
    }
}

/// Cells that are not what they were.
impl Theme {
    /// `text` so that it strikes the eye.
    pub(super) fn highlight(self, text: &str) -> Cow<'_, str> {
        if self.colour && !text.is_empty() {
            return Cow::Owned(text.reversed().to_string());
        }
        Cow::Borrowed(text)
    }
}

/// The same palette for cells of a table.
pub(super) fn table_cell(
    theme: Theme,
    tone: Tone,
    text: String,
    is_changed: bool,
) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new_owned(text);
    if !theme.colour {
        return cell;
    }
    let cell = if is_changed {
        cell.add_attribute(Attribute::Reverse)
    } else {
        cell
    };
    match tone {
        Tone::Plain => cell,
        Tone::Ok => cell.fg(Color::DarkGreen),
        Tone::Warn => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Heading => cell.add_attribute(Attribute::Bold),
        Tone::Id => cell.fg(Color::DarkCyan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 7] = [
        Tone::Plain,
        Tone::Ok,
        Tone::Warn,
        Tone::Bad,
        Tone::Dim,
        Tone::Heading,
        Tone::Id,
    ];

    #[test]
    fn without_colour_text_is_untouched() {
        for tone in TONES {
            assert_eq!(Theme::PLAIN.paint(tone, "x"), "x");
        }
    }

    #[test]
    fn with_colour_all_but_plain_is_marked_and_reset() {
        let theme = Theme::new(true);
        for tone in TONES {
            let painted = theme.paint(tone, "x");
            if tone == Tone::Plain {
                assert_eq!(painted, "x");
            } else {
                assert!(
                    painted.starts_with("\x1b[") && painted.ends_with("\x1b[0m"),
                    "{tone:?}: {painted:?}"
                );
            }
        }
    }
}
