//! Converts CSV records to JSON objects.

use std::io::{self, Read};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use serde::de::IgnoredAny;

use super::delimiter::{self, COMMA};
use super::quotes::Quotes;
use super::{Entries, Head, broken};
use crate::topology::validate::is_entry_id;

/// An empty name as JSON text.
const NAMELESS: &[u8] = b"\"\"";

/// A CSV file that is converted while it is read.
pub(super) struct Table<R> {
    /// The separator of cells, if it was given.
    delimiter: Option<u8>,
    reader: Reader<Quotes<R>>,
    record: ByteRecord,
    names: Option<Vec<Vec<u8>>>,
    /// The columns with a whole entry's id and fields, if the header has them.
    entry: Option<(usize, usize)>,
}

impl<R: Read> Table<R> {
    /// Cells are separated by `delimiter`, if it is given.
    pub(super) fn new(input: R, delimiter: Option<u8>) -> Self {
        let quotes = Quotes::new(input, delimiter);
        Self {
            reader: ReaderBuilder::new()
                .flexible(true)
                .has_headers(false)
                .delimiter(delimiter.unwrap_or(COMMA))
                .from_reader(quotes),
            delimiter,
            record: ByteRecord::new(),
            names: None,
            entry: None,
        }
    }

    /// The names of the header as JSON texts.
    fn read_names(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let Some((mut line, mut names)) = self.read_record()? else {
            return Ok(Vec::new());
        };
        if let Some(named) = delimiter::named_by(&names, self.delimiter) {
            delimiter::check_named(named, self.delimiter, line)?;
            match self.read_record()? {
                Some(next) => (line, names) = next,
                None => return Ok(Vec::new()),
            }
        }
        if self.delimiter.is_none() && names.len() == 1 {
            delimiter::check_only(&names[0], line)?;
        }
        let column = |wanted: &str| names.iter().position(|name| name == wanted.as_bytes());
        self.entry = column("id").zip(column("fields"));
        if self.entry.is_some() {
            self.reader.get_mut().has_entries();
        }
        let names = names.iter();
        names
            .map(|name| Ok(serde_json::to_vec(utf8(name, line)?)?))
            .collect()
    }

    /// The next record and the line where it begins.
    fn read_record(&mut self) -> io::Result<Option<(u64, ByteRecord)>> {
        let mut record = ByteRecord::new();
        if !self.reader.read_byte_record(&mut record).map_err(not_csv)? {
            return Ok(None);
        }
        Ok(Some((self.reader.get_mut().next_begin(), record)))
    }

    /// The column with this record's fields when it is a whole entry: the cell then contains JSON, not a text.
    fn entry_fields(&self) -> Option<usize> {
        let (id, fields) = self.entry?;
        let json = self.record.get(fields)?;
        let is_json = |json| serde_json::from_slice::<IgnoredAny>(json).is_ok();
        let is_entry =
            is_entry_id(self.record.get(id)?) && matches!(json.first(), Some(b'{' | b'['));
        (is_entry && is_json(json)).then_some(fields)
    }

    /// Appends the record, which begins at `line`.
    fn write(&self, names: &[Vec<u8>], line: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let (fields, header) = (self.record.len(), names.len());
        let misfit = (fields != header).then_some((fields, header));
        Head { line, misfit }.write(out)?;
        let texts = self.record.iter().map(|value| utf8(value, line));
        if misfit.is_some() {
            let texts = texts.collect::<io::Result<Vec<&str>>>()?;
            return Ok(serde_json::to_writer(out, &texts)?);
        }
        let entry_fields = self.entry_fields();
        let mut before = b'{';
        for (at, (name, value)) in names.iter().zip(texts).enumerate() {
            let value = value?;
            if value.is_empty() {
                continue;
            }
            if name == NAMELESS {
                let column = at + 1;
                return Err(broken(format!(
                    "column {column} of the CSV file has no name"
                )));
            }
            out.push(before);
            before = b',';
            out.extend_from_slice(name);
            out.push(b':');
            if entry_fields == Some(at) {
                // A line end between tokens is space.
                out.extend(
                    value
                        .bytes()
                        .map(|it| if it == b'\n' || it == b'\r' { b' ' } else { it }),
                );
            } else {
                serde_json::to_writer(&mut *out, value)?;
            }
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }
}

/// The text of a cell in the record that begins at `line`.
fn utf8(cell: &[u8], line: u64) -> io::Result<&str> {
    std::str::from_utf8(cell).map_err(|_| {
        broken(format!(
            "line {line} of the CSV file is not UTF-8: convert the file, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
        ))
    })
}

fn not_csv(error: csv::Error) -> io::Error {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        _ => broken(text),
    }
}

impl<R: Read> Entries for Table<R> {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let names = match self.names.take() {
            Some(names) => names,
            None => self.read_names()?,
        };
        let read = self.reader.read_byte_record(&mut self.record);
        let is_there = read.map_err(not_csv)?;
        if is_there {
            let line = self.reader.get_mut().next_begin();
            self.write(&names, line, out)?;
        }
        self.names = Some(names);
        Ok(is_there)
    }
}
