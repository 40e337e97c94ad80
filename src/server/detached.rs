//! A private server that outlives the command that started it. There is one per directory. It is found through the
//! pid file there, which is trusted only when the server at the socket reports the same process id.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::options::Options;
use super::own;
use super::patience::Patience;
use super::place::Place;
use super::probe::{self, Identity, Readiness};
use super::process::{POLL, is_alive, send};
use super::running::STOP_GRACE;
use super::said::{cannot, shown};
use crate::model::{Kind, Problem, without_secrets};

/// How long a running server may take to report its process id, even on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The server becomes a daemon by itself (in a session of its own, with its output discarded) and keeps descriptor 3
/// open, so that the process that started it notices at the other end when the server ends.
const SCRIPT: &str = r#"exec 3>&1 >&2 </dev/null; exec "$0" "$@""#;

/// The directory of a detached server: its data, log, socket and pid file.
#[derive(Debug)]
pub struct Detached {
    place: Place,
    pid_file: PathBuf,
}

/// A detached server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its process, version and uptime, as it reports them.
    pub identity: Identity,
    /// The absolute path of its unix socket.
    pub socket: PathBuf,
}

/// What [`Detached::start`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// The server was not running and was started.
    Now(Live),
    /// The server was already running, with the options it was started with.
    Already(Live),
}

/// The state of the server in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A server is running and answers.
    Running(Live),
    /// No server is running.
    Stopped,
    /// The pid file names a running process, but the socket does not answer for it: a server that hangs or is
    /// suspended, or another program that was given the process id of a server that crashed.
    Unsure {
        /// The process in the pid file.
        pid: u32,
    },
}

impl Detached {
    /// The server in `dir` (`.ucp-streams`), whether it exists or not; changes nothing.
    ///
    /// # Errors
    /// When the path of `dir` is too long for a unix socket.
    pub fn at(dir: &Path) -> Result<Self, Problem> {
        let place = Place::of(dir)?;
        Ok(Self {
            pid_file: place.dir.join("server.pid"),
            place,
        })
    }

    /// The absolute path of its unix socket while it runs.
    pub fn socket(&self) -> &Path {
        &self.place.socket
    }

    /// The directory of its data and log.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// Starts the server unless it is running, and waits until it answers. It survives this process and its terminal.
    ///
    /// # Errors
    /// [`Kind::Local`], with the end of its log, when it ends at once; [`Kind::Unavailable`] when it does not answer
    /// in time; [`Kind::Refused`] when the status is [`Status::Unsure`], or when the directory is not the user's own
    /// or contains a link.
    pub fn start(&self, binary: &Path, options: &Options) -> Result<Started, Problem> {
        Place::kept(&self.place.dir)?;
        let _lock = self.lock()?;
        match self.status() {
            Status::Running(live) => return Ok(Started::Already(live)),
            Status::Unsure { pid } => return Err(self.unsure(pid, "start")),
            Status::Stopped => {}
        }
        self.forget()?;
        let life = self.launch(binary, options)?;
        self.await_ready(binary, &life, options.ready_within)
            .map(Started::Now)
    }

    /// What there is in the directory.
    pub fn status(&self) -> Status {
        let written = self.written_pid();
        match probe::identity(&self.place.socket, ANSWER_TIMEOUT) {
            Ok(identity) if written == Some(identity.pid) => Status::Running(self.live(identity)),
            _ => match written.filter(|&pid| is_alive(pid)) {
                Some(pid) => Status::Unsure { pid },
                None => Status::Stopped,
            },
        }
    }

    /// Stops the server (SIGTERM, then SIGKILL if it does not end) and returns its process id; `None` when it was not
    /// running. Its data is kept.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the status is [`Status::Unsure`], because a pid file alone is not reason enough to
    /// signal a process. [`Kind::Local`] when the signal cannot be sent.
    pub fn stop(&self) -> Result<Option<u32>, Problem> {
        if !self.is_there()? {
            return Ok(None);
        }
        let _lock = self.lock()?;
        let pid = match self.status() {
            Status::Running(live) => live.identity.pid,
            Status::Unsure { pid } => return Err(self.unsure(pid, "stop")),
            Status::Stopped => {
                self.forget()?;
                return Ok(None);
            }
        };
        end(pid).map_err(|error| cannot("stop the server in", &self.place.dir, &error))?;
        self.forget()?;
        Ok(Some(pid))
    }

    /// Whether the directory exists and contains no link.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is not the user's own, or contains a link.
    pub fn is_there(&self) -> Result<bool, Problem> {
        let dir = &self.place.dir;
        if fs::symlink_metadata(dir).is_err() {
            return Ok(false);
        }
        own::examine(dir).map(|_| true)
    }

    fn live(&self, identity: Identity) -> Live {
        Live {
            identity,
            socket: self.place.socket.clone(),
        }
    }

    fn written_pid(&self) -> Option<u32> {
        fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// Allows one start or stop at a time; released when the file is closed.
    fn lock(&self) -> Result<File, Problem> {
        let path = self.place.dir.join("lock");
        let mut options = File::options();
        own::open(options.create(true).append(true).mode(0o600), &path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| cannot("lock", &path, &error))
    }

    /// Removes what a crash left behind; a server that is stopped removes both files itself.
    fn forget(&self) -> Result<(), Problem> {
        for path in [&self.pid_file, &self.place.socket] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(cannot("remove", path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts the daemon and returns the pipe that closes when it ends.
    fn launch(&self, binary: &Path, options: &Options) -> Result<ChildStdout, Problem> {
        let Place {
            dir, socket, log, ..
        } = &self.place;
        let failed = |error: io::Error| cannot("start", binary, &error);
        let output = Place::open_log(log).map_err(|error| cannot("write", log, &error))?;
        let mut launcher = without_secrets(&mut Command::new("/bin/sh"))
            .args(["-c", SCRIPT])
            .arg(binary)
            .args(options.arguments(dir, socket, log))
            .args(["--daemonize", "yes", "--pidfile"])
            .arg(&self.pid_file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        let life = launcher.stdout.take();
        let status = launcher.wait().map_err(failed)?;
        life.filter(|_| status.success())
            .ok_or_else(|| self.ended(binary, &format!(" ({status})")))
    }

    fn await_ready(
        &self,
        binary: &Path,
        life: &ChildStdout,
        within: Duration,
    ) -> Result<Live, Problem> {
        let mut patience = Patience::new(within);
        loop {
            let left = patience.left(binary, &self.place)?;
            if let Ok(readiness) = probe::readiness(&self.place.socket, left) {
                patience.note(readiness);
                if readiness == Readiness::Ready
                    && let Status::Running(live) = self.status()
                {
                    return Ok(live);
                }
            }
            if is_closed(life, POLL) {
                self.clear_away()?;
                return Err(self.ended(binary, ""));
            }
        }
    }

    /// Waits for the end of a process, which closes its files before it ends. Otherwise the next start could find its
    /// process id in the pid file and still running.
    fn clear_away(&self) -> Result<(), Problem> {
        if let Some(pid) = self.written_pid() {
            is_gone_within(pid, STOP_GRACE);
        }
        self.forget()
    }

    fn ended(&self, binary: &Path, status: &str) -> Problem {
        let message = format!(
            "{} ended at start{status}; {}",
            shown(binary),
            self.place.log_tail()
        );
        Problem::new(Kind::Local, message)
    }

    /// Why `what` is refused while the status is [`Status::Unsure`].
    pub fn unsure(&self, pid: u32, what: &str) -> Problem {
        Problem::refused(format!(
            "cannot {what}: {} names process {pid}, which is running, but the socket beside it does not answer",
            shown(&self.pid_file)
        ))
        .hint(format!(
            "check it with `ps -p {pid}`: end a server that hangs with `kill {pid}`, or, if it is another program, \
                remove the pid file"
        ))
    }
}

/// Whether the other end of `pipe` is closed, or gets closed within `timeout`.
fn is_closed(pipe: &ChildStdout, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).ok();
    let mut descriptors = [PollFd::new(pipe, PollFlags::IN)];
    matches!(poll(&mut descriptors, timeout.as_ref()), Ok(1))
        && descriptors[0].revents().contains(PollFlags::HUP)
}

/// Ends a process that is not a child: SIGTERM, then SIGKILL after a while.
fn end(pid: u32) -> io::Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        if let Err(error) = send(pid, signal)
            && is_alive(pid)
        {
            return Err(error);
        }
        if is_gone_within(pid, STOP_GRACE) {
            return Ok(());
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("process {pid} is still running after SIGKILL"),
    ))
}

/// Waits for the end of a process that is not a child.
fn is_gone_within(pid: u32, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while is_alive(pid) {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}
