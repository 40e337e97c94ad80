//! The consume loop: read, dispatch, acknowledge, retry, lease, take over, drain.
//!
//! One [`Engine`](engine) serves one stream of one group. It alone owns the state of the entries in hand ([`hand`]),
//! asks a [`reader`] task for new ones, runs them through a [`handler`], and settles what became of them
//! ([`settle`]): acknowledged, output and acknowledgement in one script, waiting for a retry ([`retries`]), or
//! dead letter. Everything it knows of other workers it learns from the server ([`sweep`]), so killing every worker
//! forgets nothing.
//!
//! Promises: at least once, in order of delivery per slot; exactly-once effect for handlers whose output is in the
//! same Redis. Nothing unfinished is acknowledged; every buffer and wait has a limit.

mod breaker;
mod counters;
mod engine;
mod fence;
mod hand;
pub mod handler;
mod policy;
mod reader;
mod recover;
mod retries;
mod run;
mod settle;
mod sweep;

pub use breaker::Breaker;
pub use counters::{Counters, Summary};
pub use policy::Policy;
pub use run::{Assignment, Journal, Mode, Signal, consumer_name, run};
