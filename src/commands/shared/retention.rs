//! What a run does about entries that MAXLEN would take from a group: warn, refuse or keep, as the stream's `on_full`
//! says.

use anyhow::Result;

use super::context::Context;
use crate::model::Problem;
use crate::streams::publish::cut::{Harm, Snapshot};
use crate::topology::{OnFull, StreamSpec};
use crate::wire::Connection;

/// What is about to be added to a stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Coming<'s> {
    /// The stream.
    pub(in crate::commands) spec: &'s StreamSpec,
    /// Where it would be cut.
    pub(in crate::commands) maxlen: Option<u64>,
    /// How many entries come.
    pub(in crate::commands) entries: u64,
    /// How the command itself lets the stream grow.
    pub(in crate::commands) flag: Option<&'static str>,
}

impl Coming<'_> {
    /// Whether a cut could take what a group has not processed.
    async fn may_cut(&self, connection: &Connection) -> Option<(Snapshot, u64)> {
        let maxlen = self.maxlen?;
        let look = Snapshot::at(connection, &self.spec.name).await?;
        look.may_cut(self.entries, maxlen).then_some((look, maxlen))
    }

    /// What a dry run can say: the limit to publish with. Warns of what the cut may take.
    ///
    /// # Errors
    /// As [`Retention::look`].
    pub(in crate::commands) async fn rehearse(
        self,
        connection: &Connection,
        context: &Context,
    ) -> Result<Option<u64>> {
        let Some((look, maxlen)) = self.may_cut(connection).await else {
            return Ok(self.maxlen);
        };
        let harm = look.would_take(connection, self.entries, maxlen).await;
        let (verb, then, limit) = match self.spec.on_full {
            _ if harm.is_empty() => return Ok(self.maxlen),
            OnFull::Refuse => return Err(self.refusal(&harm, maxlen).into()),
            OnFull::Keep => (
                "would cut",
                "; it would be published without trimming",
                None,
            ),
            OnFull::Warn => ("may cut", "", self.maxlen),
        };
        for text in texts(self.spec, &harm, maxlen, verb) {
            context.console.warn(&format!("{text}{then}"));
        }
        Ok(limit)
    }

    fn refusal(&self, harm: &[Harm], maxlen: u64) -> Problem {
        let texts = texts(self.spec, harm, maxlen, "would cut").join("\n");
        let flag = self.flag.map(|flag| format!("{flag} for this once, or "));
        Problem::refused(format!("{texts}\nnothing was sent")).hint(format!(
            "let the group catch up, or allow the stream to grow: {}on_full = \"keep\" in the topology",
            flag.unwrap_or_default()
        ))
    }
}

/// A connection for what a dry run can see only on the server. Where there is none, what was checked without it still
/// holds, and what was not seen is said.
pub(in crate::commands) async fn connect_to_rehearse(context: &Context) -> Option<Connection> {
    match context.connect().await {
        Ok(connection) => Some(connection),
        Err(error) => {
            context.console.warn(&format!(
                "cannot tell whether MAXLEN would trim entries that a group has not processed: {error:#}"
            ));
            None
        }
    }
}

/// A look at a stream before entries are added to it.
pub(in crate::commands) struct Retention<'s> {
    spec: &'s StreamSpec,
    /// The limit to publish with: none where the stream is to grow instead.
    pub(in crate::commands) maxlen: Option<u64>,
    before: Option<Snapshot>,
}

impl<'s> Retention<'s> {
    /// Looks whether what is coming could make a cut that takes what a group has not processed.
    ///
    /// # Errors
    /// Refused, when it would and the stream's `on_full` says so.
    pub(in crate::commands) async fn look(
        connection: &Connection,
        coming: Coming<'s>,
        context: &Context,
    ) -> Result<Self> {
        let spec = coming.spec;
        let mut retention = Self {
            spec,
            maxlen: coming.maxlen,
            before: None,
        };
        let Some((look, maxlen)) = coming.may_cut(connection).await else {
            return Ok(retention);
        };
        if spec.on_full == OnFull::Warn {
            retention.before = Some(look);
            return Ok(retention);
        }
        let harm = look.would_take(connection, coming.entries, maxlen).await;
        if harm.is_empty() {
            return Ok(retention);
        }
        if spec.on_full == OnFull::Refuse {
            return Err(coming.refusal(&harm, maxlen).into());
        }
        for text in texts(spec, &harm, maxlen, "would cut") {
            context
                .console
                .warn(&format!("{text}; published without trimming"));
        }
        retention.maxlen = None;
        Ok(retention)
    }

    /// Warns of what the cut took, once for each group.
    pub(in crate::commands) async fn warn(&self, connection: &Connection, context: &Context) {
        if let (Some(before), Some(maxlen)) = (&self.before, self.maxlen) {
            let harm = before.taken_since(connection).await;
            for text in texts(self.spec, &harm, maxlen, "cut") {
                context.console.warn(&text);
            }
        }
    }
}

fn texts(spec: &StreamSpec, harm: &[Harm], maxlen: u64, verb: &str) -> Vec<String> {
    harm.iter()
        .map(|harm| harm.text(spec, maxlen, verb))
        .collect()
}
