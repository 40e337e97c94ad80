//! Rules about streams.

use super::{Finding, Rule, Scope, Severity};
use crate::model::CommandLine;
use crate::streams::inspect::StreamState;

/// The key of a stream holds something else.
pub(super) static OTHER_TYPE: Rule = Rule {
    id: "not_a_stream",
    why: "Publishers and workers fail with WRONGTYPE until the key is moved away.",
    check: other_type,
};

fn other_type(scope: &Scope<'_>) -> Vec<Finding> {
    let others = scope.observation.streams.iter();
    let others = others.filter(|it| it.state == StreamState::OtherType);
    let finding = |name: &crate::model::Name| Finding {
        severity: Severity::Critical,
        rule: OTHER_TYPE.id,
        group: None,
        stream: Some(name.clone()),
        summary: format!("the key `{name}` is not a stream"),
        why: OTHER_TYPE.why,
        evidence: Vec::new(),
        next: CommandLine::new("info").arg(name).to_string(),
    };
    others.map(|it| finding(&it.stream)).collect()
}
