//! What is undone of a change, and what is not.

use crate::model::{Cell, EntryId, Name, Time, report, states};

/// How many entries that are not restored are listed.
const LISTED_MAX: usize = 10_000;

states! {
    /// Why an entry is not as it was.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Left {
        /// Another consumer holds it by now.
        Held = "held" in Warn,
        /// It was acknowledged since.
        Acknowledged = "acknowledged" in Warn,
        /// Its body was trimmed.
        Trimmed = "trimmed" in Bad,
        /// No consumer held it then, and an entry cannot be handed to nobody.
        Released = "released" in Warn,
        /// It changed while it was restored.
        Changed = "changed" in Warn,
        /// Its copy was delivered to a group.
        Delivered = "delivered" in Warn,
        /// Its copy is not there any more.
        CopyGone = "copy gone" in Warn,
        /// The command was cut off, and it is not known whether it made a copy.
        Unknown = "unknown" in Bad,
        /// A rule of the server refused it.
        Refused = "refused" in Bad,
    }
}

report! {
    /// An entry, or a dead letter, that is not as it was.
    #[derive(Clone, Debug)]
    pub struct LeftEntry {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// Why.
        pub why: Left => whole("WHY"),
        /// The consumer that holds it by now; `None` when none does.
        pub consumer: Option<Name> => text("CONSUMER"),
        /// Its copy; `None` when it has none.
        pub copy_id: Option<EntryId> => whole("COPY"),
        /// The group that its copy was delivered to; `None` when it was delivered to none.
        pub group: Option<Name> => text("GROUP"),
    }
}

report! {
    /// What is undone of a change.
    #[derive(Clone, Debug)]
    pub struct Undone {
        /// The snapshot.
        pub snapshot: EntryId => whole("SNAPSHOT"),
        /// When it was taken.
        pub taken: Time => whole("TAKEN"),
        /// The command that took it.
        pub operation: String => text("OF"),
        /// The group; `None` for dead letters.
        pub group: Option<Name> => text("GROUP"),
        /// Its stream, or the dead-letter stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// The last delivered id before; `None` when there was no such group, and where it stays.
        pub from_id: Option<EntryId> => whole("FROM"),
        /// The last delivered id after; `None` where it stays.
        pub to_id: Option<EntryId> => whole("TO"),
        /// Entries that are pending as they were then, or dead letters that are there again, and were not before.
        pub restored: u64 => number("RESTORED"),
        /// Of these, entries that may be handled twice, because they were not pending any more.
        pub again: u64 => number("AGAIN"),
        /// Of these, entries whose copies in another place are deleted.
        pub copies: u64 => number("COPIES", wide),
        /// Consumers that are created again.
        pub consumers: u64 => number("CONSUMERS", wide),
        /// Entries that still were as then.
        pub unchanged: u64 => number("UNCHANGED"),
        /// Entries that are not restored.
        pub left_out: u64 => number("LEFT OUT"),
        /// The first 10,000 of these.
        pub left: Vec<LeftEntry> => number("LISTED", wide) by |row| Cell::from(row.left.len()),
    }
}

impl LeftEntry {
    pub(super) const fn new(id: EntryId, why: Left) -> Self {
        Self {
            id,
            why,
            consumer: None,
            copy_id: None,
            group: None,
        }
    }
}

impl Undone {
    /// What it is about, in words.
    pub fn of(&self) -> String {
        match &self.group {
            Some(group) => format!("group `{group}` of stream `{}`", self.stream),
            None => format!("dead-letter stream `{}`", self.stream),
        }
    }

    /// The same, with nothing counted yet.
    pub(super) fn uncounted(&self) -> Self {
        Self {
            restored: 0,
            again: 0,
            copies: 0,
            unchanged: 0,
            left_out: 0,
            left: Vec::new(),
            ..self.clone()
        }
    }

    pub(super) fn restores(&mut self, is_again: bool, has_copy: bool) {
        self.restored += 1;
        self.again += u64::from(is_again);
        self.copies += u64::from(has_copy);
    }

    pub(super) fn leaves(&mut self, left: LeftEntry) {
        self.left_out += 1;
        if self.left.len() < LISTED_MAX {
            self.left.push(left);
        }
    }
}
