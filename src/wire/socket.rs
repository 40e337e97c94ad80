//! The byte stream under both kinds of connection.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connected byte stream over any transport.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}
