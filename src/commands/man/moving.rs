//! The page on moving to Kafka and back. Its text is `moving.md`, whose commands a test runs.

use anyhow::Result;

use super::page::MOVING;
use super::runbook::of_text;

/// What `man` calls it.
pub(super) const NAME: &str = "moving";

/// As the runbook's.
const TEXT: &str = include_str!("moving.md");

/// Its page.
///
/// # Errors
/// A bug: the page cannot be written to memory.
pub(super) fn page() -> Result<Vec<u8>> {
    let about = "how to move a stream, its consumers and its writers to Kafka, and back";
    let see = [
        "ucp-streams-bridge-to-kafka",
        "ucp-streams-bridge-from-kafka",
        "ucp-streams-bridge-verify",
        "ucp-streams-bridge-status",
        "ucp-streams-pause",
    ];
    of_text(MOVING, about, TEXT, &see)
}
