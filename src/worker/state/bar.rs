//! What a worker that handles entries in order must settle before it reads anything new.

use super::shared::Seat;
use crate::model::EntryId;
use crate::worker::job::{Assignment, Mode};

/// Whether something must be settled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Bar {
    /// Nothing.
    Lifted,
    /// It was not looked yet.
    Unknown,
    /// What is pending up to this entry.
    UpTo(EntryId),
}

impl Bar {
    /// At the start of this work.
    pub(in crate::worker) fn of(job: &Assignment, seat: Seat) -> Self {
        let reads = matches!(job.mode, Mode::Forever | Mode::Once);
        if (job.key.is_some() || job.handler.ordered().is_some()) && reads && seat == Seat::Stream {
            Self::Unknown
        } else {
            Self::Lifted
        }
    }
}
