//! The entries of a stream are large.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the entries of a stream take more than 64 KiB each on average",
    why: "Each read, claim and trim of large entries blocks the server for longer, and MAXLEN limits entries, not bytes.",
    remedy: "Store large bodies elsewhere and publish a reference to them; `stats` shows which entries are large.",
    needs: Needs::Details,
};

/// The average size of an entry in bytes at which the rule finds a problem.
const LARGE: u64 = 64 << 10;

/// The most memory that a consumer or a pending entry takes. The server counts it as the stream's memory, and the rule
/// subtracts it.
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
