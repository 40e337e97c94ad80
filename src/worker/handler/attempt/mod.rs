//! An attempt: a handler's process and all processes that it starts, which are marked by an environment variable.
//!
//! Processes that a successful attempt leaves behind keep running. When an attempt fails, takes too long, or is
//! stopped, all processes that it started are stopped, including those that have moved into a group or a session of
//! their own or were reparented: first with `SIGTERM`, and half a second later with `SIGKILL`. When this process is
//! killed, the guard does the same.

mod family;
mod guard;
mod history;
mod own;
mod stopper;
mod table;
mod watched;

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

pub(super) use guard::Guard;
pub use own::reap_orphans;

use self::guard::WORKER;
use self::history::Running;
use self::own::Own;
use self::stopper::{STOP_WITHIN, Stopping};
use self::watched::{MARK, Watched};
use crate::model::without_secrets;

/// A handler's process. Dropping it stops it and all processes that it started.
#[derive(Debug)]
pub(super) struct Attempt {
    guard: Arc<Guard>,
    parts: Option<Parts>,
    has_ended_well: bool,
}

#[derive(Debug)]
struct Parts {
    child: Child,
    own: Own,
    watched: Watched,
    running: Running,
    leader: i32,
    mark: String,
}

impl Attempt {
    /// Starts the program in a process group of its own, with the mark and without this tool's secrets.
    pub(super) fn start(mut command: Command, guard: &Arc<Guard>) -> io::Result<Self> {
        let mark = uuid::Uuid::new_v4().to_string();
        command
            .env(WORKER, guard.token())
            .env(MARK, &mark)
            .process_group(0)
            .kill_on_drop(true);
        without_secrets(command.as_std_mut());
        for secret in guard.secrets() {
            command.env_remove(secret);
        }
        let running = Running::begin();
        let (child, own) = own::start(|| command.spawn(), Child::id)?;
        let process = child.id().unwrap_or(0);
        let parts = Parts {
            watched: guard.watch(process),
            leader: process.cast_signed(),
            child,
            own,
            running,
            mark,
        };
        Ok(Self {
            guard: Arc::clone(guard),
            parts: Some(parts),
            has_ended_well: false,
        })
    }

    /// The pipes of the process that were requested and not taken yet.
    pub(super) fn pipes(
        &mut self,
    ) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        let Some(Parts { child, .. }) = &mut self.parts else {
            return (None, None, None);
        };
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    }

    /// Waits until its first process ends.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some(parts) = &mut self.parts else {
            return Err(io::Error::other("it was stopped"));
        };
        let status = parts.child.wait().await?;
        self.has_ended_well = status.success();
        Ok(status)
    }

    /// Ends the attempt. After a success, processes that it left behind keep running; otherwise this waits until none
    /// of them is left.
    pub(super) async fn finish(mut self) {
        if self.has_ended_well {
            return;
        }
        if let Some(over) = self.stop() {
            let _ = timeout(STOP_WITHIN, over).await;
        }
    }

    /// Hands over what must be stopped.
    fn stop(&mut self) -> Option<tokio::sync::oneshot::Receiver<()>> {
        let parts = self.parts.take()?;
        if parts.has_left_nothing() {
            return None;
        }
        let Parts {
            child,
            own,
            watched,
            running,
            leader,
            mark,
        } = parts;
        let mut stopping = Stopping::new(child, own, watched, running, leader, mark);
        let over = stopping.over();
        self.guard.stop(stopping);
        Some(over)
    }
}

impl Parts {
    /// Whether the attempt's process was waited for and no other process of the attempt can be left: there is no
    /// orphan, and none in its group.
    fn has_left_nothing(&self) -> bool {
        let is_waited_for = self.child.id().is_none();
        let is_living = |pid| table::process(pid).is_some_and(|process| !process.is_zombie);
        is_waited_for
            && own::takes_orphans()
            && !own::strays().into_iter().any(is_living)
            && !self.watched.has_group()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.has_ended_well {
            if let Some(parts) = self.parts.take() {
                parts.running.end_well();
            }
        } else {
            self.stop();
        }
    }
}
