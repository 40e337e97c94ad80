//! The entries, or dead letters, that a change is planned for, and those it leaves out. They can be many, so they are
//! kept in a spool.

use std::time::Duration;

use anyhow::Result;

use super::plan::Tally;
use super::repaired::{Outcome, Repaired, Subject};
use super::select::{PendingSelector, select};
use super::spool::{Rows, Spool};
use super::target::Target;
use crate::model::{PlanFacts, Problem, entries, with_commas};
use crate::wire::Connection;

/// How many consumers a summary names; the others are counted together.
const HOLDERS_MAX: usize = 5;

/// Entries that an operation is to change, as they were when they were looked at, and those it leaves out.
#[derive(Debug, Default)]
pub struct Chosen {
    subjects: Spool<Subject>,
    left_out: Spool<Repaired>,
    tally: Tally,
    /// What all that are planned have in common, if there is more to say.
    detail: Option<String>,
    /// Whether more would have matched.
    pub has_more: bool,
}

impl Chosen {
    /// Finds pending entries: those that `which` selects and that have been idle for at least `idle_min`.
    ///
    /// # Errors
    /// Not found when the group does not exist; errors of the server; local when the list cannot be kept.
    pub async fn find(
        connection: &Connection,
        target: &Target,
        which: &PendingSelector,
        idle_min: Duration,
    ) -> Result<Self> {
        let mut chosen = Self::default();
        let selected = select(connection, target, which, |entry| {
            let subject = Subject::from(entry);
            if !subject.is_idle(idle_min) {
                return chosen.leave_out(&subject.row(Outcome::Fresh));
            }
            chosen.add(&subject)
        })
        .await?;
        for id in selected.not_pending {
            chosen.leave_out(&Repaired::unseen(id, Outcome::NotPending))?;
        }
        chosen.has_more = selected.has_more;
        Ok(chosen)
    }

    /// Adds one that is to be changed.
    ///
    /// # Errors
    /// Local when it cannot be kept.
    pub(super) fn add(&mut self, subject: &Subject) -> Result<(), Problem> {
        self.tally.add(subject);
        self.subjects.add(subject)
    }

    /// Adds one that was requested and is not to be changed.
    ///
    /// # Errors
    /// Local when it cannot be kept.
    pub(super) fn leave_out(&mut self, row: &Repaired) -> Result<(), Problem> {
        self.left_out.add(row)
    }

    /// Has these, and no others, left out.
    ///
    /// # Errors
    /// Local when they cannot be kept.
    pub(super) fn leave_out_only(&mut self, rows: &[Repaired]) -> Result<(), Problem> {
        self.left_out = Spool::default();
        rows.iter().try_for_each(|row| self.left_out.add(row))
    }

    /// The same, with this to say about each that is planned.
    #[must_use]
    pub fn telling(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }

    /// How many are to be changed.
    pub const fn count(&self) -> u64 {
        self.subjects.len()
    }

    /// Those that are to be changed.
    ///
    /// # Errors
    /// Local when they cannot be read.
    pub(super) fn subjects(&mut self) -> Result<Rows<'_, Subject>, Problem> {
        self.subjects.rows()
    }

    /// Those that are not to be changed.
    ///
    /// # Errors
    /// Local when they cannot be read.
    pub(super) fn left_out(&mut self) -> Result<Rows<'_, Repaired>, Problem> {
        self.left_out.rows()
    }

    /// Those that are to be changed, and then those that are not.
    ///
    /// # Errors
    /// Local when they cannot be read.
    pub(super) fn all(&mut self) -> Result<(Rows<'_, Subject>, Rows<'_, Repaired>), Problem> {
        Ok((self.subjects.rows()?, self.left_out.rows()?))
    }

    /// What would happen to each.
    ///
    /// # Errors
    /// Local when they cannot be read.
    pub fn preview(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<Repaired, Problem>> + '_, Problem> {
        let detail = &self.detail;
        let planned = self.subjects.rows()?.map(move |subject| {
            Ok(Repaired {
                detail: detail.clone(),
                ..subject?.row(Outcome::Planned)
            })
        });
        Ok(planned.chain(self.left_out.rows()?))
    }

    /// `facts` with how many are planned, the oldest of them, and their holders.
    pub(super) fn facts(&self, facts: PlanFacts) -> PlanFacts {
        self.tally.facts(PlanFacts {
            left_out: self.left_out.len(),
            has_more: self.has_more,
            ..facts
        })
    }

    /// `3 entries (2 of c1, 1 of c2)`.
    pub fn summary(&self) -> String {
        let held = self.tally.by_name().map(|it| match &it.consumer {
            Some(name) => format!("{} of {name}", with_commas(it.entries)),
            None => format!("{} without a consumer", with_commas(it.entries)),
        });
        let mut parts: Vec<String> = held.collect();
        if parts.len() > HOLDERS_MAX {
            let more = parts.len() - (HOLDERS_MAX - 1);
            parts.truncate(HOLDERS_MAX - 1);
            parts.push(format!("the rest of {more} other consumers"));
        }
        format!("{} ({})", entries(self.count()), parts.join(", "))
    }
}
