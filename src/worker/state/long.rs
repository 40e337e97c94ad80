//! Entries that have been in flight for long: at their second attempt, or in one attempt for ten seconds. Keeps what
//! must be recorded about them, and which of it the server has not been told yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::model::EntryId;
use crate::wire::Note;

/// The duration after which an attempt is a long one.
pub(in crate::worker) const LONG: Duration = Duration::from_secs(10);
/// How many entries are recorded at a time.
const NOTED_MAX: usize = 10_000;
/// How many bytes of a reason are recorded, from its end.
const REASON_BYTES_MAX: usize = 200;
/// How many records are written or deleted in one request, which takes a millisecond of the server's time.
const TOLD_AT_A_TIME: usize = 200;

/// What is recorded about an entry.
#[derive(Debug)]
struct Noted {
    started: Instant,
    attempt: u64,
    reason: String,
}

/// The entries that have been in flight for long.
#[derive(Debug, Default)]
pub(in crate::worker) struct Long {
    noted: BTreeMap<EntryId, Noted>,
    /// Entries that the server must record.
    changed: BTreeSet<EntryId>,
    /// Entries that the server has recorded and must forget.
    over: BTreeSet<EntryId>,
    told: BTreeSet<EntryId>,
}

impl Long {
    /// Attempt number `attempt`, which began at `started`, begins or goes on.
    pub(in crate::worker) fn runs(&mut self, id: EntryId, attempt: u64, started: Instant) {
        self.note(id, attempt, started, None);
    }

    /// An attempt failed that had been started at `started`.
    pub(in crate::worker) fn failed(
        &mut self,
        id: EntryId,
        attempt: u64,
        started: Instant,
        reason: &str,
    ) {
        self.note(id, attempt, started, Some(end_of(reason)));
    }

    fn note(&mut self, id: EntryId, attempt: u64, started: Instant, reason: Option<&str>) {
        if !self.noted.contains_key(&id) && self.noted.len() >= NOTED_MAX {
            return;
        }
        let noted = self.noted.entry(id).or_insert(Noted {
            started,
            attempt: 0,
            reason: String::new(),
        });
        let is_news = noted.attempt != attempt || reason.is_some_and(|it| it != noted.reason);
        noted.attempt = attempt;
        if let Some(reason) = reason {
            reason.clone_into(&mut noted.reason);
        }
        if is_news {
            self.changed.insert(id);
        }
        self.over.remove(&id);
    }

    /// Forgets entries that are no longer in hand.
    pub(in crate::worker) fn keep(&mut self, is_in_hand: impl Fn(EntryId) -> bool) {
        let (told, over, changed) = (&self.told, &mut self.over, &mut self.changed);
        self.noted.retain(|id, _| {
            let stays = is_in_hand(*id);
            if !stays {
                changed.remove(id);
                if told.contains(id) {
                    over.insert(*id);
                }
            }
            stays
        });
    }

    /// Whether there is nothing to record, to report or to delete.
    pub(in crate::worker) fn is_idle(&self) -> bool {
        self.noted.is_empty() && self.over.is_empty()
    }

    /// How much the server must still be told.
    pub(in crate::worker) fn untold_len(&self) -> usize {
        self.changed.len() + self.over.len()
    }

    /// What the server must record and what it must forget, as much as fits in one request.
    pub(in crate::worker) fn untold(&self, now: Instant) -> (Vec<Note>, Vec<EntryId>) {
        let changed = self.changed.iter().take(TOLD_AT_A_TIME);
        let note = |id: &EntryId| {
            let noted = self.noted.get(id)?;
            Some(Note {
                id: *id,
                attempt: noted.attempt,
                started_ago: now.saturating_duration_since(noted.started),
                reason: noted.reason.clone(),
            })
        };
        let over = self.over.iter().take(TOLD_AT_A_TIME).copied();
        (changed.filter_map(note).collect(), over.collect())
    }

    /// Records that the server has recorded the first list and forgotten the second.
    pub(in crate::worker) fn was_told(&mut self, notes: &[Note], over: &[EntryId]) {
        for note in notes {
            self.changed.remove(&note.id);
            self.told.insert(note.id);
        }
        for id in over {
            self.over.remove(id);
            self.told.remove(id);
        }
    }
}

/// The end of a reason, because the last thing that a program writes is usually why it failed.
fn end_of(reason: &str) -> &str {
    let reason = reason.trim_end();
    let mut start = reason.len().saturating_sub(REASON_BYTES_MAX);
    while !reason.is_char_boundary(start) {
        start += 1;
    }
    &reason[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_news_is_told_once_and_taken_back_once() {
        let (mut long, now, id) = (Long::default(), Instant::now(), EntryId::new(1, 0));
        let tell = |long: &mut Long| {
            let (notes, over) = long.untold(now);
            long.was_told(&notes, &over);
            (notes.len(), over.len())
        };
        long.failed(id, 1, now, "down\n");
        assert_eq!(long.untold(now).0[0].reason, "down");
        assert_eq!(tell(&mut long), (1, 0));
        long.runs(id, 1, now);
        assert_eq!(tell(&mut long), (0, 0), "no news");
        long.runs(id, 2, now);
        assert_eq!(tell(&mut long), (1, 0), "another attempt");
        long.keep(|_| false);
        assert_eq!(tell(&mut long), (0, 1));
        assert!(long.is_idle() && tell(&mut long) == (0, 0));
    }

    #[test]
    fn what_is_over_before_it_was_told_is_never_told() {
        let (mut long, now) = (Long::default(), Instant::now());
        long.failed(EntryId::new(1, 0), 1, now, "down");
        long.keep(|_| false);
        assert!(long.is_idle());
        let (notes, over) = long.untold(now);
        assert!(notes.is_empty() && over.is_empty());
    }

    #[test]
    fn the_end_of_a_reason_is_kept() {
        let reason = format!("{}é{}", "x".repeat(400), "y".repeat(199));
        assert_eq!(end_of(&reason), "y".repeat(199));
    }
}
