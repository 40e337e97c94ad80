//! The workers: the real binary, one process a slot, each behind a proxy of its own. One that ended is replaced.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::events::{Log, death, now};
use crate::handler;
use crate::history::{Cause, Event, Rules, Work};
use crate::ledger::now_ms;
use crate::support::{PATIENCE, Proxy, until};
use crate::world::World;

/// The variable that asks workers for a planted bug, where they were built to have any.
pub const PLANTED: &str = "UCP_STREAMS_PLANTED";

/// What the workers of a slot do.
#[derive(Clone, Debug)]
pub struct Job {
    pub stream: &'static str,
    pub group: &'static str,
    pub work: Work,
    /// How many slots.
    pub workers: usize,
    pub concurrency: usize,
    /// Whether one of them is active at a time.
    pub is_single: bool,
    /// Whether copies are made by a process that answers.
    pub is_piped: bool,
    /// The program and arguments that answer, or the program that handles, instead of this test program.
    pub program: Option<Vec<String>>,
    /// The service that handles, instead of a process a message.
    pub service: Option<String>,
    /// How long a handler may run.
    pub handler_timeout: &'static str,
    /// The claim idle of its slots' workers, in their order; that of the rules for those that have none here.
    pub claim_idles: Vec<&'static str>,
    /// Further flags.
    pub flags: Vec<String>,
}

impl Job {
    pub fn new(stream: &'static str, group: &'static str, work: Work, workers: usize) -> Self {
        Self {
            stream,
            group,
            work,
            workers,
            concurrency: if work == Work::Handler { 4 } else { 1 },
            is_single: false,
            is_piped: false,
            program: None,
            service: None,
            handler_timeout: "20s",
            claim_idles: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// The same with one active worker, the others standing by.
    pub fn one_active(mut self) -> Self {
        self.is_single = true;
        self
    }

    /// The same with a process that is asked for each copy.
    pub fn piped(mut self) -> Self {
        self.is_piped = true;
        self.concurrency = 4;
        self
    }

    /// The same with this program.
    pub fn piped_by(mut self, program: Vec<String>) -> Self {
        self.program = Some(program);
        self.piped()
    }

    /// The same with this program, started for each message.
    pub fn handled_by(mut self, program: String) -> Self {
        self.program = Some(vec![program]);
        self.concurrency = 2;
        self
    }

    /// The program that handles each message.
    fn handled_with(&self) -> Option<&String> {
        let program = self.program.as_ref().filter(|_| self.work == Work::Handler);
        program.and_then(|words| words.first())
    }

    /// The topology that says which groups have one active worker.
    pub fn topology(jobs: &[Self]) -> String {
        let mut text = String::new();
        for job in jobs.iter().filter(|job| job.is_single) {
            let Self { stream, group, .. } = job;
            let _ = writeln!(
                text,
                "[groups.{group}]\nstream = \"{stream}\"\nworkers = \"one\""
            );
        }
        let mut streams: Vec<_> = jobs
            .iter()
            .filter(|job| job.is_single)
            .map(|job| job.stream)
            .collect();
        streams.dedup();
        for stream in streams {
            let _ = writeln!(text, "[streams.{stream}]");
        }
        text
    }

    /// The key of the group's lease.
    pub fn lease(&self) -> String {
        format!("{{{}}}:lease:{}", self.stream, self.group)
    }

    /// The stream that copies go to.
    pub fn output(&self) -> String {
        format!("{}.{}", self.stream, self.group)
    }

    fn args(&self, number: usize) -> Vec<String> {
        let claim_idle = match self.claim_idles.get(number) {
            Some(own) => (*own).to_owned(),
            None => format!("{}ms", Rules::default().claim_idle_ms),
        };
        let rules = Rules::default();
        let mut args: Vec<String> = ["--timeout", "1s", "worker", "run", self.group, "--stream"]
            .map(str::to_owned)
            .to_vec();
        args.push(self.stream.to_owned());
        for (flag, value) in [
            ("--claim-idle", claim_idle),
            ("--max-deliveries", rules.max_deliveries.to_string()),
            ("--backoff-base", "200ms".to_owned()),
            ("--backoff-cap", "1s".to_owned()),
            ("--handler-timeout", self.handler_timeout.to_owned()),
            ("--grace", "3s".to_owned()),
            ("--connect-for", "60s".to_owned()),
            ("--concurrency", self.concurrency.to_string()),
        ] {
            args.extend([flag.to_owned(), value]);
        }
        args.extend(self.flags.clone());
        match (self.work, &self.service) {
            (Work::Handler, Some(url)) => args.extend(["--http".to_owned(), url.clone()]),
            (Work::Handler, None) => {
                args.extend(["--exec", "--"].map(str::to_owned));
                args.extend(handler::command());
            }
            (Work::Copies, _) if self.is_piped => {
                args.extend(["--pipe", "--"].map(str::to_owned));
                let given = self.program.clone();
                args.extend(given.unwrap_or_else(handler::pipe_command));
            }
            (Work::Copies, _) => {
                args.extend(["--builtin".to_owned(), format!("forward:{}", self.output())]);
            }
            (Work::Counts, _) => args.extend(["--builtin", "features"].map(str::to_owned)),
        }
        args
    }
}

/// A place for one worker.
#[derive(Debug)]
pub struct Slot {
    pub job: Job,
    /// Its place among those of its job.
    number: usize,
    pub proxy: Proxy,
    name: String,
    child: Option<Child>,
    generation: usize,
    /// Since when it has stood still.
    stopped_ms: Option<u64>,
}

impl Slot {
    /// The worker's process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped_ms.is_some()
    }
}

/// All workers of a run.
#[derive(Debug)]
pub struct Fleet {
    pub slots: Vec<Slot>,
    dir: PathBuf,
    log: Arc<Log>,
    planted: Option<&'static str>,
    /// Workers that ended though nobody asked them to.
    pub deserters: Vec<String>,
}

impl Fleet {
    /// Starts all of them.
    pub fn start(world: &World) -> Self {
        let mut fleet = Self {
            slots: Vec::new(),
            dir: world.path().to_owned(),
            log: Arc::clone(&world.log),
            planted: world.planted,
            deserters: Vec::new(),
        };
        for job in &world.jobs {
            for number in 0..job.workers {
                fleet.slots.push(Slot {
                    job: job.clone(),
                    number,
                    proxy: Proxy::before(world.server.socket()),
                    name: format!("{}.{}.{number}", job.stream, job.group),
                    child: None,
                    generation: 0,
                    stopped_ms: None,
                });
            }
        }
        fleet.tend();
        fleet
    }

    /// Reaps what ended and starts what is missing.
    pub fn tend(&mut self) {
        for at in 0..self.slots.len() {
            let slot = &mut self.slots[at];
            let ended = slot
                .child
                .as_mut()
                .and_then(|child| child.try_wait().unwrap());
            if let Some(status) = ended {
                self.ended(at, status);
            }
            if self.slots[at].child.is_none() {
                self.spawn(at);
            }
        }
    }

    fn ended(&mut self, at: usize, status: ExitStatus) {
        let slot = &mut self.slots[at];
        let pid = slot.child.take().map_or(0, |child| child.id());
        slot.stopped_ms = None;
        let text = format!("worker {pid} ({}) ended by itself: {status}", slot.name);
        self.log.note(&text);
        // A handler may kill its worker, and says so in its ledger.
        if status.signal() != Some(Signal::KILL.as_raw()) {
            self.deserters.push(text);
        }
    }

    fn spawn(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        slot.generation += 1;
        let file = format!("worker.{}.{}.log", slot.name, slot.generation);
        let stderr = File::create(self.dir.join(file)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
            .args(slot.job.args(slot.number))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.dir)
            .env("UCP_STREAMS_URL", slot.proxy.url())
            .env(handler::RUN, &self.dir)
            .envs(self.planted.map(|bug| (PLANTED, bug)))
            .envs(slot.job.handled_with().map(|it| (handler::PROGRAM, it)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        self.log
            .note(&format!("worker {} ({}) started", child.id(), slot.name));
        slot.child = Some(child);
    }

    /// The most memory that each worker has had, in KiB.
    pub fn peaks_kib(&self) -> Vec<u64> {
        let pids = self.slots.iter().filter_map(Slot::pid);
        pids.filter_map(peak_kib).collect()
    }

    fn signal(&self, at: usize, signal: Signal) -> bool {
        let pid = self.slots[at]
            .pid()
            .and_then(|pid| Pid::from_raw(pid.cast_signed()));
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// `kill -9`, and starts another; whether it was still there to be killed.
    pub fn kill(&mut self, at: usize) -> bool {
        let Some(pid) = self.slots[at].pid() else {
            return false;
        };
        let was_stopped = self.slots[at].stopped_ms.take();
        if let Some(from_ms) = was_stopped {
            self.log.event(Event {
                from_ms,
                ..now("SIGSTOP of a worker", Cause::Absence, Some(pid))
            });
        }
        self.log.event(death("kill -9 of a worker", now_ms(), pid));
        self.signal(at, Signal::KILL);
        let status = self.slots[at]
            .child
            .take()
            .map(|mut child| child.wait().unwrap());
        self.spawn(at);
        status.is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()))
    }

    /// SIGSTOP; whether it stands still.
    pub fn stop(&mut self, at: usize) -> bool {
        let Some(pid) = self.slots[at].pid() else {
            return false;
        };
        self.slots[at].stopped_ms = Some(now_ms());
        self.signal(at, Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline {
            if state_of(pid) == Some('T') {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// SIGCONT.
    pub fn go_on(&mut self, at: usize) {
        let Some((from_ms, pid)) = self.slots[at].stopped_ms.take().zip(self.slots[at].pid())
        else {
            return;
        };
        self.signal(at, Signal::CONT);
        self.log.event(Event {
            from_ms,
            ..now("SIGSTOP of a worker", Cause::Absence, Some(pid))
        });
    }

    /// SIGTERM, and starts another once it has ended; whether it ended as it should.
    pub fn term(&mut self, at: usize) -> bool {
        let is_good = self.end(at);
        self.spawn(at);
        is_good
    }

    /// SIGTERM, and awaits the end.
    fn end(&mut self, at: usize) -> bool {
        self.go_on(at);
        let Some(mut child) = self.slots[at].child.take() else {
            return false;
        };
        let (pid, from_ms) = (child.id(), now_ms());
        if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let _ = child.kill();
                    break child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.log.event(Event {
            from_ms,
            ..now("SIGTERM of a worker", Cause::End, Some(pid))
        });
        if !status.success() && status.signal() != Some(Signal::KILL.as_raw()) {
            let text = format!("worker {pid} told to end: {status}");
            self.log.note(&text);
            self.deserters.push(text);
        }
        status.success()
    }

    /// Ends all of them, and makes sure that no process of theirs is left.
    pub fn disband(mut self) -> Vec<String> {
        for at in 0..self.slots.len() {
            self.end(at);
        }
        let marker = format!("{}={}", handler::RUN, self.dir.display());
        until(PATIENCE, "no process is left over", || {
            left_over(&marker).is_empty()
        });
        std::mem::take(&mut self.deserters)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.slots.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The letter that says what a process does.
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The most memory that a process has had, in KiB.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processes with `marker` in their environment.
fn left_over(marker: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|pair| pair == marker.as_bytes())
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}
