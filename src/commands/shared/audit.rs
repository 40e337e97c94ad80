//! The audit records of a command: an intent when consent was given, and an outcome when it has ended.

use super::context::Context;
use crate::exit::Exit;
use crate::model::{EntryId, PlanFacts};
use crate::streams::audit::{Audited, Intent, Outcome, begin, end};

impl Context {
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
