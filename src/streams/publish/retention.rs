//! What is done about entries that MAXLEN would trim before a group has processed them: warn, refuse, or let the
//! stream grow, as the stream's `on_full` says.

use super::cut::{Harm, Snapshot};
use crate::model::Problem;
use crate::topology::{OnFull, StreamSpec};
use crate::wire::Connection;

/// The entries that are about to be added to a stream.
#[derive(Clone, Copy, Debug)]
pub struct PlannedAppend<'s> {
    /// The stream.
    pub spec: &'s StreamSpec,
    /// The length that MAXLEN would trim the stream to.
    pub maxlen: Option<u64>,
    /// The number of entries.
    pub entries: u64,
    /// The option with which the user can let the stream grow, if the command has one.
    pub flag: Option<&'static str>,
}

/// What a dry run can say about the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The limit to publish with; none when the stream would be allowed to grow instead.
    pub maxlen: Option<u64>,
    /// What trimming may remove, a sentence for each group.
    pub warnings: Vec<String>,
}

/// The observation of a stream before entries are added to it.
#[derive(Clone, Debug)]
pub struct Retention<'s> {
    spec: &'s StreamSpec,
    /// The limit to publish with; none when the stream is allowed to grow instead.
    pub maxlen: Option<u64>,
    /// Why the stream is allowed to grow, a sentence for each group.
    pub warnings: Vec<String>,
    before: Option<Snapshot>,
}

impl<'s> PlannedAppend<'s> {
    /// Whether trimming could remove entries that a group has not processed.
    async fn may_cut(&self, connection: &Connection) -> Option<(Snapshot, u64)> {
        let maxlen = self.maxlen?;
        let look = Snapshot::at(connection, &self.spec.name).await?;
        look.may_cut(self.entries, maxlen).then_some((look, maxlen))
    }

    /// What would be decided about trimming. Changes nothing.
    ///
    /// # Errors
    /// As [`PlannedAppend::look`].
    pub async fn rehearse(self, connection: &Connection) -> Result<Rehearsed, Problem> {
        let unharmed = Rehearsed {
            maxlen: self.maxlen,
            warnings: Vec::new(),
        };
        let Some((look, maxlen)) = self.may_cut(connection).await else {
            return Ok(unharmed);
        };
        let harm = look.would_take(connection, self.entries, maxlen).await;
        let (verb, then, limit) = match self.spec.on_full {
            _ if harm.is_empty() => return Ok(unharmed),
            OnFull::Refuse => return Err(self.refusal(&harm, maxlen)),
            OnFull::Keep => (
                "would cut",
                "; it would be published without trimming",
                None,
            ),
            OnFull::Warn => ("may cut", "", self.maxlen),
        };
        Ok(Rehearsed {
            maxlen: limit,
            warnings: texts(self.spec, &harm, maxlen, verb, then),
        })
    }

    /// Checks whether the planned entries could lead to trimming entries that a group has not processed, and decides
    /// accordingly.
    ///
    /// # Errors
    /// Refused when they could and the stream's `on_full` says so.
    pub async fn look(self, connection: &Connection) -> Result<Retention<'s>, Problem> {
        let spec = self.spec;
        let mut retention = Retention {
            spec,
            maxlen: self.maxlen,
            warnings: Vec::new(),
            before: None,
        };
        let Some((look, maxlen)) = self.may_cut(connection).await else {
            return Ok(retention);
        };
        if spec.on_full == OnFull::Warn {
            retention.before = Some(look);
            return Ok(retention);
        }
        let harm = look.would_take(connection, self.entries, maxlen).await;
        if harm.is_empty() {
            return Ok(retention);
        }
        if spec.on_full == OnFull::Refuse {
            return Err(self.refusal(&harm, maxlen));
        }
        let then = "; published without trimming";
        retention.warnings = texts(spec, &harm, maxlen, "would cut", then);
        retention.maxlen = None;
        Ok(retention)
    }

    fn refusal(&self, harm: &[Harm], maxlen: u64) -> Problem {
        let texts = texts(self.spec, harm, maxlen, "would cut", "").join("\n");
        let flag = self.flag.map(|flag| format!("{flag} for this once, or "));
        Problem::refused(format!("{texts}\nnothing was sent")).hint(format!(
            "let the group catch up, or allow the stream to grow: {}on_full = \"keep\" in the topology",
            flag.unwrap_or_default()
        ))
    }
}

impl Retention<'_> {
    /// What was trimmed since the observation, a sentence for each group.
    pub async fn taken(&self, connection: &Connection) -> Vec<String> {
        match (&self.before, self.maxlen) {
            (Some(before), Some(maxlen)) => {
                let harm = before.taken_since(connection).await;
                texts(self.spec, &harm, maxlen, "cut", "")
            }
            _ => Vec::new(),
        }
    }
}

fn texts(spec: &StreamSpec, harm: &[Harm], maxlen: u64, verb: &str, then: &str) -> Vec<String> {
    let text = |harm: &Harm| format!("{}{then}", harm.text(spec, maxlen, verb));
    harm.iter().map(text).collect()
}
