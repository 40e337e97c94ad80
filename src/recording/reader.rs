//! Reads a recording by time, while a recorder may write to it.

use std::collections::BTreeMap;
use std::path::Path;

use super::directory::Directory;
use super::frame::Frame;
use super::header::Header;
use super::name::SegmentName;
use super::segment::{Read, Segment};
use super::{Look, Sample};
use crate::model::{Problem, Time};

/// A recording.
#[derive(Debug)]
pub struct Recording {
    directory: Directory,
}

/// What a recording has, from its first to its last sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The time of the first sample.
    pub first: Time,
    /// The time of the last sample.
    pub last: Time,
    /// How often the recorder looks, in milliseconds, by its last segment.
    pub every_ms: u64,
    /// The address of the server, by the last segment.
    pub server: String,
    /// Places that were damaged where this was looked for, and left out.
    pub damaged: u64,
}

/// A sample that was looked for, if there is one.
#[derive(Clone, Debug)]
pub struct Found {
    /// The sample.
    pub sample: Option<Sample>,
    /// Places that were damaged where it was looked for, and left out.
    pub damaged: u64,
}

/// How many places are damaged in each segment that was read.
type Damages = BTreeMap<SegmentName, u64>;

/// The direction in which samples are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

impl Recording {
    /// Opens the recording in the directory at `path`.
    ///
    /// # Errors
    /// Not found when there is no such directory; refused when it is a link; local for any other error.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        Ok(Self {
            directory: Directory::open(path)?,
        })
    }

    /// The directory as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        self.directory.shown()
    }

    /// From when to when it has samples, and of which server; `None` when it has none.
    ///
    /// # Errors
    /// Local, also for a recording of another version.
    pub fn span(&self) -> Result<Option<Span>, Problem> {
        let segments = self.directory.segments()?;
        let mut damaged = Damages::new();
        let mut oldest = None;
        for name in &segments {
            oldest = self.read(name, &mut damaged)?;
            if oldest.is_some() {
                break;
            }
        }
        let Some(first) = oldest.and_then(|it| it.frames.list.first().map(|it| it.at)) else {
            return Ok(None);
        };
        let mut newest: Option<(Time, Header)> = None;
        for name in segments.iter().rev() {
            // A clock that was put back makes segments overlap.
            if newest.as_ref().is_some_and(|it| name.end() <= it.0) {
                break;
            }
            let Some(segment) = self.read(name, &mut damaged)? else {
                continue;
            };
            let last = segment.frames.list.last().map(|it| it.at);
            let last = last.filter(|it| newest.as_ref().is_none_or(|newest| newest.0 < *it));
            newest = last.map(|it| (it, segment.header)).or(newest);
        }
        Ok(newest.map(|(last, header)| Span {
            first,
            last,
            every_ms: header.every_ms,
            server: header.server,
            damaged: damaged.values().sum(),
        }))
    }

    /// The segment, if it has samples.
    fn read(&self, name: &SegmentName, damaged: &mut Damages) -> Result<Option<Segment>, Problem> {
        Ok(match Segment::read(&self.directory, name)? {
            Read::Whole(segment) => {
                damaged.insert(*name, segment.frames.damaged);
                Some(segment).filter(|it| !it.frames.list.is_empty())
            }
            Read::Nothing => None,
            Read::Damaged => {
                damaged.insert(*name, 1);
                None
            }
        })
    }

    /// The last sample not after `time`; `None` when all samples are after it.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub fn at(&self, time: Time) -> Result<Option<Sample>, Problem> {
        Ok(self.last(time, |_| true)?.sample)
    }

    /// As [`Recording::at`], but the last sample of an observation that succeeded.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub fn seen_at(&self, time: Time) -> Result<Found, Problem> {
        self.last(time, |sample| matches!(sample.look, Look::Seen(_)))
    }

    /// The last sample not after `time` that is wanted.
    fn last(&self, time: Time, is_wanted: impl Fn(&Sample) -> bool) -> Result<Found, Problem> {
        let mut found: Option<Sample> = None;
        let mut damaged = Damages::new();
        let segments = self.directory.segments()?;
        for name in segments.iter().rev().filter(|it| it.start <= time) {
            let best = found.as_ref().map(|it| it.at);
            // A clock that was put back makes segments overlap.
            if best.is_some_and(|best| name.end() <= best) {
                break;
            }
            let Some(mut segment) = self.read(name, &mut damaged)? else {
                continue;
            };
            let is_better = |it: &&Frame| it.at <= time && best.is_none_or(|best| best < it.at);
            let frames = segment.frames.list.iter().filter(is_better);
            let frames: Vec<Frame> = frames.cloned().collect();
            for frame in frames.iter().rev() {
                match segment.sample(frame) {
                    Some(sample) if is_wanted(&sample) => {
                        found = Some(sample);
                        break;
                    }
                    Some(_) => {}
                    None => *damaged.entry(*name).or_default() += 1,
                }
            }
        }
        Ok(Found {
            sample: found,
            damaged: damaged.values().sum(),
        })
    }

    /// The last sample of each segment in which it can be read, from `from` to `to`.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub(super) fn ends(&self, from: Time, to: Time) -> Result<Vec<Sample>, Problem> {
        let mut ends = Vec::new();
        let mut damaged = Damages::new();
        for name in self.directory.segments()? {
            if name.end() < from || name.start > to {
                continue;
            }
            let Some(mut segment) = self.read(&name, &mut damaged)? else {
                continue;
            };
            let frames = segment.frames.list.clone();
            let seen = frames.iter().rev().filter(|it| it.at <= to);
            let seen = seen.filter_map(|frame| segment.sample(frame));
            ends.extend({ seen }.find(|it| it.as_seen().is_some()));
        }
        Ok(ends)
    }

    /// The samples from `from` to `to`, both included, the oldest first. Where the recorder's clock was put back, times
    /// go back, too.
    ///
    /// # Errors
    /// Local.
    pub fn between(&self, from: Time, to: Time) -> Result<Samples<'_>, Problem> {
        self.samples(from, to, Direction::Forwards)
    }

    /// The samples up to `to`, the newest first.
    ///
    /// # Errors
    /// Local.
    pub fn backwards(&self, to: Time) -> Result<Samples<'_>, Problem> {
        self.samples(Time::from_ms(0), to, Direction::Backwards)
    }

    /// The times of the samples from `from` to `to`, both included, without expanding them.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub fn times(&self, from: Time, to: Time) -> Result<Vec<Time>, Problem> {
        let mut samples = self.between(from, to)?;
        let mut times = Vec::new();
        while samples.open_next()? {
            let open = samples.open.take().into_iter();
            let places = open.flat_map(|it| it.places.into_iter().rev());
            times.extend(places.map(|(at, _)| at));
        }
        Ok(times)
    }

    fn samples(&self, from: Time, to: Time, direction: Direction) -> Result<Samples<'_>, Problem> {
        let mut segments = self.directory.segments()?;
        segments.retain(|it| it.start <= to && it.end() >= from);
        // The next one is taken from the end.
        if direction == Direction::Forwards {
            segments.reverse();
        }
        Ok(Samples {
            directory: &self.directory,
            range: (from, to),
            direction,
            segments,
            open: None,
            damaged: 0,
        })
    }
}

/// Samples, one after the other. One segment at a time is in memory.
#[derive(Debug)]
pub struct Samples<'r> {
    directory: &'r Directory,
    range: (Time, Time),
    direction: Direction,
    segments: Vec<SegmentName>,
    open: Option<Open>,
    damaged: u64,
}

/// The segment that is being read.
#[derive(Debug)]
struct Open {
    segment: Segment,
    /// The times of the samples that are left, and their places among the frames. The next one is at the end.
    places: Vec<(Time, usize)>,
}

impl Samples<'_> {
    /// How many places were damaged so far, and left out.
    pub const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Opens the next segment; false when there is none.
    fn open_next(&mut self) -> Result<bool, Problem> {
        while let Some(name) = self.segments.pop() {
            let segment = match Segment::read(self.directory, &name)? {
                Read::Whole(segment) => segment,
                Read::Nothing => continue,
                Read::Damaged => {
                    self.damaged += 1;
                    continue;
                }
            };
            self.damaged += segment.frames.damaged;
            let (from, to) = self.range;
            let frames = segment.frames.list.iter().map(|it| it.at).zip(0..);
            let mut places: Vec<_> = frames.filter(|it| (from..=to).contains(&it.0)).collect();
            if self.direction == Direction::Forwards {
                places.reverse();
            }
            self.open = Some(Open { segment, places });
            return Ok(true);
        }
        Ok(false)
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Stored { at, bytes } = match self.next_stored()? {
                Ok(stored) => stored,
                Err(problem) => return Some(Err(problem)),
            };
            match Look::of_bytes(&bytes) {
                Ok(look) => return Some(Ok(Sample { at, look })),
                Err(_) => self.damaged += 1,
            }
        }
    }
}

/// A sample as it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) at: Time,
    pub(super) bytes: Vec<u8>,
}

impl Samples<'_> {
    /// The next sample, not parsed.
    pub(super) fn next_stored(&mut self) -> Option<Result<Stored, Problem>> {
        loop {
            while let Some(open) = &mut self.open {
                let Some((_, place)) = open.places.pop() else {
                    self.open = None;
                    break;
                };
                let frame = open.segment.frames.list[place].clone();
                match open.segment.stored(&frame) {
                    Some(bytes) => {
                        return Some(Ok(Stored {
                            at: frame.at,
                            bytes,
                        }));
                    }
                    None => self.damaged += 1,
                }
            }
            match self.open_next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}
