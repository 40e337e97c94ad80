//! CSV records as JSON objects.

use std::io::{self, Read};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::{Entries, broken};

/// The JSON text of an empty name.
const NAMELESS: &[u8] = b"\"\"";

/// A CSV file, read as it comes.
pub(super) struct Table<R> {
    reader: Reader<R>,
    record: StringRecord,
    names: Option<Vec<Vec<u8>>>,
}

impl<R: Read> Table<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            reader: ReaderBuilder::new().from_reader(input),
            record: StringRecord::new(),
            names: None,
        }
    }

    /// The names as JSON texts.
    fn read_names(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let names = self.reader.headers().map_err(not_csv)?;
        names
            .iter()
            .map(|name| Ok(serde_json::to_vec(name)?))
            .collect()
    }
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
        let is_there = self.reader.read_record(&mut self.record).map_err(not_csv)?;
        if is_there {
            let mut before = b'{';
            for (at, (name, value)) in names.iter().zip(&self.record).enumerate() {
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
                serde_json::to_writer(&mut *out, value)?;
            }
            if before == b'{' {
                out.push(b'{');
            }
            out.push(b'}');
        }
        self.names = Some(names);
        Ok(is_there)
    }
}
