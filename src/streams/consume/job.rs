//! How much is to be read, how long to wait for more, and what came of it.

use std::time::Duration;

use crate::model::EntryId;
use crate::wire::{Error, ErrorKind, Gap, Looked};

/// The longest wait in one read. A read under way is always awaited, since what it is delivered must not be lost.
const STEP: Duration = Duration::from_millis(500);

/// What to do when nothing is left to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// End.
    No,
    /// Wait so long for more, then end.
    UpTo(Duration),
    /// Wait until stopped, across lost connections.
    Forever,
}

impl Wait {
    /// How long the next read may wait, after having waited for `waited`.
    pub(super) fn step(self, waited: Duration) -> Option<Duration> {
        match self {
            Self::No => None,
            Self::UpTo(most) => Some(STEP.min(most.saturating_sub(waited))),
            Self::Forever => Some(STEP),
        }
    }

    pub(super) fn is_over(self, waited: Duration) -> bool {
        match self {
            Self::No => true,
            Self::UpTo(most) => waited >= most,
            Self::Forever => false,
        }
    }
}

/// How much to read, and what then.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// At most so many entries; `None` for all there are.
    pub count_max: Option<u64>,
    /// When there are no more.
    pub wait: Wait,
    /// Whether what was taken is acknowledged.
    pub acknowledges: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Consumed {
    /// Entries that were taken.
    pub entries: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, not acknowledged, since somebody else had claimed them meanwhile.
    pub claimed_away: u64,
    /// Taken and not written: given back, so that anyone may claim them at once.
    pub given_back: u64,
    /// Delivered in a reply that was lost, and their bodies trimmed away before they could be read again: still pending.
    pub bodiless: Vec<EntryId>,
    /// Whether it ended since nobody takes entries any more.
    pub is_abandoned: bool,
    /// Left the stream before they were delivered to the group: found by this run.
    pub lost: Vec<Gap>,
    /// Why it could not be seen whether any did, or why what did could not be recorded.
    pub unlooked: Option<String>,
    /// What ended it early.
    pub error: Option<anyhow::Error>,
}

impl Consumed {
    /// Takes in what a look for losses found.
    pub(super) fn note(&mut self, looked: Result<Looked, Error>) {
        match looked {
            Ok(Looked::Nothing) => {}
            Ok(Looked::Recorded(gap, _)) => self.lost.push(gap),
            Ok(Looked::Unrecorded(gap, why)) => {
                self.unlooked = Some(why);
                // The same gap is found again until something is read past it.
                self.lost.retain(|it| it.from != gap.from);
                self.lost.push(gap);
            }
            Err(error) if error.kind == ErrorKind::NoScript => {}
            Err(error) => self.unlooked = Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_cut_into_steps_and_ends() {
        let ms = Duration::from_millis;
        for (wait, waited, step, is_over) in [
            (Wait::No, ms(0), None, true),
            (Wait::UpTo(ms(700)), ms(0), Some(ms(500)), false),
            (Wait::UpTo(ms(700)), ms(600), Some(ms(100)), false),
            (Wait::UpTo(ms(700)), ms(701), Some(ms(0)), true),
            (Wait::Forever, ms(90_000), Some(ms(500)), false),
        ] {
            assert_eq!(wait.step(waited), step, "{wait:?} after {waited:?}");
            assert_eq!(wait.is_over(waited), is_over, "{wait:?} after {waited:?}");
        }
    }
}
