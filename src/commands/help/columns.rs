//! The columns that `--columns` takes, by command: those of its tables, or of the entries that it prints.

use crate::commands::context::{ContextRow, Details};
use crate::commands::dev::DevServer;
use crate::commands::worker::{PlanRow, WorkerRow};
use crate::demo::{GroupProof, StreamProof};
use crate::streams::backlog::GroupLag;
use crate::streams::consumers::{Member, Removal};
use crate::streams::dead_letters::DeadLetter;
use crate::streams::drift::DriftRow;
use crate::streams::groups::{Created, Deletion, Listed, Shift};
use crate::streams::ingest::{Ingested, WouldIngest};
use crate::streams::init::InitRow;
use crate::streams::inspect::{GroupReport, StreamReport};
use crate::streams::losses::Acceptance;
use crate::streams::pending::{Cluster, Holding, PendingRow};
use crate::streams::permissions::Permission;
use crate::streams::ping::Ping;
use crate::streams::publish::{Published, WouldPublish};
use crate::view::{Changed, Column, Row};

/// What a command prints.
#[derive(Clone, Copy, Debug)]
pub(super) enum Printed {
    /// Tables with these columns, of which `--columns` picks one.
    Tables(&'static [&'static [Column]]),
    /// Entries: their fields are columns too.
    Entries,
}

/// What an entry has besides its fields.
pub(super) const OF_ENTRIES: [&str; 3] = ["stream", "id", "time"];

/// What the command that `words` name prints; what is below a command prints what it does, unless it has a row itself.
pub(super) fn of(words: &str, is_rehearsal: bool) -> Option<Printed> {
    let first = words.split(' ').next()?;
    if ["tail", "read", "get", "consume"].contains(&first) {
        return Some(Printed::Entries);
    }
    let plan = PLANS
        .iter()
        .find(|(name, _)| is_rehearsal && *name == first);
    let find = |words: &str| TABLES.iter().find(|(name, _)| *name == words);
    let row = plan.or_else(|| find(words)).or_else(|| find(first));
    row.map(|(_, tables)| Printed::Tables(tables))
}

/// Tables by the words of their command.
type Tables = &'static [(&'static str, &'static [&'static [Column]])];

/// As [`TABLES`], of what would be done, where that is another table.
const PLANS: Tables = &[
    ("publish", &[WouldPublish::COLUMNS]),
    ("ingest", &[WouldIngest::COLUMNS]),
    ("worker", &[PlanRow::COLUMNS]),
];

const TABLES: Tables = &[
    ("ack", CHANGED),
    ("claim", CHANGED),
    ("requeue", CHANGED),
    ("acl", &[Permission::COLUMNS]),
    (
        "demo",
        &[
            StreamReport::COLUMNS,
            GroupReport::COLUMNS,
            Member::COLUMNS,
            GroupProof::COLUMNS,
            StreamProof::COLUMNS,
        ],
    ),
    ("dev", &[DevServer::COLUMNS]),
    ("ping", PING),
    ("init", &[InitRow::COLUMNS]),
    ("publish", &[Published::COLUMNS]),
    ("ingest", &[Ingested::COLUMNS]),
    (
        "info",
        &[StreamReport::COLUMNS, GroupReport::COLUMNS, Member::COLUMNS],
    ),
    ("lag", &[GroupLag::COLUMNS]),
    (
        "pending",
        &[PendingRow::COLUMNS, Holding::COLUMNS, Cluster::COLUMNS],
    ),
    ("worker run", &[WorkerRow::COLUMNS]),
    ("topology check", &[DriftRow::COLUMNS]),
    ("context list", &[ContextRow::COLUMNS]),
    ("context show", &[Details::COLUMNS]),
    ("context check", PING),
    ("dlq list", DEAD),
    ("dlq show", DEAD),
    ("dlq add", CHANGED),
    ("dlq redrive", CHANGED),
    ("dlq purge", CHANGED),
    ("groups", &[Listed::COLUMNS]),
    ("groups create", &[Created::COLUMNS]),
    ("groups set-id", &[Shift::COLUMNS]),
    ("groups accept-loss", &[Acceptance::COLUMNS]),
    ("groups delete", &[Deletion::COLUMNS]),
    ("consumers", &[Member::COLUMNS]),
    ("consumers delete", &[Removal::COLUMNS]),
    ("consumers prune", &[Removal::COLUMNS]),
];

const CHANGED: &[&[Column]] = &[Changed::COLUMNS];
const DEAD: &[&[Column]] = &[DeadLetter::COLUMNS];
const PING: &[&[Column]] = &[Ping::COLUMNS];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::help::{describe, shapes};
    use crate::commands::tree;

    #[test]
    fn every_command_with_a_shape_has_its_columns_and_they_are_keys_of_it() {
        for (path, _) in describe::shown(&tree()) {
            let words = path[1..].join(" ");
            // A file, and never a table of it.
            let Some(shape) = shapes::of(&words).filter(|_| words != "topology show") else {
                continue;
            };
            let printed = of(&words, false).unwrap_or_else(|| panic!("{words} has no columns"));
            let keys = match printed {
                Printed::Entries => OF_ENTRIES.to_vec(),
                Printed::Tables(tables) => {
                    let columns = tables.iter().copied().flatten();
                    columns.map(|column| column.key).collect()
                }
            };
            for key in keys {
                let is_known = ["\"", "?\""].iter().any(|end| {
                    let key = format!("\"{key}{end}:");
                    shape.contains(&key)
                });
                assert!(is_known, "{words} prints no `{key}`");
            }
        }
    }
}
