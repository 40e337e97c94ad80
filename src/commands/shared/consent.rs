//! Asks for consent to a plan, and names the server in the question.

use anyhow::Result;

use super::context::Context;
use crate::model::{Consent, PlanFacts, Problem};
use crate::settings::{Listening, Protected};
use crate::streams::server::about;

impl Context {
    /// Consent to the plan of these facts, and to `details`, on the server that the settings name. Then the change is
    /// recorded as begun.
    ///
    /// # Errors
    /// As [`Console::confirm`](crate::console::Console::confirm); when the server cannot be reached.
    pub(in crate::commands) async fn consent(
        &self,
        facts: &PlanFacts,
        details: &str,
    ) -> Result<Consent> {
        let plan = format!("{}{details}", facts.summary);
        let server = self.dialer()?.endpoint().to_string();
        let protected = self.protected().await?;
        let between = if plan.contains('\n') { '\n' } else { ' ' };
        let plan = format!("{plan}{between}on {server}");
        let consent = self.console.confirm(&plan, protected.as_ref())?;
        self.warn_each(self.audit_begins(&self.command, facts).await);
        Ok(consent)
    }

    /// The production context of the server, if it is that of one.
    ///
    /// # Errors
    /// As [`Context::dialer`].
    pub(in crate::commands) async fn protected(&self) -> Result<Option<Protected>> {
        let listening = self.listening().await?;
        Ok(self.settings.guard.protected(listening.as_ref()))
    }

    /// Consent to a plan that was shown on a full screen with its server, by what was typed there.
    ///
    /// # Errors
    /// Refused when that is not consent.
    pub(in crate::commands) async fn consent_typed(
        &self,
        plan: &str,
        typed: &str,
    ) -> Result<Consent, Problem> {
        // Where the server cannot be asked, it is taken for a production server.
        let listening = self.listening().await.ok().flatten();
        let protected = self.settings.guard.protected(listening.as_ref());
        self.console.confirm_typed(plan, typed, protected.as_ref())
    }

    /// Where the server listens, if that decides whether it is a production server; `None` also when the server does
    /// not say.
    async fn listening(&self) -> Result<Option<Listening>> {
        if !self.settings.guard.is_unsure() {
            return Ok(None);
        }
        match about(&self.connect().await?).await {
            Ok(lines) => Ok(Some(Listening::of(&lines))),
            Err(error) => {
                self.console.warn(&format!(
                    "cannot tell whether this is a production server, so it is treated as one: {error}"
                ));
                Ok(None)
            }
        }
    }
}
