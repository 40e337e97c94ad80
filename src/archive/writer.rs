//! Writes the segments of one stream, after those that are there.

use std::fs::File;
use std::sync::Arc;

use super::destination::{Destination, in_background};
use super::groups::{GroupsBuilder, GroupsHead};
use super::load::{READ_BACK_MAX, damaged, manifest_of, newest_taken};
use super::manifest::{MANIFEST_BYTES_MAX, Manifest};
use super::name::{SegmentName, are_of_one_hour, groups_key, lock_key};
use super::segment::{Building, Built, Segment};
use super::stored::Put;
use super::walk::{Found, Walk};
use crate::model::{EntryId, Name, Problem};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Segments that were written.
    pub segments: u64,
    /// Segments that were there without a manifest, were checked, and have one now.
    pub taken_over: u64,
    /// Entries in both.
    pub entries: u64,
    /// The size of both in bytes.
    pub bytes: u64,
    /// Their size in bytes when they are expanded.
    pub expanded_bytes: u64,
    /// The id of the first entry.
    pub first: Option<EntryId>,
}

/// Whether the writer can go on with the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// It can.
    On,
    /// Another one wrote the next segment: read on after [`Writer::end`].
    Elsewhere,
}

/// The one that writes the archive of a stream.
#[derive(Debug)]
pub struct Writer {
    destination: Destination,
    stream: Name,
    /// Locked while this lives.
    _lock: Option<File>,
    /// The last id that is in a segment with a manifest.
    end: Option<EntryId>,
    building: Option<Building>,
    /// Segments that ended while entries were added.
    ended: Vec<Building>,
    written: Written,
}

impl Writer {
    /// Finds where the archive of a stream ends. Segments that are there without a manifest, because their writer was
    /// killed, are checked and get one.
    ///
    /// # Errors
    /// Those of the destination; refused when another process writes; data loss when such a segment is damaged.
    pub async fn open(destination: &Destination, stream: &Name) -> Result<Self, Problem> {
        super::name::stream_folder(stream)?;
        let lock = destination.lock(lock_key(stream)).await?;
        let mut writer = Self {
            destination: destination.clone(),
            stream: stream.clone(),
            _lock: lock,
            end: None,
            building: None,
            ended: Vec::new(),
            written: Written::default(),
        };
        let mut left = Vec::new();
        let mut walk = Walk::backwards(destination, stream);
        while let Some(found) = walk.next().await? {
            if found.has_manifest {
                writer.end = Some(last_of(destination, &found).await?);
                break;
            }
            left.push(found);
        }
        while let Some(found) = left.pop() {
            if writer.end.is_none_or(|end| end < found.name.first) {
                writer.take_over(&found.name).await?;
            }
        }
        Ok(writer)
    }

    /// The last id that is in a segment with a manifest: all up to it is archived.
    pub const fn end(&self) -> Option<EntryId> {
        self.end
    }

    /// What was written since this was asked before.
    pub fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    /// Adds an entry, whose id is greater than that of the one before it.
    pub fn add(&mut self, id: EntryId, fields: &[(&[u8], &[u8])]) {
        let is_ended = |it: &Building| !are_of_one_hour(it.name.first, id);
        if self.building.as_ref().is_some_and(is_ended) {
            self.ended.extend(self.building.take());
        }
        let stream = &self.stream;
        self.building
            .get_or_insert_with(|| Building::new(stream, id))
            .push(id, fields);
    }

    /// Writes the segments that have ended, because the hour is over or they are as large as one may be.
    ///
    /// # Errors
    /// Those of the destination.
    pub async fn settle(&mut self) -> Result<Goes, Problem> {
        for ended in std::mem::take(&mut self.ended) {
            if self.write(ended).await? == Goes::Elsewhere {
                return Ok(Goes::Elsewhere);
            }
        }
        let is_full = match &mut self.building {
            Some(building) => building.settle().await?,
            None => false,
        };
        match self.building.take_if(|_| is_full) {
            Some(building) => self.write(building).await,
            None => Ok(Goes::On),
        }
    }

    /// Writes the segment that is being built, however small it is.
    ///
    /// # Errors
    /// Those of the destination.
    pub async fn finish(&mut self) -> Result<Goes, Problem> {
        self.ended.extend(self.building.take());
        self.settle().await
    }

    /// How many entries after `id` have a segment with a manifest; no segment has entries before and after `id`.
    ///
    /// # Errors
    /// Those of the destination; data loss when a manifest is damaged.
    pub async fn entries_after(&self, id: EntryId) -> Result<u64, Problem> {
        let mut entries = 0;
        let mut walk = Walk::backwards(&self.destination, &self.stream);
        while let Some(found) = walk.next().await? {
            if found.name.first <= id {
                break;
            }
            match manifest_of(&self.destination, &found).await? {
                Ok(manifest) => entries += manifest.entries,
                Err(why) => {
                    let key = found.name.segment();
                    return Err(damaged(&self.destination, &key, &why));
                }
            }
        }
        Ok(entries)
    }

    /// The place of the archive as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        self.destination.shown()
    }

    /// Writes a segment, and then its manifest.
    async fn write(&mut self, building: Building) -> Result<Goes, Problem> {
        let Built {
            name,
            frames,
            bytes,
        } = building.end().await?;
        let follows = self.end;
        let made = in_background(move || {
            let manifest = Manifest::of(&name, follows, &bytes, frames);
            (manifest, name, bytes)
        });
        let (manifest, name, bytes) = made.await?;
        match self
            .destination
            .put(name.segment(), Arc::new(bytes))
            .await?
        {
            Put::Written => {
                self.written.segments += 1;
                self.confirm(&name, manifest).await?;
                Ok(Goes::On)
            }
            Put::Exists => {
                self.building = None;
                self.ended.clear();
                self.take_over(&name).await?;
                Ok(Goes::Elsewhere)
            }
        }
    }

    /// Checks a segment that is there, and writes its manifest.
    async fn take_over(&mut self, name: &SegmentName) -> Result<(), Problem> {
        let key = name.segment();
        let bytes = self.destination.get(key.clone(), READ_BACK_MAX).await?;
        let bytes = bytes.ok_or_else(|| damaged(&self.destination, &key, "it is missing"))?;
        let (of, follows) = (name.clone(), self.end);
        let described =
            in_background(move || Segment::described(&of, follows, bytes, READ_BACK_MAX));
        let segment = described.await?.map_err(|why| {
            damaged(&self.destination, &key, &why)
                .hint("remove the segment, if no other archive has it; then repeat the command")
        })?;
        self.written.taken_over += 1;
        self.confirm(name, segment.manifest).await
    }

    async fn confirm(&mut self, name: &SegmentName, manifest: Manifest) -> Result<(), Problem> {
        let bytes = Arc::new(manifest.to_bytes()?);
        let mut confirmed = manifest;
        if self.destination.put(name.manifest(), bytes).await? == Put::Exists {
            // Another one was quicker. What both wrote is the same unless something is wrong.
            let bytes = self
                .destination
                .get(name.manifest(), MANIFEST_BYTES_MAX)
                .await?;
            let theirs = Manifest::parse(&bytes.unwrap_or_default(), name)?;
            match theirs {
                Ok(theirs) if theirs.sha256 == confirmed.sha256 => confirmed = theirs,
                theirs => {
                    let why = theirs.err();
                    let why = why.unwrap_or_else(|| "its manifest is of another one".to_owned());
                    return Err(damaged(&self.destination, &name.segment(), &why));
                }
            }
        }
        self.end = Some(confirmed.last_id);
        let written = &mut self.written;
        written.entries += confirmed.entries;
        written.bytes += confirmed.bytes;
        written.expanded_bytes += confirmed.expanded_bytes;
        written.first.get_or_insert(confirmed.first_id);
        Ok(())
    }

    /// Writes a snapshot of the groups.
    ///
    /// # Errors
    /// Those of the destination.
    pub async fn put_groups(
        &self,
        head: &GroupsHead,
        groups: GroupsBuilder,
    ) -> Result<(), Problem> {
        let bytes = Arc::new(in_background(move || groups.end()).await??);
        let newest = newest_taken(&self.destination, &self.stream).await?;
        let taken = EntryId::new(head.taken.ms, 0);
        // Names rise even where the clock does not.
        let mut id = newest
            .and_then(EntryId::next)
            .map_or(taken, |it| it.max(taken));
        loop {
            let key = groups_key(&self.stream, id);
            match self.destination.put(key, Arc::clone(&bytes)).await? {
                Put::Written => return Ok(()),
                Put::Exists => id.seq += 1,
            }
        }
    }
}

/// The last id that is in a segment with a manifest, to look at it alone; `None` when there is none.
///
/// # Errors
/// Those of the destination; data loss when the manifest is damaged.
pub async fn end_of(destination: &Destination, stream: &Name) -> Result<Option<EntryId>, Problem> {
    let mut walk = Walk::backwards(destination, stream);
    while let Some(found) = walk.next().await? {
        if found.has_manifest {
            return last_of(destination, &found).await.map(Some);
        }
    }
    Ok(None)
}

async fn last_of(destination: &Destination, found: &Found) -> Result<EntryId, Problem> {
    match manifest_of(destination, found).await? {
        Ok(manifest) => Ok(manifest.last_id),
        Err(why) => Err(damaged(destination, &found.name.segment(), &why)),
    }
}
