//! The README's examples are run as they stand, each on a real server: the walk, the equivalents of the platform's own
//! calls, and the recipes for cron, systemd, shell loops and CI.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod equivalents;
mod page;
mod recipes;
mod units;
mod walk;

#[path = "../support/mod.rs"]
mod support;
