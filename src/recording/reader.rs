//! Reads a recording by time, while a recorder may write to it.

use std::path::Path;

use super::directory::Directory;
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
}

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
        let found = |segment: &SegmentName| match Segment::read(&self.directory, segment)? {
            Read::Whole(read) if !read.frames.list.is_empty() => Ok(Some(read)),
            _ => Ok::<_, Problem>(None),
        };
        let mut oldest = segments.iter().filter_map(|it| found(it).transpose());
        let Some(oldest) = oldest.next().transpose()? else {
            return Ok(None);
        };
        let mut newest = segments.iter().rev().filter_map(|it| found(it).transpose());
        let Some(newest) = newest.next().transpose()? else {
            return Ok(None);
        };
        let first = oldest.frames.list.first().map(|it| it.at);
        let last = newest.frames.list.last().map(|it| it.at);
        Ok(first.zip(last).map(|(first, last)| Span {
            first,
            last,
            every_ms: newest.header.every_ms,
            server: newest.header.server,
        }))
    }

    /// The last sample not after `time`; `None` when all samples are after it.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub fn at(&self, time: Time) -> Result<Option<Sample>, Problem> {
        let mut samples = self.backwards(time)?;
        let mut best: Option<Sample> = None;
        // A clock that was put back makes segments overlap.
        while samples.may_have_later_than(best.as_ref().map(|it| it.at)) {
            match samples.next().transpose()? {
                None => break,
                Some(sample) if best.as_ref().is_none_or(|it| it.at < sample.at) => {
                    best = Some(sample);
                }
                Some(_) => {}
            }
        }
        Ok(best)
    }

    /// As [`Recording::at`], but the last sample of an observation that succeeded.
    ///
    /// # Errors
    /// As [`Recording::span`].
    pub fn seen_at(&self, time: Time) -> Result<Option<Sample>, Problem> {
        for sample in self.backwards(time)? {
            let sample = sample?;
            if matches!(sample.look, Look::Seen(_)) {
                return Ok(Some(sample));
            }
        }
        Ok(None)
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

    /// Whether what is left can have a sample that is later than `best`, when it is read backwards.
    fn may_have_later_than(&self, best: Option<Time>) -> bool {
        let Some(best) = best else { return true };
        let open = self.open.as_ref();
        let next = open.and_then(|it| it.places.last()).map(|it| it.0);
        next.is_some_and(|it| it > best) || self.segments.iter().any(|it| it.end() > best)
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
            while let Some(open) = &mut self.open {
                let Some((_, place)) = open.places.pop() else {
                    self.open = None;
                    break;
                };
                let frame = open.segment.frames.list[place].clone();
                match open.segment.sample(&frame) {
                    Some(sample) => return Some(Ok(sample)),
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
