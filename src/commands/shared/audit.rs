//! The audit records of a command: an intent when consent was given, and an outcome when it has ended.

use super::context::Context;
use crate::exit::Exit;
use crate::model::{CommandLine, EntryId, PlanFacts, Problem, Time};
use crate::streams::audit::{AuditRow, Audited, Ended, Intent, Outcome, begin, end};

impl Context {
    /// The command that undoes the change of a record, if it took a snapshot and that is kept here.
    ///
    /// # Errors
    /// Local when the snapshots cannot be listed.
    pub(in crate::commands) fn undo_of(
        &self,
        row: &AuditRow,
    ) -> Result<Option<CommandLine>, Problem> {
        let Some(id) = row.snapshot.filter(|_| row.ended != Ended::Nothing) else {
            return Ok(None);
        };
        let kept = self.snapshots()?.list()?;
        let is_kept = kept.iter().any(|it| it.id == id);
        Ok(is_kept.then(|| CommandLine::new("undo").arg(id.to_string())))
    }

    /// Whether people look, and want to know of the last change.
    pub(in crate::commands) fn tells_last_change(&self) -> bool {
        let options = self.console.options();
        options.terminal && !options.names && !self.console.is_quiet()
    }

    /// Says which change was the last one, of these from the newest to the oldest, and how it is undone.
    pub(in crate::commands) fn tell_last_change(&self, rows: &[AuditRow]) {
        let Some(last) = rows.first() else { return };
        let told = last.told(Time::now(), self.offered_undo(last).as_ref());
        self.console.note(&format!("last change: {told}"));
    }

    /// As [`Context::undo_of`]; where no snapshot can be listed, none is offered.
    pub(in crate::commands) fn offered_undo(&self, row: &AuditRow) -> Option<CommandLine> {
        self.undo_of(row).ok().flatten()
    }

    /// Records that `command` begins the change of this plan. Returns a warning when it cannot be recorded.
    pub(in crate::commands) async fn audit_begins(
        &self,
        command: &str,
        facts: &PlanFacts,
    ) -> Option<String> {
        let stream = self.topology().ok()?.audit.clone()?;
        let intent = Intent {
            user: &self.settings.operator.user,
            host: &self.settings.operator.host,
            command,
            stream: facts.stream.as_ref(),
            group: facts.group.as_ref(),
            planned: facts.count,
        };
        let recorded = async {
            let connection = self.connected().await?;
            Ok::<_, anyhow::Error>(begin(&connection, &stream, &intent).await?)
        };
        match recorded.await {
            Ok(intent) => {
                *self.audited.borrow_mut() = Some(Audited {
                    stream,
                    intent,
                    outcome: Outcome::default(),
                });
                None
            }
            Err(error) => Some(format!(
                "this is not recorded in the audit stream `{stream}`: {error:#}"
            )),
        }
    }

    /// Keeps for the record how many were changed, and the snapshot from which that can be undone.
    pub(in crate::commands) fn audit_done(&self, done: Option<u64>, snapshot: Option<EntryId>) {
        if let Some(audited) = &mut *self.audited.borrow_mut() {
            let outcome = &mut audited.outcome;
            outcome.done = done.or(outcome.done);
            outcome.snapshot = snapshot.or(outcome.snapshot);
        }
    }

    /// Records how the change ended that began last, if any did. Returns a warning when it cannot be recorded.
    pub(in crate::commands) async fn audit_ends(&self, exit: Exit) -> Option<String> {
        let audited = self.audited.borrow_mut().take()?;
        let audited = Audited {
            outcome: Outcome {
                exit_code: exit.code(),
                ..audited.outcome
            },
            ..audited
        };
        let recorded = async {
            let connection = self.connected().await?;
            end(&connection, &audited).await?;
            Ok::<_, anyhow::Error>(())
        };
        let error = recorded.await.err()?;
        Some(format!(
            "how this ended is not recorded in the audit stream `{}`: {error:#}",
            audited.stream
        ))
    }
}
