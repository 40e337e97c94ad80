//! The state of the engine as plain data. Nothing here communicates with the server, and each part has its own unit
//! tests.

pub(in crate::worker) mod bar;
pub(in crate::worker) mod breaker;
pub(in crate::worker) mod fault;
pub(in crate::worker) mod in_hand;
pub(in crate::worker) mod isolation_queue;
pub(in crate::worker) mod key_order;
pub(in crate::worker) mod lack;
pub(in crate::worker) mod long;
pub(in crate::worker) mod outage;
pub(in crate::worker) mod postponed;
pub(in crate::worker) mod rate_limiter;
pub(in crate::worker) mod retries;
pub(in crate::worker) mod settlement;
pub(in crate::worker) mod shared;
