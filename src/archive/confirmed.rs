//! Finds out which entries are archived for certain: those of segments that have a manifest and that are, read back, as it
//! says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::destination::Destination;
use super::load::{READ_BACK_MAX, damaged, load, manifest_of};
use super::name::are_of_one_hour;
use super::walk::{Found, Walk};
use crate::model::{EntryId, Kind, Name, Problem};

/// So many ids are kept between two looks.
const KEPT_MAX: usize = 1_000_000;

/// What is known of a segment that was read back.
#[derive(Debug)]
struct Known {
    last: EntryId,
    /// The ids of its entries; `None` when they are not kept.
    ids: Option<Arc<[EntryId]>>,
}

/// The entries of a stream that are archived for certain.
#[derive(Debug)]
pub struct Confirmed {
    destination: Destination,
    stream: Name,
    kept: Kept,
}

/// What is known, by the first ids of the segments. They are never written again, so one that is there is read back once.
#[derive(Debug, Default)]
struct Kept(BTreeMap<EntryId, Known>);

impl Confirmed {
    /// Nothing is looked at yet.
    pub fn of(destination: &Destination, stream: &Name) -> Self {
        Self {
            destination: destination.clone(),
            stream: stream.clone(),
            kept: Kept::default(),
        }
    }

    /// Looks for ids from `first` on.
    pub fn look(&mut self, first: EntryId) -> Looking<'_> {
        self.kept.forget_before(first);
        Looking {
            destination: &self.destination,
            walk: Walk::forwards(&self.destination, &self.stream, first),
            kept: &mut self.kept,
            first,
            next: None,
            is_begun: false,
            ids: BTreeSet::new(),
        }
    }

    /// Makes sure that the archive ends with `end`, and that its last segment is whole.
    ///
    /// # Errors
    /// Data loss when it is not; those of the destination.
    pub async fn require_end(&mut self, end: EntryId) -> Result<(), Problem> {
        let mut walk = Walk::backwards(&self.destination, &self.stream);
        while let Some(found) = walk.next().await? {
            if found.has_manifest {
                let ids = self.kept.ids_of(&self.destination, &found).await?;
                if ids.last().is_some_and(|last| *last >= end) {
                    return Ok(());
                }
                break;
            }
        }
        let text = format!(
            "the archive in {} is damaged: what it had up to {end} is missing",
            self.destination.shown()
        );
        Err(Problem::new(Kind::DataLoss, text))
    }
}

impl Kept {
    fn forget_before(&mut self, first: EntryId) {
        self.0
            .retain(|id, _| *id >= first || are_of_one_hour(*id, first));
        let ids = self.0.values().filter_map(|it| it.ids.as_ref());
        if ids.map(|it| it.len()).sum::<usize>() > KEPT_MAX {
            self.0.values_mut().for_each(|it| it.ids = None);
        }
    }

    /// The ids of a segment that is whole.
    async fn ids_of(
        &mut self,
        destination: &Destination,
        found: &Found,
    ) -> Result<Arc<[EntryId]>, Problem> {
        let (name, key) = (&found.name, found.name.segment());
        let known = self.0.get(&name.first).filter(|_| found.has_segment);
        if let Some(ids) = known.and_then(|it| it.ids.as_ref()) {
            return Ok(Arc::clone(ids));
        }
        let loaded = load(destination, found.clone(), READ_BACK_MAX).await?;
        let damaged = |why: &str| damaged(destination, &key, why);
        if let Some(why) = &loaded.problem {
            return Err(damaged(why));
        }
        let (Some(manifest), Some(segment)) = (loaded.manifest, loaded.segment) else {
            return Err(damaged("it is missing"));
        };
        let mut ids = Vec::new();
        for frame in &manifest.frames {
            let entries = segment.unpacked(frame.clone()).await?;
            let entries = entries.map_err(|why| damaged(&why))?;
            ids.extend(entries.iter().map(|it| it.id));
        }
        let ids: Arc<[EntryId]> = ids.into();
        let known = Known {
            last: manifest.last_id,
            ids: Some(Arc::clone(&ids)),
        };
        self.0.insert(name.first, known);
        Ok(ids)
    }

    /// Whether a segment ends before `first`, by its manifest.
    async fn ends_before(
        &mut self,
        destination: &Destination,
        found: &Found,
        first: EntryId,
    ) -> Result<bool, Problem> {
        if found.name.first >= first {
            return Ok(false);
        }
        if let Some(known) = self.0.get(&found.name.first) {
            return Ok(known.last < first);
        }
        let manifest = manifest_of(destination, found).await?;
        let key = found.name.segment();
        let manifest = manifest.map_err(|why| damaged(destination, &key, &why))?;
        let ends_before = manifest.last_id < first;
        if ends_before {
            let known = Known {
                last: manifest.last_id,
                ids: None,
            };
            self.0.insert(found.name.first, known);
        }
        Ok(ends_before)
    }
}

/// A look at what is archived, by rising ids.
#[derive(Debug)]
pub struct Looking<'a> {
    destination: &'a Destination,
    kept: &'a mut Kept,
    walk: Walk<'a>,
    first: EntryId,
    /// The next segment.
    next: Option<Found>,
    is_begun: bool,
    /// What is archived, from the id on that was looked for last.
    ids: BTreeSet<EntryId>,
}

impl Looking<'_> {
    /// The first of these ids that is not archived. They rise, from one call to the next, too.
    ///
    /// # Errors
    /// Data loss when a segment is damaged that may have one of them; those of the destination.
    pub async fn first_missing(&mut self, ids: &[EntryId]) -> Result<Option<EntryId>, Problem> {
        for id in ids {
            self.read_to(*id).await?;
            if !self.ids.contains(id) {
                return Ok(Some(*id));
            }
        }
        if let Some(last) = ids.last() {
            self.ids = self.ids.split_off(last);
        }
        Ok(None)
    }

    /// Reads the segments that begin with `id` or before it. Two archivers may have written the same entries.
    async fn read_to(&mut self, id: EntryId) -> Result<(), Problem> {
        if !self.is_begun {
            self.is_begun = true;
            self.next = self.walk.next().await?;
        }
        while let Some(found) = self.next.take_if(|it| it.name.first <= id) {
            let (destination, kept) = (self.destination, &mut *self.kept);
            // Without a manifest it is not confirmed.
            if found.has_manifest && !kept.ends_before(destination, &found, self.first).await? {
                self.ids.extend(&*kept.ids_of(destination, &found).await?);
            }
            self.next = self.walk.next().await?;
        }
        Ok(())
    }
}
