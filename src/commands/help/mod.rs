//! The tree of commands, told: concise help, help as JSON, what each command prints, the words after a mistake, and
//! completion. All of it is made from the tree itself.

pub(in crate::commands) mod complete;
pub(in crate::commands) mod describe;
pub(in crate::commands) mod help_json;
pub(in crate::commands) mod layout;
mod other_tools;
pub(in crate::commands) mod shape;
pub(in crate::commands) mod usage;
