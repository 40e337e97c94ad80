//! `publish` and `ingest`: ids, and what would be published.

use crate::model::{Format, Problem};
use crate::streams::publish::{Published, WouldPublish};
use crate::view::{Cell, Column, Options, Row, RowWriter};

impl Row for Published<'_> {
    const COLUMNS: &'static [Column] =
        &[Column::whole("id", "ID"), Column::text("stream", "STREAM")];

    fn cells(&self) -> Vec<Cell> {
        // Said in words on standard error; plain text is the ids and nothing else.
        let Self {
            stream,
            id,
            duplicate: _,
        } = self;
        vec![(*id).into(), (*stream).into()]
    }
}

impl Row for WouldPublish {
    const COLUMNS: &'static [Column] = &[
        Column::text("stream", "STREAM"),
        Column::number("entries", "ENTRIES"),
        Column::number("maxlen", "MAXLEN"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            stream,
            entries,
            maxlen,
        } = self;
        vec![stream.into(), (*entries).into(), Cell::or_nothing(*maxlen)]
    }
}

/// Writes the ids of entries that were published: for people and in plain text one id a line and nothing else, in
/// the other formats as a list.
#[derive(Debug)]
pub struct IdWriter<'s>(RowWriter<Published<'s>>);

impl<'s> IdWriter<'s> {
    /// A writer for `options`.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a column that is not there.
    pub fn new(options: &Options) -> Result<Self, Problem> {
        let listed = options.format.is_json() || options.format == Format::Csv;
        let mut options = options.clone();
        if !listed {
            options.format = Format::Plain;
            options.names = options.columns.is_empty();
        }
        RowWriter::new(&options).map(Self)
    }

    /// Appends the next ids.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a key that is not there.
    pub fn page(&mut self, out: &mut Vec<u8>, ids: &[Published<'s>]) -> Result<(), Problem> {
        self.0.page(out, ids)
    }

    /// Appends what closes the list.
    ///
    /// # Errors
    /// As [`IdWriter::page`].
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        self.0.end(out)
    }
}
