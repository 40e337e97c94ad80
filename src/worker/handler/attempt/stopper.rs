//! Stops attempts: a thread that asks all processes of an attempt to end, kills those that do not, and checks until
//! none is left. One look at the process table serves all attempts that are being stopped.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;
use tokio::sync::oneshot;

use super::family::Family;
use super::history::{Running, is_of_one_of};
use super::own::{Own, strays};
use super::table::{self, Process, TICKS_PER_SECOND};
use super::watched::{MARK, Watched};
use crate::model::Backoff;

/// How long processes have to end after `SIGTERM`.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long killing goes on before the remaining processes are reported.
const KILL_FOR: Duration = Duration::from_secs(5);
/// The longest that stopping can take, including one more check.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(6);
/// The time between two checks, at first and at most.
const BETWEEN_LOOKS: Backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(50));
/// How many checks in a row must find nothing. A process that forks during one check is seen by the next.
const EMPTY_LOOKS: usize = 2;

/// Receives the attempts that are to be stopped.
#[derive(Debug)]
pub(super) struct Stopper {
    attempts: Sender<Stopping>,
    thread: JoinHandle<()>,
}

impl Stopper {
    pub(super) fn start() -> std::io::Result<Self> {
        let (attempts, taken) = channel();
        let thread = thread::Builder::new()
            .name("stopper".to_owned())
            .spawn(move || run(&taken))?;
        Ok(Self { attempts, thread })
    }

    /// Stops an attempt; if it cannot be handed over, it is returned.
    pub(super) fn stop(&self, attempt: Stopping) -> Result<(), Box<Stopping>> {
        self.attempts
            .send(attempt)
            .map_err(|error| Box::new(error.0))
    }

    /// Waits until all are stopped.
    pub(super) fn finish(self) {
        drop(self.attempts);
        let _ = self.thread.join();
    }
}

/// An attempt that is being stopped.
#[derive(Debug)]
pub(super) struct Stopping {
    /// Its first process. It is waited for only at the end, so that no other process can get its number.
    child: Child,
    own: Own,
    watched: Watched,
    running: Running,
    family: Family,
    leader: i32,
    mark: String,
    /// Notified when everything is over.
    told: Option<oneshot::Sender<()>>,
    begun: Instant,
    /// The processes that were asked to end, and those that were suspended.
    asked: Vec<i32>,
    still: Vec<i32>,
    empty_looks: usize,
}

impl Stopping {
    pub(super) fn new(
        child: Child,
        own: Own,
        watched: Watched,
        running: Running,
        leader: i32,
        mark: String,
    ) -> Self {
        Self {
            child,
            own,
            watched,
            running,
            family: Family::of(leader),
            leader,
            mark,
            told: None,
            begun: Instant::now(),
            asked: Vec::new(),
            still: Vec::new(),
            empty_looks: 0,
        }
    }

    /// The channel on which the end is reported.
    pub(super) fn over(&mut self) -> oneshot::Receiver<()> {
        let (teller, told) = oneshot::channel();
        self.told = Some(teller);
        told
    }

    /// When the attempt started; older processes do not belong to it. 0 when this is unknown.
    fn since(&self) -> u64 {
        table::process(self.leader).map_or(0, |leader| leader.start)
    }

    /// One check: signals the processes that are alive. Returns whether everything is over.
    fn look(&mut self, table: &[Process], is_marked: impl Fn(&Stopping, &Process) -> bool) -> bool {
        let mut family = std::mem::replace(&mut self.family, Family::of(self.leader));
        let living = family.living(table, |process| is_marked(self, process));
        self.family = family;
        if living.is_empty() {
            self.empty_looks += 1;
            return self.empty_looks >= EMPTY_LOOKS;
        }
        self.empty_looks = 0;
        if self.begun.elapsed() < PATIENCE {
            self.ask(&living);
            return false;
        }
        self.kill(&living);
        let is_given_up = self.begun.elapsed() > PATIENCE + KILL_FOR;
        if is_given_up {
            say_left(&living);
        }
        is_given_up
    }

    /// Asks each process once to end. A suspended process must be continued to receive that.
    fn ask(&mut self, living: &[Process]) {
        for process in living {
            if !self.asked.contains(&process.pid) {
                self.asked.push(process.pid);
                send(process.pid, Signal::TERM);
                send(process.pid, Signal::CONT);
            }
        }
    }

    /// Suspends all processes first, so that none can start another one while the others are killed.
    fn kill(&mut self, living: &[Process]) {
        let is_new = |process: &&Process| !self.still.contains(&process.pid);
        let new: Vec<i32> = living.iter().filter(is_new).map(|it| it.pid).collect();
        for pid in &new {
            send(*pid, Signal::STOP);
        }
        self.still.extend(&new);
        if new.is_empty() || self.begun.elapsed() > PATIENCE + KILL_FOR / 2 {
            for process in living {
                send(process.pid, Signal::KILL);
            }
        }
    }

    /// No process is left: waits for the first one, and reports the end.
    fn end(mut self) {
        if let Some(group) = Pid::from_raw(self.leader)
            && !matches!(self.child.try_wait(), Ok(Some(_)))
        {
            // Where the system does not show its processes.
            let _ = kill_process_group(group, Signal::KILL);
            for _ in 0..100 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    break;
                }
                thread::sleep(BETWEEN_LOOKS.base);
            }
        }
        drop((self.child, self.own, self.running));
        // Only now may the guard forget it.
        drop(self.watched);
        if let Some(told) = self.told {
            let _ = told.send(());
        }
    }
}

fn run(attempts: &Receiver<Stopping>) {
    let mut stopping: Vec<Stopping> = Vec::new();
    let mut pauses = BETWEEN_LOOKS.waits();
    loop {
        if stopping.is_empty() {
            match attempts.recv() {
                Ok(attempt) => stopping.push(attempt),
                Err(_) => return,
            }
            pauses.succeeded();
        }
        stopping.extend(attempts.try_iter());
        for (at, is_over) in look(&mut stopping).into_iter().enumerate().rev() {
            if is_over {
                stopping.swap_remove(at).end();
            }
        }
        if !stopping.is_empty() {
            thread::sleep(pauses.failed());
        }
    }
}

/// One check of all attempts that are being stopped. Returns which of them are over.
fn look(stopping: &mut [Stopping]) -> Vec<bool> {
    let since = stopping.iter().map(Stopping::since).min().unwrap_or(0);
    let table = table::processes(since);
    let marks: Vec<(i32, Option<String>)> = table
        .iter()
        .map(|process| (process.pid, table::variable(process.pid, MARK)))
        .collect();
    let mark_of = |pid: i32| {
        let found = marks.iter().find(|(marked, _)| *marked == pid);
        found.and_then(|(_, mark)| mark.as_deref())
    };
    let unmarked = unmarked_orphans(&table, stopping, mark_of);
    let is_marked = |attempt: &Stopping, process: &Process| match mark_of(process.pid) {
        Some(mark) => mark == attempt.mark,
        None => unmarked.contains(&process.pid),
    };
    stopping
        .iter_mut()
        .map(|attempt| attempt.look(&table, is_marked))
        .collect()
}

/// Orphans below this process that carry no mark, and can only have been started by the attempts that are being
/// stopped.
fn unmarked_orphans<'a>(
    table: &[Process],
    stopping: &[Stopping],
    mark_of: impl Fn(i32) -> Option<&'a str>,
) -> Vec<i32> {
    let (Some(ticks), now) = (table::ticks_now(), Instant::now()) else {
        return Vec::new();
    };
    if !super::own::are_orphans_of_handlers() {
        return Vec::new();
    }
    let attempts: Vec<&Running> = stopping.iter().map(|it| &it.running).collect();
    let strays = strays();
    let is_theirs = |process: &&Process| {
        let age = ticks.saturating_sub(process.start);
        let began = now.checked_sub(Duration::from_millis(age * 1000 / TICKS_PER_SECOND));
        strays.contains(&process.pid)
            && mark_of(process.pid).is_none()
            && began.is_some_and(|began| is_of_one_of(began, &attempts))
    };
    let theirs = table.iter().filter(is_theirs);
    theirs.map(|process| process.pid).collect()
}

/// Signals a process. If it has ended in the meantime, or may not be signalled, the next check notices.
fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

fn say_left(living: &[Process]) {
    for process in living {
        let why = match Pid::from_raw(process.pid).map(|pid| kill_process(pid, Signal::KILL)) {
            Some(Err(Errno::PERM)) => "this worker's user may not signal it",
            _ => "it does not end",
        };
        tracing::error!(
            process = process.pid,
            program = table::name(process.pid),
            why,
            "a process that a handler started cannot be stopped: it may still be handling its entry"
        );
    }
}
