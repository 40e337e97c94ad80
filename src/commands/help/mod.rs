//! Everything that is derived from the tree of commands: concise help, help as JSON, what each command prints, the
//! messages about usage errors, and completion.

pub(in crate::commands) mod complete;
pub(in crate::commands) mod describe;
pub(in crate::commands) mod help_json;
pub(in crate::commands) mod layout;
mod other_tools;
pub(in crate::commands) mod shape;
pub(in crate::commands) mod usage;
