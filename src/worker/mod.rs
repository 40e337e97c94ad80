//! The consume loop: read, dispatch, acknowledge, retry, lease, take over, drain.
//!
//! One engine serves one stream of one group, and one task owns its whole state (`engine`): entries in hand with their
//! leases (`hand`), entries waiting for a retry (`retries`), what is to be told to the server (`settlement`) and could not be (`postponed`). Each
//! file adds what the engine does about one thing:
//!
//! | file | about |
//! |---|---|
//! | `run`, `due`, `drain` | its start, when it has something to do, and its end |
//! | `reading`, `reader` | new entries: asking for them, and the task that waits for them |
//! | `dispatch` | handing entries to a `handler`, and judging what it made of them |
//! | `settle`, `moves` | acknowledgements, outputs, dead letters: told until the server has confirmed them |
//! | `leases`, `attempts` | entries in hand: their leases, and the next attempts at them |
//! | `sweep`, `claims` | entries that others left: finding them, and claiming them |
//! | `recover`, `trouble` | lost connections, a group that is gone, own messages found again |
//! | `fence`, `breaker`, `policy` | the single active worker, the circuit breaker, the numbers |
//!
//! What it knows of other workers it learns from the server's pending list, so killing every worker forgets nothing.
//!
//! Promises: at least once, in order of delivery per slot; exactly-once effect for handlers whose output is in the
//! same Redis. Nothing unfinished is acknowledged; every buffer and wait has a limit.

mod attempts;
mod breaker;
mod claims;
mod counters;
mod dispatch;
mod drain;
mod due;
mod engine;
mod fence;
mod hand;
pub mod handler;
mod job;
mod leases;
mod moves;
mod pace;
mod policy;
mod postponed;
mod pulse;
mod reader;
mod reading;
mod recover;
mod retries;
mod run;
mod settle;
mod settlement;
mod sweep;
mod trouble;

pub use breaker::Breaker;
pub use counters::{Counters, Summary};
pub use job::{Assignment, Journal, Mode, Signal, consumer_name};
pub use policy::Policy;
pub use pulse::Pulse;
pub use run::run;
