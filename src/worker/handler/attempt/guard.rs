//! The guard: a small shell that kills the handlers and everything they started when this process ends, however it
//! ends. A parent death signal would not do, because it follows the thread that started the handler, and a runtime's
//! threads come and go.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::timeout;

use super::own::{self, Own};
use super::stopper::{STOP_WITHIN, Stopper, Stopping};
use super::watched::{Slots, State, Watched};
use crate::model::without_secrets;

/// The environment variable that names the worker whose handler a process is.
pub(super) const WORKER: &str = "UCP_WORKER";

/// Reads lines of `slot process` (0: the slot is free) until `end 0`. When its input ends without that line, this
/// process was killed. The script then kills the remaining process groups, their descendants, and every process with
/// `$1` in its environment, which may have been started too late to be reported or have moved into a group of its
/// own. It repeats this until nothing is left. It ignores a terminal's Ctrl-C and hang-up.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
slots=
while read -r slot process; do
  test "$slot" != end || exit 0
  eval "process_$slot=$process"
  case " $slots " in *" $slot "*) ;; *) slots="$slots $slot" ;; esac
done
family() {
  for member in $*; do
    printf '%s ' "$member"
    family $(cat "/proc/$member/task/"*/children)
  done
}
marked() {
  grep -lsz "^UCP_WORKER=$1\$" /proc/[0-9]*/environ | while IFS=/ read -r _ _ process _; do
    printf '%s ' "$process"
  done
}
groups=
for slot in $slots; do
  eval "process=\$process_$slot"
  test "$process" = 0 || groups="$groups $process"
done
found="$(family $groups) $(family $(marked "$1"))"
for group in $groups; do kill -KILL "-$group"; done
round=0
while test -n "${found# }" && test $round -lt 50; do
  for process in $found; do kill -KILL "$process"; done
  round=$((round + 1))
  test $round -lt 3 || sleep 0.1
  found=$(family $(marked "$1"))
done
"#;

/// Knows the running process groups, each in a numbered slot.
#[derive(Debug)]
pub(in crate::worker::handler) struct Guard {
    shell: Child,
    token: String,
    /// The environment variables that handlers must not see.
    secrets: Vec<String>,
    slots: Arc<Slots>,
    stopper: Mutex<Option<Stopper>>,
    _own: Own,
}

impl Guard {
    pub(in crate::worker::handler) fn start(secrets: Vec<String>) -> io::Result<Self> {
        let token = uuid::Uuid::new_v4().to_string();
        let mut command = Command::new("/bin/sh");
        without_secrets(&mut command)
            .args(["-c", SCRIPT, "ucp-streams-guard", &token])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        for secret in &secrets {
            command.env_remove(secret);
        }
        let (mut shell, own) = own::start(|| command.spawn(), |shell| Some(shell.id()))?;
        let state = State {
            input: shell.stdin.take(),
            is_used: Vec::new(),
        };
        Ok(Self {
            shell,
            token,
            secrets,
            slots: Arc::new(Slots {
                state: Mutex::new(state),
                used: watch::Sender::new(0),
            }),
            stopper: Mutex::default(),
            _own: own,
        })
    }

    /// The value of [`WORKER`] in a handler's environment, which identifies the handler from its first moment.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The names of the environment variables that a handler must not see.
    pub(super) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Watches over the process group `process` until the returned value is dropped.
    pub(super) fn watch(&self, process: u32) -> Watched {
        let mut state = self.slots.lock();
        let slot = match state.is_used.iter().position(|used| !used) {
            Some(free) => free,
            None => {
                state.is_used.push(false);
                state.is_used.len() - 1
            }
        };
        state.is_used[slot] = true;
        state.tell(slot, process);
        self.slots.used.send_modify(|used| *used += 1);
        Watched {
            slots: Arc::clone(&self.slots),
            slot,
            process,
        }
    }

    /// Stops an attempt in the background.
    pub(super) fn stop(&self, mut attempt: Stopping) {
        let mut stopper = self.stopper.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..2 {
            if stopper.is_none() {
                *stopper = Stopper::start()
                    .inspect_err(|error| tracing::error!(%error, "cannot stop a handler"))
                    .ok();
            }
            let Some(current) = &*stopper else { return };
            match current.stop(attempt) {
                Ok(()) => return,
                Err(back) => attempt = *back,
            }
            *stopper = None;
        }
    }

    /// Waits until no attempt is running or being stopped, for as long as stopping may take.
    pub(in crate::worker::handler) async fn idle(&self) {
        let mut used = self.slots.used.subscribe();
        let _ = timeout(STOP_WITHIN, used.wait_for(|used| *used == 0)).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let stopper = self
            .stopper
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(stopper) = stopper.take() {
            stopper.finish();
        }
        let mut state = self.slots.lock();
        if let Some(input) = &mut state.input {
            let _ = writeln!(input, "end 0");
        }
        state.input = None;
        drop(state);
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn handler(guard: &Guard) -> Child {
        Command::new("sleep")
            .arg("600")
            .env(WORKER, guard.token())
            .process_group(0)
            .spawn()
            .expect("starts")
    }

    #[test]
    fn what_was_told_and_what_was_not_ends_with_this_process() {
        let guard = Guard::start(Vec::new()).expect("starts");
        let (mut told, mut untold) = (handler(&guard), handler(&guard));
        let watched = guard.watch(told.id());
        // As a kill would: the pipe closes without a word, and nothing is cleaned up.
        std::mem::forget(watched);
        guard.slots.lock().input = None;
        for process in [&mut told, &mut untold] {
            assert_eq!(process.wait().expect("ended").signal(), Some(9));
        }
    }

    #[test]
    fn a_worker_that_ends_by_itself_kills_nothing_that_is_not_its_handler() {
        let guard = Guard::start(Vec::new()).expect("starts");
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
