//! The guard: a small shell that kills the handlers' process groups when this process ends, however it ends. A parent
//! death signal would follow the thread that started the handler, and a runtime's threads come and go.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process_group};

/// Reads `slot process` lines (0: the slot is free); at the end of its input, which comes with this process's end, it
/// kills what is left. Neither a terminal's Ctrl-C nor its hang-up ends it.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
slots=
while read -r slot process; do
  eval "process_$slot=$process"
  case " $slots " in *" $slot "*) ;; *) slots="$slots $slot" ;; esac
done
for slot in $slots; do
  eval "process=\$process_$slot"
  test "$process" = 0 || kill -KILL "-$process"
done
"#;

/// Knows which process groups run; numbers them by slot.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    input: Option<ChildStdin>,
    is_used: Vec<bool>,
}

impl Guard {
    pub(super) fn start() -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "ucp-streams-guard"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let input = shell.stdin.take();
        Ok(Self {
            shell,
            state: Mutex::new(State {
                input,
                is_used: Vec::new(),
            }),
        })
    }

    /// Watches over the process group `process` until the returned value is dropped, which kills what is left of it.
    pub(super) fn watch(&self, process: u32) -> Watched<'_> {
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
            guard: self,
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
        self.lock().input = None;
        let _ = self.shell.wait();
    }
}

/// A running process group.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    guard: &'a Guard,
    slot: usize,
    process: u32,
}

impl Drop for Watched<'_> {
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
