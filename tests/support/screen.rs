//! A person at a terminal: what a command shows there, its questions answered.

use std::io::Read as _;
use std::io::Write as _;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, Pty, Run};

/// How often it is looked whether the command has had its effect.
const LOOK: Duration = Duration::from_millis(20);
/// What the tool asks before it changes something.
const QUESTION: &str = "Proceed? [y/N]: ";
/// What it asks on a production server, before and after the name that it wants.
const PRODUCTION: (&str, &str) = ("This is production. Type ", " to proceed: ");

/// What is typed to consent, where the tool asks for that last.
fn consent(shown: &str) -> Option<String> {
    if shown.ends_with(QUESTION) {
        return Some("y".to_owned());
    }
    let (_, asked) = shown.rsplit_once(PRODUCTION.0)?;
    asked.strip_suffix(PRODUCTION.1).map(str::to_owned)
}

/// Runs `command`, which `words` name, at a terminal of so many columns, where yes is typed when the tool asks. One that goes
/// on is interrupted as soon as it has had the `effect`. All that the terminal shows is the run's standard output.
#[track_caller]
pub fn at_terminal(
    mut command: Command,
    words: &str,
    columns: u16,
    effect: Option<&dyn Fn() -> bool>,
) -> Run {
    let Pty {
        mut controller,
        terminal,
    } = Pty::of_width(columns);
    let end = || terminal.try_clone().expect("a handle");
    command.stdin(end()).stdout(end()).stderr(end());
    let mut child = command.spawn().expect("starts");
    // As long as they are open here, the terminal does not end.
    drop((command, terminal));
    let mut typing = controller.try_clone().expect("a handle");
    let (said, heard) = channel();
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = controller.read(&mut chunk) {
            if said.send(chunk[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let end = Instant::now() + PATIENCE;
    let (mut shown, mut answered, mut is_stopped) = (Vec::new(), 0, false);
    loop {
        match heard.recv_timeout(LOOK) {
            Ok(chunk) => shown.extend(chunk),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let text = String::from_utf8_lossy(&shown);
        // What is typed is shown, too: a question is answered once.
        if let Some(word) = consent(&text).filter(|_| shown.len() > answered) {
            answered = shown.len();
            typing
                .write_all(format!("{word}\n").as_bytes())
                .expect("types");
        }
        if !is_stopped && effect.is_some_and(|it| it()) {
            is_stopped = true;
            let pid = Pid::from_raw(child.id().cast_signed()).expect("a process id");
            kill_process(pid, Signal::INT).expect("interrupts it");
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("{words} goes on and on:\n{text}");
        }
    }
    Run {
        words: words.to_owned(),
        status: child.wait().expect("ends"),
        stdout: shown,
        stderr: Vec::new(),
    }
}
