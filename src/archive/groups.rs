//! A snapshot of the groups of a stream: lines of JSON, compressed. The first line has the stream's counters and its
//! groups, each further one is a pending entry, and the last one has the checksum of all lines before it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::manifest::{FORMAT, require_format};
use crate::model::{EntryId, GroupInfo, Kind, Name, PendingEntry, Problem, StreamInfo, Time};

/// The greatest size of a snapshot that is read, compressed, and of a line in it.
pub(super) const GROUPS_BYTES_MAX: u64 = 1 << 30;
const LINE_MAX: u64 = 64 << 20;
const WINDOW_LOG_MAX: u32 = 24;
const LEVEL: i32 = 3;

/// A stream's counters and its groups, as they were at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsHead {
    format: u32,
    /// The stream.
    pub stream: Name,
    /// When it was taken, by the server's clock.
    pub taken: Time,
    /// The last id that was in the archive then; `None` when that was empty.
    pub archived_through: Option<EntryId>,
    /// Entries in the stream.
    pub length: u64,
    /// The greatest id that was ever given to an entry.
    pub last_generated_id: EntryId,
    /// The greatest id that was ever deleted; `None` when the server does not say.
    pub max_deleted_id: Option<EntryId>,
    /// Entries ever added; `None` when the server does not say.
    pub entries_added: Option<u64>,
    /// The groups.
    pub groups: Vec<SavedGroup>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedGroup {
    /// Its name.
    pub group: Name,
    /// The last id that was delivered to it.
    pub last_delivered_id: EntryId,
    /// Entries that the server counts as read; `None` when it does not know.
    pub entries_read: Option<u64>,
    /// Entries that are pending.
    pub pending: u64,
}

/// A pending entry: the place of its group in the head, its id, its consumer (empty for none), how long it had been idle in
/// milliseconds, and how often it had been delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPending(pub usize, pub EntryId, pub Name, pub Option<u64>, pub u64);

impl GroupsHead {
    /// Of a stream and its groups as the server describes them.
    pub fn new(
        stream: &Name,
        (taken, archived_through): (Time, Option<EntryId>),
        info: &StreamInfo,
        groups: &[GroupInfo],
    ) -> Self {
        let groups = groups.iter().map(|it| SavedGroup {
            group: it.name.clone(),
            last_delivered_id: it.last_delivered_id,
            entries_read: it.entries_read,
            pending: it.pending,
        });
        Self {
            format: FORMAT,
            stream: stream.clone(),
            taken,
            archived_through,
            length: info.length,
            last_generated_id: info.last_generated_id,
            max_deleted_id: info.max_deleted_id,
            entries_added: info.entries_added,
            groups: groups.collect(),
        }
    }

    /// Whether nothing happened between the two.
    pub fn is_as(&self, other: &Self) -> bool {
        let taken = self.taken;
        *self
            == Self {
                taken,
                ..other.clone()
            }
    }
}

/// A snapshot of groups that is being made.
pub struct GroupsBuilder {
    out: zstd::Encoder<'static, Vec<u8>>,
    hash: Sha256,
    /// The pending entries in it.
    pub count: u64,
}

impl std::fmt::Debug for GroupsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupsBuilder")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct End {
    sha256: String,
}

impl GroupsBuilder {
    /// Begins with this head.
    ///
    /// # Errors
    /// A bug: it cannot be written.
    pub fn begin(head: &GroupsHead) -> Result<Self, Problem> {
        let begin = || -> io::Result<Self> {
            let mut out = zstd::Encoder::new(Vec::new(), LEVEL)?;
            out.include_checksum(true)?;
            let (hash, count) = (Sha256::new(), 0);
            let mut builder = Self { out, hash, count };
            builder.put(head)?;
            Ok(builder)
        };
        begin().map_err(|error| cannot(&error))
    }

    /// Adds a pending entry of the group at this place of the head.
    ///
    /// # Errors
    /// A bug: it cannot be written.
    pub fn add(&mut self, group: usize, entry: &PendingEntry) -> Result<(), Problem> {
        let saved = SavedPending(
            group,
            entry.id,
            entry.consumer.clone(),
            entry.idle_ms,
            entry.deliveries,
        );
        self.count += 1;
        self.put(&saved).map_err(|error| cannot(&error))
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, Problem> {
        let sha256 = hex(&self.hash);
        self.put(&End { sha256 })
            .and_then(|()| self.out.finish())
            .map_err(|error| cannot(&error))
    }

    fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }
}

fn cannot(error: &io::Error) -> Problem {
    Problem::new(
        Kind::Bug,
        format!("a snapshot of groups cannot be written: {error}"),
    )
}

fn hex(hash: &Sha256) -> String {
    use std::fmt::Write as _;
    hash.clone()
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A snapshot of groups that was read and has its checksum.
#[derive(Debug)]
pub struct Groups {
    /// The stream's counters and its groups.
    pub head: GroupsHead,
    bytes: Vec<u8>,
    expanded_max: u64,
}

impl Groups {
    /// The snapshot in `bytes`, which was found under `key` and is of this stream; `Err` says what is wrong with it.
    ///
    /// # Errors
    /// Local when it is of a newer format.
    pub(super) fn parse(
        (key, bytes): (&str, Vec<u8>),
        stream: &Name,
        expanded_max: u64,
    ) -> Result<Result<Self, String>, Problem> {
        let damaged = |what: &str| Ok(Err(what.to_owned()));
        let Ok(mut lines) = SavedLines::open(&bytes, expanded_max) else {
            return damaged("it cannot be expanded");
        };
        let Some(first) = lines.next() else {
            return damaged("it cannot be expanded");
        };
        require_format(first, key)?;
        let Ok(head) = serde_json::from_slice::<GroupsHead>(first) else {
            return damaged("it is no snapshot of groups");
        };
        if head.stream != *stream {
            return damaged("it is of another stream");
        }
        let groups = head.groups.len();
        loop {
            let before = hex(&lines.hash);
            let Some(line) = lines.next() else {
                return damaged("it is cut short");
            };
            if line.starts_with(b"[") {
                let entry = serde_json::from_slice::<SavedPending>(line);
                if !entry.is_ok_and(|it| it.0 < groups) {
                    return damaged("a line is no pending entry");
                }
                continue;
            }
            let end = serde_json::from_slice::<End>(line);
            if !end.is_ok_and(|it| it.sha256 == before) {
                return damaged("its checksum is wrong");
            }
            if !lines.is_over() {
                return damaged("its end is not whole, or something follows it");
            }
            break;
        }
        Ok(Ok(Self {
            head,
            bytes,
            expanded_max,
        }))
    }

    /// Calls `each` with the pending entries, this many at a time.
    ///
    /// # Errors
    /// The error of `each`.
    pub async fn in_batches(
        &self,
        size: usize,
        mut each: impl AsyncFnMut(Vec<SavedPending>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut lines = SavedLines::open(&self.bytes, self.expanded_max)?;
        lines.next();
        let mut batch = Vec::new();
        while let Some(line) = lines.next() {
            // The last line is none.
            let Ok(entry) = serde_json::from_slice(line) else {
                break;
            };
            batch.push(entry);
            if batch.len() == size {
                each(std::mem::take(&mut batch)).await?;
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        each(batch).await
    }
}

/// Lines of a snapshot, with the checksum of those that were read.
struct SavedLines<'b> {
    lines: BufReader<io::Take<zstd::Decoder<'static, &'b [u8]>>>,
    hash: Sha256,
    line: Vec<u8>,
}

impl<'b> SavedLines<'b> {
    fn open(bytes: &'b [u8], expanded_max: u64) -> io::Result<Self> {
        let mut decoder = zstd::Decoder::with_buffer(bytes)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Self {
            lines: BufReader::new(decoder.take(expanded_max)),
            hash: Sha256::new(),
            line: Vec::new(),
        })
    }

    /// Whether nothing follows, and the end is whole.
    fn is_over(&mut self) -> bool {
        self.lines.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    /// The next line that is whole.
    fn next(&mut self) -> Option<&[u8]> {
        self.line.clear();
        let mut limited = (&mut self.lines).take(LINE_MAX);
        limited.read_until(b'\n', &mut self.line).ok()?;
        self.line.ends_with(b"\n").then(|| {
            self.hash.update(&self.line);
            &self.line[..]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> (GroupsHead, Vec<u8>) {
        let info = StreamInfo {
            length: 2,
            last_generated_id: EntryId::new(9, 1),
            max_deleted_id: None,
            entries_added: Some(7),
            first: None,
            last: None,
        };
        let group = GroupInfo {
            name: Name::new(vec![0xff]),
            consumers: 1,
            pending: 2,
            last_delivered_id: EntryId::new(8, 0),
            entries_read: Some(6),
            server_lag: None,
        };
        let stream = Name::from("s");
        let head = GroupsHead::new(&stream, (Time::from_ms(5), None), &info, &[group]);
        let mut builder = GroupsBuilder::begin(&head).expect("begins");
        for seq in 0..2 {
            let entry = PendingEntry {
                id: EntryId::new(3, seq),
                consumer: Name::from("c"),
                idle_ms: Some(4),
                deliveries: 5,
            };
            builder.add(0, &entry).expect("is added");
        }
        (head, builder.end().expect("ends"))
    }

    fn parse(bytes: Vec<u8>, expanded_max: u64) -> Result<Groups, String> {
        Groups::parse(("key", bytes), &Name::from("s"), expanded_max).expect("our format")
    }

    #[tokio::test]
    async fn groups_are_read_back() {
        let (head, bytes) = snapshot();
        let groups = parse(bytes, 1 << 20).expect("is whole");
        assert_eq!(groups.head, head);
        let mut ids = Vec::new();
        let each = async |batch: Vec<SavedPending>| {
            ids.extend(batch.into_iter().map(|it| it.1.to_string()));
            Ok(())
        };
        groups.in_batches(1, each).await.expect("are read");
        assert_eq!(ids, ["3-0", "3-1"]);
    }

    #[test]
    fn damage_and_too_much_are_refused() {
        let (head, bytes) = snapshot();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            // The format of a frame has a bit without a meaning.
            let is_same = |it: Groups| it.head == head;
            assert!(parse(other, 1 << 20).map_or(true, is_same), "byte {at}");
        }
        assert!(parse(bytes[..bytes.len() - 1].to_vec(), 1 << 20).is_err());
        assert!(parse(bytes.clone(), 100).is_err());
        let other = Groups::parse(("key", bytes), &Name::from("t"), 1 << 20);
        assert!(other.expect("our format").is_err());
    }
}
