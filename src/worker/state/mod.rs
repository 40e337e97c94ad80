//! What the engine knows, as plain data: nothing here speaks to the server, and each part has its own unit tests.

pub(in crate::worker) mod breaker;
pub(in crate::worker) mod fault;
pub(in crate::worker) mod hand;
pub(in crate::worker) mod lack;
pub(in crate::worker) mod lone;
pub(in crate::worker) mod long;
pub(in crate::worker) mod pace;
pub(in crate::worker) mod postponed;
pub(in crate::worker) mod retries;
pub(in crate::worker) mod settlement;
pub(in crate::worker) mod trouble;
