//! The guard: a small shell that kills the handlers' process groups when this process ends, however it ends. A parent
//! death signal would follow the thread that started the handler, and a runtime's threads come and go.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::model::without_secrets;

/// Reads `slot process` lines (0: the slot is free) until `end 0`. When its input ends without that, this process was
/// killed: then it kills the groups that are left, and whatever was started so late that it was not told of it, which is
/// known by `$1` in its environment. Neither a terminal's Ctrl-C nor its hang-up ends it.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
slots=
while read -r slot process; do
  test "$slot" != end || exit 0
  eval "process_$slot=$process"
  case " $slots " in *" $slot "*) ;; *) slots="$slots $slot" ;; esac
done
for slot in $slots; do
  eval "process=\$process_$slot"
  test "$process" = 0 || kill -KILL "-$process"
done
grep -lsz "^UCP_WORKER=$1\$" /proc/[0-9]*/environ | while IFS=/ read -r _ _ process _; do
  kill -KILL "$process"
done
"#;

/// Knows which process groups run; numbers them by slot.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    token: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    input: Option<ChildStdin>,
    is_used: Vec<bool>,
}

impl Guard {
    pub(super) fn start() -> io::Result<Self> {
        let token = uuid::Uuid::new_v4().to_string();
        let mut shell = without_secrets(&mut Command::new("/bin/sh"))
            .args(["-c", SCRIPT, "ucp-streams-guard", &token])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let input = shell.stdin.take();
        Ok(Self {
            shell,
            token,
            state: Mutex::new(State {
                input,
                is_used: Vec::new(),
            }),
        })
    }

    /// The variable that a handler's environment must have, so that it is known from its first moment.
    pub(super) fn mark(&self) -> (&'static str, &str) {
        ("UCP_WORKER", &self.token)
    }

    /// Watches over the process group `process` until the returned value is dropped, which kills what is left of it.
    pub(super) fn watch(self: &Arc<Self>, process: u32) -> Watched {
        let mut state = self.lock();
        let slot = match state.is_used.iter().position(|used| !used) {
            Some(free) => free,
            None => {
                state.is_used.push(false);
                state.is_used.len() - 1
            }
        };
        state.is_used[slot] = true;
        state.tell(slot, process);
        Watched {
            guard: Arc::clone(self),
            slot,
            process,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// A guard that is gone cannot be told; the handlers still end with their tasks.
    fn tell(&mut self, slot: usize, process: u32) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{slot} {process}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.lock();
        if let Some(input) = &mut state.input {
            let _ = writeln!(input, "end 0");
        }
        state.input = None;
        drop(state);
        let _ = self.shell.wait();
    }
}

/// A running process group.
#[derive(Debug)]
pub(super) struct Watched {
    guard: Arc<Guard>,
    slot: usize,
    process: u32,
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The leader may have ended while its children have not.
        if let Some(group) = i32::try_from(self.process).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let mut state = self.guard.lock();
        state.is_used[self.slot] = false;
        state.tell(self.slot, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn handler(guard: &Guard) -> Child {
        let (name, token) = guard.mark();
        Command::new("sleep")
            .arg("600")
            .env(name, token)
            .process_group(0)
            .spawn()
            .expect("starts")
    }

    #[test]
    fn what_was_told_and_what_was_not_ends_with_this_process() {
        let guard = Arc::new(Guard::start().expect("starts"));
        let (mut told, mut untold) = (handler(&guard), handler(&guard));
        let watched = guard.watch(told.id());
        // As a kill would: the pipe closes without a word, and nothing is cleaned up.
        std::mem::forget(watched);
        guard.lock().input = None;
        for process in [&mut told, &mut untold] {
            assert_eq!(process.wait().expect("ended").signal(), Some(9));
        }
    }

    #[test]
    fn a_worker_that_ends_by_itself_kills_nothing_that_is_not_its_handler() {
        let guard = Arc::new(Guard::start().expect("starts"));
        let mut process = handler(&guard);
        drop(guard);
        assert!(
            process.try_wait().expect("asked").is_none(),
            "it still runs"
        );
        process.kill().expect("killed");
        process.wait().expect("ended");
    }
}
