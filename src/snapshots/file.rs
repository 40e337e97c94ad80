//! The file of a snapshot. First come lines of JSON, compressed as one frame: the first line says what was saved and
//! before which change, each further one is a pending entry or a dead letter, and the last one has a checksum of all
//! lines before it. Behind them are receipts.

use std::fmt::{self, Write as _};
use std::io::{self, BufRead as _, BufReader, Read, Write};

use serde::de::{DeserializeOwned, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use super::effect::Effect;
use crate::model::{EntryId, Fields, Name, PendingEntry, Time};

/// The format of these files, and the oldest one that is read.
const FORMAT: u32 = 2;
const FORMAT_MIN: u32 = 1;
/// The greatest length of a line: names and bodies are other people's.
const LINE_MAX: u64 = 64 << 20;
/// The greatest number of lines, and of receipts, that are read.
pub(super) const ENTRIES_MAX: u64 = 50_000_000;

/// What was saved, and before which change.
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
    /// The group; `None` for dead letters.
    pub group: Option<Name>,
    /// The last id that was delivered to it; `None` where only some of its entries were saved.
    pub last_delivered_id: Option<EntryId>,
    /// How many entries the server counted as read; `None` when it did not know.
    pub entries_read: Option<u64>,
    /// How many entries, or dead letters, were saved.
    #[serde(rename = "pending")]
    pub saved: u64,
    /// What the command does that took it.
    #[serde(default)]
    pub effect: Effect,
}

impl About {
    /// `saved` entries or dead letters of a stream, as they were at the time `taken`, before a change.
    pub fn new(
        taken: Time,
        (server, operation): (String, String),
        (stream, group): (Name, Option<Name>),
        (effect, saved): (Effect, u64),
    ) -> Self {
        Self {
            format: FORMAT,
            taken,
            server,
            operation,
            stream,
            group,
            last_delivered_id: None,
            entries_read: None,
            saved,
            effect,
        }
    }

    /// The same, for all of a group: its last delivered id, and how many entries the server counted as read.
    #[must_use]
    pub const fn at(mut self, last_delivered_id: EntryId, entries_read: Option<u64>) -> Self {
        self.last_delivered_id = Some(last_delivered_id);
        self.entries_read = entries_read;
        self
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

/// A dead letter: its id, and its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLetter(pub EntryId, #[serde(with = "fields")] pub Fields);

/// What a snapshot has a line for.
pub trait Line: Serialize + DeserializeOwned {
    /// The entry, or the dead letter.
    fn id(&self) -> EntryId;
}

impl Line for SavedEntry {
    fn id(&self) -> EntryId {
        self.0
    }
}

impl Line for SavedLetter {
    fn id(&self) -> EntryId {
        self.0
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
            lines: BufReader::new(zstd::Decoder::new(file)?.single_frame()),
            hash: Sha256::new(),
            left: 0,
            line: Vec::new(),
        };
        entries.read_line()?;
        let about: About = serde_json::from_slice(&entries.line)
            .map_err(|_| damaged("its first line is not that of a snapshot"))?;
        if !(FORMAT_MIN..=FORMAT).contains(&about.format) {
            let text = format!(
                "it has format {}, and this version reads formats {FORMAT_MIN} to {FORMAT}",
                about.format
            );
            return Err(io::Error::other(text));
        }
        if about.saved > ENTRIES_MAX {
            return Err(damaged("it has more entries than a snapshot can have"));
        }
        entries.hash.update(&entries.line);
        entries.left = about.saved;
        Ok((about, entries))
    }

    /// The next line; `None` after the last one, when the checksum is right.
    pub(super) fn next<L: DeserializeOwned>(&mut self) -> io::Result<Option<L>> {
        self.read_line()?;
        if self.left > 0 {
            self.left -= 1;
            self.hash.update(&self.line);
            let entry = serde_json::from_slice(&self.line);
            return entry
                .map(Some)
                .map_err(|_| damaged("a line is neither a pending entry nor a dead letter"));
        }
        let end: End = serde_json::from_slice(&self.line)
            .map_err(|_| damaged("it has more lines than entries"))?;
        if end.sha256 != hex(&self.hash.clone().finalize()) {
            return Err(damaged("its checksum is wrong"));
        }
        Ok(None)
    }

    /// The next lines, at most `count_max` of them; fewer only at the end, when the checksum is right.
    pub(super) fn batch<L: DeserializeOwned>(&mut self, count_max: usize) -> io::Result<Vec<L>> {
        let mut batch = Vec::new();
        while batch.len() < count_max {
            let Some(line) = self.next()? else { break };
            batch.push(line);
        }
        Ok(batch)
    }

    /// Reads over the rest; an error when the checksum is wrong. Returns whether the lines are in the order of their ids.
    pub(super) fn check(&mut self) -> io::Result<bool> {
        let (mut last, mut is_in_order) = (None, true);
        while let Some(IdOfLine(id)) = self.next()? {
            is_in_order &= last.is_none_or(|last| last < id);
            last = Some(id);
        }
        Ok(is_in_order)
    }

    /// What follows the lines, which were read to their end.
    pub(super) fn rest(self) -> BufReader<R> {
        self.lines.into_inner().finish()
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

/// The id that any line begins with.
struct IdOfLine(EntryId);

impl<'de> Deserialize<'de> for IdOfLine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Parts;

        impl<'de> Visitor<'de> for Parts {
            type Value = EntryId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that begins with an id")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<EntryId, A::Error> {
                let id = parts.next_element()?;
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                id.ok_or_else(|| A::Error::invalid_length(0, &self))
            }
        }

        from.deserialize_seq(Parts).map(Self)
    }
}

/// Fields as pairs of names, which keep bytes that are not UTF-8.
mod fields {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::{Fields, Name};

    pub(super) fn serialize<S: Serializer>(fields: &Fields, out: S) -> Result<S::Ok, S::Error> {
        let pair =
            |(name, value): &(Vec<u8>, Vec<u8>)| [name, value].map(|it| Name::new(it.as_slice()));
        out.collect_seq(fields.iter().map(pair))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fields, D::Error> {
        let pairs = Vec::<(Name, Name)>::deserialize(from)?.into_iter();
        let bytes = |name: &Name| name.as_bytes().to_vec();
        Ok(pairs
            .map(|(name, value)| (bytes(&name), bytes(&value)))
            .collect())
    }
}

pub(super) fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(count: u64) -> Vec<u8> {
        let about = About::new(
            Time::from_ms(1_700_000_000_000),
            ("h:1/0".to_owned(), "snapshot".to_owned()),
            ("s".into(), Some(Name::new(b"g\xff"))),
            (Effect::Group, count),
        )
        .at(EntryId::new(7, 0), Some(9));
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
        assert_eq!(about.group, Some(Name::new(b"g\xff")));
        assert_eq!((about.entries_read, about.saved), (Some(9), 3));
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

    #[test]
    fn dead_letters_keep_repeats_and_bytes() {
        let fields = vec![
            (b"a\xff".to_vec(), b"1".to_vec()),
            (b"a\xff".to_vec(), b"\x00\xfe".to_vec()),
        ];
        let letter = SavedLetter(EntryId::new(1, 2), fields);
        let text = serde_json::to_string(&letter).unwrap();
        assert_eq!(serde_json::from_str::<SavedLetter>(&text).unwrap(), letter);
    }
}
