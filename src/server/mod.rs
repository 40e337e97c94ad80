//! Private redis-server and valkey-server processes: find one, start it on a unix socket in a directory
//! that only its owner can enter, await that it answers, restart, kill, pause and stop it.
//!
//! `dev`, `demo`, `ephemeral:` and the tests use this one code. It is blocking (`std::process`), reads no
//! environment variable, prints nothing, and knows of the protocol only the two questions in [`probe`].
//!
//! - [`Server`] belongs to this process and never outlives it, not even a `kill -9` of it.
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
