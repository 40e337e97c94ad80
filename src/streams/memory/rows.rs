//! The report about the memory of streams.

use crate::model::{Cell, EntryId, Lag, Name, Time, Tone, report, states};
use crate::streams::hold::HoldState;

states! {
    /// Which streams are listed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum MemoryEnd {
        /// The streams that were named.
        Named = "those named" in Plain,
        /// All streams of the database.
        Complete = "all of the database" in Ok,
        /// The streams found among the keys that were scanned, up to the limit.
        Limit = "those found among the scanned keys, up to the limit" in Warn,
        /// The streams that were observed before the command was stopped.
        Stopped = "those read before it was stopped" in Warn,
        /// The streams of the topology, because the user may not scan the keys.
        Denied = "those of the topology" in Warn,
    }
}

report! {
    /// The memory of a stream, and how much of it trimming would free.
    #[derive(Clone, Debug)]
    pub struct StreamMemory {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Memory of the stream with its groups, as the server estimates it from some of its nodes.
        pub bytes: Option<u64> => bytes("BYTES", unknown),
        /// The number of entries.
        pub length: Option<u64> => number("LENGTH", unknown),
        /// The oldest entry; `None` also when the stream is empty.
        pub first_id: Option<EntryId> => whole("FIRST ID", wide),
        /// When this entry was added.
        pub first_time: Option<Time> => whole("FIRST TIME", wide),
        /// The age of this entry.
        pub first_age_ms: Option<u64> => millis("OLDEST"),
        /// The number of groups; `None` when the user may not read it.
        pub groups: Option<u64> => number("GROUPS", wide, unknown),
        /// Why entries cannot be trimmed.
        pub state: HoldState => whole("STATE", wide),
        /// The last entry that every group has read and acknowledged, with all entries before it; `None` when there is
        /// no such entry, when the stream has no groups, and when it is unknown.
        pub read_up_to: Option<EntryId> => whole("READ BY ALL UP TO", wide),
        /// The age of this entry, by its id.
        pub read_up_to_age_ms: Option<u64> => millis("READ UP TO", wide),
        /// Entries that every group has read and acknowledged, so that they can be trimmed; `None` without groups.
        pub trimmable: Option<Lag> => number("TRIMMABLE"),
        /// The memory that trimming them would free, as an estimate: their share of the stream's bytes. A bound when
        /// `trimmable` is one.
        pub frees_bytes: Option<u64> => bytes("~FREES") by Self::frees_cell,
        /// The group that has read or acknowledged the least, so that later entries must be kept; `None` when there is
        /// no such group, or it is unknown.
        pub held_back_by: Option<Name> => text("HELD BACK BY") by Self::held_cell,
        /// Whether it is a pending entry of the group that must be kept, instead of an entry that the group has not
        /// read.
        pub is_held_by_pending: bool => whole("BY PENDING", wide),
    }
}

report! {
    /// The memory of all streams of a server.
    #[derive(Clone, Debug)]
    pub struct MemoryReport {
        /// How many streams are listed.
        pub stream_count: u64 => number("STREAMS"),
        /// Which streams are listed.
        pub end: MemoryEnd => whole("WHICH ARE"),
        /// The number of entries of all streams.
        pub entries: u64 => number("ENTRIES"),
        /// Memory of the streams, as the server estimates it; streams whose memory is unknown are not counted.
        pub bytes: u64 => bytes("BYTES") by Self::bytes_cell,
        /// The number of streams whose memory is unknown.
        pub unknown_count: u64 => number("UNKNOWN"),
        /// Entries of these streams that every group has read and acknowledged.
        pub trimmable: Lag => number("TRIMMABLE"),
        /// The memory that trimming them would free, as an estimate; streams for which it is unknown are not counted.
        pub frees_bytes: u64 => bytes("~FREES"),
        /// Keys of the database that are not streams: an upper bound when not all streams are listed.
        pub other_keys: Option<Lag> => number("OTHER KEYS", unknown),
        /// Memory that the server uses, for all its databases.
        pub used_bytes: Option<u64> => bytes("USED MEMORY", unknown),
        /// The server's maxmemory; 0 means no limit.
        pub max_bytes: Option<u64> => bytes("MAXMEMORY", unknown) by Self::max_cell,
        /// The server's maxmemory-policy, which applies when the limit is reached.
        pub policy: Option<String> => whole("POLICY", unknown) by Self::policy_cell,
        /// The streams, the largest first.
        pub streams: Vec<StreamMemory>,
    }
}

impl StreamMemory {
    fn frees_cell(&self) -> Cell {
        match (self.frees_bytes, self.trimmable) {
            (None, Some(_)) => Cell::Unknown,
            (bytes, _) => bytes.map(Cell::Bytes).into(),
        }
    }

    fn held_cell(&self) -> Cell {
        let name = Cell::from(self.held_back_by.clone());
        match self.state {
            HoldState::ReadByAll | HoldState::HeldBack => name,
            HoldState::NeverRead => name.noted(Tone::Warn, "never read"),
            HoldState::NoGroups => name.shown_as(Tone::Dim, "no groups"),
            HoldState::Unknown => Cell::Unknown,
        }
    }
}

impl MemoryReport {
    fn bytes_cell(&self) -> Cell {
        let bytes = Cell::Bytes(self.bytes);
        match self.unknown_count {
            0 => bytes,
            _ => bytes.noted(Tone::Warn, "of those known"),
        }
    }

    fn max_cell(&self) -> Cell {
        match self.max_bytes {
            Some(0) => Cell::Bytes(0).shown_as(Tone::Plain, "no limit"),
            bytes => bytes.map(Cell::Bytes).into(),
        }
    }

    /// A policy that may evict streams is highlighted.
    fn policy_cell(&self) -> Cell {
        let evicts = self
            .policy
            .as_ref()
            .is_some_and(|it| it.starts_with("allkeys"));
        let policy = Cell::from(self.policy.clone());
        if evicts && self.max_bytes != Some(0) {
            policy.noted(Tone::Warn, "may evict streams")
        } else {
            policy
        }
    }
}
