//! The report of what streams take.

use super::hold::HoldState;
use crate::model::{Cell, EntryId, Lag, Name, Time, Tone, report, states};

states! {
    /// Which streams are listed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum MemoryEnd {
        /// Those that were named.
        Named = "those named" in Plain,
        /// All of the database.
        Complete = "all of the database" in Ok,
        /// Those among as many keys as are looked through.
        Limit = "those among the keys that were looked through, up to the limit" in Warn,
        /// Those that were looked at until it was stopped.
        Stopped = "those looked at until it was stopped" in Warn,
        /// Those of the topology, since the user may not look through the keys.
        Denied = "those of the topology" in Warn,
    }
}

report! {
    /// What a stream takes, and what of it can go.
    #[derive(Clone, Debug)]
    pub struct StreamMemory {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Memory it takes with its groups, as the server estimates it from some of its nodes.
        pub bytes: Option<u64> => bytes("BYTES", unknown),
        /// Entries in it.
        pub length: Option<u64> => number("LENGTH", unknown),
        /// The oldest entry; `None` also when there is none.
        pub first_id: Option<EntryId> => whole("FIRST ID", wide),
        /// When it was added.
        pub first_time: Option<Time> => whole("FIRST TIME", wide),
        /// How long ago that is.
        pub first_age_ms: Option<u64> => millis("OLDEST"),
        /// Its groups; `None` where the user may not ask.
        pub groups: Option<u64> => number("GROUPS", wide, unknown),
        /// What holds its entries back.
        pub state: HoldState => whole("STATE", wide),
        /// The last id up to which every group has read and acknowledged; `None` where that is none of its entries, where it has
        /// no groups, and where nobody knows.
        pub read_up_to: Option<EntryId> => whole("READ BY ALL UP TO", wide),
        /// How long ago that is, by the id.
        pub read_up_to_age_ms: Option<u64> => millis("READ UP TO", wide),
        /// Entries that every group has read and acknowledged, so that they can be trimmed; `None` without groups.
        pub trimmable: Option<Lag> => number("TRIMMABLE"),
        /// What trimming them frees, about: their share of the stream's bytes. A bound where `trimmable` is one.
        pub frees_bytes: Option<u64> => bytes("~FREES") by Self::frees_cell,
        /// The group that holds back the rest; `None` where nothing does, and where nobody knows.
        pub held_back_by: Option<Name> => text("HELD BACK BY") by Self::held_cell,
        /// Whether it does so with an entry that is pending, rather than with what it has not read.
        pub is_held_by_pending: bool => whole("BY PENDING", wide),
    }
}

report! {
    /// What the streams of a server take.
    #[derive(Clone, Debug)]
    pub struct MemoryReport {
        /// How many streams are listed.
        pub stream_count: u64 => number("STREAMS"),
        /// Which these are.
        pub end: MemoryEnd => whole("WHICH ARE"),
        /// Entries in them.
        pub entries: u64 => number("ENTRIES"),
        /// Memory they take, as the server estimates it; of those where that is known.
        pub bytes: u64 => bytes("BYTES") by Self::bytes_cell,
        /// Streams of which that is not known.
        pub unknown_count: u64 => number("UNKNOWN"),
        /// Entries of theirs that every group has read and acknowledged.
        pub trimmable: Lag => number("TRIMMABLE"),
        /// What trimming them frees, about; of those where that is known.
        pub frees_bytes: u64 => bytes("~FREES"),
        /// Keys of the database that are no streams: an upper bound where not all streams are listed.
        pub other_keys: Option<Lag> => number("OTHER KEYS", unknown),
        /// Memory that the server uses, for all its databases.
        pub used_bytes: Option<u64> => bytes("USED MEMORY", unknown),
        /// Its maxmemory; 0 is no limit.
        pub max_bytes: Option<u64> => bytes("MAXMEMORY", unknown) by Self::max_cell,
        /// What it does when that is reached: its maxmemory-policy.
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

    /// A policy that may evict streams stands out.
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
