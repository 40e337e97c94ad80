//! `--pipe`: long-lived processes, at most one for each slot. Each reads one entry as a JSON object per line and
//! writes one answer per line; it stays for the next entry. A process that dies, is stopped, or answers out of step
//! is replaced when the next entry comes.
//!
//! A process that answers fast is sent entries ahead of its answers ([`window`]), so that it never waits for the
//! worker; a slow one has one entry at a time. Answers are matched by id ([`session`]). When a process fails, the
//! entry that it was handling is blamed. Those sent after it are tried again at once, and each entry that was with a
//! failed process is the only one in its process the next time, so that it becomes certain which entry makes
//! processes fail.

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

/// How long processes have to end after their standard input was closed at the end of the worker.
const GOODBYE: Duration = Duration::from_secs(2);

/// Communicates with long-lived processes.
#[derive(Debug)]
pub struct Pipe {
    program: Program,
    /// The schemas and limits of the streams that answers may publish to; other streams accept any entry.
    streams: Arc<Vec<StreamSpec>>,
    members: Mutex<Vec<Member>>,
    ahead: Arc<Ahead>,
    suspects: Mutex<Suspects>,
}

impl Pipe {
    /// A handler that communicates with `program`, started with `args` and without the environment variables named in
    /// `secrets`; entries that its answers publish are checked against `streams`.
    ///
    /// # Errors
    /// When the guard that ends handlers together with this process cannot be started.
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

    /// How many entries the handler can take in addition to one for each process.
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

    /// Gives the request to an idle process, or to a new one, or to the one with the most room.
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

    /// Lets the processes end by themselves: closes their input, waits for a while, then stops those that are left.
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

/// An outstanding request. If it is dropped before its answer, the process is stopped, because what was sent cannot
/// be taken back.
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
