//! The plan to delete consumers: as data, in a sentence, and with the reasons for refusing it.

use std::time::Duration;

use anyhow::Result;

use super::super::chosen::Chosen;
use super::super::plan;
use super::super::repaired::Subject;
use super::super::select::{Criteria, Pager};
use super::super::target::Target;
use super::{Fate, Member, RemovalPlan};
use crate::model::{
    EntryId, GroupInfo, Lag, PendingEntry, PlanFacts, PlanHolder, Problem, counted, entries,
    format_duration_short,
};
use crate::snapshots::Effect;
use crate::wire::{self, Connection, PendingFilter, xpending_entries};

impl RemovalPlan {
    /// Makes sure that no entry would be lost, and that no entry is handed over that a worker may still have in
    /// flight. When this is not called, the check is made when the plan is carried out.
    ///
    /// # Errors
    /// Refused, with the first ids, when a named consumer has pending entries and no heir is named, and when a live
    /// worker may have the handed-over entries in flight.
    pub fn check(&mut self) -> Result<(), Problem> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    /// The plan as data; `groups` are the groups of the stream when it was made.
    pub fn facts(&self, groups: &[GroupInfo]) -> PlanFacts {
        let count = self.planned().count() as u64;
        let holding = self.planned().filter(|it| it.pending > 0);
        let holder = |it: &Member| PlanHolder {
            consumer: Some(it.consumer.clone()),
            entries: it.pending,
            deliveries_max: None,
            idle_min_ms: None,
        };
        PlanFacts {
            to_consumer: self.heir.as_ref().map(|it| it.to.clone()),
            count,
            left_out: self.rows.len() as u64 - count,
            entries: Some(Lag::Known(self.entries())),
            holders: plan::most_first(holding.map(holder).collect()),
            ..plan::about(
                &self.target,
                plan::seen(groups, &self.target),
                self.summary(),
            )
        }
    }

    /// The oldest entry that would be handed over.
    ///
    /// # Errors
    /// Errors of the server.
    pub async fn oldest(&self, connection: &Connection) -> Result<Option<EntryId>> {
        let Target { stream, group } = &self.target;
        let holding = self.planned().filter(|it| it.pending > 0);
        let first = |it: &Member| {
            let filter = PendingFilter {
                consumer: Some(&it.consumer),
                count_max: 1,
                ..PendingFilter::default()
            };
            xpending_entries(stream, group, &filter)
        };
        let rows = connection.run_all(holding.map(first).collect()).await?;
        let rows: Vec<_> = rows.into_iter().collect::<wire::Result<_>>()?;
        Ok(rows.iter().flatten().map(|it: &PendingEntry| it.id).min())
    }

    /// The consumers that would be deleted.
    pub fn planned(&self) -> impl Iterator<Item = &Member> {
        let planned = self.rows.iter().filter(|it| it.outcome == Fate::Planned);
        planned.map(|it| &it.member)
    }

    /// The change that is to be undone, and what it does to the entries that the planned consumers hold now.
    ///
    /// # Errors
    /// Errors of the server; local when the list cannot be kept.
    pub async fn held(&self, connection: &Connection) -> Result<(Effect, Chosen)> {
        let mut chosen = Chosen::default();
        for member in self.planned() {
            if member.pending == 0 || self.heir.is_none() {
                continue;
            }
            let held = Criteria {
                consumer: Some(member.consumer.clone()),
                ..Criteria::default()
            };
            let mut pager = Pager::new(connection, &self.target, &held);
            while let Some(page) = pager.page().await? {
                for entry in page {
                    chosen.add(&Subject::from(entry))?;
                }
            }
        }
        let effect = Effect::Removed {
            consumers: self.planned().map(|it| it.consumer.clone()).collect(),
            to: self.heir.as_ref().map(|it| it.to.clone()),
        };
        Ok((effect, chosen))
    }

    /// The group.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// What would be done, in a sentence.
    fn summary(&self) -> String {
        let (of, held) = (&self.target, self.entries());
        let handing = self.heir.as_ref().filter(|_| held > 0);
        let handing = handing.map(|it| format!("handing {} to `{}` first", entries(held), it.to));
        let Some(rest) = self.rest else {
            let removal = self.rows.iter().map(|it| {
                let seen = format_duration_short(Duration::from_millis(it.member.idle_ms));
                let handing = match &handing {
                    Some(handing) => handing,
                    None if it.member.pending == 0 => "holding nothing",
                    None => "holding entries",
                };
                let name = &it.member.consumer;
                format!("delete consumer `{name}` of {of} (last seen {seen} ago), {handing}")
            });
            return removal.collect();
        };
        match self.planned().count() {
            0 => match self.nothing_to_prune(rest.least) {
                Ok(nothing) => nothing,
                Err(problem) => problem.message,
            },
            count => {
                let handing = handing.map(|it| format!(", {it}")).unwrap_or_default();
                format!(
                    "delete {} of {of}{handing}",
                    counted(count, "consumer", "consumers")
                )
            }
        }
    }

    /// Explains why none of the consumers that have been idle for `idle_min` would be deleted.
    ///
    /// # Errors
    /// Refused when there are such consumers and all of them have pending entries.
    pub fn nothing_to_prune(&self, idle_min: Duration) -> Result<String, Problem> {
        let (of, away) = (&self.target, format_duration_short(idle_min));
        if self.rows.is_empty() {
            return Ok(format!(
                "nothing to prune in {of}: no consumer has been idle for {away}"
            ));
        }
        Err(Problem::refused(format!(
            "nothing was pruned in {of}: every consumer idle for {away} has pending entries"
        ))
        .hint("hand them over first with --hand-over-to CONSUMER"))
    }

    /// Entries that would be handed over.
    pub fn entries(&self) -> u64 {
        self.planned().map(|it| it.pending).sum()
    }
}
