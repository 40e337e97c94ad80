//! Model to text: tables, JSON, CSV, entry lines, escaping. Pure: writes to a buffer it is given, reads no
//! environment, asks no terminal; the caller says how wide and whether in colour.
//!
//! - A report's row is declared with `report!` (`model/report`); [`rows`] shows a list, [`RowWriter`] a list that comes in pages,
//!   [`one`] a single object.
//! - A plan goes through [`PlanWriter`], with its rows.
//! - Something with several parts implements [`Report`].
//! - Entries go through [`EntryWriter`], which is made for millions of them.

mod block;
mod cell;
mod changes;
mod entries;
mod exposition;
mod header;
mod jq;
mod json;
mod list;
pub mod metrics;
mod plan;
mod pretty;
mod report;
mod reports;
mod reshape;
mod row;
mod screenful;
mod table;
mod template;
mod text;
mod theme;
mod wrap;

pub use crate::model::{human_bytes, human_count, human_millis};
pub use changes::Changes;
pub use entries::{EntryStyle, EntryWriter, fields_in_a_line};
pub use exposition::{Exposed, exposition};
pub use header::{Header, to_the_second};

pub use jq::JqFilter;
pub use json::{json_bytes, json_made_safe, json_text, write_json};
pub use list::Cut;
pub use plan::PlanWriter;
pub use pretty::{indent_json, is_json};
pub use report::{Report, Section, report};
pub use reports::{
    About, Behind, Changed, HistoryView, IdWriter, Info, Listed, MemoryView, Pending, PendingPages,
    PendingParts, Rules, StatsView, WholeLetter, plugin_line, searched_text,
};
pub use reshape::Reshape;
pub use row::{RowWriter, one, rows};
pub use screenful::Screenful;
pub use table::shortened;
pub use template::Template;
pub use theme::Theme;
pub use wrap::{fitted, has_more_rows};

use crate::model::{Align, Cell, Column, Format, Name, Row, Tone};
use cell::Shown;

/// A cell as a person reads it: its tone and its text, which is safe to print.
pub fn cell_text(cell: &Cell) -> (Tone, String) {
    (cell.tone(), cell.human())
}

/// How to show things.
#[expect(clippy::struct_excessive_bools, reason = "independent choices")]
#[derive(Clone, Debug)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// Only these columns, in this order; empty for the default ones.
    pub columns: Vec<Name>,
    /// Whether table, plain and csv begin with a header line.
    pub headers: bool,
    /// Only the first column, one value per line.
    pub names: bool,
    /// The greatest number of rows of a list; `None` shows all.
    pub rows_max: Option<usize>,
    /// The width of the screen that tables must fit; `None` for no limit.
    pub width: Option<u16>,
    /// Whether a person reads it on a terminal, so that JSON is indented.
    pub terminal: bool,
    /// Whether values in CSV are protected from being taken for formulas by a spreadsheet.
    pub csv_safe: bool,
    /// Colours, or none.
    pub theme: Theme,
    /// What was shown before, where a person sees the same report again and again.
    pub changes: Option<Changes>,
}

impl Options {
    /// `format` with headers, without colour, width or terminal.
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            columns: Vec::new(),
            headers: true,
            names: false,
            rows_max: None,
            width: None,
            terminal: false,
            csv_safe: false,
            theme: Theme::PLAIN,
            changes: None,
        }
    }
}

impl Options {
    /// Whether a person reads tables on a screen. Then rows are sorted by rank, long lists are shortened, and their
    /// total is shown.
    pub fn on_screen(&self) -> bool {
        self.terminal && !self.names && matches!(self.format, Format::Table | Format::Wide)
    }

    /// Wraps lines that a person reads between words when a screen is narrower; continuation lines are indented.
    fn fitted(&self, text: String, indent: usize) -> String {
        fitted(text, self.width.filter(|_| self.terminal), indent)
    }

    /// The separator between the values of a line.
    const fn separated(&self) -> text::Separated {
        match self.format {
            Format::Csv => text::Separated::ByCommas {
                safe: self.csv_safe,
            },
            _ => text::Separated::ByTabs,
        }
    }
}
