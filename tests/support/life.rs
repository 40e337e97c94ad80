//! Whether processes live that are not children of the test.

use std::fs;

use rustix::process::{Pid, test_kill_process};

/// Whether a process with this number is alive. One that has ended is not, though nobody may have waited for it: in a
/// container the first process may be one that waits for none but its own.
pub fn is_alive(pid: i32) -> bool {
    let is_there = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    is_there && !stat.contains(") Z ")
}
