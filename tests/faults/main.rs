//! Faults, one test a row of the matrix: the real binary, real servers, real signals, and a proxy that breaks. Each
//! test says what it counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "each row says what it counted")]
#![allow(unreachable_pub, reason = "a test binary exports nothing")]

mod bounds;
#[cfg(all(target_os = "linux", feature = "kafka"))]
mod broker;
mod connections;
mod contents;
mod cut_off;
mod dead_letters;
mod groups_lost;
mod handlers;
mod looking;
mod once;
mod oneshot;
mod proxy;
mod publishing;
mod refusals;
mod repairs;
mod scene;
mod servers;
mod silence;
mod workers;

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "not all of it is used here")]
#[path = "../access/terminal.rs"]
mod terminal;
