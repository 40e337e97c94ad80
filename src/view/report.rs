//! Reports of several parts: headings, lines, blocks and tables for people, one JSON document for scripts.

use serde::Serialize;

use super::json::write_json;
use super::pretty::indent_json;
use super::{Options, Row, Tone, one, rows};
use crate::model::{Format, Problem, escaped};

/// Something with several parts. Its JSON is its [`Serialize`], one document.
pub trait Report: Serialize {
    /// Appends the parts for people and line-based formats by calling `section` for each.
    ///
    /// # Errors
    /// What `section` returns.
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem>;
}

/// Where a report's parts are written, one after the other.
#[derive(Debug)]
pub struct Section<'a> {
    out: &'a mut Vec<u8>,
    options: &'a Options,
}

impl Section<'_> {
    fn for_people(&self) -> bool {
        matches!(self.options.format, Format::Table | Format::Wide)
    }

    fn separate(&mut self) {
        if !self.out.is_empty() {
            let end: &[u8] = match self.options.format {
                Format::Csv => b"\r\n",
                _ => b"\n",
            };
            self.out.extend_from_slice(end);
        }
    }

    /// A title above what follows; only for people.
    pub fn heading(&mut self, text: &str) {
        if self.for_people() {
            self.separate();
            self.line(Tone::Heading, text);
        }
    }

    /// A line of text; only for people. Escaped.
    pub fn line(&mut self, tone: Tone, text: &str) {
        if self.for_people() {
            let text = escaped(text.as_bytes());
            self.out
                .extend_from_slice(self.options.theme.paint(tone, &text).as_bytes());
            self.out.push(b'\n');
        }
    }

    /// One object.
    ///
    /// # Errors
    /// See [`one`].
    pub fn object<R: Row>(&mut self, row: &R) -> Result<(), Problem> {
        if !self.for_people() {
            self.separate();
        }
        one(self.out, row, self.options)
    }

    /// A list.
    ///
    /// # Errors
    /// See [`rows`].
    pub fn list<R: Row>(&mut self, list: &[R]) -> Result<(), Problem> {
        if !self.for_people() {
            self.separate();
        }
        rows(self.out, list, self.options)
    }
}

/// Shows a report of several parts. Line-based formats get its objects and lists, a blank line between.
///
/// # Errors
/// A usage [`Problem`] for `--columns` and `--names`, which pick from one list.
pub fn report<T: Report>(out: &mut Vec<u8>, report: &T, options: &Options) -> Result<(), Problem> {
    if options.names || !options.columns.is_empty() {
        return Err(Problem::usage(
            "--columns and --names pick from a list, and this report has several parts",
        )
        .hint("use -o json and pick there"));
    }
    if options.format.is_json() {
        let mut json = Vec::new();
        write_json(&mut json, report)?;
        if options.terminal && options.format == Format::Json {
            indent_json(out, &json, 0);
        } else {
            out.append(&mut json);
        }
        out.push(b'\n');
        return Ok(());
    }
    let mut text = Vec::new();
    report.sections(&mut Section {
        out: &mut text,
        options,
    })?;
    out.append(&mut text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Cell, Column};

    #[derive(Serialize)]
    struct Item {
        name: &'static str,
        entries: u64,
    }

    impl Row for Item {
        const COLUMNS: &'static [Column] = &[
            Column::text("name", "NAME"),
            Column::number("entries", "ENTRIES"),
        ];

        fn cells(&self) -> Vec<Cell> {
            let Self { name, entries } = self;
            vec![(*name).into(), (*entries).into()]
        }
    }

    #[derive(Serialize)]
    struct Whole {
        stream: Item,
        groups: Vec<Item>,
    }

    impl Report for Whole {
        fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
            let Self { stream, groups } = self;
            section.object(stream)?;
            section.heading("groups");
            section.list(groups)
        }
    }

    fn shown(format: Format) -> String {
        let whole = Whole {
            stream: Item {
                name: "s",
                entries: 1000,
            },
            groups: vec![Item {
                name: "g",
                entries: 1,
            }],
        };
        let mut out = Vec::new();
        report(&mut out, &whole, &Options::new(format)).expect("shows");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_format_has_all_parts() {
        assert_eq!(
            shown(Format::Table),
            "name     s\nentries  1,000\n\ngroups\nNAME  ENTRIES\ng           1\n"
        );
        assert_eq!(
            shown(Format::Plain),
            "name\tentries\ns\t1000\n\nname\tentries\ng\t1\n"
        );
        assert_eq!(
            shown(Format::Csv),
            "name,entries\r\ns,1000\r\n\r\nname,entries\r\ng,1\r\n"
        );
        assert_eq!(
            shown(Format::Json),
            "{\"stream\":{\"name\":\"s\",\"entries\":1000},\"groups\":[{\"name\":\"g\",\"entries\":1}]}\n"
        );
    }
}
