//! A pager for output that is longer than the screen. All of standard output goes through it from then on, and
//! messages for standard error wait until it has ended.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::looks::Looks;
use super::signals::outlive_interrupts;
use super::terminal::stdout_size;
use crate::model::without_secrets;
use crate::settings::PagerChoice;
use crate::view::has_more_rows;

/// The options of `less`: exit at once if everything fits, show colours, and leave the output on the screen.
const LESS: &str = "-FRX";
/// Put in front of a command line for the shell: the same options, unless the user has set some.
const TELL_LESS: &str = "export LESS=\"${LESS-FRX}\"; ";
/// How much of the output is kept until it is clear that the pager has started; this is more than a pipe holds.
const KEPT_MAX: usize = 256 * 1024;
/// The exit codes with which a shell reports that it cannot start a program.
const NOT_STARTED: [i32; 2] = [126, 127];

/// The way to standard output, through a pager if one is needed.
#[derive(Clone, Debug, Default)]
pub struct Pager(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stage: Stage,
    /// Messages for standard error that wait.
    said: Vec<String>,
}

#[derive(Default)]
enum Stage {
    /// Everything is written to standard output.
    #[default]
    Off,
    /// Output that is longer than the screen starts it.
    Ready(PagerChoice),
    Running(Running),
    /// What is written and said belongs to one of many looks.
    Looks(Looks),
}

struct Running {
    child: Child,
    /// The output that was given to the pager so far, up to a limit.
    kept: Option<Vec<u8>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Off => "off",
            Stage::Ready(_) => "ready",
            Stage::Running(_) => "running",
            Stage::Looks(_) => "looks",
        })
    }
}

impl Pager {
    /// From now on, output that is longer than the screen goes to this pager.
    pub(super) fn prepare(&self, choice: PagerChoice) {
        self.state().stage = Stage::Ready(choice);
    }

    /// Keeps `text` for later if a pager has the screen now.
    pub(super) fn holds(&self, text: &str) -> bool {
        let mut state = self.state();
        if let Stage::Looks(looks) = &mut state.stage {
            return looks.hear(text);
        }
        let is_running = matches!(state.stage, Stage::Running(_));
        if is_running {
            state.said.push(text.to_owned());
        }
        is_running
    }

    /// Waits until the user has left the pager, and returns the messages that waited for that.
    pub(super) fn end(&self) -> Vec<String> {
        let mut state = self.state();
        if let Stage::Running(mut running) = std::mem::take(&mut state.stage) {
            let _ = running.finish();
        }
        std::mem::take(&mut state.said)
    }

    /// From now on, what is written and said belongs to one of many looks.
    pub(super) fn repeat(&self, looks: Looks) {
        self.state().stage = Stage::Looks(looks);
    }

    /// The looks, if that is what is written.
    pub(super) fn looks<T>(&self, work: impl FnOnce(&mut Looks) -> T) -> Option<T> {
        match &mut self.state().stage {
            Stage::Looks(looks) => Some(work(looks)),
            _ => None,
        }
    }

    /// The looks are over.
    /// Returns what was held back of what the look said that was under way.
    pub(super) fn repeat_no_more(&self) -> Vec<String> {
        let mut state = self.state();
        match &mut state.stage {
            Stage::Looks(looks) => {
                let unsaid = looks.unsaid();
                state.stage = Stage::Off;
                unsaid
            }
            _ => Vec::new(),
        }
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
            Stage::Looks(looks) => looks.write(bytes).map(|()| bytes.len()),
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
    /// `None` when the pager cannot be started; the output is then written to standard output.
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

    /// Waits until the pager ends. If it never started, the output that it was given is written to standard output.
    /// Returns whether it never started.
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
