//! Reports with several parts: headings, lines, blocks and tables for people, one JSON document for scripts.

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::entries::push_fields;
use super::json::write_json;
use super::list::Cut;
use super::pretty::indent_json;
use super::row::{has_columns, part};
use super::{Options, Row, Tone, one, rows};
use crate::model::{Cell, Column, Fields, Format, Problem, escaped};

/// How far the continuation lines of a line that is too long for the screen are indented.
const LINE_INDENT: usize = 2;

/// Something with several parts. Its JSON is its [`Serialize`], one document.
pub trait Report: Serialize {
    /// The columns of its tables; `--columns` selects one of the tables.
    const TABLES: &'static [&'static [Column]];
    /// Whether ndjson has the parts' rows, one object per line, instead of one document.
    const NDJSON_HAS_ROWS: bool = false;

    /// Appends the parts for people and line-based formats, by calling methods of `section` for each.
    ///
    /// # Errors
    /// Errors of `section`.
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem>;
}

/// The writer of a report's parts, one after the other.
#[derive(Debug)]
pub struct Section<'a> {
    out: &'a mut Vec<u8>,
    options: &'a Options,
    pick: Option<Pick>,
    cuts: Vec<Cut>,
}

/// The one part that `--columns` or `--names` selects.
#[derive(Debug, Default)]
struct Pick {
    /// Whether it was found.
    is_done: bool,
    /// The columns of the parts that were not selected.
    others: Vec<&'static str>,
}

impl Section<'_> {
    /// Whether a person reads the report, and all parts of it.
    pub fn for_people(&self) -> bool {
        self.pick.is_none() && matches!(self.options.format, Format::Table | Format::Wide)
    }

    /// Whether `--columns` or `--names` selects one part: the first one that has all of the columns.
    pub fn picks(&self) -> bool {
        self.pick.is_some()
    }

    /// How many items of a list of `count` are shown when a person reads more than one line for each.
    pub fn shown_of(&self, count: usize) -> usize {
        count.min(self.options.rows_max.unwrap_or(usize::MAX))
    }

    /// Writes how many items a list has when only some of them are shown; only for people.
    pub fn cut_after(&mut self, shown: usize, count: usize) {
        if let Some(cut) = Cut::new(shown as u64, count as u64, false) {
            self.cut(cut);
        }
    }

    /// Says what is left out; only for people.
    pub fn cut(&mut self, cut: Cut) {
        let text = cut.text(self.options);
        self.line(Tone::Dim, &text);
    }

    /// The cells of something that is shown in a line of text, each with how it differs from the time before; `name` tells it
    /// apart from others of its `kind`.
    pub fn compared(&self, kind: &'static str, name: &str, cells: Vec<Cell>) -> Vec<Cell> {
        match &self.options.changes {
            None => cells,
            Some(changes) => {
                let list = changes.first(kind);
                list.compared(vec![name.to_owned()], name.to_owned(), cells)
            }
        }
    }

    fn separate(&mut self) {
        if self.out.is_empty() || self.options.format.is_json() {
            return;
        }
        let end: &[u8] = match self.options.format {
            Format::Csv => b"\r\n",
            _ => b"\n",
        };
        self.out.extend_from_slice(end);
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
        self.line_under(tone, text, LINE_INDENT);
    }

    /// The same line, whose continuation lines are indented by `indent` columns.
    pub fn line_under(&mut self, tone: Tone, text: &str, indent: usize) {
        if self.for_people() {
            let text = escaped(text.as_bytes());
            let text = self.options.fitted(text, indent);
            self.out
                .extend_from_slice(self.options.theme.paint(tone, &text).as_bytes());
            self.out.push(b'\n');
        }
    }

    /// An entry's fields; only for people.
    pub fn fields(&mut self, fields: &Fields) {
        if self.for_people() {
            push_fields(self.out, fields, self.options);
        }
    }

    /// Words on as many lines as the screen needs; only for people. Escaped.
    pub fn words(&mut self, words: &[String]) {
        const MARGIN: &str = "  ";
        let limit = self.options.width.map_or(usize::MAX, usize::from);
        let mut line = String::new();
        for word in words {
            let word = escaped(word.as_bytes());
            if !line.is_empty() && line.width() + 1 + word.width() > limit {
                self.line(Tone::Plain, &std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() { MARGIN } else { " " });
            line.push_str(&word);
        }
        if !line.is_empty() {
            self.line(Tone::Plain, &line);
        }
    }

    /// One object.
    ///
    /// # Errors
    /// See [`one`].
    pub fn object<R: Row>(&mut self, row: &R) -> Result<(), Problem> {
        if !self.is_next::<R>() {
            return Ok(());
        }
        one(self.out, row, self.options)
    }

    /// A list.
    ///
    /// # Errors
    /// See [`rows`].
    pub fn list<R: Row>(&mut self, list: &[R]) -> Result<(), Problem> {
        if self.is_next::<R>() {
            self.cuts.extend(rows(self.out, list, self.options)?);
        }
        Ok(())
    }

    /// A list of which a screen that is drawn again and again shows as much as fits; `left_out` says of how many more there
    /// are than it has. Elsewhere that is said after the report.
    ///
    /// # Errors
    /// See [`rows`].
    pub fn part<R: Row>(&mut self, list: &[R], left_out: Option<Cut>) -> Result<(), Problem> {
        match left_out.filter(|_| self.is_repeated() && self.for_people()) {
            Some(cut) => part(self.out, list, self.options, cut.more()).map(|_| ()),
            None => self.list(list),
        }
    }

    /// Whether a screen is drawn again and again.
    pub const fn is_repeated(&self) -> bool {
        self.options.changes.is_some()
    }

    /// A list that is bounded by its nature, and always shown completely.
    ///
    /// # Errors
    /// See [`rows`].
    pub fn whole<R: Row>(&mut self, list: &[R]) -> Result<(), Problem> {
        if !self.is_next::<R>() {
            return Ok(());
        }
        let options = Options {
            rows_max: None,
            ..self.options.clone()
        };
        rows(self.out, list, &options).map(|_| ())
    }

    /// Whether a part with these rows is to be written now.
    fn is_next<R: Row>(&mut self) -> bool {
        match &mut self.pick {
            Some(pick) if pick.is_done => false,
            Some(pick) if has_columns::<R>(self.options) => {
                pick.is_done = true;
                true
            }
            Some(pick) => {
                let new = R::COLUMNS.iter().map(|column| column.key);
                let new: Vec<_> = new.filter(|key| !pick.others.contains(key)).collect();
                pick.others.extend(new);
                false
            }
            None => {
                if !self.for_people() {
                    self.separate();
                }
                true
            }
        }
    }
}

/// Shows a report with several parts. Line-based formats get its objects and lists, separated by blank lines;
/// `--columns` selects the first one that has all of the columns, `--names` the first one. Returns what must still be
/// said about rows that are not shown.
///
/// # Errors
/// A usage [`Problem`] when no part has the columns.
pub fn report<T: Report>(
    out: &mut Vec<u8>,
    report: &T,
    options: &Options,
) -> Result<Vec<Cut>, Problem> {
    let pick = (options.names || !options.columns.is_empty()).then(Pick::default);
    let in_rows = T::NDJSON_HAS_ROWS && options.format == Format::Ndjson;
    if options.format.is_json() && pick.is_none() && !in_rows {
        return document(out, report, options).map(|()| Vec::new());
    }
    let mut text = Vec::new();
    let mut section = Section {
        out: &mut text,
        options,
        pick,
        cuts: Vec::new(),
    };
    report.sections(&mut section)?;
    if let Some(Pick {
        is_done: false,
        others,
    }) = section.pick
    {
        let wanted: Vec<String> = options.columns.iter().map(ToString::to_string).collect();
        let wanted = wanted.join(",");
        return Err(
            Problem::usage(format!("no table has the columns `{wanted}`")).hint(format!(
                "--columns takes columns of one table, which has {}",
                others.join(", ")
            )),
        );
    }
    let cuts = section.cuts;
    out.append(&mut text);
    Ok(cuts)
}

fn document<T: Report>(out: &mut Vec<u8>, report: &T, options: &Options) -> Result<(), Problem> {
    let mut json = Vec::new();
    write_json(&mut json, report)?;
    if options.terminal && options.format == Format::Json {
        indent_json(out, &json, 0);
    } else {
        out.append(&mut json);
    }
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, report};

    report! {
        struct Item {
            name: &'static str => text("NAME"),
            entries: u64 => number("ENTRIES"),
        }
    }

    report! {
        struct Other {
            group: &'static str => text("GROUP"),
            lag: u64 => number("LAG"),
        }
    }

    #[derive(Serialize)]
    struct Whole {
        stream: Item,
        groups: Vec<Other>,
    }

    impl Report for Whole {
        const TABLES: &'static [&'static [Column]] = &[Item::COLUMNS, Other::COLUMNS];

        fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
            let Self { stream, groups } = self;
            section.object(stream)?;
            section.heading("groups");
            section.list(groups)
        }
    }

    fn shown(format: Format) -> String {
        picked(&Options::new(format)).expect("shows")
    }

    fn picked(options: &Options) -> Result<String, Problem> {
        let whole = Whole {
            stream: Item {
                name: "s",
                entries: 1000,
            },
            groups: vec![Other { group: "g", lag: 7 }],
        };
        let mut out = Vec::new();
        report(&mut out, &whole, options)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn columns_pick_the_first_part_that_has_them() {
        let pick = |format, column: &str| {
            picked(&Options {
                columns: vec![column.into()],
                ..Options::new(format)
            })
        };
        assert_eq!(pick(Format::Table, "name").expect("shows"), "name  s\n");
        assert_eq!(pick(Format::Csv, "lag").expect("shows"), "lag\r\n7\r\n");
        assert_eq!(
            pick(Format::Json, "lag").expect("shows"),
            "[\n{\"lag\":7}\n]\n"
        );
        let problem = pick(Format::Plain, "size").expect_err("refuses");
        assert!(
            problem
                .hint
                .expect("a hint")
                .ends_with("which has name, entries, group, lag")
        );
    }

    #[test]
    fn every_format_has_all_parts() {
        assert_eq!(
            shown(Format::Table),
            "name     s\nentries  1,000\n\ngroups\nGROUP  LAG\ng        7\n"
        );
        assert_eq!(
            shown(Format::Plain),
            "name\tentries\ns\t1000\n\ngroup\tlag\ng\t7\n"
        );
        assert_eq!(
            shown(Format::Csv),
            "name,entries\r\ns,1000\r\n\r\ngroup,lag\r\ng,7\r\n"
        );
        assert_eq!(
            shown(Format::Json),
            "{\"stream\":{\"name\":\"s\",\"entries\":1000},\"groups\":[{\"group\":\"g\",\"lag\":7}]}\n"
        );
    }
}
