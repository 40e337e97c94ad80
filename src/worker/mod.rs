//! The consume loop: read, dispatch, acknowledge, retry, lease, take over, drain.
//!
//! One engine serves one stream of one group, and one task owns its whole state.
//!
//! | room | what is in it |
//! |---|---|
//! | `engine` | the loop, and what it does with the server: a file for each thing it does |
//! | `state` | what it knows: entries in hand, waiting for a retry, to be settled; plain data, tested by itself |
//! | [`handler`] | what happens with one entry: built-in, a process, a request |
//! | `job`, `policy` | what a worker is asked to do, and the numbers it goes by |
//! | `counters`, `pulse` | what it lets be seen of itself |
//! | `portion` | the part of a stream that a replay handles |
//! | [`trial`] | handlers tried on entries, without a group |
//! | `journal` | what it records on the server of what it settled, where the topology asks for that |
//!
//! What it knows of other workers it learns from the server's pending list, so killing every worker forgets nothing.
//!
//! Promises: at least once, in order of delivery per slot; exactly-once effect for handlers whose output is in the
//! same Redis. Nothing unfinished is acknowledged; every buffer and wait has a limit.

pub mod again;
mod counters;
mod engine;
pub mod handler;
mod job;
mod journal;
mod policy;
mod portion;
mod pulse;
mod state;
pub mod trial;

pub use counters::{Counters, Summary};
pub use engine::run::run;
pub use job::{Assignment, Journal, Mode, Signal, consumer_name};
pub use policy::Policy;
pub use portion::Portion;
pub use pulse::Pulse;
pub use state::breaker::Breaker;
pub use state::in_hand::Delivery;
