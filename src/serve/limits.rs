//! How many requests ask Redis for entries at the same time, and how much of their answers is kept until it is taken.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How many such requests ask Redis at the same time.
const AT_A_TIME: usize = 8;
/// How much of their answers is kept for those who have not taken them yet, in KiB.
const KEPT_KIB_MAX: usize = 64 * 1024;
/// How long an answer may wait until others are taken.
const ROOM_WITHIN: Duration = Duration::from_secs(5);

/// Lets only so many requests ask Redis at the same time, and keeps only so much of their answers.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    turns: Arc<Semaphore>,
    kept_kib: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            kept_kib: Arc::new(Semaphore::new(KEPT_KIB_MAX)),
        }
    }
}

impl Limits {
    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let closed = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
        self.turns.acquire().await.map_err(closed)
    }

    /// An answer that is kept until it is taken. It waits for its room while a turn is held, so that what waits is
    /// bounded, too.
    pub(super) async fn kept(&self, answer: Vec<u8>) -> Result<Bytes, Refusal> {
        let kib = (answer.len() / 1024 + 1).min(KEPT_KIB_MAX);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.kept_kib).acquire_many_owned(kib);
        let Ok(Ok(room)) = timeout(ROOM_WITHIN, room).await else {
            let text = "others have not taken their answers yet, and no more is kept";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .hint("ask again in a few seconds, or for fewer entries"));
        };
        // Without the room that it had to grow.
        let answer = answer.into_boxed_slice();
        Ok(Bytes::from_owner(Kept {
            answer,
            _room: room,
        }))
    }
}

/// An answer with the room that it takes.
struct Kept {
    answer: Box<[u8]>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}
