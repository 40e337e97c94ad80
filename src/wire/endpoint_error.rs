//! Errors in the address of a server.

/// The error for a URL that does not name a server. The text never contains the URL's credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EndpointError(pub(super) String);

impl EndpointError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
