//! Private servers on real processes: they answer, keep what they promise, and leave nothing behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod detached;
mod guard;
mod private;

#[path = "../support/mod.rs"]
mod support;
