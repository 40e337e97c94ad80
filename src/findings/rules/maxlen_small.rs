//! MAXLEN is smaller than what the server trims at a time.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream's MAXLEN is smaller than `stream-node-max-entries`",
    why: "With `~` the server trims whole nodes only: the stream grows to a node more than MAXLEN, many times as long as it says.",
    remedy: "Raise MAXLEN in the topology, or lower stream-node-max-entries.",
    needs: Needs::Details,
};

/// Where the user may not ask.
const USUAL: u64 = 100;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let Some(details) = scope.details() else {
        return Vec::new();
    };
    let said = details.server.setting("stream-node-max-entries");
    let node = said.and_then(|it| it.parse().ok()).unwrap_or(USUAL);
    let small = scope.topology.streams.iter().filter_map(|stream| {
        let maxlen = stream.maxlen.filter(|it| *it < node)?;
        let summary = format!("its MAXLEN {} is less than the {} entries of a node, which are trimmed at a time", with_commas(maxlen), with_commas(node));
        let next = CommandLine::new("topology show");
        Some(Finding::of_stream(Severity::Warning, &stream.name, summary, &next)
            .with("maxlen", maxlen.to_string(), "the topology")
            .with("stream-node-max-entries", node.to_string(), "CONFIG GET"))
    });
    small.collect()
}
