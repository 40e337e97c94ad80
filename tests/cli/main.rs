//! The real binary on real servers, a file per subcommand: text, exit code and the server's state.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ack;
mod audit;
mod check;
mod claim;
mod claim_work;
mod consume;
mod consume_follow;
mod consumers;
mod demo;
mod dev;
mod dlq;
mod doctor;
mod explain;
mod frame;
mod groups;
mod history;
mod history_doubts;
mod info;
mod ingest;
mod init;
mod jq;
mod lag;
mod memory;
mod metrics;
mod next_steps;
mod oncall;
mod pairs;
mod pasted;
mod pause;
mod pending;
mod ping;
mod plans;
mod publish;
mod publish_file;
mod publish_formats;
mod publish_memory;
mod publish_once;
mod read;
mod record;
mod record_size;
mod record_trouble;
mod recorded;
mod rehearsal;
mod requeue;
mod retry_stream;
mod seed;
mod shapes;
mod shell;
mod since;
mod stats;
mod tail;
mod template;
mod temporary;
mod topology;
mod trace;
mod trial;
mod undo;
mod undo_each;
mod wait;
mod watch;

#[path = "../support/mod.rs"]
mod support;
