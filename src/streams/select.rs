//! Selects the pending entries for an operation: those that are named, or those that match a filter. It never counts
//! as a delivery, so delivery counts and idle times stay as they are.

use std::time::Duration;

use anyhow::Result;

use super::names::no_group;
use super::target::Target;
use crate::model::{AdaptiveBatch, EntryId, Fields, Name, PendingEntry, Problem, bytes_of};
use crate::wire::{Connection, ErrorKind, PendingFilter, Request, xpending_entries, xrange};

/// The number of rows in one page, which takes the server no more than a few milliseconds.
const PAGE: usize = 1000;

/// Conditions on a pending entry. By default, any entry matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// Held by this consumer.
    pub consumer: Option<Name>,
    /// Held by any other consumer.
    pub not_consumer: Option<Name>,
    /// Idle for at least this long.
    pub idle_min: Duration,
    /// Delivered at least this often.
    pub deliveries_min: u64,
    /// Entries with this id or a lower one.
    pub id_max: Option<EntryId>,
}

impl Criteria {
    /// Whether `entry`, which the right consumer holds, matches. A released entry counts as idle for ever.
    pub fn matches(&self, entry: &PendingEntry) -> bool {
        entry.deliveries >= self.deliveries_min
            && is_idle(entry, self.idle_min)
            && self.not_consumer.as_ref() != Some(&entry.consumer)
    }
}

/// Whether `entry` has been idle for at least `idle_min`.
pub fn is_idle(entry: &PendingEntry, idle_min: Duration) -> bool {
    entry
        .idle_ms
        .is_none_or(|idle_ms| u128::from(idle_ms) >= idle_min.as_millis())
}

/// Pending entries page by page, in order of id, so that memory does not grow with the list.
#[derive(Debug)]
pub struct Pager<'a> {
    connection: &'a Connection,
    target: &'a Target,
    filter: &'a Criteria,
    next: Option<EntryId>,
}

impl<'a> Pager<'a> {
    /// Starts at the least id.
    pub const fn new(connection: &'a Connection, target: &'a Target, filter: &'a Criteria) -> Self {
        Self {
            connection,
            target,
            filter,
            next: Some(EntryId::MIN),
        }
    }

    /// The same pages, without entries before this id.
    #[must_use]
    pub const fn starting_at(mut self, start: EntryId) -> Self {
        self.next = Some(start);
        self
    }

    /// The next page, without entries that do not match (it may be empty); `None` after the last page.
    ///
    /// The idle time is compared here, because the server would scan the whole list in one go.
    ///
    /// # Errors
    /// Not found when the group does not exist; errors of the server.
    pub async fn page(&mut self) -> Result<Option<Vec<PendingEntry>>> {
        let Some(start) = self.next else {
            return Ok(None);
        };
        let page = PendingFilter {
            start,
            end: self.filter.id_max.unwrap_or(EntryId::MAX),
            consumer: self.filter.consumer.as_ref(),
            count_max: PAGE,
            ..PendingFilter::default()
        };
        let request = xpending_entries(&self.target.stream, &self.target.group, &page);
        let mut rows = match self.connection.run(request).await {
            Err(error) if error.kind == ErrorKind::NoGroup => {
                let Target { stream, group } = self.target;
                return Err(no_group(self.connection, stream, group).await.into());
            }
            rows => rows?,
        };
        let is_last = rows.len() < PAGE;
        self.next = rows.last().filter(|_| !is_last).and_then(|it| it.id.next());
        rows.retain(|entry| self.filter.matches(entry));
        Ok(Some(rows))
    }
}

/// Selects pending entries.
#[derive(Clone, Debug)]
pub enum PendingSelector {
    /// The pending entries with these ids.
    Ids(Vec<EntryId>),
    /// The oldest ones that match, up to a number.
    Matching {
        /// The conditions.
        filter: Criteria,
        /// The greatest number.
        count_max: usize,
    },
}

impl PendingSelector {
    /// The same, but a filter leaves out the entries that `consumer` holds, because they would use up the count.
    #[must_use]
    pub(super) fn held_by_others(&self, consumer: &Name) -> Self {
        let mut which = self.clone();
        if let Self::Matching { filter, .. } = &mut which {
            filter.not_consumer = Some(consumer.clone());
        }
        which
    }
}

/// What is known once all entries were found.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Ids that were named and are not pending.
    pub not_pending: Vec<EntryId>,
    /// Whether more would have matched.
    pub has_more: bool,
}

/// Finds the entries, and gives each to `take` in order of id.
///
/// # Errors
/// Not found when the group does not exist; errors of the server or of `take`.
pub async fn select(
    connection: &Connection,
    target: &Target,
    which: &PendingSelector,
    take: impl FnMut(PendingEntry) -> Result<(), Problem>,
) -> Result<Selected> {
    match which {
        PendingSelector::Ids(ids) => named(connection, target, ids, take).await,
        PendingSelector::Matching { filter, count_max } => {
            matching(connection, target, filter, *count_max, take).await
        }
    }
}

/// Asks for one pending entry; there is none when it is not pending.
pub(super) fn pending_entry(target: &Target, id: EntryId) -> Request<Vec<PendingEntry>> {
    let only = PendingFilter {
        start: id,
        end: id,
        count_max: 1,
        ..PendingFilter::default()
    };
    xpending_entries(&target.stream, &target.group, &only)
}

async fn named(
    connection: &Connection,
    target: &Target,
    ids: &[EntryId],
    mut take: impl FnMut(PendingEntry) -> Result<(), Problem>,
) -> Result<Selected> {
    let mut once = ids.to_vec();
    once.sort_unstable();
    once.dedup();
    let asked = once.iter().map(|id| pending_entry(target, *id));
    let rows = connection.run_all(asked.collect()).await?;
    let mut selected = Selected::default();
    for (id, row) in once.into_iter().zip(rows) {
        match row?.pop() {
            Some(entry) => take(entry)?,
            None => selected.not_pending.push(id),
        }
    }
    Ok(selected)
}

async fn matching(
    connection: &Connection,
    target: &Target,
    filter: &Criteria,
    count_max: usize,
    mut take: impl FnMut(PendingEntry) -> Result<(), Problem>,
) -> Result<Selected> {
    let mut pager = Pager::new(connection, target, filter);
    let (mut selected, mut room) = (Selected::default(), count_max);
    while let Some(page) = pager.page().await? {
        selected.has_more = page.len() > room;
        for entry in page.into_iter().take(room) {
            room -= 1;
            take(entry)?;
        }
        if selected.has_more {
            break;
        }
    }
    Ok(selected)
}

/// The greatest number of bodies fetched in one write.
const BODIES: usize = 512;

/// Fetches the bodies of entries, as many at a time as memory allows.
#[derive(Debug)]
pub struct Bodies<'a> {
    connection: &'a Connection,
    stream: &'a Name,
    portion: AdaptiveBatch,
}

impl<'a> Bodies<'a> {
    /// For entries of `stream`.
    pub fn of(connection: &'a Connection, stream: &'a Name) -> Self {
        Self {
            connection,
            stream,
            portion: AdaptiveBatch::new(BODIES),
        }
    }

    /// How many are fetched in one write at present.
    pub const fn at_a_time(&self) -> usize {
        self.portion.at_a_time()
    }

    /// Gives `each` the index of every id and its entry's fields, or `None` when it is no longer in the stream.
    ///
    /// # Errors
    /// Errors of the server or of `each`.
    pub async fn fetch(
        &mut self,
        ids: &[EntryId],
        mut each: impl FnMut(usize, Option<Fields>) -> Result<()>,
    ) -> Result<()> {
        let mut at = 0;
        while at < ids.len() {
            let next = &ids[at..ids.len().min(at + self.portion.at_a_time())];
            let asked = next.iter().map(|id| xrange(self.stream, *id, *id, 1));
            let found = self.connection.run_all(asked.collect()).await?;
            let mut bytes = 0;
            for (place, entries) in found.into_iter().enumerate() {
                let fields = entries?.pop().map(|entry| entry.fields);
                bytes += fields.as_ref().map_or(0, bytes_of);
                each(at + place, fields)?;
            }
            self.portion.brought(next.len(), next.len(), bytes);
            at += next.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_was_given_back_is_idle() {
        let entry = |idle_ms| PendingEntry {
            id: EntryId::MIN,
            consumer: Name::default(),
            idle_ms,
            deliveries: 2,
        };
        let filter = |idle_ms, deliveries_min| Criteria {
            idle_min: Duration::from_millis(idle_ms),
            deliveries_min,
            ..Criteria::default()
        };
        for (idle_ms, filter, expected) in [
            (None, filter(5000, 0), true),
            (Some(5000), filter(5000, 2), true),
            (Some(4999), filter(5000, 0), false),
            (Some(9000), filter(5000, 3), false),
        ] {
            assert_eq!(filter.matches(&entry(idle_ms)), expected, "{idle_ms:?}");
        }
    }
}
