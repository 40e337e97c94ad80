//! `--pipe`: long-lived processes, at most one for each slot. One entry object a line in, one answer a line out; the
//! process stays for the next entry. One that dies, is stopped, or answers out of step is replaced by the next.

mod answer;
mod process;

use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use self::process::Process;
use super::guard::Guard;
use super::{Origin, Verdict};
use crate::model::escaped;
use crate::topology::StreamSpec;
use crate::worker::hand::Delivery;

/// How long processes are awaited whose standard input was closed because the worker ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// Talks to processes that stay.
#[derive(Debug)]
pub struct Pipe {
    program: OsString,
    args: Vec<OsString>,
    guard: Arc<Guard>,
    /// The schemas and limits of the streams that answers may publish to; others take any entry.
    streams: Vec<StreamSpec>,
    idle: Mutex<Vec<Process>>,
}

impl Pipe {
    /// A handler that talks to `program`, started with `args`; what its answers publish is checked by `streams`.
    ///
    /// # Errors
    /// When the guard that ends handlers with this process cannot be started.
    pub fn new(
        program: OsString,
        args: Vec<OsString>,
        streams: Vec<StreamSpec>,
    ) -> io::Result<Self> {
        Ok(Self {
            program,
            args,
            guard: Arc::new(Guard::start()?),
            streams,
            idle: Mutex::default(),
        })
    }

    pub(super) async fn handle(&self, origin: &Origin, delivery: &Delivery) -> Verdict {
        let mut process = match self.idle_process(origin) {
            Ok(process) => process,
            Err(error) => {
                let program = escaped(self.program.as_encoded_bytes());
                return Verdict::retry(format!("cannot start {program}: {error}"));
            }
        };
        let question = delivery.entry().json(&origin.stream).to_string();
        let line = match process.ask(question).await {
            Ok(line) => line,
            Err(reason) => return Verdict::retry(reason),
        };
        match answer::verdict(&line, delivery.id(), &self.streams) {
            Ok(verdict) => {
                self.lock().push(process);
                verdict
            }
            // Whatever it says next may be about this entry, too: it is not asked again.
            Err(reason) => Verdict::retry(reason),
        }
    }

    /// One that waits, or a new one.
    fn idle_process(&self, origin: &Origin) -> io::Result<Process> {
        loop {
            let Some(mut process) = self.lock().pop() else {
                return Process::start(&self.program, &self.args, origin, &self.guard);
            };
            if process.is_alive() {
                return Ok(process);
            }
        }
    }

    /// Lets the processes end by themselves: their input is closed, and they are awaited for a while.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.lock());
        join_all(idle.into_iter().map(|process| process.close(GOODBYE))).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
