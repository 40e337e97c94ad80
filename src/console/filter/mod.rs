//! Runs `--jq` and `--template` in a separate process, which has a memory limit and can be ended at any moment. A
//! filter may loop, grow or nest without end, and only ending its process stops that.

mod child;
mod frame;
mod process;

use std::io;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use child::{Kind, Order};
pub use child::{asked, serve};
use process::{Answer, Process};

use crate::model::{self, Problem};

/// A compiled filter.
#[derive(Debug)]
pub(super) struct Filter {
    order: Order,
    process: Mutex<Option<Process>>,
}

/// A document that the filter could not process.
#[derive(Debug)]
pub(super) struct Failed {
    /// The document.
    pub(super) document: Vec<u8>,
    /// Why.
    pub(super) problem: Problem,
}

impl Filter {
    /// A filter for `--jq`; `terminal` says that a person reads its output.
    ///
    /// # Errors
    /// A usage [`Problem`] when it does not compile; a local one when its process cannot be started; an error when a
    /// signal came, or the reader of the output went away, in the meantime.
    pub(super) fn jq(expression: &str, terminal: bool) -> Result<Self> {
        Self::new(Kind::Jq, expression, terminal)
    }

    /// A filter for `--template`.
    ///
    /// # Errors
    /// As [`Filter::jq`].
    pub(super) fn template(template: &str, terminal: bool) -> Result<Self> {
        Self::new(Kind::Template, template, terminal)
    }

    fn new(kind: Kind, text: &str, terminal: bool) -> Result<Self> {
        let order = Order {
            kind,
            text: text.to_owned(),
            terminal,
        };
        super::signals::note_for_filters();
        let process = Process::start(&order)?;
        Ok(Self {
            order,
            process: Mutex::new(Some(process)),
        })
    }

    /// Appends the results for `documents`, and returns those that the filter could not process.
    ///
    /// # Errors
    /// When a signal came, or the reader of the output went away, in the meantime; a local [`Problem`] when its
    /// process cannot be started again.
    pub(super) fn apply(&self, out: &mut Vec<u8>, documents: &[&[u8]]) -> Result<Vec<Failed>> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = Vec::new();
        let mut done = 0;
        // After a process that ended, one by one: which of several ended it is seen only so.
        let mut at_a_time = documents.len();
        while done < documents.len() {
            let running = match &mut *process {
                Some(running) => running,
                none => none.insert(Process::start(&self.order)?),
            };
            let asked = &documents[done..documents.len().min(done + at_a_time)];
            let before = out.len();
            let outcome = running.ask(asked, |at, answer| match answer {
                Answer::Shown(text) => out.extend_from_slice(text),
                Answer::Failed(problem) => failed.push(Failed {
                    document: asked[at].to_vec(),
                    problem,
                }),
            });
            match outcome {
                Ok(()) => done += asked.len(),
                Err(process::Ended::Told(error)) => {
                    *process = None;
                    return Err(error);
                }
                Err(process::Ended::Died) => {
                    let why = process.take().map(Process::why_it_died);
                    if asked.len() > 1 {
                        // Nothing of it was kept: see `Process::ask`.
                        debug_assert_eq!(out.len(), before);
                        at_a_time = 1;
                        continue;
                    }
                    failed.push(Failed {
                        document: asked[0].to_vec(),
                        problem: self.order.problem(&why.unwrap_or_default()),
                    });
                    done += 1;
                }
            }
        }
        Ok(failed)
    }
}

/// The entry that a failed document contains, if it is one.
pub(super) fn name_of(document: &[u8]) -> Option<(model::EntryId, String)> {
    #[derive(serde::Deserialize)]
    struct Named {
        stream: Option<String>,
        id: String,
    }
    let named: Named = serde_json::from_slice(document).ok()?;
    let id: model::EntryId = named.id.parse().ok()?;
    Some((id, entry_name(id, named.stream.as_deref())))
}

/// How a sentence names an entry; `stream` is in the form in which it is shown.
pub(super) fn entry_name(id: model::EntryId, stream: Option<&str>) -> String {
    match stream {
        Some(stream) => format!("entry {id} of `{stream}`"),
        None => format!("entry {id}"),
    }
}

/// The error that the process cannot be started, or cannot be used.
fn unusable(error: &io::Error) -> Problem {
    Problem::new(
        model::Kind::Local,
        format!("cannot start the process of --jq or --template: {error}"),
    )
    .hint("leave the option out, and filter the output with another program")
}
