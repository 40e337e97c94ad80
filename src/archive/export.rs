//! A table of entries in a file, for tools that query: which columns it has, and how the file gets its name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::parquet::Writer;
use super::range::{ArchivedStream, Range};
use super::table::{ColumnSpec, Written};
use crate::model::{Entry, EntryId, Kind, Name, Problem, report};
use crate::private;

report! {
    /// A table that was made of entries of an archive.
    #[derive(Clone, Debug)]
    pub struct Exported {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The file.
        pub file: String => text("FILE"),
        /// Its rows, one for each entry.
        pub entries: u64 => number("ENTRIES"),
        /// The id of the first entry; `None` when there is none.
        pub first_id: Option<EntryId> => whole("FIRST", wide),
        /// The id of the last entry; `None` when there is none.
        pub last_id: Option<EntryId> => whole("LAST", wide),
        /// Its columns of fields, beside `id`, `time`, `seq` and `rest`.
        pub columns: u64 => number("COLUMNS"),
        /// Rows of which something is in the column `rest`.
        pub with_rest: u64 => number("WITH REST"),
        /// The size of the file in bytes.
        pub bytes: u64 => bytes("SIZE"),
    }
}

/// Makes a table of a range of an archived stream, in a file that is not there yet. `told` is given the number of further
/// entries.
///
/// # Errors
/// As [`ArchivedStream::read`]; refused when the file is there; local when it cannot be written. It is not there then.
pub async fn export(
    source: ArchivedStream<'_>,
    range: Range,
    (path, declared): (&Path, Vec<ColumnSpec>),
    told: impl Fn(u64),
) -> Result<Exported> {
    let mut table = Table::begin(path, declared)?;
    let (mut first_id, mut last_id) = (None, None);
    let each = |entry: &Entry| {
        first_id.get_or_insert(entry.id);
        last_id = Some(entry.id);
        told(1);
        Ok(table.push(entry)?)
    };
    source.read(range, each).await?;
    let written = table.keep()?;
    Ok(Exported {
        stream: source.stream.clone(),
        file: private::shown(path),
        entries: written.entries,
        first_id,
        last_id,
        columns: written.columns,
        with_rest: written.with_rest,
        bytes: written.bytes,
    })
}

/// A table that is written. The file has its name when it is whole; one that is dropped before leaves nothing.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    writer: Writer,
}

impl Table {
    /// Begins a table in a file that is not there yet. Fields that the first entries have beside the declared ones get
    /// columns of text, as far as there is room.
    fn begin(path: &Path, declared: Vec<ColumnSpec>) -> Result<Self, Problem> {
        if path.symlink_metadata().is_ok() {
            return Err(is_there(path));
        }
        let writer = Writer::create(folder_of(path), declared);
        let writer = writer.map_err(|error| cannot(path, &error))?;
        let path = path.to_owned();
        Ok(Self { path, writer })
    }

    fn push(&mut self, entry: &Entry) -> Result<(), Problem> {
        let pushed = self.writer.push(entry);
        pushed.map_err(|error| cannot(&self.path, &error))
    }

    /// Writes the end, and gives the file its name.
    fn keep(self) -> Result<Written, Problem> {
        let path = self.path;
        let finished = self.writer.finish();
        let (file, written) = finished.map_err(|error| cannot(&path, &error))?;
        file.persist_noclobber(&path)
            .map_err(|failed| match failed.error.kind() {
                io::ErrorKind::AlreadyExists => is_there(&path),
                _ => cannot(&path, &failed.error),
            })?;
        let synced = File::open(folder_of(&path)).and_then(|it| it.sync_all());
        synced.map_err(|error| cannot(&path, &error))?;
        Ok(written)
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn is_there(path: &Path) -> Problem {
    let text = format!("the file {} is there already", private::shown(path));
    Problem::refused(text).hint("give another name, or remove it first")
}

fn cannot(path: &Path, error: &io::Error) -> Problem {
    let text = format!("cannot write the file {}: {error}", private::shown(path));
    let problem = Problem::new(Kind::Local, text);
    match error.kind() {
        io::ErrorKind::StorageFull => problem.hint("make room on the disk; nothing was kept of it"),
        io::ErrorKind::NotFound => problem.hint("make its directory first"),
        _ => problem,
    }
}
