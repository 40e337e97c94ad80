//! A pager for what is longer than the screen: all of standard output goes through it from the first piece on that is, and what
//! is to be said on standard error waits until it has ended.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signals::outlive_interrupts;
use super::terminal::stdout_size;
use crate::model::without_secrets;
use crate::settings::PagerChoice;
use crate::view::has_more_rows;

/// What `less` is told: end at once where all fits, show colours, and leave what was shown on the screen.
const LESS: &str = "-FRX";
/// Before the line that a shell runs: the same, where nobody told it anything else.
const TELL_LESS: &str = "export LESS=\"${LESS-FRX}\"; ";
/// So much of what a pager was given is kept until it is clear that it has started: more than a pipe holds.
const KEPT_MAX: usize = 256 * 1024;
/// What a shell ends with that cannot start a program.
const NOT_STARTED: [i32; 2] = [126, 127];

/// The way to standard output, through a pager where there is need of one.
#[derive(Clone, Debug, Default)]
pub struct Pager(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stage: Stage,
    /// What waits to be said on standard error.
    said: Vec<String>,
}

#[derive(Default)]
enum Stage {
    /// Everything is written to standard output.
    #[default]
    Off,
    /// What is longer than the screen starts it.
    Ready(PagerChoice),
    Running(Running),
}

struct Running {
    child: Child,
    /// What it was given, as long as that is little.
    kept: Option<Vec<u8>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Off => "off",
            Stage::Ready(_) => "ready",
            Stage::Running(_) => "running",
        })
    }
}

impl Pager {
    /// From now on what is longer than the screen goes to this pager.
    pub(super) fn prepare(&self, choice: PagerChoice) {
        self.state().stage = Stage::Ready(choice);
    }

    /// Keeps `text` for later where a pager has the screen now.
    pub(super) fn holds(&self, text: &str) -> bool {
        let mut state = self.state();
        let is_running = matches!(state.stage, Stage::Running(_));
        if is_running {
            state.said.push(text.to_owned());
        }
        is_running
    }

    /// Awaits that whoever reads has seen enough; what waits to be said then.
    pub(super) fn end(&self) -> Vec<String> {
        let mut state = self.state();
        if let Stage::Running(mut running) = std::mem::take(&mut state.stage) {
            let _ = running.finish();
        }
        std::mem::take(&mut state.said)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if let Stage::Ready(choice) = &state.stage
            && stdout_size().is_some_and(|size| has_more_rows(bytes, size.columns, size.rows))
        {
            state.stage = Running::start(choice).map_or(Stage::Off, Stage::Running);
        }
        match &mut state.stage {
            Stage::Running(running) => match running.take(bytes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe && running.finish()? => {
                    state.stage = Stage::Off;
                    Ok(bytes.len())
                }
                taken => taken.map(|()| bytes.len()),
            },
            _ => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.state().stage {
            Stage::Running(_) => Ok(()),
            _ => io::stdout().flush(),
        }
    }
}

impl Running {
    /// `None` where it cannot be started: then nothing needs to be longer than a screen.
    fn start(choice: &PagerChoice) -> Option<Self> {
        let mut command = match choice {
            PagerChoice::Usual => {
                let mut less = Command::new("less");
                less.arg(LESS);
                less
            }
            PagerChoice::Named(line) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("{TELL_LESS}{line}"));
                shell
            }
        };
        outlive_interrupts();
        let child = without_secrets(&mut command).stdin(Stdio::piped()).spawn();
        Some(Self {
            child: child.ok()?,
            kept: Some(Vec::new()),
        })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.kept {
            Some(kept) if kept.len() + bytes.len() <= KEPT_MAX => kept.extend_from_slice(bytes),
            _ => self.kept = None,
        }
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(bytes),
            None => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Awaits its end. Where it never started, what it was given is written to standard output; whether that is so.
    fn finish(&mut self) -> io::Result<bool> {
        drop(self.child.stdin.take());
        let code = self.child.wait()?.code();
        let never_started = code.is_some_and(|code| NOT_STARTED.contains(&code));
        match self.kept.take().filter(|_| never_started) {
            Some(kept) => io::stdout().write_all(&kept).map(|()| true),
            None => Ok(false),
        }
    }
}
