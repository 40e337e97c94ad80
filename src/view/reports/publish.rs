//! `publish` and `ingest`: the new ids, and what would be published.

use crate::model::{Format, Problem};
use crate::streams::publish::Published;
use crate::view::{Cut, Options, RowWriter};

/// Writes the ids of published entries: for people and in plain text only one id per line, in the other formats as a
/// list.
#[derive(Debug)]
pub struct IdWriter<'s>(RowWriter<Published<'s>>);

impl<'s> IdWriter<'s> {
    /// A writer for `options`.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a column that does not exist.
    pub fn new(options: &Options) -> Result<Self, Problem> {
        let on_screen = options.on_screen();
        let listed = options.format.is_json() || options.format == Format::Csv;
        let mut options = options.clone();
        if !listed {
            options.format = Format::Plain;
            options.names = options.columns.is_empty();
        }
        let writer = RowWriter::new(&options)?;
        Ok(Self(writer.telling_cut(on_screen)))
    }

    /// Appends the next ids.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a key that does not exist.
    pub fn page(&mut self, out: &mut Vec<u8>, ids: &[Published<'s>]) -> Result<(), Problem> {
        self.0.page(out, ids)
    }

    /// Appends the end of the list.
    ///
    /// # Errors
    /// As [`IdWriter::page`].
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<Option<Cut>, Problem> {
        self.0.end(out)
    }
}
