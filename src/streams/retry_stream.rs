//! A group's retry stream, `{S}:retry:<group>`: what only this group is to handle again. Its workers read it beside the
//! stream, so the stream's other groups do not see a copy that `requeue` and `dlq redrive` make there. What is handled
//! there is deleted with its acknowledgement, so everything in it still waits.

use anyhow::Result;

use super::policy::Published;
use super::repaired::{Outcome, Repaired};
use super::target::Target;
use crate::model::{Name, Problem};
use crate::topology::{Topology, retry_key};
use crate::wire::{Connection, Destination, allowed, xinfo_consumers};

/// The way that copies of entries take back to the workers of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// To the end of the stream, which must have no other group.
    #[default]
    OneGroup,
    /// To the end of the stream, where all groups see them.
    AllGroups,
    /// To the group's retry stream.
    RetryStream,
}

impl Route {
    /// The way that the options of a command name.
    pub const fn of(all_groups_see_it: bool, via_retry_stream: bool) -> Self {
        match (via_retry_stream, all_groups_see_it) {
            (true, _) => Self::RetryStream,
            (_, true) => Self::AllGroups,
            _ => Self::OneGroup,
        }
    }

    /// The option of a command that names this way, if it takes one.
    pub const fn option(self) -> Option<&'static str> {
        match self {
            Self::OneGroup => None,
            Self::AllGroups => Some("--all-groups-see-it"),
            Self::RetryStream => Some("--via-retry-stream"),
        }
    }

    /// The stream to which entries of `target` are copied.
    pub fn to(self, target: &Target) -> Name {
        match self {
            Self::RetryStream if target.home().is_none() => {
                retry_key(&target.stream, &target.group)
            }
            _ => target.stream.clone(),
        }
    }

    /// The destination `to` of a copy.
    pub(super) const fn destination(self, to: &Name) -> Destination<'_> {
        match self {
            Self::OneGroup => Destination::OneGroup(to),
            Self::AllGroups => Destination::AllGroups(to),
            Self::RetryStream => Destination::RetryStream(to),
        }
    }

    /// The groups besides the one that is meant that see the copies, where the stream has these `others`.
    pub fn seen_by(self, others: Vec<Name>) -> Vec<Name> {
        match self {
            Self::RetryStream => Vec::new(),
            _ => others,
        }
    }

    /// `what` is copied, with the stream that it goes to, if that is a retry stream.
    pub fn summary(self, what: String, to: &Name) -> String {
        match self {
            Self::RetryStream => format!("{what} via retry stream `{to}`"),
            _ => what,
        }
    }

    /// The stream where the copies are, in words, if that is not the entries' own.
    pub fn detail(self, to: &Name) -> Option<String> {
        (self == Self::RetryStream).then(|| format!("to `{to}`"))
    }

    /// `row` with the stream where the copy is, if that is not the entry's own.
    pub fn told(self, row: Repaired, to: &Name) -> Repaired {
        match (self.detail(to), row.outcome) {
            (Some(detail), Outcome::Requeued | Outcome::Redriven) => Repaired {
                detail: Some(detail),
                ..row
            },
            _ => row,
        }
    }
}

/// Makes sure that a live worker of the group reads its retry stream, unless `is_forced`.
///
/// # Errors
/// Refused when none does, or when the user may not look. Errors of the server.
pub async fn must_be_read(
    connection: &Connection,
    target: &Target,
    topology: &Topology,
    is_forced: bool,
) -> Result<Result<(), Problem>> {
    if is_forced {
        return Ok(Ok(()));
    }
    let at_home = target.at_home();
    let (published, consumers) = tokio::join!(
        Published::look(connection, &at_home.stream, &at_home.group),
        connection.run(xinfo_consumers(&at_home.stream, &at_home.group)),
    );
    let (published, consumers) = (published?, allowed(consumers)?);
    let (Some(published), Some(consumers)) = (published, consumers) else {
        return Ok(Err(Problem::refused(format!(
            "this user may not see whether a live worker of {at_home} reads its retry stream"
        ))
        .hint("--force copies the entries there anyway")));
    };
    if published.reads_retries(&consumers) {
        return Ok(Ok(()));
    }
    let retries = retry_key(&at_home.stream, &at_home.group);
    let start = at_home.worker(topology).map_or_else(
        || "start one with `worker run`".to_owned(),
        |line| format!("start one with `{line}`"),
    );
    Ok(Err(Problem::refused(format!(
        "no live worker of {at_home} reads its retry stream `{retries}`: the entries would wait there"
    ))
    .hint(format!(
        "{start}; --force copies the entries there anyway"
    ))))
}
