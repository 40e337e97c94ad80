//! One function per Redis command: each returns the [`Request`](super::Request) a connection runs. Sources: the
//! command pages of the Redis documentation.

mod groups;
mod pending;
mod read;
mod server;
mod write;

pub use groups::*;
pub use pending::*;
pub use read::*;
pub use server::*;
pub use write::*;
