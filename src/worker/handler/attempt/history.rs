//! When the attempts of this process ran, which tells whose an orphan can be that carries nobody's mark.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::table::TICKS_PER_SECOND;

/// Attempts that ended well and are remembered.
const ENDED_MAX: usize = 4096;
/// What a tick of the system's clock hides.
const BLUR: Duration = Duration::from_millis(1000 / TICKS_PER_SECOND);

/// Attempts of all handlers of this process.
static HISTORY: Mutex<History> = Mutex::new(History {
    running: BTreeMap::new(),
    ended: VecDeque::new(),
    forgotten: None,
    next: 0,
});

/// When attempts ran that are not stopped: what they left behind is theirs to leave.
#[derive(Debug)]
struct History {
    /// The beginnings of those that run.
    running: BTreeMap<u64, Instant>,
    /// Beginning and end of those that ended well.
    ended: VecDeque<[Instant; 2]>,
    /// The last end that is not in `ended` any more.
    forgotten: Option<Instant>,
    next: u64,
}

/// An attempt that runs.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    pub(super) since: Instant,
}

impl Running {
    pub(super) fn begin() -> Self {
        let mut history = history();
        let (number, since) = (history.next, Instant::now());
        history.next += 1;
        history.running.insert(number, since);
        Self { number, since }
    }

    /// It ended well: what it left behind goes on.
    pub(super) fn end_well(self) {
        let mut history = history();
        if history.ended.len() == ENDED_MAX {
            history.forgotten = history.ended.pop_front().map(|[_, end]| end);
        }
        history.ended.push_back([self.since, Instant::now()]);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        history().running.remove(&self.number);
    }
}

/// Whether a process that began at `at` can only be of an attempt among `stopped`, if of any.
pub(super) fn is_of_one_of(at: Instant, stopped: &[&Running]) -> bool {
    let history = history();
    let after = |start: Instant| at + BLUR >= start;
    let is_others = history
        .running
        .iter()
        .any(|(number, start)| after(*start) && stopped.iter().all(|it| it.number != *number));
    let is_of_past = history
        .ended
        .iter()
        .any(|[start, end]| after(*start) && at <= *end + BLUR)
        || history.forgotten.is_some_and(|end| at <= end + BLUR);
    !is_others && !is_of_past && stopped.iter().any(|it| after(it.since))
}

fn history() -> MutexGuard<'static, History> {
    HISTORY.lock().unwrap_or_else(PoisonError::into_inner)
}
