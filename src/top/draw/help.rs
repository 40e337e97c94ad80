//! The keys, in a box over the rest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget as _};

use super::paint::Pen;
use crate::model::Tone;
use crate::top::keys::HELP;
use crate::view::Theme;

pub(super) fn draw(buffer: &mut Buffer, theme: Theme) {
    let lines = u16::try_from(HELP.len()).unwrap_or(u16::MAX);
    let inner = boxed(buffer, "Keys (any key closes this)", lines);
    for (y, (keys, meaning)) in (inner.y..inner.bottom()).zip(HELP) {
        let mut pen = Pen::new(buffer, theme, (inner.x, inner.right()), y);
        pen.write(Tone::Heading, &format!("{keys:<18}"));
        pen.write(Tone::Plain, meaning);
    }
}

/// Draws an empty box for so many lines in the middle of the screen. Returns what is within it.
pub(super) fn boxed(buffer: &mut Buffer, title: &str, lines: u16) -> Rect {
    let area = buffer.area;
    let (width, height) = ((area.width - 2).min(100), (lines + 2).min(area.height));
    let area = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered().title(format!(" {title} "));
    let inner = block.inner(area);
    Clear.render(area, buffer);
    block.render(area, buffer);
    Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    }
}
