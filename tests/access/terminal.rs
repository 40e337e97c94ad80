//! The binary on a terminal of its own: what it shows there, and answers typed to it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{PATIENCE, Pty, until};

/// A run whose three streams are one terminal.
pub(crate) struct Terminal {
    child: Child,
    typed: File,
    heard: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Starts the binary with `env` and nothing else in its environment but TERM=xterm.
    pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> Self {
        let Pty {
            controller: mut shown,
            terminal,
        } = Pty::open();
        let stream = || Stdio::from(terminal.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
            .args(args)
            .env_clear()
            .env("TERM", "xterm")
            .envs(env.iter().copied())
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        let typed = shown.try_clone().unwrap();
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 1024];
            // Ends with an error when the last user of the terminal has gone.
            while let Ok(read) = shown.read(&mut piece) {
                if read == 0 || said.send(piece[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            typed,
            heard,
            shown: String::new(),
        }
    }

    /// Awaits `text` on the terminal.
    #[track_caller]
    pub(crate) fn await_text(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !self.shown.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(piece) => self.shown.push_str(&String::from_utf8_lossy(&piece)),
                Err(error) => panic!("no {text:?} on the terminal ({error}):\n{}", self.shown),
            }
        }
        self
    }

    /// Awaits that what is typed is not shown; what is typed before that is thrown away.
    #[track_caller]
    pub(crate) fn await_hidden(&mut self) -> &mut Self {
        until(PATIENCE, "hidden input", || {
            let modes = tcgetattr(&self.typed).unwrap().local_modes;
            !modes.contains(LocalModes::ECHO)
        });
        self
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) -> &mut Self {
        self.press(&format!("{line}\n"))
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        self.typed.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Awaits the end: the exit code and all that was shown.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        until(PATIENCE, "the end of the run", || {
            self.child.try_wait().unwrap().is_some()
        });
        let status = self.child.wait().unwrap();
        loop {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(piece) => self.shown.push_str(&String::from_utf8_lossy(&piece)),
                // All was heard: the last user of the terminal has gone.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("something holds the terminal open:\n{}", self.shown)
                }
            }
        }
        (status.code(), std::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
