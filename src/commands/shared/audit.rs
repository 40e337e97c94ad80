//! The audit records of a command: an intent when consent was given, and an outcome when it has ended.

use anyhow::Result;

use super::context::Context;
use crate::exit::{Exit, classify};
use crate::model::{EntryId, PlanFacts};
use crate::streams::audit::{Audited, Intent, Outcome, begin, end};

impl Context {
    /// Records that the change of this plan begins. What cannot be recorded is a warning, and nothing more.
    pub(in crate::commands) async fn audit_begins(&self, facts: &PlanFacts) {
        let Ok(Some(stream)) = self.topology().map(|it| it.audit.clone()) else {
            return;
        };
        let intent = Intent {
            user: &self.settings.operator.user,
            host: &self.settings.operator.host,
            command: &self.command,
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
            }
            Err(error) => self.console.warn(&format!(
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

    /// Records how the change ended that began last, if any did.
    pub(in crate::commands) async fn audit_ends(&self, ended: &Result<Exit>) {
        let Some(audited) = self.audited.borrow_mut().take() else {
            return;
        };
        let exit = match ended {
            Ok(exit) => *exit,
            Err(error) => classify(error),
        };
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
        if let Err(error) = recorded.await {
            self.console.warn(&format!(
                "how this ended is not recorded in the audit stream `{}`: {error:#}",
                audited.stream
            ));
        }
    }
}
