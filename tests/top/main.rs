//! `top`: what the screen shows, at two sizes, healthy and troubled, and what keys do to it; and the real thing in a real
//! terminal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod look;
mod panics;
mod repairs;
mod screen;
mod snapshot;
mod views;

#[path = "../support/mod.rs"]
mod support;
mod terminal;
