//! A private server that belongs to this process.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::options::{Options, Persistence};
use super::patience::Patience;
use super::place::Place;
use super::probe::{self, Readiness};
use super::process::{POLL, Process};
use super::said::{cannot, shown};
use crate::model::{Kind, Problem};

/// How long a server may take to end after SIGTERM (it may be saving its data) before SIGKILL.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// A private server on a unix socket. It ends when this value is dropped, and when this process ends in any way.
#[derive(Debug)]
pub struct Server {
    // Before the place: the process is gone before its directory is removed.
    process: Option<Process>,
    place: Place,
    binary: PathBuf,
    options: Options,
}

impl Server {
    /// Starts `binary` in a private directory that is created for it and removed with it, and waits until it answers
    /// (10 to 40 ms).
    ///
    /// # Errors
    /// [`Kind::Local`], with the end of its log, when it ends at once or does not answer in time.
    pub fn start(binary: &Path, options: Options) -> Result<Self, Problem> {
        Self::in_place(Place::temporary()?, binary, options)
    }

    /// As [`Server::start`], in `dir`, which is created if it is missing, and kept.
    ///
    /// # Errors
    /// As [`Server::start`]; when the path of `dir` is too long for a unix socket; [`Kind::Refused`] when a server is
    /// already running in it.
    pub fn start_in(dir: &Path, binary: &Path, options: Options) -> Result<Self, Problem> {
        let place = Place::kept(dir)?;
        if UnixStream::connect(&place.socket).is_ok() {
            let message = format!("a server is already running in {}", shown(&place.dir));
            return Err(Problem::refused(message).hint("stop it, or use another directory"));
        }
        Self::in_place(place, binary, options)
    }

    fn in_place(place: Place, binary: &Path, options: Options) -> Result<Self, Problem> {
        let mut server = Self {
            process: None,
            place,
            binary: binary.to_path_buf(),
            options,
        };
        server.run()?;
        Ok(server)
    }

    /// The path of its unix socket.
    pub fn socket(&self) -> &Path {
        &self.place.socket
    }

    /// The directory of its data, log and socket.
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// The port of 127.0.0.1 that it listens on, if it was given one.
    pub fn port(&self) -> Option<u16> {
        self.options.port
    }

    /// Its process id; `None` after [`Server::kill`] and [`Server::stop`].
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Stops it if it is running, and starts it again in the same directory, with the data that its persistence kept.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn restart(&mut self) -> Result<(), Problem> {
        self.stop()?;
        self.run()
    }

    /// Sends SIGKILL, as in a crash, and waits for the end.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<(), Problem> {
        match self.process.take() {
            Some(mut process) => process.kill().map_err(|error| self.failed("kill", &error)),
            None => Ok(()),
        }
    }

    /// Sends SIGTERM, then SIGKILL if it does not end, and waits for the end.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn stop(&mut self) -> Result<(), Problem> {
        match self.process.take() {
            Some(mut process) => process
                .stop(STOP_GRACE)
                .map_err(|error| self.failed("stop", &error)),
            None => Ok(()),
        }
    }

    /// Sends SIGSTOP: it keeps its connections and accepts new ones, but answers nothing.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&mut self) -> Result<(), Problem> {
        self.signal(Signal::STOP, "pause")
    }

    /// Sends SIGCONT, which ends a [`Server::pause`].
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn resume(&mut self) -> Result<(), Problem> {
        self.signal(Signal::CONT, "resume")
    }

    fn signal(&mut self, signal: Signal, what: &str) -> Result<(), Problem> {
        let sent = self.process.as_mut().map_or_else(
            || Err(io::Error::new(io::ErrorKind::NotFound, "it is not running")),
            |process| process.signal(signal),
        );
        sent.map_err(|error| self.failed(what, &error))
    }

    fn run(&mut self) -> Result<(), Problem> {
        let place = &self.place;
        let arguments = self
            .options
            .arguments(&place.dir, &place.socket, &place.log);
        let removed = place.is_temporary().then_some(place.dir.as_path());
        let process = Process::start(&self.binary, &arguments, &place.log, removed)
            .map_err(|error| cannot("start", &self.binary, &error))?;
        let process = self.process.insert(process);
        await_ready(process, place, &self.binary, self.options.ready_within)
    }

    fn failed(&self, what: &str, error: &io::Error) -> Problem {
        cannot(
            &format!("{what} the private server in"),
            &self.place.dir,
            error,
        )
    }
}

/// A server with persistent data may write it before it ends; any other is killed.
impl Drop for Server {
    fn drop(&mut self) {
        let keeps = self.options.persistence != Persistence::None && !self.place.is_temporary();
        let _ = if keeps { self.stop() } else { self.kill() };
    }
}

/// Waits until the server can be used.
///
/// # Errors
/// With the end of its log, when it ends or does not answer `within`.
fn await_ready(
    process: &mut Process,
    place: &Place,
    binary: &Path,
    within: Duration,
) -> Result<(), Problem> {
    let mut patience = Patience::new(within);
    loop {
        if let Ok(Some(status)) = process.ended() {
            let message = format!(
                "{} ended at start ({status}); {}",
                shown(binary),
                place.log_tail()
            );
            return Err(Problem::new(Kind::Local, message));
        }
        let left = patience.left(binary, place)?;
        match probe::readiness(&place.socket, left) {
            Ok(Readiness::Ready) => return Ok(()),
            Ok(readiness) => patience.note(readiness),
            Err(_) => {}
        }
        thread::sleep(POLL);
    }
}
