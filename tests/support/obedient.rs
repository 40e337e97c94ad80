//! A program in another language that does one order at a time: a line of JSON in, a line of JSON out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Running;

/// A running one; killed, without a goodbye, when the value is gone.
#[derive(Debug)]
pub struct Obedient {
    process: Running,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Obedient {
    /// Starts it. `setup` is the group of `.ci/setup` that installs what it needs.
    #[track_caller]
    pub fn start(command: &mut Command, setup: &str) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}; `.ci/setup {setup}` installs it");
        });
        let orders = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            process: Running(child),
            orders,
            answers,
        }
    }

    /// Gives an order and awaits its answer for so long. What a failing program says is on the test's standard error.
    #[track_caller]
    pub fn ask(&mut self, order: &Value, within: Duration) -> Value {
        let orders = self.orders.as_mut().expect("it is not dismissed");
        writeln!(orders, "{order}").unwrap_or_else(|error| panic!("{order}: {error}"));
        let answer = self.answers.recv_timeout(within);
        let answer = answer.unwrap_or_else(|error| panic!("{order}: {error}"));
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{order}: {error}: {answer}"))
    }

    /// There are no more orders: awaits its end.
    pub fn dismiss(&mut self) {
        self.orders = None;
        let _ = self.process.0.wait();
    }
}

/// What this group of `.ci/setup` has put in its directory of the cache.
#[track_caller]
pub fn installed(setup: &str, packages: &str) -> PathBuf {
    let directory = repository(".cache").join(setup).join(packages);
    let shown = directory.display();
    assert!(
        directory.exists(),
        "no {shown}: run `.ci/setup {setup}`, or what of `make` tests it"
    );
    directory
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
