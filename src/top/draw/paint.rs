//! Tones as styles of ratatui, and text put into a buffer. The meaning never depends on colour alone.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::model::Tone;
use crate::view::Theme;

/// The look of a tone.
pub(super) fn style(theme: Theme, tone: Tone) -> Style {
    let plain = Style::new();
    if !theme.has_colour() {
        return plain;
    }
    match tone {
        Tone::Plain => plain,
        Tone::Ok => plain.fg(Color::Green),
        Tone::Warn => plain.fg(Color::Yellow),
        Tone::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Dim => plain.add_modifier(Modifier::DIM),
        Tone::Heading => plain.add_modifier(Modifier::BOLD),
        Tone::Id => plain.fg(Color::Cyan),
    }
}

/// A line that is written piece by piece, no further than the end of the screen.
pub(super) struct Pen<'b> {
    buffer: &'b mut Buffer,
    theme: Theme,
    x: u16,
    y: u16,
    end: u16,
}

impl<'b> Pen<'b> {
    /// Writes on the row `y` from column `x` up to before column `end`.
    pub(super) fn new(buffer: &'b mut Buffer, theme: Theme, (x, end): (u16, u16), y: u16) -> Self {
        let area = buffer.area;
        let end = if y < area.bottom() {
            end.min(area.right())
        } else {
            x
        };
        Self {
            buffer,
            theme,
            x,
            y,
            end,
        }
    }

    /// Writes `text`; what does not fit ends in `…`.
    pub(super) fn write(&mut self, tone: Tone, text: &str) -> &mut Self {
        let style = style(self.theme, tone);
        let room = usize::from(self.end.saturating_sub(self.x));
        if room == 0 {
            return self;
        }
        let (x, _) = self.buffer.set_stringn(self.x, self.y, text, room, style);
        let width = unicode_width::UnicodeWidthStr::width(text);
        if width > room {
            self.buffer.set_stringn(self.end - 1, self.y, "…", 1, style);
        }
        self.x = x;
        self
    }

    /// Leaves columns empty.
    pub(super) fn skip(&mut self, columns: u16) -> &mut Self {
        self.x = self.x.saturating_add(columns).min(self.end);
        self
    }

    /// How many columns are left.
    pub(super) fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }
}
