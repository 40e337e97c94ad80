//! Draws the state: what is on which row of the screen.

mod dialog;
mod head;
mod help;
mod paint;
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::action::{Access, Dialog};
use super::state::State;
use super::view::Tab;
use crate::model::{Tone, counted};
use crate::view::{Theme, fitted};
use head::clock;
use paint::Pen;

/// The least screen on which a list can be read.
const COLUMNS_MIN: u16 = 40;
const ROWS_MIN: u16 = 8;
/// The rows above a list, with its title and its header, and below it.
const ROWS_ABOVE: u16 = 5;
const ROWS_BELOW: u16 = 1;
/// How many lines about how a change ended stand below a list at most.
const RESULTS_MAX: usize = 6;

/// How far the other lines of a text about how a change ended are indented.
const RESULT_INDENT: usize = 2;

/// Draws `state`.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: Theme) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if is_too_small((area.width, area.height)) {
        return too_small(buffer, state, theme);
    }
    head::draw(buffer, state, theme);
    title(buffer, state, theme);
    let results = state.results_shown((area.width, area.height));
    let below = ROWS_BELOW + u16::try_from(results.len()).unwrap_or_default();
    let list = Rect {
        y: ROWS_ABOVE - 1,
        height: area.height - ROWS_ABOVE - below + 1,
        ..area
    };
    table::draw(buffer, list, &state.rows, state.cursor(), theme);
    for (y, (tone, text)) in (area.height - below..).zip(&results) {
        Pen::new(buffer, theme, (0, area.width), y).write(*tone, text);
    }
    foot(buffer, state, theme);
    if state.has_help {
        help::draw(buffer, theme);
    }
    if let Some(dialog) = &state.dialog {
        dialog::draw(buffer, dialog, theme);
    }
}

/// Says that there is no room, and still how things stand.
fn too_small(buffer: &mut Buffer, state: &State, theme: Theme) {
    let area = buffer.area;
    let size = format!("{}x{} of {COLUMNS_MIN}x{ROWS_MIN}", area.width, area.height);
    let waits = state.dialog.as_ref().map(Dialog::waits);
    let key = match &state.dialog {
        None => "q: quit",
        Some(Dialog::Applying(..)) => "Ctrl-C: stop it",
        Some(_) => "Esc: leave it",
    };
    let verdict = (head::tone(state), head::word(state));
    let mut lines = vec![verdict, (Tone::Plain, "too small"), (Tone::Plain, &size)];
    lines.extend(waits.as_ref().map(|it| (Tone::Warn, it.as_str())));
    lines.push((Tone::Dim, key));
    for (y, (tone, text)) in (0..area.height).zip(lines) {
        Pen::new(buffer, theme, (0, area.width), y).write(tone, text);
    }
}

/// Which list it is, how much of it is shown, and by what it is sorted and filtered.
fn title(buffer: &mut Buffer, state: &State, theme: Theme) {
    let end = buffer.area.width;
    let mut pen = Pen::new(buffer, theme, (0, end), ROWS_ABOVE - 2);
    if state.opened.is_empty() {
        tabs(&mut pen, state);
    } else {
        pen.write(Tone::Dim, state.tab.title());
        for opened in &state.opened {
            pen.write(Tone::Dim, " > ")
                .write(Tone::Heading, &opened.view.title());
        }
    }
    if let Some((since, why)) = state.opened.last().and_then(|it| it.unanswered.as_ref()) {
        let text = format!("  OLD: not answered since {}: {why}", clock(*since));
        pen.write(Tone::Bad, &text);
    }
    let cursor = state.cursor();
    let (shown, all) = (cursor.shown(&state.rows).0.len(), state.rows.items.len());
    if shown != all || !state.opened.is_empty() && !state.rows.is_text {
        let count = if shown == all {
            format!("  {all}")
        } else {
            format!("  {shown} of {all}")
        };
        pen.write(Tone::Plain, &count);
    }
    if let Some(beyond) = &state.rows.beyond {
        pen.write(Tone::Warn, &format!("  {beyond}"));
    }
    if !cursor.filter.is_empty() {
        pen.write(Tone::Warn, &format!("  filter: {}", cursor.filter));
    }
    if let Some(sort) = cursor.sort.or(state.rows.sort)
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

/// The lists beside each other; the one that is shown stands in brackets.
fn tabs(pen: &mut Pen<'_>, state: &State) {
    let count = |tab| match (state.shown(), tab) {
        (None, _) => 0,
        (Some(look), Tab::Groups) => look.streams.iter().map(|it| it.groups.len()).sum(),
        (Some(look), Tab::Findings) => look.doctor.findings.len(),
        (Some(look), Tab::Streams) => look.streams.len(),
    };
    for (place, tab) in Tab::ALL.into_iter().enumerate() {
        let text = format!("{} {} {}", place + 1, tab.title(), count(tab));
        if tab == state.tab {
            pen.write(Tone::Heading, &format!("[{text}]"));
        } else {
            pen.write(Tone::Dim, &format!(" {text} "));
        }
    }
}

/// The keys, or the filter that is being typed.
fn foot(buffer: &mut Buffer, state: &State, theme: Theme) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, theme, (0, area.width), area.bottom() - 1);
    if state.is_filtering {
        pen.write(Tone::Heading, "/")
            .write(Tone::Plain, &state.cursor().filter);
        pen.write(Tone::Heading, "_")
            .write(Tone::Dim, "   Enter: keep, Esc: leave");
        return;
    }
    match &state.access {
        Access::Write => {}
        Access::Locked(_) => _ = pen.write(Tone::Warn, "read-only: production (w) · "),
        Access::ReadOnly(_) => _ = pen.write(Tone::Warn, "read-only · "),
    }
    let is_held = state.paused.is_some() || state.is_held;
    let pause = if is_held { "p go on" } else { "p pause" };
    let back = if state.opened.is_empty() {
        "Tab lists"
    } else {
        "Esc back"
    };
    let keys = [
        "q quit",
        "? keys",
        "Enter open",
        back,
        "/ filter",
        "←→ sort",
        "s reverse",
        pause,
    ];
    if state.is_recorded {
        pen.write(Tone::Heading, ", . one sample · [ ] sixty · ");
    }
    for (place, key) in keys.iter().enumerate() {
        pen.write(Tone::Dim, if place > 0 { " · " } else { "" });
        pen.write(Tone::Dim, key);
    }
}

impl State {
    /// How many rows of a list fit.
    pub(super) fn page(&self) -> usize {
        let results = self.results_shown(self.size).len();
        let others = usize::from(ROWS_ABOVE + ROWS_BELOW) + results;
        usize::from(self.size.1).saturating_sub(others).max(1)
    }

    /// Whether a list cannot be read on this screen.
    pub(super) const fn is_too_small(&self) -> bool {
        is_too_small(self.size)
    }

    /// The lines about how a change ended, broken between words. What does not fit is counted.
    fn results_shown(&self, (columns, rows): (u16, u16)) -> Vec<(Tone, String)> {
        let room = usize::from(rows.saturating_sub(ROWS_ABOVE + ROWS_BELOW + 1)).min(RESULTS_MAX);
        let broken = self.results.iter().flat_map(|(tone, text)| {
            let text = fitted(text.clone(), Some(columns), RESULT_INDENT);
            let lines = text.lines().map(|it| (*tone, it.to_owned()));
            lines.collect::<Vec<_>>()
        });
        let mut lines: Vec<_> = broken.collect();
        if lines.len() > room && room > 1 {
            let more = lines.len() - (room - 1);
            lines.truncate(room - 1);
            let text = counted(more, "more line does not fit", "more lines do not fit");
            lines.push((Tone::Dim, format!("… {text}")));
        }
        lines.truncate(room);
        lines
    }
}

const fn is_too_small((columns, rows): (u16, u16)) -> bool {
    columns < COLUMNS_MIN || rows < ROWS_MIN
}
