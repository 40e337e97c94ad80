//! Side by side with what other people write: redis-py and ioredis publish what the platform publishes and consume in
//! the same groups, in turns with this tool. What each published is found again by its id, whoever read it.
//!
//! `make test-interop` installs these clients, and `DuckDB`, which reads archives, and runs these; `make test` leaves them out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod duckdb;
mod party;
mod peer;
mod turns;
mod workers;

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

/// Fields in the order in which they were written.
type Fields = Vec<(String, String)>;

/// Entries by their ids.
type Entries = BTreeMap<String, Fields>;

/// An entry of each of the platform's streams, as its own description has it; `number` tells them apart.
fn described(stream: &str, by: &str, number: usize) -> Fields {
    let uuid = format!("00000000-0000-4000-8000-{number:012}");
    let at = "2024-12-01T10:00:00.000Z";
    let fields: &[(&str, &str)] = match stream {
        "events.raw" => &[
            ("event_id", &uuid),
            ("brand_id", by),
            ("event_type", "purchase"),
            ("payload", r#"{"phone":"+1234567890","total":99.99}"#),
            ("timestamp", at),
        ],
        "events.normalized" => &[
            ("event_id", &uuid),
            ("brand_id", by),
            ("event_type", "purchase"),
            ("profile_id", ""),
            ("identifiers", r#"{"phone":"+1234567890"}"#),
            ("normalized_payload", r#"{"total":99.5,"city":"Zürich"}"#),
            ("timestamp", at),
        ],
        "profiles.merge_requests" => &[
            ("brand_id", by),
            ("profile_ids", r#"["p1","p2"]"#),
            ("reason", "manual_review"),
            ("requires_manual_review", "true"),
            ("timestamp", at),
        ],
        "predictions.requests" => &[
            ("profile_id", &uuid),
            ("brand_id", by),
            ("request_type", "churn"),
            ("timestamp", at),
        ],
        other => panic!("{other} is no stream of the platform"),
    };
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    fields.iter().map(owned).collect()
}
