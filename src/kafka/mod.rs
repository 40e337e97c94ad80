//! The thin Kafka layer, the only place that names the `krafka` crate.
//!
//! It offers what a bridge needs and nothing else: the partitions of a topic and where each begins and ends, reading
//! from an offset, and writing records whose offsets are known when the broker has confirmed them. A record's partition
//! is chosen by the caller, by [`partition_of`], so that it is known before anything is sent.
//!
//! | file | what lives there |
//! |---|---|
//! | `cluster` | how a cluster is reached: brokers, TLS, SASL |
//! | `record` | records as they are written and as they are read |
//! | `partition` | the partition of a key, as Java's client chooses it |
//! | `error`, `meaning` | what went wrong, in the kinds that decide the exit code |
//! | `client` | the client itself; `absent` stands in for it in a binary without the feature `kafka` |

#[cfg(not(feature = "kafka"))]
#[path = "absent.rs"]
mod client;
#[cfg(feature = "kafka")]
mod client;
mod cluster;
mod error;
#[cfg(feature = "kafka")]
mod meaning;
mod partition;
mod record;

pub use client::{Client, Producer, Reader};
pub use cluster::{Cluster, Compression, Mechanism, Sasl, Tls};
pub use error::Error;
pub use partition::partition_of;
pub use record::{Bounds, Headers, Place, Record, Stored};
