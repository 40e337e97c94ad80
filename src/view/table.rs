//! Aligned columns. This module determines the widths, by shortening columns where that is allowed; `comfy-table`
//! only lays them out. A wide table is never shortened; if the screen is too narrow for it, each row becomes a block
//! of lines.

use comfy_table::{CellAlignment, ColumnConstraint, Row as Line, Table as Layout, Width, presets};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::block::block;
use super::theme::table_cell;
use super::{Align, Cell, Column, Options, Shown as _, Tone};
use crate::model::{Change, Format};

/// Spaces between columns.
const GAP: usize = 2;
/// A column is never made narrower than this, even if the screen is too narrow for all of them.
const LEAST: usize = 8;

/// What the first page determines and every later page keeps.
#[derive(Debug, Default)]
pub(super) struct Table {
    widths: Option<Vec<usize>>,
    in_blocks: bool,
}

impl Table {
    /// Appends a page of rows, the first one below its header.
    pub(super) fn page(
        &mut self,
        out: &mut Vec<u8>,
        columns: &[Column],
        rows: &[Vec<Cell>],
        options: &Options,
    ) {
        let texts: Vec<Vec<Written>> = rows
            .iter()
            .map(|cells| cells.iter().map(Written::from).collect())
            .collect();
        let first = self.widths.is_none();
        let widths = self.widths.get_or_insert_with(|| {
            let limit = (options.format == Format::Table)
                .then_some(options.width)
                .flatten();
            settle(columns, &texts, options, limit)
        });
        // What a file or another program gets stays a table.
        if first && (options.format == Format::Wide || options.terminal) {
            self.in_blocks = !rows.is_empty() && is_too_wide(widths, options);
        }
        if self.in_blocks {
            for (place, cells) in rows.iter().enumerate() {
                if place > 0 || !first {
                    out.push(b'\n');
                }
                block(out, columns, cells, options);
            }
            return;
        }
        let mut layout = Layout::new();
        layout.load_style(presets::NOTHING).force_no_tty();
        if options.theme.has_colour() {
            layout.enforce_styling().style_text_only();
        }
        if first && options.headers {
            let headers = columns.iter().map(|column| Written {
                tone: Tone::Heading,
                text: column.header.to_owned(),
                remark: "",
                change: Change::None,
            });
            layout.set_header(line(headers, widths, columns, options));
        }
        for cells in texts {
            layout.add_row(line(cells.into_iter(), widths, columns, options));
        }
        place(&mut layout, columns, widths, options);
        for text in layout.lines() {
            out.extend_from_slice(text.trim_end().as_bytes());
            out.push(b'\n');
        }
    }
}

/// A cell as it is written.
struct Written {
    tone: Tone,
    text: String,
    /// The end of the text that must be kept when it is cut: ` (extra)`.
    remark: &'static str,
    /// How it differs from the time before.
    change: Change,
}

impl From<&Cell> for Written {
    fn from(cell: &Cell) -> Self {
        Self {
            tone: cell.tone(),
            text: cell.human(),
            change: cell.change(),
            remark: match cell.itself() {
                Cell::Noted(_, remark, _) => remark,
                _ => "",
            },
        }
    }
}

fn line(
    cells: impl Iterator<Item = Written>,
    widths: &[usize],
    columns: &[Column],
    options: &Options,
) -> Line {
    let mut line = Line::new();
    line.max_height(1);
    for (cell, (width, column)) in cells.zip(widths.iter().zip(columns)) {
        let is_cut = column.cuttable && options.format == Format::Table && options.width.is_some();
        let mark = if has_marks(options) {
            cell.change.mark()
        } else {
            ""
        };
        let mut text = if is_cut {
            cut(cell.text, cell.remark, width - mark.width())
        } else {
            cell.text
        };
        text.push_str(mark);
        let is_changed = cell.change != Change::None;
        line.add_cell(table_cell(options.theme, cell.tone, text, is_changed));
    }
    line
}

/// Whether each cell has a mark after it that says how it has changed. It takes the place of a space between columns.
const fn has_marks(options: &Options) -> bool {
    options.changes.is_some()
}

/// Spaces between columns.
const fn gap(options: &Options) -> usize {
    if has_marks(options) { GAP - 1 } else { GAP }
}

fn place(layout: &mut Layout, columns: &[Column], widths: &[usize], options: &Options) {
    let last = columns.len().saturating_sub(1);
    for (place, (column, width)) in columns.iter().zip(widths).enumerate() {
        let Some(laid) = layout.column_mut(place) else {
            continue;
        };
        let gap = if place == last { 0 } else { gap(options) };
        laid.set_padding((0, u16::try_from(gap).unwrap_or(0)));
        laid.set_cell_alignment(match column.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
        let whole = u16::try_from(width + gap).unwrap_or(u16::MAX);
        laid.set_constraint(if column.cuttable {
            ColumnConstraint::Absolute(Width::Fixed(whole))
        } else {
            // A later page may hold a longer number: it moves its line rather than lose digits.
            ColumnConstraint::LowerBoundary(Width::Fixed(whole))
        });
    }
}

/// Whether lines of `widths` wrap on a screen of `limit` columns.
fn is_too_wide(widths: &[usize], options: &Options) -> bool {
    let gaps = gap(options) * widths.len().saturating_sub(1);
    options
        .width
        .is_some_and(|limit| widths.iter().sum::<usize>() + gaps > usize::from(limit))
}

/// The width of every column: what it needs, or less if the screen is narrower.
fn settle(
    columns: &[Column],
    rows: &[Vec<Written>],
    options: &Options,
    limit: Option<u16>,
) -> Vec<usize> {
    let mark = usize::from(has_marks(options));
    let mut widths: Vec<usize> = columns
        .iter()
        .map(|column| {
            if options.headers {
                column.header.width()
            } else {
                0
            }
        })
        .map(|width| width + mark)
        .collect();
    for cells in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.text.width() + mark);
        }
    }
    if let Some(limit) = limit {
        shrink(&mut widths, columns, usize::from(limit), gap(options));
    }
    widths
}

/// Takes width from the widest column that may be shortened, one by one, until the line fits or nothing is left to
/// take.
fn shrink(widths: &mut [usize], columns: &[Column], limit: usize, gap: usize) {
    let gaps = gap * widths.len().saturating_sub(1);
    let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
    while over > 0 {
        let widest = widths
            .iter_mut()
            .zip(columns)
            .filter(|(width, column)| column.cuttable && **width > LEAST)
            .map(|(width, _)| width)
            .max_by_key(|width| **width);
        let Some(width) = widest else { return };
        *width -= 1;
        over -= 1;
    }
}

/// The text, or its beginning and `…` where it is wider than `width` columns.
pub fn shortened(text: &str, width: usize) -> String {
    cut(text.to_owned(), "", width)
}

/// `text` in at most `width` columns, with `…` where it is cut: at its end, or before the remark that it ends in.
fn cut(text: String, remark: &str, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    if width == 0 {
        return String::new();
    }
    let end = match remark {
        "" => String::new(),
        remark => format!(" ({remark})"),
    };
    // Of the name there has to be something left.
    let end = if end.width() + LEAST / 2 > width {
        ""
    } else {
        &end
    };
    let mut kept = String::with_capacity(width + 2);
    let mut used = 1 + end.width();
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept.push_str(end);
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::view::Theme;

    const COLUMNS: [Column; 4] = [
        Column::text("name", "NAME"),
        Column::whole("id", "ID"),
        Column::number("count", "COUNT"),
        Column::text("note", "NOTE"),
    ];

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![
                "event-processors-of-the-eastern-region".into(),
                crate::model::EntryId::new(1_700_000_000_000, 0).into(),
                12_345_u64.into(),
                "waiting for a consumer that has been away since yesterday".into(),
            ],
            vec![
                "日本語".into(),
                Cell::Nothing,
                Cell::Unknown,
                "x\n\u{1b}[2J".into(),
            ],
        ]
    }

    fn shown(options: &Options) -> String {
        let mut out = Vec::new();
        Table::default().page(&mut out, &COLUMNS, &rows(), options);
        String::from_utf8(out).expect("UTF-8")
    }

    fn at(width: u16) -> Options {
        Options {
            width: Some(width),
            ..Options::new(Format::Table)
        }
    }

    #[test]
    fn fits_eighty_columns_and_cuts_text_only() {
        assert_eq!(
            shown(&at(80)),
            "\
NAME                         ID                COUNT  NOTE
event-processors-of-the-ea…  1700000000000-0  12,345  waiting for a consumer th…
日本語                       -                     ?  x\\n\\x1b[2J
"
        );
    }

    #[test]
    fn a_later_page_keeps_the_columns_and_has_no_header() {
        let mut table = Table::default();
        let mut out = Vec::new();
        table.page(&mut out, &COLUMNS[2..3], &[vec![5_u64.into()]], &at(80));
        table.page(
            &mut out,
            &COLUMNS[2..3],
            &[vec![1_234_567_u64.into()]],
            &at(80),
        );
        assert_eq!(out, b"COUNT\n    5\n1,234,567\n");
    }

    #[test]
    fn a_wide_table_that_does_not_fit_becomes_a_block_a_row() {
        let wide = |width| Options {
            width,
            ..Options::new(Format::Wide)
        };
        let lines = "\
name   event-processors-of-the-eastern-region
id     1700000000000-0
count  12,345
note   waiting for a consumer that has been away since yesterday

name   日本語
id     -
count  ?
note   x\\n\\x1b[2J
";
        assert_eq!(shown(&wide(Some(80))), lines);
        assert_eq!(shown(&wide(Some(200))).lines().count(), 3);
        assert_eq!(shown(&wide(None)).lines().count(), 3);
    }

    #[test]
    fn a_table_that_no_cutting_makes_fit_becomes_blocks_on_a_screen_alone() {
        let on_screen = Options {
            terminal: true,
            ..at(40)
        };
        let text = shown(&on_screen);
        assert!(
            text.starts_with("name   event-processors-of-the-eastern-region\nid "),
            "{text}"
        );
        assert!(text.contains(" that has\n       been away"), "{text}");
        assert_eq!(shown(&at(40)).lines().count(), 3);
    }

    #[test]
    fn a_remark_outlives_the_name_that_is_cut() {
        for (width, text) in [
            (20, "event-proce… (extra)"),
            (24, "event-processors (extra)"),
            (12, "eve… (extra)"),
            (8, "event-p…"),
        ] {
            let whole = "event-processors (extra)".to_owned();
            assert_eq!(cut(whole, "extra", width), text, "{width}");
        }
    }

    #[test]
    fn what_is_too_wide_is_shortened_by_its_columns() {
        for (text, width, short) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 4, "日…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(shortened(text, width), short, "{text} in {width}");
        }
    }

    #[test]
    fn colour_marks_the_header_and_ids_and_nothing_leaks_without() {
        let painted = shown(&Options {
            theme: Theme::new(true),
            ..at(80)
        });
        assert!(painted.contains("\u{1b}["));
        assert!(!shown(&at(80)).contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(names in prop::collection::vec("\\PC{0,60}", 1..5), width in 30_u16..100) {
            let rows: Vec<Vec<Cell>> = names.iter().map(|name| vec![name.as_str().into(), 7_u64.into()]).collect();
            let columns = [COLUMNS[0], COLUMNS[2]];
            let mut out = Vec::new();
            Table::default().page(&mut out, &columns, &rows, &at(width));
            let text = String::from_utf8(out).expect("UTF-8");
            prop_assert_eq!(text.lines().count(), rows.len() + 1);
            for line in text.lines() {
                prop_assert!(line.width() <= usize::from(width), "{}", line);
            }
        }
    }
}
