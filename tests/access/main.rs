//! Who may reach which server, and as whom: TLS, contexts, permissions, secrets. The real binary on real servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acl;
mod canary;
mod contexts;
mod front;
mod guard;
mod origins;
mod secured;
mod service;
mod terminal;
mod tls;

#[path = "../support/mod.rs"]
mod support;
