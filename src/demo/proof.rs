//! The accounting: every distinct id that was published must be in exactly one place. Which entries were handled is
//! taken from the handlers, not from the server's acknowledgements, so an entry that was acknowledged without being
//! handled is found to be missing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::standing::Standing;
use super::{Published, Scene};
use crate::model::{EntryId, Name, Provenance, report};
use crate::topology::GroupSpec;
use crate::wire::{Connection, Dialer, PendingFilter, Scan, Stop, xinfo_stream, xpending_entries};

/// How many ids that do not add up are listed.
const NAMED_MAX: usize = 5;
/// The greatest number of entries in the demonstration, and so of pending ones.
const PENDING_MAX: usize = 1_000_000;

report! {
    /// One group's accounting, in distinct ids: published = handled + dead-lettered + pending + undelivered + trimmed.
    #[derive(Clone, Debug)]
    pub struct GroupProof {
        /// The group.
        pub group: Name => whole("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM", wide),
        /// Entries published to the stream.
        pub published: u64 => number("PUBLISHED"),
        /// Entries that the handler reports as handled, all of them acknowledged.
        pub handled: u64 => number("HANDLED"),
        /// Entries moved to the dead-letter stream.
        pub dead_lettered: u64 => number("DEAD"),
        /// Entries delivered and not acknowledged.
        pub pending: u64 => number("PENDING"),
        /// Entries not delivered yet.
        pub undelivered: u64 => number("UNDELIVERED", wide),
        /// Entries trimmed before they were delivered.
        pub trimmed: u64 => number("TRIMMED"),
        /// Whether every published id is in exactly one place, and none was invented.
        pub adds_up: bool => whole("ADDS UP"),
        /// Ids that are in no place, in two places, or were never published; only the first few.
        pub astray: Vec<EntryId>,
    }
}

report! {
    /// A stream without groups: published = length + trimmed.
    #[derive(Clone, Debug)]
    pub struct StreamProof {
        /// The stream.
        pub stream: Name => whole("STREAM"),
        /// Entries published to it.
        pub published: u64 => number("PUBLISHED"),
        /// Entries in it.
        pub length: u64 => number("LENGTH"),
        /// Entries that were trimmed.
        pub trimmed: u64 => number("TRIMMED"),
        /// Whether they add up.
        pub adds_up: bool => whole("ADDS UP"),
    }
}

/// The accounting of every group. `ledgers` come from the handlers.
///
/// # Errors
/// Errors of the server.
pub async fn prove_groups(
    scene: &Scene,
    dialer: &Dialer,
    connection: &Connection,
    published: &mut Published,
    ledgers: &BTreeMap<Name, BTreeSet<EntryId>>,
) -> Result<Vec<GroupProof>> {
    let mut proofs = Vec::new();
    for group in &scene.topology.groups {
        let standing = Standing::look(connection, group).await?;
        published.note_trimmed(group, &standing);
        let places = Places {
            last_delivered: standing.last_delivered,
            trimmed: published.trimmed(group),
            ..Places::look(scene, group, dialer, connection).await?
        };
        let nothing = BTreeSet::new();
        let handled = ledgers.get(&group.name).unwrap_or(&nothing);
        proofs.push(places.account(group, published.of(&group.stream), handled));
    }
    Ok(proofs)
}

/// Where a group's entries are on the server, and which were trimmed.
#[derive(Default)]
struct Places {
    in_stream: BTreeSet<EntryId>,
    dead: BTreeSet<EntryId>,
    pending: BTreeSet<EntryId>,
    last_delivered: EntryId,
    trimmed: BTreeSet<EntryId>,
}

impl Places {
    async fn look(
        scene: &Scene,
        group: &GroupSpec,
        dialer: &Dialer,
        connection: &Connection,
    ) -> Result<Self> {
        let mut in_stream = BTreeSet::new();
        let mut dead = BTreeSet::new();
        let mut lane = dialer.lane().await?;
        lane.scan(&group.stream, Scan::ALL, |id, _| {
            in_stream.insert(id);
            Ok(())
        })
        .await
        .map_err(Stop::into_error)?;
        let dead_letter = scene.topology.stream_or_default(&group.stream).dead_letter;
        lane.scan(&dead_letter, Scan::ALL, |_, fields| {
            let origin = Provenance::of(fields).map(|it| it.id);
            dead.extend(origin.and_then(|id| EntryId::parse(id).ok()));
            Ok(())
        })
        .await
        .map_err(Stop::into_error)?;
        let filter = PendingFilter {
            count_max: PENDING_MAX,
            ..PendingFilter::default()
        };
        let pending = connection
            .run(xpending_entries(&group.stream, &group.name, &filter))
            .await?;
        Ok(Self {
            in_stream,
            dead,
            pending: pending.into_iter().map(|row| row.id).collect(),
            ..Self::default()
        })
    }

    fn account(
        &self,
        group: &GroupSpec,
        published: &BTreeSet<EntryId>,
        handled: &BTreeSet<EntryId>,
    ) -> GroupProof {
        let is_undelivered =
            |id: &EntryId| *id > self.last_delivered && self.in_stream.contains(id);
        let places = |id: &EntryId| {
            let found = [
                handled.contains(id),
                self.dead.contains(id),
                self.pending.contains(id),
                is_undelivered(id),
                self.trimmed.contains(id),
            ];
            found.into_iter().filter(|found| *found).count()
        };
        let invented = handled
            .union(&self.dead)
            .chain(&self.pending)
            .chain(&self.trimmed)
            .filter(|id| !published.contains(id));
        let astray: BTreeSet<EntryId> = published
            .iter()
            .filter(|id| places(id) != 1)
            .chain(invented)
            .copied()
            .collect();
        GroupProof {
            group: group.name.clone(),
            stream: group.stream.clone(),
            published: published.len() as u64,
            handled: handled.len() as u64,
            dead_lettered: self.dead.len() as u64,
            pending: self.pending.len() as u64,
            undelivered: published.iter().filter(|id| is_undelivered(id)).count() as u64,
            trimmed: self.trimmed.len() as u64,
            adds_up: astray.is_empty(),
            astray: astray.into_iter().take(NAMED_MAX).collect(),
        }
    }
}

/// The accounting of every published stream without a group.
///
/// # Errors
/// Errors of the server.
pub async fn prove_streams(
    scene: &Scene,
    connection: &Connection,
    published: &Published,
) -> Result<Vec<StreamProof>> {
    let mut proofs = Vec::new();
    for (stream, ids) in &published.ids {
        if scene.topology.groups_of(stream).next().is_some() {
            continue;
        }
        let info = connection.run(xinfo_stream(stream)).await?;
        let first = info.first.map_or(EntryId::MAX, |entry| entry.id);
        let trimmed = ids.iter().filter(|id| **id < first).count() as u64;
        let published = ids.len() as u64;
        proofs.push(StreamProof {
            stream: stream.clone(),
            published,
            length: info.length,
            trimmed,
            adds_up: published == info.length + trimmed,
        });
    }
    Ok(proofs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[u64]) -> BTreeSet<EntryId> {
        list.iter().map(|ms| EntryId::new(*ms, 0)).collect()
    }

    fn places() -> Places {
        Places {
            in_stream: ids(&[1, 2, 3, 4, 5, 6]),
            dead: ids(&[3]),
            pending: ids(&[4]),
            last_delivered: EntryId::new(5, 0),
            trimmed: ids(&[7]),
        }
    }

    #[test]
    fn every_place_counts_once() {
        let group = GroupSpec::new("g", "s");
        let proof = places().account(&group, &ids(&[1, 2, 3, 4, 5, 6, 7]), &ids(&[1, 2, 5]));
        assert!(proof.adds_up, "{proof:?}");
        assert_eq!(
            (proof.handled, proof.dead_lettered, proof.pending),
            (3, 1, 1)
        );
        assert_eq!((proof.undelivered, proof.trimmed), (1, 1));
    }

    #[test]
    fn an_entry_acknowledged_and_not_handled_is_missed() {
        let proof = places().account(
            &GroupSpec::new("g", "s"),
            &ids(&[1, 2, 3, 4, 5, 6, 7]),
            &ids(&[1, 5]),
        );
        assert!(!proof.adds_up);
        assert_eq!(proof.astray, [EntryId::new(2, 0)]);
    }

    #[test]
    fn what_is_gone_and_was_not_seen_to_be_trimmed_is_missed() {
        let gone = Places {
            in_stream: ids(&[3, 4, 5, 6]),
            ..places()
        };
        let published = ids(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let proof = gone.account(&GroupSpec::new("g", "s"), &published, &ids(&[1, 5]));
        // 2 was acknowledged and not handled, 8 is nowhere: neither passes for trimmed.
        assert_eq!(proof.astray, [EntryId::new(2, 0), EntryId::new(8, 0)]);
        assert_eq!(proof.trimmed, 1);
    }

    #[test]
    fn what_was_never_published_or_is_in_two_places_does_not_add_up() {
        let proof = places().account(
            &GroupSpec::new("g", "s"),
            &ids(&[1, 2, 3, 4, 5, 6, 7]),
            &ids(&[1, 2, 3, 5, 9]),
        );
        assert_eq!(proof.astray, [EntryId::new(3, 0), EntryId::new(9, 0)]);
    }
}
