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

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let large = scope.observation.streams.iter().filter_map(|stream| {
        let (bytes, length) = (stream.bytes?, stream.length.filter(|it| *it > 0)?);
        let average = Some(bytes / length).filter(|it| *it > LARGE)?;
        let summary = format!("its entries take {} each on average", human_bytes(average));
        let next = CommandLine::new("stats").arg(&stream.stream);
        Some(Finding::of_stream(Severity::Warning, &stream.stream, summary, &next)
            .with("bytes", bytes.to_string(), "MEMORY USAGE")
            .with("length", length.to_string(), "XINFO STREAM"))
    });
    large.collect()
}
