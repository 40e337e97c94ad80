//! Reads a range of a stream from an archive, where its entries are.

use std::collections::VecDeque;

use anyhow::Result;

use super::destination::Destination;
use super::load::{Loaded, damaged, load, manifest_of};
use super::look::require_stream;
use super::manifest::Frame;
use super::walk::{Found, Walk, streams_of};
use crate::model::{Edge, Entry, EntryId, Name, Problem};

/// A range, in the form in which it was requested.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least id.
    pub start: Edge,
    /// The greatest id.
    pub end: Edge,
    /// Whether to read from the end to the start.
    pub reverse: bool,
    /// The greatest number of entries.
    pub count_max: usize,
}

/// An archived stream that is read.
#[derive(Clone, Copy, Debug)]
pub struct ArchivedStream<'a> {
    /// The archive.
    pub destination: &'a Destination,
    /// The stream.
    pub stream: &'a Name,
    /// The greatest size of a segment when it is expanded.
    pub expanded_max: u64,
}

/// The entries of a range, some of one segment at a time.
#[derive(Debug)]
pub struct Pages<'a> {
    of: ArchivedStream<'a>,
    walk: Walk<'a>,
    start: EntryId,
    end: EntryId,
    reverse: bool,
    loaded: Option<Loaded>,
    /// The parts of that segment that are left.
    frames: VecDeque<Frame>,
    /// The entry that was given last.
    last: Option<EntryId>,
    is_over: bool,
}

impl Pages<'_> {
    /// The least and the greatest id.
    pub const fn range(&self) -> (EntryId, EntryId) {
        (self.start, self.end)
    }

    /// The next entries, at least one; `None` at the end.
    ///
    /// # Errors
    /// Data loss where a part of the range is damaged; those of the destination.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        loop {
            if let (Some(loaded), Some(frame)) = (&self.loaded, self.frames.pop_front()) {
                let entries = self.of.entries(loaded, &frame).await?;
                let entries = self.wanted(entries);
                if !entries.is_empty() {
                    return Ok(Some(entries));
                }
                continue;
            }
            if self.is_over || !self.next_segment().await? {
                return Ok(None);
            }
        }
    }

    /// Those of the range that were not given yet: two archivers may have archived the same entries.
    fn wanted(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if self.reverse {
            entries.reverse();
        }
        let (range, reverse) = (self.start..=self.end, self.reverse);
        entries.retain(|entry| {
            let is_repeat = |last: EntryId| {
                if reverse {
                    entry.id >= last
                } else {
                    entry.id <= last
                }
            };
            let is_wanted = range.contains(&entry.id) && !self.last.is_some_and(is_repeat);
            if is_wanted {
                self.last = Some(entry.id);
            }
            is_wanted
        });
        entries
    }

    /// Reads the next segment; `false` when there is none.
    async fn next_segment(&mut self) -> Result<bool> {
        while let Some(found) = self.walk.next().await? {
            let first = found.name.first;
            let is_beyond = if self.reverse {
                first > self.end
            } else {
                self.of.ends_before(&found, self.start).await?
            };
            if is_beyond {
                continue;
            }
            if !self.reverse && first > self.end {
                break;
            }
            let loaded = self.of.load(found).await?;
            let frames = loaded.manifest.iter().flat_map(|it| &it.frames);
            let frames = frames.filter(|it| it.last_id >= self.start && it.first_id <= self.end);
            self.frames = frames.cloned().collect();
            if self.reverse {
                self.frames.make_contiguous().reverse();
            }
            self.is_over = self.reverse && first <= self.start;
            self.loaded = Some(loaded);
            return Ok(true);
        }
        self.is_over = true;
        Ok(false)
    }
}

impl<'a> ArchivedStream<'a> {
    /// Gives `each` every entry of the range. Returns how many there were.
    ///
    /// # Errors
    /// As [`Self::pages`] and [`Pages::next`]; those of `each`.
    pub async fn read(
        &self,
        range: Range,
        mut each: impl FnMut(&Entry) -> Result<()>,
    ) -> Result<u64> {
        let mut count = 0;
        let Some(mut pages) = self.pages((range.start, range.end), range.reverse).await? else {
            return Ok(0);
        };
        while let Some(entries) = pages.next().await? {
            for entry in &entries {
                if count == range.count_max as u64 {
                    return Ok(count);
                }
                each(entry)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// The entries between two places, both included; `None` when the first one is after the end.
    ///
    /// # Errors
    /// Not found when the archive does not have the stream; those of the destination.
    pub async fn pages(
        &self,
        (start, end): (Edge, Edge),
        reverse: bool,
    ) -> Result<Option<Pages<'a>>> {
        let streams = streams_of(self.destination).await?;
        require_stream(self.destination, &streams, self.stream)?;
        let (Some(start), end) = (self.place(start).await?, self.place(end).await?) else {
            return Ok(None);
        };
        Ok(Some(Pages {
            of: *self,
            walk: self.walk(reverse, start),
            start,
            end: end.unwrap_or(EntryId::MAX),
            reverse,
            loaded: None,
            frames: VecDeque::new(),
            last: None,
            is_over: false,
        }))
    }

    /// How many entries there are from one id to another at the most, by the manifests.
    ///
    /// # Errors
    /// Those of the destination.
    pub async fn at_most(&self, (start, end): (EntryId, EntryId)) -> Result<u64> {
        let (mut count, mut walk) = (0, self.walk(false, start));
        while let Some(found) = walk.next().await? {
            if found.name.first > end {
                break;
            }
            let manifest = manifest_of(self.destination, &found).await?.ok();
            let frames = manifest.iter().flat_map(|it| &it.frames);
            let frames = frames.filter(|it| it.last_id >= start && it.first_id <= end);
            count += frames.map(|it| it.entries).sum::<u64>();
        }
        Ok(count)
    }

    fn walk(&self, reverse: bool, start: EntryId) -> Walk<'a> {
        if reverse {
            Walk::backwards(self.destination, self.stream)
        } else {
            Walk::forwards(self.destination, self.stream, start)
        }
    }

    /// Whether a segment ends before `start`, by its manifest.
    async fn ends_before(&self, found: &Found, start: EntryId) -> Result<bool> {
        if found.name.first >= start || !found.has_manifest {
            return Ok(false);
        }
        let manifest = manifest_of(self.destination, found).await?;
        Ok(manifest.is_ok_and(|it| it.last_id < start))
    }

    async fn load(&self, found: Found) -> Result<Loaded> {
        let key = found.name.segment();
        let loaded = load(self.destination, found, self.expanded_max).await?;
        match (&loaded.segment, &loaded.problem) {
            (None, Some(why)) => Err(self.damaged(&key, why).into()),
            _ => Ok(loaded),
        }
    }

    async fn entries(&self, loaded: &Loaded, frame: &Frame) -> Result<Vec<Entry>> {
        let Some(segment) = &loaded.segment else {
            return Ok(Vec::new());
        };
        let entries = segment.unpacked(frame.clone()).await?;
        Ok(entries.map_err(|why| self.damaged(&segment.manifest.segment, &why))?)
    }

    fn damaged(&self, key: &str, why: &str) -> Problem {
        damaged(self.destination, key, why)
            .hint("`ucp-streams archive verify` lists all that is damaged")
    }

    /// The id at an edge; `None` when it is after the end.
    async fn place(&self, edge: Edge) -> Result<Option<EntryId>> {
        let mut left = match edge {
            Edge::Id(id) => return Ok(Some(id)),
            Edge::FromEnd(0) => return Ok(None),
            Edge::FromEnd(entries) => entries,
        };
        let mut walk = Walk::backwards(self.destination, self.stream);
        let mut first = None;
        while let Some(found) = walk.next().await? {
            first = Some(found.name.first);
            let loaded = self.load(found).await?;
            for frame in loaded.manifest.iter().flat_map(|it| it.frames.iter().rev()) {
                if left > frame.entries {
                    left -= frame.entries;
                    continue;
                }
                let entries = self.entries(&loaded, frame).await?;
                let from_end = usize::try_from(left).unwrap_or(usize::MAX);
                let place = entries.len().checked_sub(from_end);
                return Ok(place.and_then(|it| entries.get(it)).map(|it| it.id));
            }
        }
        Ok(first)
    }
}
