//! The workers of this process from start to end: passes signals to them, and tells the service manager how they are.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::WorkerRow;
use super::metrics::{Watched, serve};
use super::status::{self, StatusLine};
use crate::console::{Progress, ServiceManager, Signals, Stop};
use crate::exit::Exit;
use crate::model::Name;
use crate::serve::Door;
use crate::wire::Dialer;
use crate::worker::handler::reap_orphans;
use crate::worker::{Assignment, Counters, Pulse, Signal, run};

/// Runs one worker for each job until all have ended, and serves their figures through `metrics`. A signal, or a
/// worker that failed, asks all of them to end. The second value is the exit code when a second signal ended them, and the
/// third is the first signal.
pub(super) async fn work(
    jobs: Vec<Assignment>,
    dialer: Dialer,
    metrics: Option<Door>,
    status: Progress,
) -> Result<(Vec<WorkerRow>, Option<Exit>, Option<Stop>)> {
    let mut signals = Signals::catch()?;
    let (signal, listener) = watch::channel(Signal::Run);
    let (mut workers, mut rows, mut shown) = (JoinSet::new(), Vec::new(), Vec::new());
    let mut groups = Vec::new();
    let mut watch = Watch::new(ServiceManager::of_environment());
    for mut job in jobs {
        let counters = Arc::new(Counters::default());
        job.pulse = Some(watch.pulse());
        shown.push(Watched::new(&job, &counters));
        groups.push((job.group.clone(), Arc::clone(&counters)));
        rows.push((Arc::clone(&counters), WorkerRow::new(&job)));
        workers.spawn(run(job, dialer.clone(), listener.clone(), counters));
    }
    let (mut failure, mut stopped, mut told_first) = (None, None, None);
    let watched = watch.over(signal.subscribe());
    let served = async {
        match metrics {
            Some(door) => serve(door, shown.into()).await,
            None => std::future::pending().await,
        }
    };
    let told = keep_status(status, groups, signal.subscribe());
    let reaped = reap_orphans();
    tokio::pin!(watched, served, told, reaped);
    while !workers.is_empty() {
        tokio::select! {
            stop = signals.next() => {
                told_first.get_or_insert(stop);
                let is_second = *signal.borrow() == Signal::Drain;
                if is_second {
                    stopped = Some(Exit::from(stop));
                }
                let _ = signal.send(if is_second { Signal::Now } else { Signal::Drain });
            }
            Some(ended) = workers.join_next() => {
                if let Err(error) = ended? {
                    let _ = signal.send(Signal::Drain);
                    failure.get_or_insert(error);
                }
            }
            () = &mut watched => {}
            () = &mut served => {}
            () = &mut told => {}
            () = &mut reaped => {}
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let rows = rows.into_iter().map(|(counters, row)| WorkerRow {
        summary: counters.summary(),
        paused: counters.paused.get().cloned(),
        ..row
    });
    Ok((rows.collect(), stopped, told_first))
}

/// Keeps the status line up to date. Never returns; when dropped, it clears the line.
async fn keep_status(
    status: Progress,
    groups: Vec<(Name, Arc<Counters>)>,
    signal: watch::Receiver<Signal>,
) {
    if status.is_silent() {
        return std::future::pending().await;
    }
    let mut line = StatusLine::default();
    let mut ticks = interval(status::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_stopping = *signal.borrow() != Signal::Run;
        let workers = groups.iter().map(|(group, counters)| (group, &**counters));
        status.say(&line.text(workers, is_stopping, Instant::now()));
    }
}

/// Tells the service manager the state of the workers.
struct Watch {
    manager: ServiceManager,
    pulses: Vec<Arc<Pulse>>,
}

impl Watch {
    fn new(manager: ServiceManager) -> Self {
        Self {
            manager,
            pulses: Vec::new(),
        }
    }

    /// The keep-alive indicator of one more worker.
    fn pulse(&mut self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new(self.manager.watch_interval()));
        self.pulses.push(Arc::clone(&pulse));
        pulse
    }

    /// Reports when all workers have started, that they are alive, and when they are asked to stop. Never returns.
    async fn over(self, mut signal: watch::Receiver<Signal>) {
        let current = signal.clone();
        let all_begun = join_all(self.pulses.iter().map(|pulse| pulse.begun()));
        tokio::join!(
            async {
                all_begun.await;
                self.manager.ready();
            },
            async {
                let _ = signal.wait_for(|signal| *signal != Signal::Run).await;
                self.manager.stopping();
            },
            self.keep_alive(current),
        );
        std::future::pending::<()>().await;
    }

    async fn keep_alive(&self, signal: watch::Receiver<Signal>) {
        let Some(every) = self.manager.watch_interval() else {
            return;
        };
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = vec![0; self.pulses.len()];
        loop {
            ticks.tick().await;
            let now: Vec<u64> = self.pulses.iter().map(|pulse| pulse.turns()).collect();
            // One that connects, and one that is to end, has its own deadline.
            let is_ending = *signal.borrow() != Signal::Run;
            let goes_on = |index: usize| {
                let has_ended = Arc::strong_count(&self.pulses[index]) == 1;
                has_ended || now[index] == 0 || now[index] > before[index]
            };
            if is_ending || (0..now.len()).all(goes_on) {
                self.manager.alive();
            }
            before = now;
        }
    }
}
