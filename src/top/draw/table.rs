//! Draws a list: as many columns as fit, and the page with the chosen row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr as _;

use super::paint::Pen;
use crate::model::{Align, Tone};
use crate::top::cursor::Cursor;
use crate::top::lists::{ListColumn, Row, Rows};
use crate::view::{Theme, shortened};

/// The column of the mark of the chosen row, and the space behind it.
const MARK: u16 = 2;
/// The space between two columns, and where they do not fit with it.
const GAP: u16 = 2;
const GAP_MIN: u16 = 1;
/// Text is not made narrower than this.
const TEXT_MIN: u16 = 21;

/// A column with its place in the list and its width.
#[derive(Clone, Copy, Debug)]
struct Fitted {
    place: usize,
    column: ListColumn,
    width: u16,
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, rows: &Rows, cursor: &Cursor, theme: Theme) {
    let (shown, chosen) = cursor.shown(rows);
    let sort = cursor.sort.or(rows.sort);
    let sorted = sort.map(|it| it.column);
    let (columns, gap) = fit(rows, &shown, sorted, area.width.saturating_sub(MARK));
    let mut pen = Pen::new(buffer, theme, (MARK, area.right()), area.y);
    for fitted in columns.iter().filter(|_| !rows.is_text) {
        let is_sorted = sorted == Some(fitted.column.key);
        let mark = match sort {
            Some(sort) if is_sorted => {
                if sort.is_descending {
                    "▼"
                } else {
                    "▲"
                }
            }
            _ => "",
        };
        let text = format!("{}{mark}", fitted.column.header);
        let tone = if is_sorted { Tone::Heading } else { Tone::Dim };
        cell(&mut pen, fitted, tone, &text);
        pen.skip(gap);
    }
    let page = usize::from(area.height.saturating_sub(1)).max(1);
    let first = chosen / page * page;
    for (y, (place, row)) in (area.y + 1..area.bottom()).zip(shown.iter().enumerate().skip(first)) {
        let is_chosen = place == chosen;
        line(buffer, (area, y), row, (&columns, gap), (is_chosen, theme));
    }
    if shown.is_empty() && area.height > 1 {
        let text = if rows.items.is_empty() {
            "none"
        } else {
            "nothing matches the filter"
        };
        Pen::new(buffer, theme, (MARK, area.right()), area.y + 1).write(Tone::Dim, text);
    }
}

fn line(
    buffer: &mut Buffer,
    (area, y): (Rect, u16),
    row: &Row,
    (columns, gap): (&[Fitted], u16),
    (is_chosen, theme): (bool, Theme),
) {
    let mut pen = Pen::new(buffer, theme, (area.x, area.right()), y);
    pen.write(Tone::Heading, if is_chosen { "> " } else { "  " });
    for fitted in columns {
        if let Some(figure) = row.cells.get(fitted.place) {
            cell(&mut pen, fitted, figure.tone, &figure.text);
            pen.skip(gap);
        }
    }
    if is_chosen && theme.has_colour() {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        buffer.set_style(line, Modifier::REVERSED);
    }
}

/// Writes a cell.
fn cell(pen: &mut Pen<'_>, fitted: &Fitted, tone: Tone, text: &str) {
    let width = fitted.width.min(pen.room());
    let text = shortened(text, usize::from(width));
    let pad = width.saturating_sub(u16::try_from(text.width()).unwrap_or(u16::MAX));
    match fitted.column.align {
        Align::Right => pen.skip(pad).write(tone, &text),
        Align::Left => pen.write(tone, &text).skip(pad),
    };
}

/// The columns that fit, in their order: those of the least rank, and the one by which the list is sorted. And the space
/// between two of them.
fn fit(rows: &Rows, shown: &[&Row], sorted: Option<&str>, room: u16) -> (Vec<Fitted>, u16) {
    let all = rows.columns.iter().enumerate();
    let mut fitted: Vec<Fitted> = all
        .map(|(place, column)| Fitted {
            place,
            column: *column,
            width: width(place, column, shown, sorted == Some(column.key)),
        })
        .collect();
    let over = |fitted: &[Fitted], gap: u16| {
        let used = fitted.iter().map(|it| it.width.saturating_add(gap));
        let used = used.fold(0, u16::saturating_add);
        used.saturating_sub(room + gap)
    };
    if over(&fitted, GAP) == 0 {
        return (fitted, GAP);
    }
    loop {
        let left = over(&fitted, GAP_MIN);
        let may_go = fitted.iter().enumerate();
        let may_go = may_go.filter(|(_, it)| it.column.rank > 0 && sorted != Some(it.column.key));
        let next_to_go = may_go.max_by_key(|(_, it)| it.column.rank).map(|it| it.0);
        // The widest text gives way first, as long as it can still be read, or when nothing else can.
        let least = if next_to_go.is_some() { TEXT_MIN } else { 1 };
        let texts = fitted
            .iter_mut()
            .filter(|it| it.column.is_cuttable && it.width > least);
        let widest = texts.max_by_key(|it| it.width);
        match (widest, next_to_go) {
            _ if left == 0 => return (fitted, GAP_MIN),
            (Some(text), _) if text.width - least >= left => text.width -= left,
            (_, Some(place)) => _ = fitted.remove(place),
            (Some(text), None) => text.width = least,
            (None, None) => return (fitted, GAP_MIN),
        }
    }
}

/// The width of the widest of its cells, and of its header with the mark of what a list is sorted by.
fn width(place: usize, column: &ListColumn, shown: &[&Row], is_sorted: bool) -> u16 {
    let cells = shown.iter().filter_map(|it| it.cells.get(place));
    let widest = cells.map(|it| it.text.width()).max().unwrap_or_default();
    let widest = widest.max(column.header.width() + usize::from(is_sorted));
    u16::try_from(widest).unwrap_or(u16::MAX / 2)
}
