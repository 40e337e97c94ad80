//! Bridges between streams and topics of Kafka.
//!
//! | file | what lives there |
//! |---|---|
//! | `shape` | the record that an entry becomes |
//! | `written`, `look` | what the partitions of a topic hold already |
//! | `sender` | sends entries: the handler of a bridge's worker |
//! | `outgoing` | the entries of a partition that wait or are under way |
//! | `sending` | what is sent and where to, and the words for what goes wrong |
//! | `begun` | what a bridge began with |
//! | `status` | where bridges stand |
//! | `offsets` | where a consumer of the topic begins |
//! | `arrived` | the entry that a record becomes |
//! | `receiving` | what is taken and where to, and how far it was |
//! | `incoming` | a partition that is read |
//! | `receiver` | takes records into a stream |
//! | `verify`, `sides` | compares a stream with what a topic has of it |
//!
//! A bridge to Kafka is a worker of a group with one active worker: its lease, its fenced acknowledgements, its recovery,
//! losses and metrics are the worker's.

mod arrived;
mod begun;
mod incoming;
mod look;
mod offsets;
mod outgoing;
mod receiver;
mod receiving;
mod sender;
mod sending;
mod shape;
mod sides;
mod status;
mod verify;
mod written;

pub use begun::Begun;
pub use receiver::Receiver;
pub use receiving::{Received, Receiving};
pub use sender::Sender;
pub use sending::Sending;
pub use shape::{Shape, Value};
pub use sides::Verifying;
pub use status::{BridgeRow, status};
pub use verify::{Difference, Differs, Verified, verify};
