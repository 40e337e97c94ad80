//! How long to wait for a server that was started.

use std::path::Path;
use std::time::{Duration, Instant};

use super::place::Place;
use super::probe::Readiness;
use super::said::shown;
use crate::model::{Kind, Problem};

/// The longest time that a server may take to load its data, while it reports that it does.
const LOADING_MAX: Duration = Duration::from_mins(30);

/// Gives up when there has been no sign of progress for a while.
pub(super) struct Patience {
    within: Duration,
    started: Instant,
    ends: Instant,
}

impl Patience {
    /// Starts the waiting: the first answer is due within `within`.
    pub(super) fn new(within: Duration) -> Self {
        let started = Instant::now();
        Self {
            within,
            started,
            ends: started + within,
        }
    }

    /// The time that is left.
    ///
    /// # Errors
    /// When none is left; the error contains the end of the server's log.
    pub(super) fn left(&self, binary: &Path, place: &Place) -> Result<Duration, Problem> {
        let left = self.ends.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Ok(left);
        }
        let message = format!(
            "{} did not answer within {} ms; {}",
            shown(binary),
            self.ends.duration_since(self.started).as_millis(),
            place.log_tail()
        );
        Err(Problem::new(Kind::Unavailable, message))
    }

    /// Gives a server that is loading its data more time, because that depends on the amount of data.
    pub(super) fn note(&mut self, readiness: Readiness) {
        if readiness == Readiness::Loading {
            let more = Instant::now() + self.within;
            self.ends = more.min(self.started + LOADING_MAX);
        }
    }
}
