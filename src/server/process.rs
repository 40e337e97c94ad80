//! One server process that belongs to this process: started together with its reaper, signalled, and waited for.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::place::Place;
use super::reaper::Reaper;
use crate::model::without_secrets;

/// How often to check whether a process has ended.
pub(super) const POLL: Duration = Duration::from_millis(2);

/// A running server, or one that has ended and has not been waited for.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    reaper: Option<Reaper>,
}

impl Process {
    /// Starts `binary` with its output appended to `log`; the reaper removes `removed` afterwards.
    ///
    /// The server runs in a process group of its own, so that a terminal's Ctrl-C reaches it only through this
    /// process. It first waits as a shell for a line of input before it becomes the server, so that the reaper is
    /// always started before it.
    pub(super) fn start(
        binary: &Path,
        arguments: &[OsString],
        log: &Path,
        removed: Option<&Path>,
    ) -> io::Result<Self> {
        let output = Place::open_log(log)?;
        let mut child = without_secrets(&mut Command::new("/bin/sh"))
            .args(["-c", r#"read -r _ && exec "$0" "$@" </dev/null"#])
            .arg(binary)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        let go = child.stdin.take();
        let reaper = Reaper::over(child.id(), removed).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        })?;
        if let Some(mut go) = go {
            go.write_all(b"go\n")?;
        }
        Ok(Self {
            child,
            reaper: Some(reaper),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.reaper = None;
        }
        Ok(status)
    }

    /// Sends a signal, unless it has ended.
    pub(super) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.ended()?.is_none() {
            send(self.pid(), signal)?;
        }
        Ok(())
    }

    /// Sends SIGKILL, and waits for the end.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.signal(Signal::KILL)?;
        self.reaper = None;
        self.child.wait().map(drop)
    }

    /// Sends SIGTERM, then SIGKILL if it has not ended after `grace`, and waits for the end.
    pub(super) fn stop(&mut self, grace: Duration) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if self.ended()?.is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Sends `signal` to the process `pid`.
pub(super) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    Ok(kill_process(system_pid(pid)?, signal)?)
}

/// Whether there is a process `pid`, of any owner, that has not ended. A process that has ended but is not waited for
/// (in a container without an init) counts as ended.
pub(super) fn is_alive(pid: u32) -> bool {
    let exists = system_pid(pid).is_ok_and(|pid| test_kill_process(pid) != Err(Errno::SRCH));
    exists && !is_zombie(pid)
}

/// Whether the process is a zombie, on systems that show it: the state after the name in `/proc/PID/stat`. Source:
/// proc(5).
fn is_zombie(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        memchr::memrchr(b')', &stat).is_some_and(|end| stat[end..].starts_with(b") Z"))
    })
}

/// The process id for the system. It must not be 0 or negative, which would name a process group.
fn system_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{pid} is not a process id"),
            )
        })
}
