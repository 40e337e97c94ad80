//! Reads a range of a stream from an archive, where its entries are.

use anyhow::Result;

use super::destination::Destination;
use super::load::{Loaded, damaged, load, manifest_of};
use super::look::require_stream;
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

impl ArchivedStream<'_> {
    /// Gives `each` every entry of the range. Returns how many there were.
    ///
    /// # Errors
    /// Not found when the archive does not have the stream; data loss where a part of the range is damaged; those of the
    /// destination and of `each`.
    pub async fn read(
        &self,
        range: Range,
        mut each: impl FnMut(&Entry) -> Result<()>,
    ) -> Result<u64> {
        let streams = streams_of(self.destination).await?;
        require_stream(self.destination, &streams, self.stream)?;
        let (Some(start), end) = (self.place(range.start).await?, self.place(range.end).await?)
        else {
            return Ok(0);
        };
        let end = end.unwrap_or(EntryId::MAX);
        let mut walk = self.walk(range.reverse, start);
        let (mut count, mut last) = (0, None);
        while let Some(found) = walk.next().await? {
            let first = found.name.first;
            let is_beyond = if range.reverse {
                first > end
            } else {
                self.ends_before(&found, start).await?
            };
            if is_beyond {
                continue;
            }
            if !range.reverse && first > end {
                break;
            }
            let loaded = self.load(found).await?;
            let mut frames = loaded
                .manifest
                .iter()
                .flat_map(|it| &it.frames)
                .collect::<Vec<_>>();
            frames.retain(|it| it.last_id >= start && it.first_id <= end);
            if range.reverse {
                frames.reverse();
            }
            let is_last = range.reverse && first <= start;
            for frame in frames {
                let mut entries = self.entries(&loaded, frame).await?;
                if range.reverse {
                    entries.reverse();
                }
                for entry in entries.iter().filter(|it| (start..=end).contains(&it.id)) {
                    // Two archivers may have archived the same entries.
                    let is_repeat = |last: EntryId| {
                        if range.reverse {
                            entry.id >= last
                        } else {
                            entry.id <= last
                        }
                    };
                    if last.is_some_and(is_repeat) {
                        continue;
                    }
                    if count == range.count_max as u64 {
                        return Ok(count);
                    }
                    each(entry)?;
                    (count, last) = (count + 1, Some(entry.id));
                }
            }
            if is_last {
                break;
            }
        }
        Ok(count)
    }

    fn walk(&self, reverse: bool, start: EntryId) -> Walk<'_> {
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

    async fn entries(&self, loaded: &Loaded, frame: &super::Frame) -> Result<Vec<Entry>> {
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
