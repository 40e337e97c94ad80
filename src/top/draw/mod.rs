//! Draws the state: what is on which row of the screen.

mod head;
mod help;
mod paint;
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::State;
use crate::model::Tone;
use crate::view::Theme;
use paint::Pen;

/// The least screen on which a list can be read.
const COLUMNS_MIN: u16 = 40;
const ROWS_MIN: u16 = 8;
/// The rows above a list, with its title and its header, and below it.
pub(super) const ROWS_ABOVE: u16 = 5;
pub(super) const ROWS_BELOW: u16 = 1;

/// Draws `state`.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: Theme) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
        return too_small(buffer, state, theme);
    }
    head::draw(buffer, state, theme);
    title(buffer, state, theme);
    let list = Rect {
        y: ROWS_ABOVE - 1,
        height: area.height - ROWS_ABOVE - ROWS_BELOW + 1,
        ..area
    };
    table::draw(buffer, list, &state.rows, &state.cursor, theme);
    foot(buffer, state, theme);
    if state.has_help {
        help::draw(buffer, theme);
    }
}

/// Says that there is no room, and still how things stand.
fn too_small(buffer: &mut Buffer, state: &State, theme: Theme) {
    let area = buffer.area;
    let lines = [
        (head::tone(state), head::word(state).to_owned()),
        (Tone::Plain, "too small".to_owned()),
        (
            Tone::Plain,
            format!("{}x{} of {COLUMNS_MIN}x{ROWS_MIN}", area.width, area.height),
        ),
        (Tone::Dim, "q: quit".to_owned()),
    ];
    for (y, (tone, text)) in (0..area.height).zip(lines) {
        Pen::new(buffer, theme, (0, area.width), y).write(tone, &text);
    }
}

/// What the list is, how much of it is shown, and by what it is sorted and filtered.
fn title(buffer: &mut Buffer, state: &State, theme: Theme) {
    let end = buffer.area.width;
    let (shown, _) = state.cursor.shown(&state.rows);
    let (shown, all) = (shown.len(), state.rows.items.len());
    let count = if shown == all {
        format!("{all}")
    } else {
        format!("{shown} of {all}")
    };
    let mut pen = Pen::new(buffer, theme, (0, end), ROWS_ABOVE - 2);
    pen.write(Tone::Heading, "Groups")
        .write(Tone::Plain, &format!(" {count}"));
    if !state.cursor.filter.is_empty() {
        pen.write(Tone::Warn, &format!("  filter: {}", state.cursor.filter));
    }
    if let Some(sort) = state.cursor.sort.or(state.rows.sort)
        && let Some(column) = state.rows.columns.iter().find(|it| it.key == sort.column)
    {
        let order = if sort.is_descending {
            "greatest first"
        } else {
            "least first"
        };
        pen.write(Tone::Dim, &format!("  by {}, {order}", column.header));
    }
}

/// The keys, or the filter that is being typed.
fn foot(buffer: &mut Buffer, state: &State, theme: Theme) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, theme, (0, area.width), area.bottom() - 1);
    if state.is_filtering {
        pen.write(Tone::Heading, "/")
            .write(Tone::Plain, &state.cursor.filter);
        pen.write(Tone::Heading, "_")
            .write(Tone::Dim, "   Enter: keep, Esc: leave");
        return;
    }
    let pause = if state.paused.is_some() {
        "p go on"
    } else {
        "p pause"
    };
    let keys = [
        "q quit",
        "? keys",
        pause,
        "/ filter",
        "←→ column",
        "s reverse",
    ];
    for (place, key) in keys.iter().enumerate() {
        pen.write(Tone::Dim, if place > 0 { " · " } else { "" });
        pen.write(Tone::Dim, key);
    }
}

impl State {
    /// How many rows of a list fit.
    pub(super) fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(ROWS_ABOVE + ROWS_BELOW)).max(1)
    }
}
