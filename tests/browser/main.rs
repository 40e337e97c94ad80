//! The page of `serve`, in a real browser on a live pipeline.
//!
//! `make test-browser` installs what they need and runs these; `make test` leaves them out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod page;
mod scene;
mod sign_in;
mod strangers;

#[path = "../support/mod.rs"]
mod support;
