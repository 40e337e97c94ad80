//! Prints the plan of a dry run on standard output: one document in JSON, the rows in any other format.

use anyhow::Result;

use super::context::Context;
use super::typed::Pinned;
use crate::cli::DryRun;
use crate::model::{Consent, Impact, Limit, Plan, PlanFacts, Problem, Row};

impl Context {
    /// The refusal that a JSON plan must contain, because the rows alone would look like what would be done.
    ///
    /// # Errors
    /// The refusal itself, in every other case.
    pub(in crate::commands) fn refusal_of(
        &self,
        dry_run: DryRun,
        checked: Result<(), Problem>,
    ) -> Result<Option<Problem>, Problem> {
        match checked {
            Err(refusal) if self.is_rehearsal(dry_run) && self.console.shows_plans() => {
                Ok(Some(refusal))
            }
            checked => checked.map(|()| None),
        }
    }

    /// What an operation would do, with the server it was planned for and the command that carries it out. Arguments
    /// in `pinned` replace what was typed.
    ///
    /// # Errors
    /// As [`Context::dialer`].
    pub(in crate::commands) fn plan(&self, facts: PlanFacts, pinned: &[Pinned]) -> Result<Plan> {
        let does_something = facts.count > 0 && facts.refusal.is_none();
        Ok(Plan {
            operation: self.command.clone(),
            impact: self.impact.unwrap_or(Impact::Destructive),
            server: self.dialer()?.endpoint().to_string(),
            facts,
            command: does_something.then(|| self.typed.again(pinned).to_string()),
        })
    }

    /// Shows a plan, with at most this many rows.
    ///
    /// # Errors
    /// As [`Console::show`](crate::console::Console::show).
    pub(in crate::commands) fn show_plan<R: Row>(
        &self,
        facts: PlanFacts,
        rows: &[R],
        limit: Limit,
    ) -> Result<()> {
        if self.console.show_plan(self.plan(facts, &[])?, rows)? {
            return Ok(());
        }
        self.console.show(rows, limit)
    }

    /// Shows a plan that has one row.
    ///
    /// # Errors
    /// As [`Context::show_plan`].
    pub(in crate::commands) fn show_plan_of<R: Row>(
        &self,
        facts: PlanFacts,
        pinned: &[Pinned],
        row: &R,
    ) -> Result<()> {
        let plan = self.plan(facts, pinned)?;
        if self.console.show_plan(plan, [row])? {
            return Ok(());
        }
        self.console.show_one(row)
    }

    /// Whether to do what the plan says. A dry run shows the plan with `row` and ends (`None`). A refusal ends both a
    /// dry run and a real one; otherwise consent is asked for.
    ///
    /// # Errors
    /// `refusal`; as [`Context::consent`].
    pub(in crate::commands) async fn agreed<R: Row>(
        &self,
        is_rehearsal: bool,
        (facts, pinned): (PlanFacts, &[Pinned]),
        row: &R,
        refusal: Option<Problem>,
    ) -> Result<Option<Consent>> {
        let summary = facts.summary.clone();
        if is_rehearsal {
            let refusal = refusal.as_ref().map(|it| it.message.clone());
            let facts = PlanFacts {
                refusal,
                ..facts.clone()
            };
            self.show_plan_of(facts, pinned, row)?;
            self.rehearsed(&summary);
        }
        match refusal {
            Some(refusal) => Err(refusal.into()),
            None if is_rehearsal => Ok(None),
            None => self.consent(&facts, "").await.map(Some),
        }
    }
}
