//! What every subcommand prints, in every output format: into a pipe, on a terminal of 80 columns, and there with
//! `NO_COLOR` and with `TERM=dumb`. The outputs are committed under `tests/outputs/snapshots/`, a file per command;
//! `UPDATE_SNAPSHOTS=1 cargo test --test outputs` renews them.
//!
//! - [`commands`]: the table of what is run
//! - [`scene`]: what is on the server then
//! - [`ways`]: how it is run, and what holds of every run
//! - [`runbook`]: the commands of the runbook, and what they show
//! - [`mask`]: what differs from run to run, and from server to server, is made the same
//! - [`snapshot`]: how runs are written down and held against what is committed

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands;
mod mask;
#[cfg(target_os = "linux")]
mod runbook;
mod scene;
mod snapshot;
mod ways;

#[path = "../support/mod.rs"]
mod support;
