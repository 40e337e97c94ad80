//! Makes pending entries due at once, in place: what nobody live holds may be claimed by any worker, and what waits in the
//! memory of a live one is marked for it in a key at which it looks. What is being handled is left alone.

use std::time::Duration;

use anyhow::Result;

use super::chosen::Chosen;
use super::course::{BATCH, Course};
use super::policy::Published;
use super::repair::Applied;
use super::repaired::{Outcome, Repaired, Subject};
use super::target::Target;
use crate::model::{Consent, ConsumerInfo, Name, Time};
use crate::topology::due_key;
use crate::wire::{Connection, ExpectedPending, MadeDue, allowed, make_due, xinfo_consumers};

/// How long the marks are kept: owners look every few seconds.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// Who holds the entries of a group, and how long they must rest with a live one.
#[derive(Debug)]
pub struct Owners {
    published: Published,
    consumers: Vec<ConsumerInfo>,
    /// The longest claim idle of a live worker; that of the topology where none has published one.
    rest: Duration,
    /// Whether also what a live worker may be handling may be claimed by others.
    is_forced: bool,
}

impl Owners {
    /// Looks who lives, in a group whose claim idle in the topology is `claim_idle`.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn look(
        connection: &Connection,
        target: &Target,
        claim_idle: Duration,
        is_forced: bool,
    ) -> Result<Self> {
        let Target { stream, group } = &target.at_home();
        let (published, consumers) = tokio::join!(
            Published::look(connection, stream, group),
            connection.run(xinfo_consumers(stream, group)),
        );
        let published = published?.unwrap_or_default();
        let consumers = allowed(consumers)?.unwrap_or_default();
        let longest = published.longest(&consumers).map(|it| it.claim_idle);
        Ok(Self {
            rest: longest.unwrap_or(claim_idle),
            published,
            consumers,
            is_forced,
        })
    }

    fn lives(&self, owner: &Name) -> bool {
        let published = self.published.of(owner);
        published.is_some_and(|it| it.is_live(&self.consumers))
    }

    /// How the entry is made due; `None` for one that another program may be handling.
    fn way(&self, entry: &Subject) -> Option<Way> {
        let owner = entry.owner();
        if self.is_forced || owner.is_empty() {
            Some(Way::ForAll)
        } else if self.lives(&owner) {
            Some(Way::ForOwner)
        } else {
            entry.is_idle(self.rest).then_some(Way::ForAll)
        }
    }
}

/// Who may try an entry at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Anybody: nobody can be handling it.
    ForAll,
    /// The live worker that holds it, if it waits there.
    ForOwner,
}

/// Makes the chosen entries due. One that was delivered again since it was looked at is skipped.
pub async fn apply_retry(
    connection: &Connection,
    (target, owners): &(Target, Owners),
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let due = due_key(&target.stream, &target.group);
    let at = Time::now();
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let mut entries = Vec::with_capacity(batch.len());
            for entry in batch {
                match owners.way(entry) {
                    Some(way) => entries.push((entry, way)),
                    None => applied.rows.push(entry.row(Outcome::Fresh)),
                }
            }
            if entries.is_empty() {
                return;
            }
            let asked = entries.iter();
            let asked = asked.map(|(it, way)| (it.expected(), *way == Way::ForAll));
            let asked: Vec<(ExpectedPending, bool)> = asked.collect();
            let keys = (&target.stream, &due);
            let call = make_due(keys, &target.group, (at, KEPT_FOR), &asked);
            match connection.call(call).await {
                Ok(outcomes) => {
                    let rows = entries.iter().zip(outcomes);
                    applied
                        .rows
                        .extend(rows.map(|((it, _), made)| row(it, made)));
                }
                Err(error) => applied.fail(entries.iter().map(|it| it.0), error),
            }
            applied.rows.sort_by_key(|row| row.id);
        },
    )
    .await
}

fn row(entry: &Subject, made: MadeDue) -> Repaired {
    let (outcome, detail) = match made {
        MadeDue::Due => (Outcome::Due, None),
        MadeDue::Asked => (Outcome::Asked, None),
        MadeDue::Moved => (Outcome::Moved, None),
        MadeDue::Gone => (Outcome::Gone, None),
        MadeDue::Ghost => (Outcome::Trimmed, None),
        MadeDue::Full => (
            Outcome::Refused,
            Some("so many are marked for their workers that no more fit; repeat in a minute"),
        ),
    };
    Repaired {
        detail: detail.map(str::to_owned),
        ..entry.row(outcome)
    }
}
