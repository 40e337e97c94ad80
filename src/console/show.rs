//! Shows rows and reports on standard output, as they were asked for: all of them, or as many as fit.

use anyhow::Result;

use super::Console;
use super::watch::fit;
use crate::model::{Format, Limit, Problem, Row};
use crate::view::{self, Cut, Options, Report};

impl Console {
    /// How a list is shown when this many rows are wanted.
    pub fn listing(&self, limit: Limit) -> Options {
        let options = self.present();
        Options {
            rows_max: match self.screen_rows() {
                Some(rows) => limit
                    .rows_max(false)
                    .map(|max| max.min(rows))
                    .or(Some(rows)),
                None => limit.rows_max(options.on_screen()),
            },
            ..options
        }
    }

    /// Prints notes about what lists leave out, unless these are shown below the lists.
    pub fn note_cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        for cut in cuts {
            self.note(&cut.to_string());
        }
    }

    /// Shows a list, with at most this many rows.
    ///
    /// # Errors
    /// A usage [`Problem`] for `--columns`; [`OutputClosed`](crate::exit::OutputClosed) or a local problem when it cannot be written.
    pub fn show<R: Row>(&self, rows: &[R], limit: Limit) -> Result<()> {
        let write = |out: &mut Vec<u8>, options: &Options| {
            view::rows(out, rows, options).map(|cut| cut.into_iter().collect())
        };
        self.show_by_limit(limit, write)
    }

    /// Shows one object.
    ///
    /// # Errors
    /// As [`Console::show`].
    pub fn show_one<R: Row>(&self, row: &R) -> Result<()> {
        let mut out = self.out();
        view::one(out.buffer(), row, &self.options)?;
        out.flush()
    }

    /// Shows one object with all of its columns, where a table would have only the default columns.
    ///
    /// # Errors
    /// As [`Console::show`].
    pub fn show_whole<R: Row>(&self, row: &R) -> Result<()> {
        let format = match self.options.format {
            Format::Table => Format::Wide,
            format => format,
        };
        let options = Options {
            format,
            ..self.options.clone()
        };
        let mut out = self.out();
        view::one(out.buffer(), row, &options)?;
        out.flush()
    }

    /// Shows a report with several parts, with at most this many rows of each list.
    ///
    /// # Errors
    /// As [`Console::show`].
    pub fn show_report<T: Report>(&self, report: &T, limit: Limit) -> Result<()> {
        let write = |out: &mut Vec<u8>, options: &Options| view::report(out, report, options);
        self.show_by_limit(limit, write)
    }

    fn show_by_limit(
        &self,
        limit: Limit,
        write: impl Fn(&mut Vec<u8>, &Options) -> Result<Vec<Cut>, Problem>,
    ) -> Result<()> {
        let options = self.listing(limit);
        let mut out = self.out();
        let cuts = match self.room() {
            Some(room) => fit(out.buffer(), &options, room, write)?,
            None => write(out.buffer(), &options)?,
        };
        out.flush()?;
        self.note_cut(cuts);
        Ok(())
    }

    /// Writes `bytes` to standard output unchanged: for text that `view` has made safe, or that is meant for a file
    /// or another program.
    ///
    /// # Errors
    /// [`OutputClosed`](crate::exit::OutputClosed) or a local problem.
    pub fn put(&self, bytes: &[u8]) -> Result<()> {
        let mut out = self.out();
        out.buffer().extend_from_slice(bytes);
        out.flush()
    }
}
