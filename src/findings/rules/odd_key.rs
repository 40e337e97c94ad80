//! A key of this tool holds something else.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a key that belongs to a stream, such as its dead-letter stream, holds another type",
    why: "What is kept there cannot be written: dead letters stay pending, losses are not recorded.",
    remedy: "Find out who writes it, then rename or delete the key.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let keys = scope.details().into_iter().flat_map(|it| &it.odd_keys);
    keys.map(|it| {
        let summary = format!("the key `{}` is a {}, and should be a {}", it.key, it.found, it.expected);
        let next = redis_cli("RENAMENX").arg(&it.key).arg(&it.key.derived(":moved"));
        Finding::of_stream(Severity::Critical, &it.stream, summary, &next).with("type", it.found.as_str(), "TYPE")
    })
    .collect()
}
