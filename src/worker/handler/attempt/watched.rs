//! The process groups that the guard watches.

use std::io::Write as _;
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, test_kill_process_group};
use tokio::sync::watch;

/// The environment variable that identifies the attempt a process belongs to.
pub(super) const MARK: &str = "UCP_ATTEMPT";

/// What the guard was told.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) state: Mutex<State>,
    /// The number of slots in use.
    pub(super) used: watch::Sender<usize>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) input: Option<ChildStdin>,
    pub(super) is_used: Vec<bool>,
}

impl Slots {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the guard. If the guard is gone, this has no effect; handlers still end with their tasks.
    pub(super) fn tell(&mut self, slot: usize, process: u32) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{slot} {process}");
        }
    }
}

/// A process group that the guard kills if this process is killed.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) slots: Arc<Slots>,
    pub(super) slot: usize,
    pub(super) process: u32,
}

impl Watched {
    /// Whether the group still has a process.
    pub(super) fn has_group(&self) -> bool {
        let group = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        group.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        state.is_used[self.slot] = false;
        state.tell(self.slot, 0);
        drop(state);
        self.slots.used.send_modify(|used| *used -= 1);
    }
}
