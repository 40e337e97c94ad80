//! Rows that are kept until they are needed again: in memory as long as they are few, beyond that in a file without a
//! name, so that memory does not grow with them.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Seek as _, Write as _};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::SpooledTempFile;

use crate::model::{Kind, Problem};

/// How many bytes are kept in memory.
const IN_MEMORY_MAX: usize = 1 << 20;
/// How many bytes are written at a time.
const WRITTEN_AT_A_TIME: usize = 64 << 10;

/// Rows in the order in which they were added.
pub(super) struct Spool<T> {
    file: SpooledTempFile,
    unwritten: Vec<u8>,
    count: u64,
    row: PhantomData<T>,
}

impl<T> fmt::Debug for Spool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = &self.count;
        f.debug_struct("Spool")
            .field("count", count)
            .finish_non_exhaustive()
    }
}

impl<T> Default for Spool<T> {
    fn default() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY_MAX),
            unwritten: Vec::new(),
            count: 0,
            row: PhantomData,
        }
    }
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// How many rows there are.
    pub(super) const fn len(&self) -> u64 {
        self.count
    }

    /// Adds a row. No row may be added once rows were read.
    ///
    /// # Errors
    /// Local when it cannot be kept.
    pub(super) fn add(&mut self, row: &T) -> Result<(), Problem> {
        serde_json::to_writer(&mut self.unwritten, row).map_err(|it| not_kept(&it.into()))?;
        self.unwritten.push(b'\n');
        self.count += 1;
        if self.unwritten.len() >= WRITTEN_AT_A_TIME {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Problem> {
        let written = self.file.write_all(&self.unwritten);
        self.unwritten.clear();
        written.map_err(|it| not_kept(&it))
    }

    /// All rows, from the first one on.
    ///
    /// # Errors
    /// Local when they cannot be kept or read.
    pub(super) fn rows(&mut self) -> Result<Rows<'_, T>, Problem> {
        self.write()?;
        self.file.rewind().map_err(|it| not_kept(&it))?;
        Ok(Rows {
            lines: BufReader::with_capacity(WRITTEN_AT_A_TIME, &mut self.file),
            line: Vec::new(),
            row: PhantomData,
        })
    }
}

/// The rows of a spool.
pub(super) struct Rows<'s, T> {
    lines: BufReader<&'s mut SpooledTempFile>,
    line: Vec<u8>,
    row: PhantomData<T>,
}

impl<T: DeserializeOwned> Rows<'_, T> {
    fn read(&mut self) -> io::Result<Option<T>> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&self.line)?))
    }

    /// The next rows, at most `count_max` of them; none after the last one.
    ///
    /// # Errors
    /// Local when they cannot be read.
    pub(super) fn batch(&mut self, count_max: usize) -> Result<Vec<T>, Problem> {
        self.by_ref().take(count_max).collect()
    }
}

impl<T: DeserializeOwned> Iterator for Rows<'_, T> {
    type Item = Result<T, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|it| not_kept(&it)).transpose()
    }
}

fn not_kept(error: &io::Error) -> Problem {
    let text =
        format!("cannot keep the list of what is to be changed in a temporary file: {error}");
    Problem::new(Kind::Local, text).hint("make room for it, or set $TMPDIR to another directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_order_as_often_as_wanted_from_memory_and_from_a_file() {
        for count in [0, 3, 200_000_u64] {
            let mut spool = Spool::default();
            for n in 0..count {
                spool.add(&(n, "x".to_owned())).unwrap();
            }
            assert_eq!(spool.len(), count);
            assert_eq!(
                spool.rows().unwrap().batch(2).unwrap().len() as u64,
                count.min(2)
            );
            let mut rows = spool.rows().unwrap();
            let mut next = 0;
            loop {
                let batch = rows.batch(1000).unwrap();
                if batch.is_empty() {
                    break;
                }
                for (n, _) in batch {
                    assert_eq!(n, next);
                    next += 1;
                }
            }
            assert_eq!(next, count);
            drop(rows);
            let is_in_file = spool.file.is_rolled();
            assert_eq!(is_in_file, count == 200_000);
        }
    }
}
