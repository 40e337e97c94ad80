//! `serve`: the endpoints, who may ask, and what happens when the server goes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod description;
mod endpoints;
mod guard;
mod history;
mod limits;
mod packaged;
mod prometheus;
mod redaction;
mod ticks;

#[path = "../support/mod.rs"]
mod support;
