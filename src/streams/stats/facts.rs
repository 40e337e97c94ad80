//! What the server says about a stream before its entries are counted.

use anyhow::Result;

use crate::model::{Name, Time};
use crate::wire::{Connection, allowed, time, xlen};

/// The server's clock and the length of the stream. When the user may not ask for these, the clock is this machine's and
/// the length is `None`.
///
/// # Errors
///
/// Errors of the server, except that the user may not ask.
pub async fn facts(connection: &Connection, stream: &Name) -> Result<(Time, Option<u64>)> {
    let (now, length) = tokio::join!(connection.run(time()), connection.run(xlen(stream)));
    let now = allowed(now)?.map_or_else(Time::now, Time::from_ms);
    Ok((now, allowed(length)?))
}
