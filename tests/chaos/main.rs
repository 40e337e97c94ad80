//! Chaos: publishers, worker processes and a real server under every fault at once, judged by ledgers.
//!
//! What must hold is in `check/`: a pure function from a run's history to what is wrong with it. `soak.rs` is the run of
//! a minute, and the long one that `make chaos` starts; `scenarios.rs` has what needs a world of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a test says what it counted, and is its own handler"
)]
#![allow(unreachable_pub, reason = "a test binary exports nothing")]

mod check;
mod destruction;
mod events;
mod faults;
mod fleet;
mod handler;
mod history;
mod ledger;
mod message;
mod planted;
mod promises;
mod publisher;
mod rng;
mod scenarios;
mod service;
mod soak;
mod world;

#[path = "../support/mod.rs"]
mod support;
