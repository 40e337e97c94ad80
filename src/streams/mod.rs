//! What an operator means: init, publish, follow, inspect, claim, requeue, dead letters. No clap, no colour, no printing.

pub mod ack;
pub mod backlog;
pub mod claim;
pub mod consume;
pub mod consumers;
pub mod dead_letters;
pub mod drift;
pub mod groups;
pub mod ingest;
pub mod init;
pub mod inspect;
pub mod lag;
pub mod names;
pub mod pending;
pub mod permissions;
pub mod ping;
pub mod publish;
pub mod read;
pub mod redrive;
pub mod repair;
pub mod requeue;
pub mod select;
pub mod server;
pub mod slots;
pub mod tail;
pub mod target;
mod tombstone;
