//! Bridges between streams and topics of Kafka.
//!
//! | file | what lives there |
//! |---|---|
//! | `shape` | the record that an entry becomes |
//! | `written`, `look` | what the partitions of a topic hold already |
//! | `sender` | sends entries: the handler of a bridge's worker |
//! | `begun` | what a bridge began with |
//! | `status` | where bridges stand |
//!
//! A bridge to Kafka is a worker of a group with one active worker: its lease, its fenced acknowledgements, its recovery,
//! losses and metrics are the worker's.

mod begun;
mod look;
mod sender;
mod shape;
mod status;
mod written;

pub use begun::Begun;
pub use sender::{Sender, Sending};
pub use shape::{Shape, Value};
pub use status::{BridgeRow, status};
