//! The streams that the handlers of groups write to.

use crate::model::Name;
use crate::platform;
use crate::topology::{Builtin, GroupSpec, Handler, HttpSpec};

/// Where the handler of `group` writes, as far as the topology says.
pub fn outputs(group: &GroupSpec) -> Vec<Name> {
    match &group.handler {
        Some(Handler::Builtin(Builtin::ReviewQueue)) => [platform::REVIEW_QUEUE, platform::MERGES]
            .map(Name::from)
            .into(),
        Some(Handler::Builtin(Builtin::Normalize)) => vec![platform::EVENTS_NORMALIZED.into()],
        Some(Handler::Builtin(Builtin::Forward(stream))) => vec![stream.clone()],
        Some(Handler::Http(HttpSpec {
            results: Some(results),
            ..
        })) => vec![results.clone()],
        _ => Vec::new(),
    }
}
