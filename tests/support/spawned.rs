//! A run of the binary that goes on: await its lines, signal it, await its end.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use super::{PATIENCE, Run};

/// A running `ucp-streams`; killed on drop.
#[derive(Debug)]
pub struct Spawned {
    words: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Capture,
    stderr: Capture,
    _home: TempDir,
}

impl Spawned {
    /// `shown` is what the terminals on its outputs show, where they are not pipes.
    pub(super) fn new(
        mut child: Child,
        shown: Option<[File; 2]>,
        input: Option<Vec<u8>>,
        home: TempDir,
        words: String,
    ) -> Self {
        let mut stdin = child.stdin.take();
        if let Some(input) = input
            && let Some(mut pipe) = stdin.take()
        {
            // In a thread: a command may fill its output before it reads. It may also end without
            // reading, which closes the pipe.
            thread::spawn(move || {
                let _ = pipe.write_all(&input);
            });
        }
        let [stdout, stderr] = match shown {
            Some(terminals) => terminals.map(Capture::of),
            None => [
                Capture::of(child.stdout.take().expect("piped")),
                Capture::of(child.stderr.take().expect("piped")),
            ],
        };
        Self {
            stdout,
            stderr,
            words,
            child,
            stdin,
            _home: home,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to it.
    #[track_caller]
    pub fn signal(&mut self, signal: Signal) {
        assert!(self.ended().is_none(), "it has ended\n{}", self.so_far());
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("sends the signal");
    }

    /// Writes to its standard input ([`super::Invocation::open_stdin`]).
    #[track_caller]
    pub fn write(&mut self, input: impl AsRef<[u8]>) {
        let pipe = self.stdin.as_mut().expect("an open standard input");
        pipe.write_all(input.as_ref()).expect("writes");
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Awaits a line of standard output that contains `text` and returns it. Lines up to it are used up:
    /// the next call looks after it.
    #[track_caller]
    pub fn await_stdout(&mut self, text: &str) -> String {
        match self.stdout.line_with(text, PATIENCE) {
            Some(line) => line,
            None => panic!("no {text:?} on stdout\n{}", self.so_far()),
        }
    }

    /// As [`Spawned::await_stdout`], on standard error.
    #[track_caller]
    pub fn await_stderr(&mut self, text: &str) -> String {
        match self.stderr.line_with(text, PATIENCE) {
            Some(line) => line,
            None => panic!("no {text:?} on stderr\n{}", self.so_far()),
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("can be waited for")
    }

    /// Awaits its end.
    #[track_caller]
    pub fn wait(self) -> Run {
        self.wait_for(PATIENCE)
    }

    /// Awaits its end for so long.
    #[track_caller]
    pub fn wait_for(mut self, timeout: Duration) -> Run {
        self.stdin = None;
        let deadline = Instant::now() + timeout;
        let status = loop {
            if let Some(status) = self.ended() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it did not end within {timeout:?}\n{}",
                self.so_far()
            );
            thread::sleep(Duration::from_millis(1));
        };
        let closed = self.stdout.await_end() && self.stderr.await_end();
        assert!(
            closed,
            "it ended, but something it started holds its output open\n{}",
            self.so_far()
        );
        Run {
            words: self.words.clone(),
            status,
            stdout: self.stdout.bytes(),
            stderr: self.stderr.bytes(),
        }
    }

    /// Lets it run for at most so long, then SIGTERM, and awaits its end.
    #[track_caller]
    pub fn end_within(mut self, patience: Duration) -> Run {
        let until = Instant::now() + patience;
        while self.ended().is_none() {
            if Instant::now() > until {
                return self.terminate();
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.wait()
    }

    /// SIGTERM, and awaits its end.
    #[track_caller]
    pub fn terminate(mut self) -> Run {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Its command line and what it has said so far, for a message.
    pub fn so_far(&self) -> String {
        let text = |capture: &Capture| String::from_utf8_lossy(&capture.bytes()).into_owned();
        format!(
            "$ {}\n--- stdout so far\n{}\n--- stderr so far\n{}",
            self.words,
            text(&self.stdout),
            text(&self.stderr)
        )
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a pipe has said so far, filled by a thread.
#[derive(Debug)]
struct Capture {
    shared: Arc<(Mutex<Said>, Condvar)>,
    /// Where the next search for a line begins.
    from: usize,
}

#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Said::default()), Condvar::new()));
        let filled = Arc::clone(&shared);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let read = match pipe.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read.unwrap_or(0),
                };
                let mut said = filled.0.lock().unwrap_or_else(PoisonError::into_inner);
                said.bytes.extend_from_slice(&buffer[..read]);
                said.ended = read == 0;
                filled.1.notify_all();
                if said.ended {
                    return;
                }
            }
        });
        Self { shared, from: 0 }
    }

    fn bytes(&self) -> Vec<u8> {
        let said = self.shared.0.lock();
        said.unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// The next whole line that contains `text`; none at the end of the output or of `timeout`.
    fn line_with(&mut self, text: &str, timeout: Duration) -> Option<String> {
        let deadline = Instant::now() + timeout;
        let (mutex, changed) = &*self.shared;
        let mut said = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(length) = said.bytes[self.from..]
                .iter()
                .position(|&byte| byte == b'\n')
            {
                let line = &said.bytes[self.from..self.from + length];
                self.from += length + 1;
                let line = String::from_utf8_lossy(line);
                if line.contains(text) {
                    return Some(line.into_owned());
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if said.ended || left.is_zero() {
                return None;
            }
            said = changed
                .wait_timeout(said, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether the output ends soon after the process.
    fn await_end(&self) -> bool {
        let (mutex, changed) = &*self.shared;
        let said = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, _) = changed
            .wait_timeout_while(said, PATIENCE, |said| !said.ended)
            .unwrap_or_else(PoisonError::into_inner);
        said.ended
    }
}
