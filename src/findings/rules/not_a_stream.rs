//! The key of a stream is of another type.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the key of a stream is of another type",
    why: "Publishers and workers fail with WRONGTYPE until the key is moved away.",
    remedy: "Find the client that writes the key, then rename or delete it, and run `init`.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let others = scope.observation.streams.iter();
    let others = others.filter(|it| it.state == StreamState::OtherType);
    let finding = |stream: &StreamReport| {
        let name = &stream.stream;
        let next = redis_cli("RENAMENX").arg(name).arg(&name.derived(":moved"));
        let summary = format!("the key `{name}` is not a stream");
        Finding::of_stream(Severity::Critical, name, summary, &next).with("type", "not a stream", "TYPE")
    };
    others.map(finding).collect()
}
