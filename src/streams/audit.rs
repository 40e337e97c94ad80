//! The audit stream: who changed what by which destructive command, when, and how it ended. Each command adds an intent
//! before its change and an outcome after it; an intent without an outcome is a command that was cut off, or still runs.
//!
//! Records have names and counts, never the values of fields, reasons, arguments or addresses. What is read back may have
//! been written by anybody: nothing in it is run or opened, and an entry that is no record is only counted.

use std::collections::HashMap;

use anyhow::Result;

use crate::model::{Entry, EntryId, Fields, Name, Time, report, states};
use crate::wire::{self, Connection, ErrorKind, xadd, xrevrange};

/// How many entries of the stream are kept, approximately.
const MAXLEN: u64 = 10_000;
/// How many entries are read at a time, and at most.
const PAGE: usize = 500;
const READ_MAX: usize = 50_000;

states! {
    /// How a command ended.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Ended {
        /// It did all it was to do.
        Done = "done" in Ok,
        /// It did a part.
        Part = "part" in Warn,
        /// Nothing was changed.
        Nothing = "nothing" in Plain,
        /// It failed, maybe after a part.
        Failed = "failed" in Bad,
        /// It was stopped, maybe after a part.
        Stopped = "stopped" in Warn,
        /// There is no outcome: it was cut off, or still runs.
        Open = "no outcome" in Bad,
    }
}

report! {
    /// A destructive command.
    #[derive(Clone, Debug)]
    pub struct AuditRow {
        /// The id of its record.
        pub id: EntryId => whole("ID", wide),
        /// When it began, by the server's clock.
        pub time: Time => whole("TIME"),
        /// Who ran it.
        pub user: Option<Name> => text("USER"),
        /// On which machine.
        pub host: Option<Name> => text("HOST"),
        /// Its process there.
        pub pid: Option<u64> => number("PID", wide),
        /// The command.
        pub command: Name => text("COMMAND"),
        /// The stream, or the dead-letter stream.
        pub stream: Option<Name> => text("STREAM"),
        /// The group; `None` for dead letters.
        pub group: Option<Name> => text("GROUP"),
        /// How many entries, dead letters, consumers or groups it was to change.
        pub planned: Option<u64> => number("PLANNED"),
        /// How many it changed; `None` when it does not say.
        pub done: Option<u64> => number("DONE"),
        /// How it ended.
        pub ended: Ended => whole("ENDED"),
        /// Its exit code; `None` when there is no outcome.
        pub exit_code: Option<u64> => number("EXIT", wide),
        /// The snapshot from which it can be undone, where it was run; `None` when it took none.
        pub snapshot: Option<EntryId> => whole("SNAPSHOT"),
    }
}

/// A command that is about to change something.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// Who runs it.
    pub user: &'a str,
    /// On which machine.
    pub host: &'a str,
    /// The words that name it.
    pub command: &'a str,
    /// The stream, or the dead-letter stream.
    pub stream: Option<&'a Name>,
    /// The group.
    pub group: Option<&'a Name>,
    /// How many entries, dead letters, consumers or groups it is to change.
    pub planned: u64,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Its exit code.
    pub exit_code: u8,
    /// How many it changed, if it knows.
    pub done: Option<u64>,
    /// The snapshot from which it can be undone.
    pub snapshot: Option<EntryId>,
}

/// Records that a command is about to change something. Returns the record's id.
///
/// # Errors
/// Errors of the server.
pub async fn begin(
    connection: &Connection,
    audit: &Name,
    intent: &Intent<'_>,
) -> wire::Result<EntryId> {
    let mut fields = vec![
        ("phase", b"intent".to_vec()),
        ("user", intent.user.into()),
        ("host", intent.host.into()),
        ("pid", std::process::id().to_string().into()),
        ("command", intent.command.into()),
        ("planned", intent.planned.to_string().into()),
    ];
    let names = [("stream", intent.stream), ("group", intent.group)];
    let names = names.into_iter();
    fields.extend(names.filter_map(|(key, name)| Some((key, name?.as_bytes().to_vec()))));
    connection.run(xadd(audit, Some(MAXLEN), &fields)).await
}

/// A change that was recorded as begun.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The audit stream.
    pub stream: Name,
    /// The record that it has begun.
    pub intent: EntryId,
    /// How it ended, as far as it has.
    pub outcome: Outcome,
}

/// Records how a change ended.
///
/// # Errors
/// Errors of the server.
pub async fn end(connection: &Connection, audited: &Audited) -> wire::Result<EntryId> {
    let outcome = audited.outcome;
    let mut fields = vec![
        ("phase", "outcome".to_owned()),
        ("of", audited.intent.to_string()),
        ("exit", outcome.exit_code.to_string()),
    ];
    fields.extend(outcome.done.map(|done| ("done", done.to_string())));
    fields.extend(outcome.snapshot.map(|id| ("snapshot", id.to_string())));
    let added = xadd(&audited.stream, Some(MAXLEN), &fields);
    connection.run(added).await
}

/// What the audit stream has.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The commands, the newest first.
    pub rows: Vec<AuditRow>,
    /// Entries that are no records of this tool.
    pub foreign: u64,
    /// Whether there may be older ones.
    pub has_more: bool,
}

/// The commands since a time, the newest first; none when there is no such stream.
///
/// # Errors
/// Errors of the server.
pub async fn list(connection: &Connection, audit: &Name, since: EntryId) -> Result<Audit> {
    let mut found = Audit::default();
    let mut outcomes = HashMap::new();
    let (mut end, mut read) = (EntryId::MAX, 0);
    while read < READ_MAX {
        let page = match connection.run(xrevrange(audit, end, since, PAGE)).await {
            Err(error) if error.kind == ErrorKind::NoKey => return Ok(found),
            page => page?,
        };
        read += page.len();
        let is_last = page.len() < PAGE;
        let next = page.last().and_then(|it| it.id.previous());
        for entry in page {
            found.take(&entry, &mut outcomes);
        }
        match next {
            Some(next) if !is_last && next >= since => end = next,
            _ => return Ok(found),
        }
    }
    found.has_more = true;
    Ok(found)
}

impl Audit {
    /// What these entries have, which are given the newest first.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let (mut audit, mut outcomes) = (Self::default(), HashMap::new());
        for entry in entries {
            audit.take(entry, &mut outcomes);
        }
        audit
    }

    /// Adds an entry, which is older than those before it. An outcome is older than no intent of its own.
    fn take(&mut self, entry: &Entry, outcomes: &mut HashMap<EntryId, Outcome>) {
        let read = Read(&entry.fields);
        match read.value("phase") {
            Some(b"outcome") => match read.outcome() {
                Some((of, outcome)) if of < entry.id => {
                    outcomes.entry(of).or_insert(outcome);
                }
                _ => self.foreign += 1,
            },
            Some(b"intent") => match read.row(entry.id, outcomes.remove(&entry.id)) {
                Some(row) => self.rows.push(row),
                None => self.foreign += 1,
            },
            _ => self.foreign += 1,
        }
    }
}

/// The fields of a record, of which the first of a name counts.
struct Read<'a>(&'a Fields);

impl Read<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().find(|it| it.0 == name.as_bytes());
        found.map(|it| it.1.as_slice())
    }

    fn name(&self, name: &str) -> Option<Name> {
        self.value(name).map(Name::new)
    }

    fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.value(name)?).ok()?.parse().ok()
    }

    fn id(&self, name: &str) -> Option<EntryId> {
        EntryId::parse(self.value(name)?).ok()
    }

    fn outcome(&self) -> Option<(EntryId, Outcome)> {
        let outcome = Outcome {
            exit_code: u8::try_from(self.number("exit")?).ok()?,
            done: self.number("done"),
            snapshot: self.id("snapshot"),
        };
        Some((self.id("of")?, outcome))
    }

    fn row(&self, id: EntryId, outcome: Option<Outcome>) -> Option<AuditRow> {
        Some(AuditRow {
            id,
            time: Time::from_ms(id.ms),
            user: self.name("user"),
            host: self.name("host"),
            pid: self.number("pid"),
            command: self.name("command")?,
            stream: self.name("stream"),
            group: self.name("group"),
            planned: self.number("planned"),
            done: outcome.and_then(|it| it.done),
            ended: outcome.map_or(Ended::Open, |it| ended(it.exit_code)),
            exit_code: outcome.map(|it| it.exit_code.into()),
            snapshot: outcome.and_then(|it| it.snapshot),
        })
    }
}

/// What an exit code says of the change.
const fn ended(exit_code: u8) -> Ended {
    match exit_code {
        0 | 9 => Ended::Done,
        7 => Ended::Part,
        2 | 3 | 6 => Ended::Nothing,
        130 | 143 => Ended::Stopped,
        _ => Ended::Failed,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry of the audit stream with these fields.
    pub(in crate::streams) fn entry(ms: u64, fields: &[(&str, &str)]) -> Entry {
        let pair =
            |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Entry {
            id: EntryId::new(ms, 0),
            fields: fields.iter().map(pair).collect(),
        }
    }

    #[test]
    fn an_intent_is_joined_with_its_outcome() {
        let audit = Audit::of(&[
            entry(4, &[("phase", "intent"), ("command", "ack")]),
            entry(
                3,
                &[
                    ("phase", "outcome"),
                    ("of", "1-0"),
                    ("exit", "7"),
                    ("done", "5"),
                    ("snapshot", "2-0"),
                ],
            ),
            entry(
                1,
                &[("phase", "intent"), ("command", "claim"), ("planned", "9")],
            ),
        ]);
        let [open, part] = &audit.rows[..] else {
            panic!("two rows");
        };
        assert_eq!((open.ended, open.exit_code), (Ended::Open, None));
        assert_eq!(
            (part.ended, part.done, part.planned),
            (Ended::Part, Some(5), Some(9))
        );
        assert_eq!(part.snapshot, Some(EntryId::new(2, 0)));
        assert_eq!(audit.foreign, 0);
    }

    #[test]
    fn what_others_wrote_is_counted_and_makes_no_record() {
        let audit = Audit::of(&[
            entry(9, &[("phase", "outcome"), ("of", "99-0"), ("exit", "0")]),
            entry(8, &[("phase", "outcome"), ("of", "1-0"), ("exit", "4000")]),
            entry(7, &[("phase", "intent")]),
            entry(6, &[("a", "b")]),
            entry(5, &[]),
        ]);
        assert_eq!((audit.rows.len(), audit.foreign), (0, 5));
    }
}
