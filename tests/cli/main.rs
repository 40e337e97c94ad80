//! The real binary on real servers, a file per subcommand: text, exit code and the server's state.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod frame;
mod init;
mod ping;
mod shell;

#[path = "../support/mod.rs"]
mod support;
