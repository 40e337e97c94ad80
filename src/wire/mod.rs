//! The thin Redis command layer: the only place that names the `redis` crate.
//!
//! [`Dialer`] opens two kinds of connection over streams that it connects itself (TCP with nodelay, with or without
//! TLS, and unix): a [`Connection`] for small requests, which many callers share (one function per command, with strictly
//! decoded replies), and a [`Lane`] for bulk reads, bulk writes and blocking reads. Both read replies in place; the crate
//! builds commands and hashes scripts. Every reply has a deadline. A connection that missed one is never used again, because the
//! server may still answer the abandoned request (and a blocked read would deliver entries to it).
//!
//! There is no policy here: what a command means to an operator is in [`crate::streams`], what a worker does with it
//! in [`crate::worker`].

mod adds;
mod answer;
mod commands;
mod connection;
mod decode;
mod denial;
mod dial;
mod driver;
mod encode;
mod endpoint;
mod endpoint_error;
mod error;
mod follow;
mod lane;
mod race;
mod readdress;
mod request;
mod resp;
mod scan;
mod scripts;
mod socket;
mod tls;
mod zone;

pub use adds::{Adds, AddsTo};
pub use answer::{allowed, unless_other_type};
pub use commands::*;
pub use connection::Connection;
pub use decode::FieldSlices;
pub use denial::Denial;
pub use dial::{Dialer, PasswordPrompt};
pub use endpoint::{Endpoint, Transport};
pub use endpoint_error::EndpointError;
pub use error::{Error, ErrorKind, Result};
pub use lane::{GroupRead, GroupReply, Lane, Stop, read_page};
pub use readdress::Readdress;
pub use request::Request;
pub use scan::{Scan, Taker};
pub use scripts::*;
pub use tls::{TlsOptions, prepare_tls};
