//! The file of a snapshot: lines of JSON, compressed. The first line says of which group it is, each further one is a
//! pending entry, and the last one has a checksum of all lines before it.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{EntryId, Name, PendingEntry, Time};

/// The format of these files.
const FORMAT: u32 = 1;
/// The greatest length of a line: names are other people's.
const LINE_MAX: u64 = 4 << 20;
/// The greatest number of entries that are read.
const ENTRIES_MAX: u64 = 50_000_000;

/// Of which group a snapshot is, and what it was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The format of the file.
    format: u32,
    /// When it was taken, by the server's clock.
    pub taken: Time,
    /// The server's address and database, without credentials.
    pub server: String,
    /// The command that took it.
    pub operation: String,
    /// The stream.
    pub stream: Name,
    /// The group.
    pub group: Name,
    /// The last id that was delivered to it.
    pub last_delivered_id: EntryId,
    /// How many entries the server counted as read; `None` when it did not know.
    pub entries_read: Option<u64>,
    /// How many entries were pending.
    pub pending: u64,
}

impl About {
    /// A group as it is at the time `taken`.
    pub fn new(
        taken: Time,
        (server, operation): (String, String),
        (stream, group): (Name, Name),
        (last_delivered_id, entries_read, pending): (EntryId, Option<u64>, u64),
    ) -> Self {
        Self {
            format: FORMAT,
            taken,
            server,
            operation,
            stream,
            group,
            last_delivered_id,
            entries_read,
            pending,
        }
    }
}

/// An entry that was pending: its id, its consumer (empty for none), how long it had been idle in milliseconds, and how
/// often it had been delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEntry(pub EntryId, pub Name, pub Option<u64>, pub u64);

impl From<&PendingEntry> for SavedEntry {
    fn from(entry: &PendingEntry) -> Self {
        Self(
            entry.id,
            entry.consumer.clone(),
            entry.idle_ms,
            entry.deliveries,
        )
    }
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct End {
    sha256: String,
}

/// Writes lines, and keeps the checksum of what was written.
pub(super) struct Lines<W: Write> {
    out: zstd::Encoder<'static, W>,
    hash: Sha256,
}

impl<W: Write> Lines<W> {
    pub(super) fn begin(out: W, about: &About) -> io::Result<Self> {
        let mut lines = Self {
            out: zstd::Encoder::new(out, 3)?,
            hash: Sha256::new(),
        };
        lines.put(about)?;
        Ok(lines)
    }

    pub(super) fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }

    /// Ends the file, and gives back what it was written to.
    pub(super) fn end(mut self) -> io::Result<W> {
        let sha256 = hex(&self.hash.clone().finalize());
        self.put(&End { sha256 })?;
        self.out.finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads the lines of a file whose checksum is not known to be right yet.
pub(super) struct Entries<R: Read> {
    lines: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    hash: Sha256,
    left: u64,
    /// The line that is read.
    line: Vec<u8>,
}

impl<R: Read> Entries<R> {
    /// What the file is about, and its entries.
    ///
    /// # Errors
    /// What is wrong with it, in words, or an error of the system.
    pub(super) fn open(file: R) -> io::Result<(About, Self)> {
        let mut entries = Self {
            lines: BufReader::new(zstd::Decoder::new(file)?),
            hash: Sha256::new(),
            left: 0,
            line: Vec::new(),
        };
        entries.read_line()?;
        let about: About = serde_json::from_slice(&entries.line)
            .map_err(|_| damaged("its first line is not that of a snapshot"))?;
        if about.format != FORMAT {
            let text = format!(
                "it has format {}, and this version reads format {FORMAT}",
                about.format
            );
            return Err(io::Error::other(text));
        }
        if about.pending > ENTRIES_MAX {
            return Err(damaged("it has more entries than a snapshot can have"));
        }
        entries.hash.update(&entries.line);
        entries.left = about.pending;
        Ok((about, entries))
    }

    /// The next entry; `None` after the last one, when the checksum is right.
    pub(super) fn next(&mut self) -> io::Result<Option<SavedEntry>> {
        self.read_line()?;
        if self.left > 0 {
            self.left -= 1;
            self.hash.update(&self.line);
            let entry = serde_json::from_slice(&self.line);
            return entry
                .map(Some)
                .map_err(|_| damaged("a line is no pending entry"));
        }
        let end: End = serde_json::from_slice(&self.line)
            .map_err(|_| damaged("it has more lines than entries"))?;
        if end.sha256 != hex(&self.hash.clone().finalize()) {
            return Err(damaged("its checksum is wrong"));
        }
        Ok(None)
    }

    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        let read = (&mut self.lines)
            .take(LINE_MAX)
            .read_until(b'\n', &mut self.line);
        // An error that is not the system's is about what the file has.
        read.map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => damaged("it is cut short, or no snapshot"),
        })?;
        if self.line.last() == Some(&b'\n') {
            Ok(())
        } else {
            Err(damaged("it is cut short"))
        }
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(count: u64) -> Vec<u8> {
        let about = About::new(
            Time::from_ms(1_700_000_000_000),
            ("h:1/0".to_owned(), "snapshot".to_owned()),
            ("s".into(), Name::new(b"g\xff")),
            (EntryId::new(7, 0), Some(9), count),
        );
        let mut lines = Lines::begin(Vec::new(), &about).unwrap();
        for n in 0..count {
            let entry = SavedEntry(EntryId::new(n, 1), "c".into(), Some(n), 2);
            lines.put(&entry).unwrap();
        }
        lines.end().unwrap()
    }

    fn read_back(file: &[u8]) -> io::Result<(About, Vec<SavedEntry>)> {
        let (about, mut entries) = Entries::open(file)?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next()? {
            found.push(entry);
        }
        Ok((about, found))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (about, entries) = read_back(&written(3)).unwrap();
        assert_eq!(about.group, Name::new(b"g\xff"));
        assert_eq!((about.entries_read, about.pending), (Some(9), 3));
        assert_eq!(
            entries[2],
            SavedEntry(EntryId::new(2, 1), "c".into(), Some(2), 2)
        );
        assert!(read_back(&written(0)).unwrap().1.is_empty());
    }

    #[test]
    fn a_file_that_is_cut_short_or_edited_is_refused() {
        let whole = written(100);
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            assert!(read_back(&whole[..length]).is_err(), "{length}");
        }
        let mut text = zstd::decode_all(&whole[..]).unwrap();
        let at = text.windows(4).position(|it| it == b"42-1").unwrap();
        text[at] = b'5';
        let edited = zstd::encode_all(&text[..], 3).unwrap();
        let error = read_back(&edited).unwrap_err();
        assert_eq!(error.to_string(), "its checksum is wrong");
    }
}
