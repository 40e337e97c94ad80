//! What the behaviour tests share: a private server per test, a RESP client of their own (so that the
//! server's state is asserted without the code under test), and runs of the real binary.
//!
//! A test binary `tests/KIND/main.rs` takes it with `#[path = "../support/mod.rs"] mod support;`, and
//! says `#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]` for its helpers.
//!
//! ```ignore
//! let server = TestServer::start();
//! server.redis(&["XADD", "events.raw", "1-1", "brand_id", "b1"]);
//! let run = server.ucp(&["read", "events.raw", "-o", "json"]);
//! run.assert_code(0);
//! assert_eq!(run.stdout_json()[0]["id"], "1-1");
//! ```
//!
//! The server is `$UCP_STREAMS_TEST_SERVER` (a path), else the first on PATH.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

pub mod authority;
#[cfg(all(target_os = "linux", feature = "kafka"))]
mod broker;
#[cfg(target_os = "linux")]
mod clock;
mod directory;
mod invocation;
mod life;
mod obedient;
mod odd;
mod port;
mod program;
mod proxy;
mod pty;
mod refusing;
mod resp;
mod run;
mod running;
pub mod scene;
mod screen;
pub mod seeded;
mod server;
mod shell;
pub mod site;
mod spawned;
mod terminal;

use std::thread;
use std::time::{Duration, Instant};

#[cfg(all(target_os = "linux", feature = "kafka"))]
pub use broker::{Broker, Planted};
#[cfg(target_os = "linux")]
pub use clock::Clock;
pub use directory::directory;
pub use invocation::Invocation;
pub use life::is_alive;
pub use obedient::{Obedient, installed, repository};
pub use odd::odd_entries;
pub use port::free_port;
pub use program::{client_in, program};
pub use proxy::{Counts, End, Mode, Proxy};
pub use pty::Pty;
pub use refusing::Refusing;
pub use resp::{Client, Reply};
pub use run::Run;
pub use running::Running;
pub use screen::at_terminal;
pub use server::{TestServer, server_binary};
pub use shell::{Shell, bash, elvish, fish, zsh};
pub use spawned::{Signal, Spawned};
pub use terminal::{Terminal, quietly};

/// How long anything may take before its test fails, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a machine that has much else to do may add to a time that is measured here: processes start late, and are woken
/// late.
pub const BUSY: Duration = Duration::from_secs(5);

/// The real binary with no server but the default address, for help, usage errors and the like.
pub fn ucp(args: &[&str]) -> Run {
    Invocation::new(args).run()
}

/// Returns as soon as `condition` holds; fails the test, naming `what`, when it does not within
/// `deadline`.
#[track_caller]
pub fn until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !condition() {
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
