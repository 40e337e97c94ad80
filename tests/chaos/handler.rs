//! The handler that `--exec` workers start for every message: this test program itself, told by the environment. It
//! writes down what it does before and after it does it.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Signal, getpid, getppid, kill_process};
use serde_json::Value;

use crate::ledger::{Ledger, now_ms};
use crate::message::{Plan, sha_of};
use crate::rng::Rng;

/// The variable that names the run's directory to workers and handlers.
pub const RUN: &str = "UCP_CHAOS";
/// The variable that names the program which does a handler's work, instead of what the message's plan says.
pub const PROGRAM: &str = "UCP_CHAOS_PROGRAM";
/// How long a slow handler takes: well over the claim idle time of [`crate::fleet`].
pub const SLOW: Duration = Duration::from_secs(7);
/// How long a brief handler takes.
const BRIEF: Duration = Duration::from_millis(300);
/// Copies that a process makes before it dies, about.
const COPIES_TO_A_DEATH: u64 = 300;
/// How long it takes to say that something cannot be done, ever.
const EXIT_PERMANENT: i32 = 65;

/// The ledger of the handlers of the run in `dir`.
pub fn ledger_of(dir: &Path) -> PathBuf {
    dir.join("handled.ledger")
}

/// The program and arguments that run [`handler`].
pub fn command() -> Vec<String> {
    let program = env::current_exe().unwrap();
    let words = [
        program.to_str().unwrap(),
        "--exact",
        "handler::handler",
        "--ignored",
        "--test-threads=1",
        "--quiet",
        "--nocapture",
    ];
    words.map(str::to_owned).to_vec()
}

/// The program and arguments that run [`copier`]. Its answers go where it was given its output; the test runner's own
/// words do not.
pub fn pipe_command() -> Vec<String> {
    let program = env::current_exe().unwrap();
    let script = "exec 3>&1 >/dev/null; exec \"$0\" --exact handler::copier --ignored --test-threads=1 --quiet";
    ["sh", "-c", script, program.to_str().unwrap()]
        .map(str::to_owned)
        .to_vec()
}

#[test]
#[ignore = "no test: the handler that the workers of the other tests start"]
fn handler() {
    if let (Some(dir), Some(_)) = (env::var_os(RUN), env::var_os("UCP_ID")) {
        handle(Path::new(&dir));
    }
}

#[test]
#[ignore = "no test: the process that the workers of the other tests ask"]
fn copier() {
    if let (Ok(stream), Ok(group)) = (env::var("UCP_STREAM"), env::var("UCP_GROUP")) {
        copy(&format!("{stream}.{group}"));
    }
}

/// Answers every entry with a copy of it for `output`; dies now and then over one that it has not answered.
fn copy(output: &str) {
    let mut answers = OpenOptions::new().write(true).open("/dev/fd/3").unwrap();
    let mut rng = Rng::new(now_ms() ^ u64::from(process::id()));
    for line in std::io::stdin().lines() {
        let entry: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if rng.between(0, COPIES_TO_A_DEATH) == 0 {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        let copy = serde_json::json!({"stream": output, "fields": entry["fields"]});
        let answer = serde_json::json!({"id": entry["id"], "ok": true, "publish": [copy]});
        writeln!(answers, "{answer}").unwrap();
    }
    process::exit(0);
}

struct Attempt {
    ledger: Ledger,
    words: String,
    /// The entry, as it was given.
    input: String,
}

impl Attempt {
    fn read(dir: &Path) -> (Self, Plan) {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).unwrap();
        let entry: Value = serde_json::from_str(&input).unwrap();
        let text = |name: &str| entry["fields"][name].as_str().unwrap_or("-").to_owned();
        let given = |name: &str| env::var(name).unwrap();
        let worker = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        let words = format!(
            "{} {} {} {} {} {worker} {} {}",
            given("UCP_STREAM"),
            given("UCP_GROUP"),
            text("key"),
            given("UCP_ID"),
            given("UCP_DELIVERIES"),
            getpid().as_raw_nonzero(),
            sha_of(&text("body")),
        );
        let ledger = Ledger::open(&ledger_of(dir));
        let plan = text("do").parse().unwrap_or(Plan::Plain);
        let attempt = Self {
            ledger,
            words,
            input,
        };
        (attempt, plan)
    }

    /// Leaves a process behind that says later that it still runs.
    fn escape(&self, dir: &Path) {
        let line = format!("late {} {}", now_ms(), self.words);
        let script = "sleep 4; echo \"$1\" >>\"$2\"";
        Command::new("setsid")
            .args(["--fork", "sh", "-c", script, "sh", &line])
            .arg(ledger_of(dir))
            .status()
            .unwrap();
    }

    fn say(&mut self, what: &str) {
        self.ledger
            .append(&format!("{what} {} {}\n", now_ms(), self.words));
    }
}

fn handle(dir: &Path) {
    let worker = getppid();
    let (mut attempt, plan) = Attempt::read(dir);
    let is_first = env::var("UCP_DELIVERIES").as_deref() == Ok("1");
    attempt.say("start");
    if let Some(program) = env::var_os(PROGRAM) {
        leave_to(&program, attempt);
    }
    match plan {
        Plan::Flaky if is_first => fail(attempt, "not yet", 1),
        Plan::Poison => fail_at_length(attempt, plan, 1),
        Plan::Permanent | Plan::Lookalike => fail_at_length(attempt, plan, EXIT_PERMANENT),
        Plan::Slow => thread::sleep(SLOW),
        Plan::Brief => thread::sleep(BRIEF),
        Plan::Escapes if is_first => {
            attempt.escape(dir);
            thread::sleep(SLOW);
        }
        Plan::Crash if is_first => {
            attempt.say("fail");
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        Plan::KillsWorker if is_first => {
            attempt.say("kill");
            kill_process(worker.expect("a worker"), Signal::KILL).unwrap();
            // The worker's guard ends this process.
            thread::sleep(SLOW);
        }
        _ => {}
    }
    attempt.say("done");
    if plan == Plan::DoneAndFails && is_first {
        fail(attempt, "done, and failed", 1);
    }
    process::exit(0);
}

/// Has the program do the work, and says and ends as it ended.
fn leave_to(program: &OsStr, mut attempt: Attempt) -> ! {
    let child = Command::new(program).stdin(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(attempt.input.as_bytes()).unwrap();
    drop(stdin);
    let status = child.wait().unwrap();
    attempt.say(if status.success() { "done" } else { "fail" });
    process::exit(status.code().unwrap_or(1));
}

/// Fails with more to say than is kept of it; what matters comes last.
fn fail_at_length(attempt: Attempt, plan: Plan, code: i32) -> ! {
    for line in 0..200 {
        eprintln!("line {line} of what led to it, which nobody needs");
    }
    fail(attempt, plan.last_words().unwrap_or_default(), code)
}

fn fail(mut attempt: Attempt, why: &str, code: i32) -> ! {
    attempt.say("fail");
    eprintln!("{why}");
    process::exit(code);
}
