//! The page on handlers, with programs in three languages. Its text is `handlers.md`, whose programs a test runs.

use anyhow::Result;

use super::page::HANDLERS;
use super::runbook::of_text;

/// What `man` calls it.
pub(super) const NAME: &str = "handlers";

/// As the runbook's.
const TEXT: &str = include_str!("handlers.md");

/// Its page.
///
/// # Errors
/// A bug: the page cannot be written to memory.
pub(super) fn page() -> Result<Vec<u8>> {
    let about = "how to write a handler, in Python, Node or shell";
    let see = [
        "ucp-streams-worker-run",
        "ucp-streams-replay",
        "ucp-streams-try",
    ];
    of_text(HANDLERS, about, TEXT, &see)
}
