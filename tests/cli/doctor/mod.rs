//! `doctor`: what it says, and each of its rules: the fault that it finds on a real server, its silence beside it, and the
//! command it names.

mod audit;
mod groups;
mod keys;
mod memory;
mod pending;
mod report;
mod server;
mod silence;
mod streams;
#[cfg(target_os = "linux")]
mod times;
mod users;
mod workers;
