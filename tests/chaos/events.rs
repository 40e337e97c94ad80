//! What was done to whom, when, and whether it took effect: a file to read, and events for the checker.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::history::{Cause, Event};
use crate::ledger::{Ledger, now_ms};

/// The log of a run.
#[derive(Debug)]
pub struct Log {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Ledger,
    events: Vec<Event>,
    tried: BTreeMap<&'static str, usize>,
    effective: BTreeMap<&'static str, usize>,
}

impl Log {
    pub fn open(path: &Path) -> Self {
        let state = State {
            file: Ledger::open(path),
            events: Vec::new(),
            tried: BTreeMap::new(),
            effective: BTreeMap::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line for the reader.
    pub fn note(&self, text: &str) {
        self.lock().file.append(&format!("{} {text}\n", now_ms()));
    }

    /// Something the checker may explain oddities with.
    pub fn event(&self, event: Event) {
        let mut state = self.lock();
        let line = format!("{} event: {event} ({:?})\n", now_ms(), event.cause);
        state.file.append(&line);
        state.events.push(event);
    }

    /// A fault was tried.
    pub fn fault(&self, name: &'static str, took_effect: bool, detail: &str) {
        let mut state = self.lock();
        *state.tried.entry(name).or_default() += 1;
        *state.effective.entry(name).or_default() += usize::from(took_effect);
        let effect = if took_effect {
            "took effect"
        } else {
            "no effect"
        };
        let line = format!("{} fault: {name}: {effect}: {detail}\n", now_ms());
        state.file.append(&line);
    }

    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Faults that took effect, by name.
    pub fn effective(&self) -> BTreeMap<&'static str, usize> {
        self.lock().effective.clone()
    }
}

/// An event that has just happened to a worker, or to all.
pub fn now(name: &str, cause: Cause, worker: Option<u32>) -> Event {
    let at = now_ms();
    Event {
        name: name.to_owned(),
        cause,
        from_ms: at,
        until_ms: at,
        worker,
    }
}

/// How long a handler may outlive its worker: until the guard is scheduled on a busy machine.
const ORPHANED_MS: u64 = 1000;

/// The death of a worker at a moment, with the handlers it left.
pub fn death(name: &str, at_ms: u64, worker: u32) -> Event {
    Event {
        name: name.to_owned(),
        cause: Cause::Death,
        from_ms: at_ms,
        until_ms: at_ms + ORPHANED_MS,
        worker: Some(worker),
    }
}
