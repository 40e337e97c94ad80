//! The command layer on real servers: every script in every situation it knows, replies in both
//! protocols, deadlines. The server's state is asserted through a client of the tests' own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "a test binary exports nothing")]

mod cases;
mod connection;
mod fixture;
mod groups;
mod lane;
mod leases;
mod limits;
mod moves;
mod outputs;
mod whole;

#[path = "../support/mod.rs"]
mod support;
