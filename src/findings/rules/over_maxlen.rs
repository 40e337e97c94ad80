//! A stream is longer than its MAXLEN.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream is much longer than its MAXLEN",
    why: "A publisher adds entries without MAXLEN, so the stream grows until memory is full.",
    remedy: "Find the publisher with `tail`, and make it publish with MAXLEN; the next publish of this tool trims the stream, and `trim --read` removes what every group has read.",
    needs: Needs::Details,
};

/// How far a stream may exceed its MAXLEN because whole nodes are trimmed: one node, and a tenth of MAXLEN.
const NODE: u64 = 100;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let over = scope.observation.streams.iter().filter_map(|stream| {
        let (length, maxlen) = (stream.length?, stream.maxlen?);
        if length <= maxlen + maxlen / 10 + NODE {
            return None;
        }
        let summary = format!("it has {}, and its MAXLEN is {}", entries(length), with_commas(maxlen));
        let next = CommandLine::new("tail").arg(&stream.stream);
        Some(Finding::of_stream(Severity::Warning, &stream.stream, summary, &next)
            .with("length", length.to_string(), "XINFO STREAM")
            .with("maxlen", maxlen.to_string(), "the topology"))
    });
    over.collect()
}
