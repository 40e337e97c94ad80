//! MAXLEN is smaller than the number of entries that the server trims at a time.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream's MAXLEN is smaller than `stream-node-max-entries`",
    why: "With `~` the server trims only whole nodes, so the stream can hold a whole node more than MAXLEN, many times as many entries.",
    remedy: "Raise MAXLEN in the topology, or lower stream-node-max-entries.",
    needs: Needs::Details,
};

/// The usual number of entries in a node, for a user who may not read the setting.
const USUAL: u64 = 100;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let Some(details) = scope.details() else {
        return Vec::new();
    };
    let said = details.server.setting("stream-node-max-entries");
    let node = said.and_then(|it| it.parse().ok()).unwrap_or(USUAL);
    let small = scope.topology.streams.iter().filter_map(|stream| {
        let maxlen = stream.maxlen.filter(|it| *it < node)?;
        let summary = format!("its MAXLEN {} is less than the {} entries of a node, and only whole nodes are trimmed", with_commas(maxlen), with_commas(node));
        let next = CommandLine::new("topology show");
        Some(Finding::of_stream(Severity::Warning, &stream.name, summary, &next)
            .with("maxlen", maxlen.to_string(), "the topology")
            .with("stream-node-max-entries", node.to_string(), "CONFIG GET"))
    });
    small.collect()
}
