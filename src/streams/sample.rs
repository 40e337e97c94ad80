//! Entries to try a handler on: the newest of a stream, those that a group has pending, or the dead letters of a group.
//! Changes nothing: no delivery is counted, and no idle time begins anew.

use anyhow::Result;

use super::dead_letters::{LetterPager, Letters, Source};
use super::select::{Bodies, Criteria, PendingSelector, select};
use super::target::Target;
use crate::model::{Entry, EntryId, Fields, bytes_of, is_fatal};
use crate::topology::Topology;
use crate::wire::{Connection, Lane, Scan, Stop};

/// The greatest number of entries in a sample.
pub const SAMPLE_MAX: u32 = 10_000;
/// The greatest size of the bodies of a sample.
const BYTES_MAX: usize = 64 << 20;

/// Which entries are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// The newest entries of the stream.
    Newest,
    /// The oldest entries that the group has pending.
    Pending,
    /// The oldest dead letters of the group, as they were before.
    DeadLetters,
}

/// An entry, and which attempt at it the next one would be.
#[derive(Clone, Debug)]
pub struct Specimen {
    /// The entry.
    pub entry: Entry,
    /// The number of the delivery.
    pub deliveries: u64,
}

/// Some entries, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The entries.
    pub entries: Vec<Specimen>,
    /// How many others have no body any more.
    pub bodiless: u64,
    /// Whether there are more than were wanted.
    pub has_more: bool,
    /// Whether there are fewer than were wanted, because these are large.
    pub is_cut: bool,
    bytes: usize,
}

impl Sample {
    /// Adds an entry. Returns whether there is room for another one.
    fn add(&mut self, id: EntryId, fields: Fields, deliveries: u64) -> bool {
        self.bytes += bytes_of(&fields);
        self.is_cut = self.bytes > BYTES_MAX && !self.entries.is_empty();
        if !self.is_cut {
            let entry = Entry { id, fields };
            self.entries.push(Specimen { entry, deliveries });
        }
        !self.is_cut
    }
}

/// Takes up to `count_max` entries of the group's stream, and not much more than 64 MiB of them.
///
/// # Errors
/// Errors of the server.
pub async fn sample(
    (connection, lane): (&Connection, &mut Lane),
    topology: &Topology,
    target: &Target,
    which: Sampled,
    count_max: usize,
) -> Result<Sample> {
    match which {
        Sampled::Newest => newest(lane, target, count_max).await,
        Sampled::Pending => pending(connection, target, count_max).await,
        Sampled::DeadLetters => dead_letters(connection, topology, target, count_max).await,
    }
}

/// The sample is as large as it may be.
#[derive(Debug, thiserror::Error)]
#[error("the sample is as large as it may be")]
struct Full;

async fn newest(lane: &mut Lane, target: &Target, count_max: usize) -> Result<Sample> {
    let mut sample = Sample::default();
    let range = Scan {
        reverse: true,
        count_max,
        page: Scan::ALL.page.min(count_max),
        ..Scan::ALL
    };
    let scanned = lane.scan(&target.stream, range, |id, fields| {
        let fields = fields.iter();
        let owned = fields.map(|(name, value)| (name.to_vec(), value.to_vec()));
        if sample.add(id, owned.collect(), 1) {
            Ok(())
        } else {
            Err(Stop::Sink(Full.into()))
        }
    });
    match scanned.await {
        Ok(()) => {}
        Err(Stop::Sink(error)) if error.is::<Full>() => {}
        Err(stop) => return Err(stop.into_error()),
    }
    sample.entries.reverse();
    Ok(sample)
}

async fn pending(connection: &Connection, target: &Target, count_max: usize) -> Result<Sample> {
    let which = PendingSelector::Matching {
        filter: Criteria::default(),
        count_max,
    };
    let mut found = Vec::new();
    let selected = select(connection, target, &which, |entry| {
        found.push(entry);
        Ok(())
    });
    let selected = selected.await?;
    let mut sample = Sample {
        has_more: selected.has_more,
        ..Sample::default()
    };
    let mut bodies = Bodies::of(connection, &target.stream);
    let ids: Vec<EntryId> = found.iter().map(|it| it.id).collect();
    for (ids, rows) in ids.chunks(100).zip(found.chunks(100)) {
        let fetched = bodies.fetch(ids, |place, fields| {
            let row = &rows[place];
            let next = if is_fatal(row.deliveries) {
                1
            } else {
                row.deliveries + 1
            };
            match fields {
                Some(fields) => drop(sample.add(row.id, fields, next)),
                None => sample.bodiless += 1,
            }
            Ok(())
        });
        fetched.await?;
        if sample.is_cut {
            break;
        }
    }
    Ok(sample)
}

async fn dead_letters(
    connection: &Connection,
    topology: &Topology,
    target: &Target,
    count_max: usize,
) -> Result<Sample> {
    let source = Source::named(topology, &target.stream);
    let wanted = Letters {
        group: Some(target.group.clone()),
        ..Letters::default()
    };
    let mut pager = LetterPager::new(connection, &source, &wanted);
    let mut sample = Sample::default();
    while let Some(page) = pager.page().await? {
        for letter in page {
            if letter.is_tombstone {
                sample.bodiless += 1;
                continue;
            }
            if sample.entries.len() == count_max {
                sample.has_more = true;
                return Ok(sample);
            }
            let id = letter.origin_id.unwrap_or(letter.id);
            if !sample.add(id, letter.fields.fields, 1) {
                return Ok(sample);
            }
        }
    }
    Ok(sample)
}
