//! What is made from the tree of commands and committed: manual pages and completion scripts. That they are fresh,
//! that the shells and mandoc read them without a word, and that completion works in the shells themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod pages;
mod scripts;
mod shells;
mod terminal;

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a program that has to be there; it must succeed and say nothing on standard error. Returns its output.
#[track_caller]
fn quietly(program: &str, command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; `.ci/setup test` installs it"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {}\n{out}{said}",
        output.status
    );
    out
}
