//! What is made from the tree of commands and committed: manual pages and completion scripts. That they are fresh,
//! that the shells and mandoc read them without a word, and that completion works in the shells themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod pages;
mod scripts;
mod shells;

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use support::quietly;

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
