//! What both kinds of connection are made over.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connected byte stream, whatever carries it.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}
