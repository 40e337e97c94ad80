//! The file of a snapshot. First come lines of JSON, compressed as one frame: the first line says what was saved and
//! before which change, each further one is a pending entry or a dead letter, and the last one has a checksum of all
//! lines before it. Behind them the command that makes the change adds receipts, a frame for each batch, so that it is
//! known what it did wherever it ends. A receipt that was torn is left out.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::effect::Effect;
use crate::model::{EntryId, Fields, Name, PendingEntry, Time};

/// The format of these files, and the oldest one that is read.
const FORMAT: u32 = 2;
const FORMAT_MIN: u32 = 1;
/// The greatest length of a line: names and bodies are other people's.
const LINE_MAX: u64 = 64 << 20;
/// The greatest number of lines, and of receipts, that are read.
const ENTRIES_MAX: u64 = 50_000_000;
/// The greatest size of the receipts of one batch.
const RECEIPTS_MAX: u64 = 1 << 20;

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

/// An entry or dead letter that the change was made to, and the id of its copy, if it was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry.
    pub id: EntryId,
    /// Its copy.
    pub new_id: Option<EntryId>,
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

    /// Reads over the rest; an error when the checksum is wrong.
    pub(super) fn check(&mut self) -> io::Result<()> {
        while self.next::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    /// What follows the lines, which were read to their end.
    pub(super) fn receipts(self) -> io::Result<(Vec<Receipt>, bool)> {
        let mut rest = self.lines.into_inner().finish();
        let (mut receipts, mut is_ended) = (Vec::new(), false);
        while !is_ended && !rest.fill_buf()?.is_empty() {
            let mut batch = Vec::new();
            let frame = zstd::Decoder::with_buffer(&mut rest)?.single_frame();
            let read = frame.take(RECEIPTS_MAX).read_to_end(&mut batch);
            let Some(batch) = read.ok().and_then(|_| Batch::parse(&batch)) else {
                // It was torn when the command was killed.
                break;
            };
            is_ended = batch.is_last;
            receipts.extend(batch.receipts());
            if receipts.len() as u64 > ENTRIES_MAX {
                return Err(damaged("it has more receipts than a snapshot can have"));
            }
        }
        Ok((receipts, is_ended))
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

/// The receipts of one batch.
#[derive(Default, Serialize, Deserialize)]
struct Batch {
    done: Vec<(EntryId, Option<EntryId>)>,
    /// Whether the command ended after it by itself.
    is_last: bool,
}

impl Batch {
    fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    fn receipts(self) -> impl Iterator<Item = Receipt> {
        let receipts = self.done.into_iter();
        receipts.map(|(id, new_id)| Receipt { id, new_id })
    }
}

/// The receipts of a batch as they are appended; `is_last` says that the command ends by itself.
pub(super) fn batch(receipts: &[Receipt], is_last: bool) -> io::Result<Vec<u8>> {
    let batch = Batch {
        done: receipts.iter().map(|it| (it.id, it.new_id)).collect(),
        is_last,
    };
    let mut frame = zstd::Encoder::new(Vec::new(), 1)?;
    frame.include_checksum(true)?;
    serde_json::to_writer(&mut frame, &batch)?;
    frame.finish()
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
    fn receipts_are_read_up_to_the_one_that_was_torn() {
        let receipt = |n, new_id| Receipt {
            id: EntryId::new(n, 0),
            new_id,
        };
        let first = [receipt(1, None), receipt(2, Some(EntryId::new(9, 9)))];
        let mut file = written(3);
        file.extend(batch(&first, false).unwrap());
        let whole = file.len();
        file.extend(batch(&[receipt(3, None)], true).unwrap());
        let read = |file: &[u8]| {
            let mut entries = Entries::open(file).unwrap().1;
            entries.check().unwrap();
            entries.receipts().unwrap()
        };
        let (receipts, is_ended) = read(&file);
        assert_eq!((receipts.len(), is_ended), (3, true));
        for length in whole..file.len() {
            assert_eq!(read(&file[..length]), (first.to_vec(), false), "{length}");
        }
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
