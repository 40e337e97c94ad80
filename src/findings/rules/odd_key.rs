//! A key of this tool is of another type than it should be.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a key that belongs to a stream, such as its dead-letter stream, is of the wrong type",
    why: "Workers cannot write to this key: dead letters stay pending, or losses are not recorded.",
    remedy: "Find the client that writes the key, then rename or delete it.",
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
