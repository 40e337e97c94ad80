//! What several commands share: what they run with, arguments that name a group or select entries, the flow from a
//! plan through consent to the results, and the explanation of errors. No command lives here.

pub(in crate::commands) mod archives;
pub(in crate::commands) mod audit;
pub(in crate::commands) mod bulk;
mod consent;
pub(in crate::commands) mod context;
pub(in crate::commands) mod failure;
pub(in crate::commands) mod group;
pub(in crate::commands) mod header;
pub(in crate::commands) mod panics;
pub(in crate::commands) mod past;
mod plan;
pub(in crate::commands) mod proxy;
pub(in crate::commands) mod recorded;
pub(in crate::commands) mod redis_cli;
pub(in crate::commands) mod repair_plan;
pub(in crate::commands) mod repair_run;
pub(in crate::commands) mod retention;
pub(in crate::commands) mod rounds;
pub(in crate::commands) mod selection;
pub(in crate::commands) mod service;
pub(in crate::commands) mod snapshots;
pub(in crate::commands) mod source;
pub(in crate::commands) mod trouble;
pub(in crate::commands) mod typed;
pub(in crate::commands) mod watch;

pub(in crate::commands) use context::Context;
