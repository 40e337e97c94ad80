//! What a run does about entries that MAXLEN would take from a group: warn, refuse or keep, as the stream's `on_full`
//! says.

use anyhow::Result;

use super::context::Context;
use crate::model::Problem;
use crate::streams::publish::cut::{Harm, Look};
use crate::topology::{OnFull, StreamSpec};
use crate::wire::Connection;

/// A look at a stream before entries are added to it.
pub(in crate::commands) struct Retention<'s> {
    spec: &'s StreamSpec,
    /// The limit to publish with: none where the stream is to grow instead.
    pub(in crate::commands) maxlen: Option<u64>,
    before: Option<Look>,
}

impl<'s> Retention<'s> {
    /// Looks whether adding `entries` with a cut at `maxlen` could take what a group has not processed.
    ///
    /// # Errors
    /// Refused, when it would and the stream's `on_full` says so.
    pub(in crate::commands) async fn look(
        connection: &Connection,
        spec: &'s StreamSpec,
        maxlen: Option<u64>,
        entries: u64,
        context: &Context,
    ) -> Result<Self> {
        let mut retention = Self {
            spec,
            maxlen,
            before: None,
        };
        let Some(maxlen) = maxlen else {
            return Ok(retention);
        };
        let look = Look::at(connection, &spec.name).await;
        let Some(look) = look.filter(|look| look.may_cut(entries, maxlen)) else {
            return Ok(retention);
        };
        if spec.on_full == OnFull::Warn {
            retention.before = Some(look);
            return Ok(retention);
        }
        let harm = look.would_take(connection, entries, maxlen).await;
        if harm.is_empty() {
            return Ok(retention);
        }
        let texts = texts(spec, &harm, maxlen, "would cut");
        if spec.on_full == OnFull::Refuse {
            return Err(
                Problem::refused(format!("{}\nnothing was sent", texts.join("\n")))
                    .hint("let the group catch up, or let the stream grow (on_full, or publish --maxlen none)")
                    .into(),
            );
        }
        for text in texts {
            context
                .console
                .warn(&format!("{text}; published without the cut"));
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
