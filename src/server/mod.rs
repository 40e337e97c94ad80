//! Private redis-server and valkey-server processes: finds one, starts it on a unix socket in a directory that only
//! its owner can enter, waits until it answers, and restarts, kills, pauses or stops it.
//!
//! `dev`, `demo`, `ephemeral:` and the tests use this code. It is blocking (`std::process`), reads no environment
//! variable, prints nothing, and knows only the two requests of the protocol in [`probe`].
//!
//! - [`Server`] belongs to this process and never outlives it, even if this process is killed with `kill -9`.
//! - [`Detached`] outlives it: one server per directory, found again through its pid file.

mod detached;
mod find;
mod options;
pub mod own;
mod patience;
mod place;
pub mod probe;
mod process;
mod reaper;
mod running;
mod said;

pub use detached::{Detached, Live, Started, Status};
pub use find::{find, find_on_path};
pub use options::{Options, Persistence};
pub use running::Server;
