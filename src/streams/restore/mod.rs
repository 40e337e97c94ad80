//! Makes a stream of an archive again: into a temporary key beside it, which gets the stream's name when all of it is there.

mod apply;
mod identity;

use anyhow::Result;

pub use apply::apply_restore;
use identity::Identity;

use crate::archive::{
    Destination, Groups, SegmentRow, SegmentState, newest_groups, stream_meant, verify,
};
use crate::model::{EntryId, Kind, Name, PlanFacts, Problem, counted, entries, report};
use crate::topology::{restoring_key, restoring_of_key};
use crate::wire::{Connection, ErrorKind, get, key_type, xinfo_stream};

/// How many damaged segments an error names.
const NAMED_MAX: usize = 5;

report! {
    /// A stream that is made of an archive.
    #[derive(Clone, Debug)]
    pub struct Restored {
        /// The new stream.
        pub stream: Name => text("STREAM"),
        /// The stream that was archived.
        pub of: Name => text("OF"),
        /// The archive.
        pub archive: String => text("ARCHIVE"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// The entries that the archive has, and that can be read.
        pub entries: u64 => number("ENTRIES"),
        /// Of these, how many an earlier restore that was cut off had added.
        pub resumed: u64 => number("RESUMED", wide),
        /// Entries that cannot be read any more, and are left out.
        pub damaged: u64 => number("DAMAGED"),
        /// The first id in the archive.
        pub first_id: Option<EntryId> => whole("FIRST", wide),
        /// The last id in the archive.
        pub last_id: Option<EntryId> => whole("LAST"),
        /// Whether the entries get new ids.
        pub has_new_ids: bool,
        /// Groups.
        pub groups: u64 => number("GROUPS"),
        /// Entries that are pending in these groups.
        pub pending: u64 => number("PENDING"),
        /// Entries that were pending and are not, because they are not in the archive, or because no consumer held them.
        pub left_out: u64 => number("LEFT OUT", wide),
    }
}

/// What is to be restored.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The stream that was archived; `None` for the only one, or for that of the same name.
    pub of: Option<Name>,
    /// The new stream.
    pub to: Name,
    /// Whether the entries get new ids, without groups.
    pub has_new_ids: bool,
    /// Whether damaged parts are left out.
    pub skips_damaged: bool,
    /// Whether to begin anew where an earlier restore was cut off.
    pub is_anew: bool,
    /// The greatest size of a segment when it is expanded.
    pub expanded_max: u64,
}

/// What a restore would do, and the state it was planned from.
#[derive(Debug)]
pub struct RestorePlan {
    /// What it would do.
    pub row: Restored,
    /// What is damaged.
    pub problems: Vec<String>,
    wanted: Wanted,
    groups: Option<Groups>,
    identity: Identity,
    /// Why the temporary key cannot be used.
    refusal: Option<Problem>,
}

impl RestorePlan {
    /// Why it is refused.
    pub const fn refusal(&mut self) -> Option<Problem> {
        self.refusal.take()
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let row = &self.row;
        let damaged = match row.damaged {
            0 => String::new(),
            damaged => format!(
                ", without {} that cannot be read any more",
                entries(damaged)
            ),
        };
        let groups = match row.groups {
            0 => String::new(),
            groups => format!(" and {}", counted(groups, "group", "groups")),
        };
        let ids = if row.has_new_ids {
            ", with new ids"
        } else {
            ""
        };
        let summary = format!(
            "restore stream `{}` with {}{groups}{ids}{damaged} from the archive in {}",
            row.stream,
            entries(row.entries),
            row.archive
        );
        PlanFacts {
            stream: Some(row.stream.clone()),
            summary,
            count: 1,
            ..PlanFacts::default()
        }
    }
}

/// Reads the archive from end to end, and finds out what would be restored; `told` is given the entries that were read.
/// Changes nothing.
///
/// # Errors
/// Not found when there is nothing to restore; data loss when the archive is damaged, unless that is to be left out; errors
/// of the server and of the destination.
pub async fn plan_restore(
    connection: &Connection,
    destination: &Destination,
    wanted: Wanted,
    told: impl Fn(u64),
) -> Result<RestorePlan> {
    let of = stream_meant(destination, wanted.of.as_ref(), Some(&wanted.to)).await?;
    let rows = verify(destination, Some(&of), wanted.expanded_max, told).await?;
    let problems = problems(&rows);
    if !problems.is_empty() && !wanted.skips_damaged {
        return Err(damaged(destination, &problems).into());
    }
    let damaged = rows.iter().map(SegmentRow::lost).sum();
    let total: u64 = rows.iter().filter_map(|it| it.entries).sum();
    let segments = || rows.iter().filter(|it| it.entries.is_some());
    let (groups, _) = newest_groups(destination, &of, wanted.expanded_max).await?;
    let groups = groups.filter(|_| !wanted.has_new_ids);
    let saved = groups.as_ref().map_or(&[][..], |it| &it.head.groups);
    if total <= damaged && saved.is_empty() {
        let text = format!(
            "the archive in {} has no entry of stream `{of}`",
            destination.shown()
        );
        return Err(Problem::not_found(text).into());
    }
    let row = Restored {
        stream: wanted.to.clone(),
        of: of.clone(),
        archive: destination.shown(),
        is_done: false,
        entries: total - damaged,
        resumed: 0,
        damaged,
        first_id: segments().map(|it| it.first_id).next(),
        last_id: segments().filter_map(|it| it.last_id).next_back(),
        has_new_ids: wanted.has_new_ids,
        groups: saved.len() as u64,
        pending: saved.iter().map(|it| it.pending).sum(),
        left_out: 0,
    };
    let identity = Identity::new(&row, wanted.skips_damaged);
    let mut plan = RestorePlan {
        row,
        problems,
        wanted,
        groups,
        identity,
        refusal: None,
    };
    plan.look(connection).await?;
    Ok(plan)
}

/// What is wrong with each damaged segment.
fn problems(rows: &[SegmentRow]) -> Vec<String> {
    let damaged = rows.iter().filter(|it| it.state == SegmentState::Damaged);
    let told = damaged.map(|row| {
        let why = row.problem.as_deref().unwrap_or_default();
        let ids = row
            .damaged
            .iter()
            .map(|it| format!("{} to {}", it.first_id, it.last_id));
        let ids: Vec<String> = ids.collect();
        let ids = if ids.is_empty() {
            String::new()
        } else {
            format!(" ({})", ids.join(", "))
        };
        format!("{}: {why}{ids}", row.segment)
    });
    told.collect()
}

fn damaged(destination: &Destination, problems: &[String]) -> Problem {
    let named = problems[..problems.len().min(NAMED_MAX)].join("\n");
    let text = format!(
        "the archive in {} is damaged, and nothing was restored:\n{named}",
        destination.shown()
    );
    Problem::new(Kind::DataLoss, text).hint(
        "--skip-damaged restores the rest; `ucp-streams archive verify` lists all that is damaged",
    )
}

impl RestorePlan {
    /// Looks at the keys that would be written.
    async fn look(&mut self, connection: &Connection) -> Result<()> {
        let to = &self.wanted.to;
        if connection.run(key_type(to)).await? != b"none" {
            self.refusal = Some(is_there(to));
            return Ok(());
        }
        let key = restoring_key(to);
        let begun = match connection.run(xinfo_stream(&key)).await {
            Err(error) if error.kind == ErrorKind::NoKey => return Ok(()),
            begun => begun?,
        };
        if self.wanted.is_anew {
            return Ok(());
        }
        let kept = connection.run(get(&restoring_of_key(to))).await?;
        if kept.is_some_and(|it| self.identity.is(&it)) {
            self.row.resumed = begun.length;
            return Ok(());
        }
        let text = format!(
            "`{key}` has what another restore to `{to}` began, of other entries or with other options"
        );
        self.refusal = Some(Problem::refused(text).hint("--anew deletes that and begins anew"));
        Ok(())
    }
}

fn is_there(to: &Name) -> Problem {
    Problem::refused(format!(
        "there is a key `{to}` already, and a restore replaces nothing"
    ))
    .hint("name another stream with --to")
}
