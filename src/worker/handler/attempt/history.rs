//! Records when the attempts of this process ran, to determine which attempt an orphan without a mark can belong to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::table::TICKS_PER_SECOND;

/// How many successful attempts are remembered.
const ENDED_MAX: usize = 4096;
/// The resolution of the system's clock for process start times.
const BLUR: Duration = Duration::from_millis(1000 / TICKS_PER_SECOND);

/// The attempts of all handlers in this process.
static HISTORY: Mutex<History> = Mutex::new(History {
    running: BTreeMap::new(),
    ended: VecDeque::new(),
    forgotten: None,
    next: 0,
});

/// When attempts ran that are not being stopped; processes they left behind may keep running.
#[derive(Debug)]
struct History {
    /// When the running attempts started.
    running: BTreeMap<u64, Instant>,
    /// When the successful attempts started and ended.
    ended: VecDeque<[Instant; 2]>,
    /// The latest end of an attempt that is no longer in `ended`.
    forgotten: Option<Instant>,
    next: u64,
}

/// A running attempt.
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

    /// The attempt succeeded, so processes that it left behind may keep running.
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

/// Whether a process that started at `at` can only belong to an attempt among `stopped`, if to any.
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
