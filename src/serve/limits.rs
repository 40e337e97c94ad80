//! How many requests ask Redis for entries at the same time.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal::Refusal;

/// How many such requests ask Redis at the same time.
const AT_A_TIME: usize = 8;

/// Lets only so many requests ask Redis at the same time.
#[derive(Clone, Debug)]
pub(super) struct Limits(Arc<Semaphore>);

impl Default for Limits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Limits {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let closed = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
        self.0.acquire().await.map_err(closed)
    }
}
