//! The entries of a stream are large.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the entries of a stream take more than 64 KiB each on average",
    why: "Each read, claim and trim of them holds the server for longer, and MAXLEN counts entries, not bytes.",
    remedy: "Keep large bodies elsewhere and publish where they are; `stats` says which entries are large.",
    needs: Needs::Details,
};

/// Bytes of an entry on average from which this is said.
const LARGE: u64 = 64 << 10;

/// What a consumer or a pending entry takes at most: it is counted as the stream's, and is none of its entries'.
const OF_GROUPS: u64 = 1 << 10;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let large = scope.observation.streams.iter().filter_map(|stream| {
        let (bytes, length) = (stream.bytes?, stream.length.filter(|it| *it > 0)?);
        let of_groups = stream.groups.iter().map(|it| it.pending.unwrap_or_default() + it.consumers.len() as u64).sum::<u64>();
        let of_entries = bytes.saturating_sub(of_groups.saturating_mul(OF_GROUPS));
        let average = Some(of_entries / length).filter(|it| *it > LARGE)?;
        let summary = format!("its entries take {} each on average", human_bytes(average));
        let next = CommandLine::new("stats").arg(&stream.stream);
        Some(Finding::of_stream(Severity::Warning, &stream.stream, summary, &next)
            .with("bytes", bytes.to_string(), "MEMORY USAGE")
            .with("length", length.to_string(), "XINFO STREAM"))
    });
    large.collect()
}
