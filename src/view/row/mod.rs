//! Lists of rows, as a whole or page by page, and single objects, in every format.

use std::marker::PhantomData;

use serde_json::{Map, Value};

use super::block::block;
use super::changes::List;
use super::json::write_json;
use super::list::{Cut, Shortlist};
use super::pretty::indent_json;
use super::table::Table;
use super::text::push_line;
use super::{Cell, Changes, Column, Options, Row, Shown as _, Tone};
use crate::model::{Format, Kind, Name, Problem};

/// How far the continuation lines of a note below a list are indented.
const NOTE_INDENT: usize = 2;

/// Shows a whole list, on a screen in the order of its rows' ranks. Returns what must still be said about rows that
/// are not shown.
///
/// # Errors
/// A usage [`Problem`] when `--columns` names a column that does not exist.
pub fn rows<R: Row>(
    out: &mut Vec<u8>,
    rows: &[R],
    options: &Options,
) -> Result<Option<Cut>, Problem> {
    part(out, rows, options, (0, false))
}

/// The same of a list of which so many more rows were not looked at, and maybe yet more.
pub(super) fn part<R: Row>(
    out: &mut Vec<u8>,
    rows: &[R],
    options: &Options,
    (more, is_least): (u64, bool),
) -> Result<Option<Cut>, Problem> {
    let mut writer = RowWriter::new(options)?;
    writer.leave_out(more, is_least);
    let rows = ranked(rows, options);
    writer.leave_empty_out(&rows);
    writer.page(out, &rows)?;
    writer.end(out)
}

/// The rows in the order in which they are shown.
fn ranked<'r, R: Row>(rows: &'r [R], options: &Options) -> Vec<&'r R> {
    let mut rows: Vec<&R> = rows.iter().collect();
    if options.on_screen() {
        rows.sort_by_key(Row::rank);
    }
    rows
}

/// Shows one object: as a table one line per key, as JSON an object.
///
/// # Errors
/// A usage [`Problem`] when `--columns` names a column that does not exist.
pub fn one<R: Row>(out: &mut Vec<u8>, row: &R, options: &Options) -> Result<(), Problem> {
    match options.format {
        Format::Json | Format::Ndjson => push_object(out, row, chosen_keys::<R>(options), options)?,
        Format::Table | Format::Wide if !options.names => {
            let chosen = choose(R::COLUMNS, options)?;
            let list = options.changes.as_ref().map(list_of::<R>);
            let cells = all_cells(row, list.as_ref());
            let columns: Vec<Column> = chosen.iter().map(|it| R::COLUMNS[*it]).collect();
            let cells: Vec<Cell> = chosen.iter().map(|it| cells[*it].clone()).collect();
            block(out, &columns, &cells, options);
            return Ok(());
        }
        _ => {
            rows(out, std::slice::from_ref(row), options)?;
            return Ok(());
        }
    }
    out.push(b'\n');
    Ok(())
}

/// Shows a list that comes in pages; memory does not grow with it.
#[derive(Debug)]
pub struct RowWriter<R> {
    options: Options,
    chosen: Vec<usize>,
    columns: Vec<Column>,
    table: Table,
    list: Shortlist,
    compared: Option<List>,
    /// Whether a note below the list says what is left out.
    tells_cut: bool,
    begun: bool,
    row: PhantomData<R>,
}

impl<R: Row> RowWriter<R> {
    /// A writer for `options`.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a column that does not exist.
    pub fn new(options: &Options) -> Result<Self, Problem> {
        let chosen = if options.format.is_json() {
            Vec::new()
        } else {
            choose(R::COLUMNS, options)?
        };
        Ok(Self {
            columns: chosen.iter().map(|place| R::COLUMNS[*place]).collect(),
            list: Shortlist::new(options),
            compared: options.changes.as_ref().map(list_of::<R>),
            tells_cut: options.on_screen(),
            options: options.clone(),
            chosen,
            table: Table::default(),
            begun: false,
            row: PhantomData,
        })
    }

    /// The same writer, with a note for people about rows that are left out, below the list in any format.
    #[must_use]
    pub(super) fn telling_cut(mut self, tells_cut: bool) -> Self {
        self.tells_cut = tells_cut;
        self
    }

    /// Leaves out columns that are marked to be shown only when some row has a value in them. `rows` must be all rows.
    fn leave_empty_out(&mut self, rows: &[R]) {
        if self.options.format != Format::Table || !self.options.columns.is_empty() {
            return;
        }
        let mut is_empty: Vec<bool> = self.columns.iter().map(|it| it.is_sparse).collect();
        if !is_empty.contains(&true) {
            return;
        }
        for row in rows {
            let cells = cells_of(&row.cells(), &self.chosen, self.options.format);
            for (empty, cell) in is_empty.iter_mut().zip(cells) {
                *empty &= matches!(cell, Cell::Unknown | Cell::Nothing);
            }
        }
        let mut places = is_empty.iter();
        self.columns.retain(|_| places.next() == Some(&false));
        let mut places = is_empty.iter();
        self.chosen.retain(|_| places.next() == Some(&false));
    }

    /// Records that there are this many more rows that are not passed to the writer; with `is_least` there may be even
    /// more.
    pub fn leave_out(&mut self, count: u64, is_least: bool) {
        self.list.leave_out(count, is_least);
        if let Some(list) = self.compared.as_ref().filter(|_| count > 0 || is_least) {
            list.is_part();
        }
    }

    /// Appends a page of rows.
    ///
    /// # Errors
    /// A usage [`Problem`] when `--columns` names a key that the JSON does not have.
    pub fn page(&mut self, out: &mut Vec<u8>, rows: &[R]) -> Result<(), Problem> {
        if self.list.is_ranked() {
            for row in rows {
                if self.compared.is_some() {
                    // What is not shown is compared, too: it may be shown the next time.
                    let cells = self.cells(row);
                    self.list.keep(row.rank(), || cells);
                    continue;
                }
                let cells = || cells_of(&row.cells(), &self.chosen, self.options.format);
                self.list.keep(row.rank(), cells);
            }
            return Ok(());
        }
        let shown = self.list.take(rows.len());
        if shown == 0 {
            return Ok(());
        }
        self.put(out, &rows[..shown])
    }

    fn put(&mut self, out: &mut Vec<u8>, rows: &[R]) -> Result<(), Problem> {
        match self.options.format {
            Format::Json | Format::Ndjson => self.page_json(out, rows),
            Format::Table | Format::Wide if !self.options.names => {
                let cells: Vec<Vec<Cell>> = rows.iter().map(|row| self.cells(row)).collect();
                self.put_table(out, &cells);
                Ok(())
            }
            _ => {
                self.page_lines(out, rows);
                Ok(())
            }
        }
    }

    /// Removes the columns that need not be shown, because all rows have the same value in them. Returns a note for
    /// each.
    fn drop_same(&mut self, rows: &mut [Vec<Cell>]) -> Vec<String> {
        let mut said = Vec::new();
        let Some((first, others)) = rows.split_first() else {
            return said;
        };
        let is_usual = self.options.format == Format::Table && self.options.columns.is_empty();
        let is_same = |place: usize| {
            let first = first[place].itself();
            others.iter().all(|row| row[place].itself() == first)
        };
        let keeps: Vec<bool> = (0..self.columns.len())
            .map(|place| !(is_usual && self.columns[place].varies && is_same(place)))
            .collect();
        for (place, column) in self.columns.iter().enumerate().filter(|it| !keeps[it.0]) {
            let value = first[place].itself();
            if *value != Cell::Nothing {
                let title = column.header.to_lowercase();
                let of_these = self.list.cut().map_or("", |_| " of these");
                said.push(format!("{title}{of_these}: {}", value.human()));
            }
        }
        let keep = |place: &mut usize| {
            *place += 1;
            keeps[*place - 1]
        };
        for row in rows {
            let mut place = 0;
            row.retain(|_| keep(&mut place));
        }
        let mut place = 0;
        self.columns.retain(|_| keep(&mut place));
        said
    }

    fn put_dim(&self, out: &mut Vec<u8>, line: &str) {
        let line = self.options.fitted(line.to_owned(), NOTE_INDENT);
        let line = self.options.theme.paint(Tone::Dim, &line);
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }

    fn put_table(&mut self, out: &mut Vec<u8>, cells: &[Vec<Cell>]) {
        self.table.page(out, &self.columns, cells, &self.options);
        self.begun = true;
    }

    /// Appends the end of the list. On a screen, this includes how many rows are not shown; elsewhere it is returned,
    /// so that the caller can print it. An empty list is `[]`, or its header.
    ///
    /// # Errors
    /// As [`RowWriter::page`].
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<Option<Cut>, Problem> {
        match self.options.format {
            _ if self.list.is_ranked() => {
                let mut kept = self.list.kept();
                let same = self.drop_same(&mut kept);
                self.put_table(out, &kept);
                for line in same {
                    self.put_dim(out, &line);
                }
            }
            Format::Json => out.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" }),
            _ if !self.begun => self.put(out, &[])?,
            _ => {}
        }
        let cut = self.list.cut();
        if let Some(said) = cut.filter(|_| self.tells_cut) {
            self.put_dim(out, &said.text(&self.options));
        }
        Ok(cut.filter(|_| !self.tells_cut))
    }

    /// The selected cells of a row; `wide` shortens nothing.
    fn cells(&self, row: &R) -> Vec<Cell> {
        let cells = all_cells(row, self.compared.as_ref());
        cells_of(&cells, &self.chosen, self.options.format)
    }

    fn page_lines(&mut self, out: &mut Vec<u8>, rows: &[R]) {
        let separated = self.options.separated();
        if !self.begun && self.options.headers && !self.options.names {
            push_line(out, separated, self.columns.iter().map(|column| column.key));
        }
        self.begun = true;
        for row in rows {
            let cells = self.cells(row);
            push_line(out, separated, cells.iter().map(Cell::raw));
        }
    }

    fn page_json(&mut self, out: &mut Vec<u8>, rows: &[R]) -> Result<(), Problem> {
        let array = self.options.format == Format::Json;
        for row in rows {
            if array {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
            }
            self.begun = true;
            push_object(out, row, chosen_keys::<R>(&self.options), &self.options)?;
            if !array {
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

/// The next list with rows of this kind, to be compared with what was shown before.
fn list_of<R>(changes: &Changes) -> List {
    changes.list(std::any::type_name::<R>())
}

/// The cells of a row, each with how it differs from the time before where that is known.
fn all_cells<R: Row>(row: &R, list: Option<&List>) -> Vec<Cell> {
    match list {
        Some(list) => list.row(R::COLUMNS, row.cells()),
        None => row.cells(),
    }
}

/// The cells at these indexes.
fn cells_of(cells: &[Cell], chosen: &[usize], format: Format) -> Vec<Cell> {
    let chosen = chosen.iter().map(|place| cells[*place].clone());
    let whole = |cell| match cell {
        Cell::Brief(_, cell) if format == Format::Wide => *cell,
        Cell::Compared(change, cell) => match *cell {
            Cell::Brief(_, cell) if format == Format::Wide => Cell::Compared(change, cell),
            cell => Cell::Compared(change, Box::new(cell)),
        },
        cell => cell,
    };
    chosen.map(whole).collect()
}

/// The keys of the JSON that were requested.
enum Keys<'a> {
    All,
    Only(Vec<&'a Name>),
    /// The only column that `--names` prints.
    Value(&'a str),
}

fn chosen_keys<R: Row>(options: &Options) -> Keys<'_> {
    if options.names {
        Keys::Value(R::COLUMNS.first().map_or("", |column| column.key))
    } else if options.columns.is_empty() {
        Keys::All
    } else {
        Keys::Only(options.columns.iter().collect())
    }
}

fn push_object<R: Row>(
    out: &mut Vec<u8>,
    row: &R,
    keys: Keys<'_>,
    options: &Options,
) -> Result<(), Problem> {
    let is_indented = options.terminal && options.format == Format::Json;
    let mut json = Vec::new();
    match keys {
        Keys::All if !is_indented => return write_json(out, row),
        Keys::All => write_json(&mut json, row)?,
        Keys::Only(keys) => {
            let object = object_of(row)?;
            let mut chosen = Map::new();
            for key in keys {
                let (key, value) = object
                    .iter()
                    .find(|(known, _)| key == known.as_str())
                    .ok_or_else(|| no_such_column(key, object.keys()))?;
                chosen.insert(key.clone(), value.clone());
            }
            write_json(&mut json, &chosen)?;
        }
        Keys::Value(key) => {
            write_json(&mut json, object_of(row)?.get(key).unwrap_or(&Value::Null))?;
        }
    }
    if is_indented {
        indent_json(out, &json, 0);
    } else {
        out.extend_from_slice(&json);
    }
    Ok(())
}

fn object_of<R: Row>(row: &R) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(row) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Problem::new(Kind::Bug, "a row is not a JSON object")),
    }
}

/// Whether rows of this kind have all requested columns.
pub(super) fn has_columns<R: Row>(options: &Options) -> bool {
    let has = |wanted: &Name| R::COLUMNS.iter().any(|column| is_called(column, wanted));
    options.columns.iter().all(has)
}

fn is_called(column: &Column, wanted: &Name) -> bool {
    *wanted == column.key
        || wanted
            .as_bytes()
            .eq_ignore_ascii_case(column.header.as_bytes())
}

/// The indexes of the columns to show, in order.
fn choose(columns: &[Column], options: &Options) -> Result<Vec<usize>, Problem> {
    if options.names {
        return Ok((0..columns.len().min(1)).collect());
    }
    if options.columns.is_empty() {
        let with_wide = options.format != Format::Table;
        return Ok((0..columns.len())
            .filter(|place| with_wide || !columns[*place].wide_only)
            .collect());
    }
    let place_of = |wanted: &Name| {
        columns
            .iter()
            .position(|column| is_called(column, wanted))
            .ok_or_else(|| no_such_column(wanted, columns.iter().map(|column| column.key)))
    };
    options.columns.iter().map(place_of).collect()
}

fn no_such_column(wanted: &Name, known: impl Iterator<Item = impl AsRef<str>>) -> Problem {
    let known: Vec<String> = known.map(|key| key.as_ref().to_owned()).collect();
    Problem::usage(format!("there is no column `{wanted}`"))
        .hint(format!("--columns takes {}", known.join(", ")))
}

#[cfg(test)]
mod tests;
