//! Entries that an operator wants to be tried at once (`retry`): while some wait for their next attempt in this worker's
//! memory, it looks every few seconds whether they are among those that are marked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{EntryId, Name};
use crate::topology::due_key;
use crate::wire::{Error, hgetall};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long it takes until the key is looked at again after access was denied.
const DENIED_PAUSE: Duration = Duration::from_mins(1);

/// What the engine knows of the marks.
#[derive(Debug)]
pub(super) struct Called {
    next_look: Instant,
    /// The marks that were there at the last look: each has its effect once.
    seen: HashMap<EntryId, Vec<u8>>,
}

impl Called {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next_look: now,
            seen: HashMap::new(),
        }
    }

    /// The marks that were not there before, with the delivery counts that they are about.
    fn news(&mut self, found: Vec<(Name, Vec<u8>)>) -> HashMap<EntryId, u64> {
        let marks = found.into_iter().filter_map(|(id, value)| {
            let id = std::str::from_utf8(id.as_bytes()).ok()?.parse().ok()?;
            Some((id, value))
        });
        let marks: HashMap<EntryId, Vec<u8>> = marks.collect();
        let is_new = |(id, value): &(&EntryId, &Vec<u8>)| self.seen.get(id) != Some(*value);
        let news = marks.iter().filter(is_new);
        let news = news.filter_map(|(id, value)| Some((*id, count_of(value)?)));
        let news = news.collect();
        self.seen = marks;
        news
    }
}

/// The delivery count in a mark, `3 1732800000000`.
fn count_of(value: &[u8]) -> Option<u64> {
    let (count, _) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    count.parse().ok()
}

impl Engine {
    /// When it looks again; `None` while nothing waits.
    pub(super) fn next_call(&self) -> Option<Instant> {
        (self.hand.waiting() > 0).then_some(self.called.next_look)
    }

    /// Looks which of the entries that wait here are to be tried at once.
    pub(super) async fn look_for_calls(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.next_call().is_some_and(|at| now >= at);
        let Some(connection) = self.connection.as_ref().filter(|_| is_due) else {
            return Ok(());
        };
        let key = due_key(&self.job.stream, &self.job.group);
        let found = match connection.run(hgetall(&key)).await {
            Ok(found) => found,
            Err(error) if error.kind.is_passing() || error.kind.is_connection_lost() => {
                return Err(error);
            }
            Err(error) => {
                self.called.next_look = now + DENIED_PAUSE;
                tracing::debug!(group = %self.job.group, %error, "cannot look which entries are to be tried at once");
                return Ok(());
            }
        };
        self.called.next_look = now + LOOK_EVERY;
        let news = self.called.news(found);
        if news.is_empty() {
            return Ok(());
        }
        let is_called = |id, deliveries| news.get(&id) == Some(&deliveries);
        let entries = self.retries.hasten(now, is_called);
        if entries > 0 {
            tracing::info!(group = %self.job.group, entries, "trying entries at once, as `retry` asked for");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_its_effect_once() {
        let mut called = Called::new(Instant::now());
        let mark = |id: &str, value: &str| (Name::from(id), value.as_bytes().to_vec());
        let found = vec![mark("1-0", "2 100"), mark("odd", "2 100"), mark("2-0", "x")];
        let news = called.news(found.clone());
        assert_eq!(news, HashMap::from([(EntryId::new(1, 0), 2)]));
        assert!(called.news(found).is_empty());
        let again = called.news(vec![mark("1-0", "2 200")]);
        assert_eq!(again, HashMap::from([(EntryId::new(1, 0), 2)]));
    }
}
