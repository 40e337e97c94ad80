//! How many entries to consume, how long to wait for more, and the result.

use std::time::Duration;

use crate::model::EntryId;
use crate::wire::{Error, ErrorKind, Gap, Looked};

/// The longest wait in one read. A read that has begun is always awaited, because the entries that it delivers must
/// not be lost.
const STEP: Duration = Duration::from_millis(500);

/// What to do when no entry is left to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Do not wait.
    No,
    /// Wait this long for more, then end.
    UpTo(Duration),
    /// Wait until stopped, and reconnect after a lost connection.
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

/// How many entries to read, and what to do with them.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The greatest number of entries; `None` for no limit.
    pub count_max: Option<u64>,
    /// What to do when there are no more.
    pub wait: Wait,
    /// Whether entries are acknowledged once they were written.
    pub acknowledges: bool,
}

/// The result of consuming.
#[derive(Debug, Default)]
pub struct Consumed {
    /// Entries that were written.
    pub entries: u64,
    /// How many of these were acknowledged.
    pub acknowledged: u64,
    /// How many of these were not acknowledged because another consumer had claimed them in the meantime.
    pub claimed_away: u64,
    /// Entries that were read and could not be written. They were released, so that any consumer may claim them at
    /// once.
    pub given_back: u64,
    /// Entries that were delivered in a lost reply and whose bodies were trimmed before they could be read again.
    /// They are still pending.
    pub bodiless: Vec<EntryId>,
    /// Whether it ended because nobody takes entries any more.
    pub is_abandoned: bool,
    /// Gaps found by this run: entries that were trimmed or deleted before they were delivered to the group.
    pub lost: Vec<Gap>,
    /// Why it is unknown whether there were such entries, or why they could not be recorded.
    pub unlooked: Option<String>,
    /// The error that ended it early.
    pub error: Option<anyhow::Error>,
}

impl Consumed {
    /// Records the result of a look for lost entries.
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
