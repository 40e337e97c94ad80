//! `--pipe`: long-lived processes, at most one for each slot. One entry object a line in, one answer a line out; the
//! process stays for the next entry. One that dies, is stopped, or answers out of step is replaced by the next.
//!
//! A process that answers fast is sent entries ahead of its answers ([`window`]), so that it never waits for the worker;
//! one that takes its time has one entry at a time. Answers are matched by id ([`session`]). When a process fails, the
//! entry whose turn it was is to blame; those sent after it are tried again at once, and each that was with a process
//! when it failed is the only one in its process the next time: what kills processes is known for certain then.

mod answer;
mod member;
mod process;
mod request;
mod session;
mod suspects;
mod window;

use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use self::member::Member;
use self::process::{Process, Program};
use self::request::{PipeRequest, Reply};
use self::session::Subject;
use self::suspects::Suspects;
use self::window::{Ahead, Window};
use super::attempt::Guard;
use super::{Origin, Verdict};
use crate::topology::StreamSpec;
use crate::worker::policy::Policy;
use crate::worker::state::in_hand::Delivery;

/// How long processes are awaited whose standard input was closed because the worker ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// Talks to processes that stay.
#[derive(Debug)]
pub struct Pipe {
    program: Program,
    /// The schemas and limits of the streams that answers may publish to; others take any entry.
    streams: Arc<Vec<StreamSpec>>,
    members: Mutex<Vec<Member>>,
    ahead: Arc<Ahead>,
    suspects: Mutex<Suspects>,
}

impl Pipe {
    /// A handler that talks to `program`, started with `args` and without the environment's `secrets`: the names of
    /// variables; what its answers publish is checked by `streams`.
    ///
    /// # Errors
    /// When the guard that ends handlers with this process cannot be started.
    pub fn new(
        program: OsString,
        args: Vec<OsString>,
        streams: Vec<StreamSpec>,
        secrets: Vec<String>,
    ) -> io::Result<Self> {
        Ok(Self {
            program: Program {
                name: program,
                args,
                guard: Arc::new(Guard::start(secrets)?),
            },
            streams: Arc::new(streams),
            members: Mutex::default(),
            ahead: Arc::default(),
            suspects: Mutex::default(),
        })
    }

    /// How many entries it takes beyond one for each process.
    pub(super) fn ahead(&self) -> usize {
        self.ahead.count()
    }

    pub(super) async fn handle(
        &self,
        origin: &Origin,
        delivery: &Delivery,
        policy: &Policy,
    ) -> Verdict {
        let id = delivery.id();
        let (reply, told) = oneshot::channel();
        let request = PipeRequest {
            delivery: delivery.clone(),
            is_apart: self.suspects().contains(id),
            reply,
        };
        let mut asked = match self.ask(request, origin, policy) {
            Ok(asked) => asked,
            Err(error) => return Verdict::not_started(&self.program.name, &error),
        };
        let told = told.await;
        asked.is_over = true;
        match told {
            Ok(Reply::Answer(verdict)) => {
                self.suspects().remove(id);
                verdict
            }
            Ok(Reply::Failed(reason)) => {
                self.suspects().insert(id);
                Verdict::retry(reason)
            }
            Ok(Reply::Interrupted) => {
                self.suspects().insert(id);
                Verdict::Interrupted
            }
            // The process ended for a reason of its own, or was stopped over an entry that it had not come to.
            Err(_) => Verdict::Interrupted,
        }
    }

    /// Gives the request to a process that has nothing to do, else to a new one, else to the one that takes the most.
    fn ask(
        &self,
        request: PipeRequest,
        origin: &Origin,
        policy: &Policy,
    ) -> io::Result<StopUnlessAnswered> {
        let mut members = self.members();
        members.retain(|member| !member.is_gone());
        let is_new_wanted =
            members.len() < policy.concurrency && members.iter().all(Member::is_busy);
        if is_new_wanted {
            match self.program.start(origin) {
                Ok(process) => members.push(self.member(process, origin, policy)),
                // One that answers fast has room for more: fewer processes than wanted do the work.
                Err(_) if members.iter().any(|member| member.room() > 0) => {}
                Err(error) => return Err(error),
            }
        }
        let member = members
            .iter()
            .max_by_key(|member| member.room())
            .ok_or_else(|| io::Error::other("it has no process"))?;
        member.ask(request);
        Ok(StopUnlessAnswered {
            stop: member.stop(),
            is_over: false,
        })
    }

    fn member(&self, process: Process, origin: &Origin, policy: &Policy) -> Member {
        let window = Window::new(Arc::clone(&self.ahead));
        let subject = Subject {
            stream: origin.stream.clone(),
            streams: Arc::clone(&self.streams),
        };
        Member::start(process, window, subject, policy.handler_timeout)
    }

    /// Lets the processes end by themselves: their input is closed, and they are awaited for a while, then stopped.
    pub(super) async fn close(&self) {
        let members = std::mem::take(&mut *self.members());
        join_all(members.into_iter().map(|member| member.close(GOODBYE))).await;
        self.program.guard.idle().await;
    }

    fn members(&self) -> std::sync::MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suspects(&self) -> std::sync::MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way. Dropped before its answer it stops the process: what was sent cannot be taken back.
struct StopUnlessAnswered {
    stop: tokio::task::AbortHandle,
    is_over: bool,
}

impl Drop for StopUnlessAnswered {
    fn drop(&mut self) {
        if !self.is_over {
            self.stop.abort();
        }
    }
}
