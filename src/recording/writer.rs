//! Appends samples, begins segments, and removes the oldest ones.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::Sample;
use super::directory::Directory;
use super::header::Header;
use super::name::{SEGMENT_SPAN_MS, SegmentName};
use super::pack::Packer;
use super::segment::{Read, Segment};
use crate::model::{Kind, Problem, Time, whole_ms};

/// The greatest size of a segment, unless one sample is larger.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;
/// How many segments a full recording has at least, so that not much is removed at once.
const SEGMENTS_MIN: u64 = 8;
/// How many segments may begin in one millisecond.
const NUMBERS_MAX: u32 = 1000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For how long; a segment is removed when all of it is older.
    pub age: Duration,
    /// How many bytes; the oldest segments are removed when there are more.
    pub bytes: u64,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Samples that were written.
    pub samples: u64,
    /// How many of these say that nothing could be observed.
    pub failed: u64,
    /// The size of all segments in bytes.
    pub bytes: u64,
}

/// The one that writes to a recording.
#[derive(Debug)]
pub struct Recorder {
    directory: Directory,
    /// Locked while this lives.
    _lock: File,
    header: Header,
    limits: Limits,
    /// All segments with their sizes, the oldest first; the last one may be open.
    segments: VecDeque<(SegmentName, u64)>,
    open: Option<Open>,
    totals: Totals,
}

/// The segment that is being written.
#[derive(Debug)]
struct Open {
    file: File,
    packer: Packer,
    last: Time,
}

impl Recorder {
    /// Opens the directory at `path`, which is made if it is not there, to record the server at `server` as often as
    /// `every`. A sample that was torn when a recorder was killed is removed.
    ///
    /// # Errors
    /// Refused when another process records there, when the directory is a link, belongs to another user, has other files
    /// or a recording of another server; local when it cannot be written, and when it has a recording of another version.
    pub fn open(
        path: &Path,
        server: &str,
        every: Duration,
        limits: Limits,
    ) -> Result<Self, Problem> {
        let directory = Directory::open_to_write(path)?;
        let lock = directory.lock()?;
        let sized = directory.segments()?.into_iter();
        let sized = sized.map(|name| (name, directory.size(&name)));
        let mut recorder = Self {
            segments: sized.collect(),
            _lock: lock,
            header: Header {
                server: server.to_owned(),
                every_ms: whole_ms(every),
            },
            directory,
            limits,
            open: None,
            totals: Totals::default(),
        };
        recorder.go_on()?;
        recorder.prune(Time::now())?;
        Ok(recorder)
    }

    /// Opens the last segment again, if there is one that can go on.
    fn go_on(&mut self) -> Result<(), Problem> {
        while let Some((name, _)) = self.segments.back().copied() {
            let segment = match Segment::read(&self.directory, &name)? {
                Read::Whole(segment) => segment,
                Read::Damaged => return Ok(()),
                Read::Nothing => {
                    // It was only begun.
                    self.remove_last(&name)?;
                    continue;
                }
            };
            if segment.header.server != self.header.server {
                let text = format!(
                    "{} has a recording of another server, {}",
                    self.directory.shown(),
                    segment.header.server
                );
                return Err(Problem::refused(text).hint("record to a directory of its own"));
            }
            let Some(last) = segment.frames.list.last().map(|it| it.at) else {
                self.remove_last(&name)?;
                continue;
            };
            if segment.header != self.header {
                return Ok(());
            }
            return self.reopen(name, &segment, last);
        }
        Ok(())
    }

    fn reopen(&mut self, name: SegmentName, segment: &Segment, last: Time) -> Result<(), Problem> {
        let Some(key) = segment.key() else {
            return Ok(());
        };
        let open = || -> io::Result<Open> {
            let file = self.directory.open_to_append(&name)?;
            if segment.whole_bytes() < segment.all_bytes() {
                file.set_len(segment.whole_bytes())?;
            }
            Ok(Open {
                file,
                packer: Packer::after(&key)?,
                last,
            })
        };
        let open = open().map_err(|error| self.directory.cannot("write to", &error))?;
        self.open = Some(open);
        if let Some((_, size)) = self.segments.back_mut() {
            *size = segment.whole_bytes();
        }
        Ok(())
    }

    fn remove_last(&mut self, name: &SegmentName) -> Result<(), Problem> {
        let removed = self.directory.remove(name);
        removed.map_err(|error| self.directory.cannot("remove a segment of", &error))?;
        self.segments.pop_back();
        Ok(())
    }

    /// Appends a sample, and removes what is too old or too much. When this returns, the sample is on the disk.
    ///
    /// # Errors
    /// Local when it cannot be written, as when the disk is full. The recording is as it was before, and the next sample
    /// can be tried.
    pub fn append(&mut self, sample: &Sample) -> Result<(), Problem> {
        let bytes = sample.look.to_bytes().map_err(|error| {
            let text = format!("a sample cannot be stored: {error}");
            Problem::new(Kind::Bug, text)
        })?;
        let written = self.write(sample.at, &bytes);
        written.map_err(|error| self.directory.cannot("write to the recording in", &error))?;
        self.totals.samples += 1;
        self.totals.failed += u64::from(sample.as_seen().is_none());
        self.prune(sample.at)
    }

    fn write(&mut self, at: Time, sample: &[u8]) -> io::Result<()> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| !self.goes_on(open, at))
        {
            self.open = None;
        }
        if self.open.is_none() {
            return self.begin(at, sample);
        }
        let open = self.open.as_mut().expect("it is open");
        let frame = open.packer.pack(at, sample)?;
        let size = &mut self.segments.back_mut().expect("it is listed").1;
        if let Err(error) = put(&mut open.file, &frame) {
            // What was written of the frame would be in the way of the next one.
            if open.file.set_len(*size).is_err() {
                self.open = None;
            }
            return Err(error);
        }
        open.last = at;
        *size += frame.len() as u64;
        Ok(())
    }

    /// Whether a sample of the time `at` may be appended to the open segment.
    fn goes_on(&self, open: &Open, at: Time) -> bool {
        let Some((name, size)) = self.segments.back() else {
            return false;
        };
        // Somebody may have removed the file, or the whole directory.
        let is_there = open.file.metadata().is_ok_and(|it| it.nlink() > 0);
        let size_max = SEGMENT_BYTES_MAX.min(self.limits.bytes / SEGMENTS_MIN);
        is_there && at >= open.last && at.ms - name.start.ms < SEGMENT_SPAN_MS && *size < size_max
    }

    /// Begins a segment with this sample.
    fn begin(&mut self, start: Time, sample: &[u8]) -> io::Result<()> {
        let mut packer = Packer::new()?;
        let mut bytes = self.header.line();
        bytes.extend_from_slice(&packer.pack(start, sample)?);
        let (name, mut file) = self.make(start)?;
        if let Err(error) = put(&mut file, &bytes) {
            let _ = self.directory.remove(&name);
            return Err(error);
        }
        self.segments.push_back((name, bytes.len() as u64));
        self.open = Some(Open {
            file,
            packer,
            last: start,
        });
        Ok(())
    }

    fn make(&self, start: Time) -> io::Result<(SegmentName, File)> {
        for number in 0..NUMBERS_MAX {
            let name = SegmentName { start, number };
            match self.directory.make(&name) {
                Ok(file) => return Ok((name, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many segments begin at this time"))
    }

    /// Removes the segments that are too old or too much, but never the last one.
    fn prune(&mut self, now: Time) -> Result<(), Problem> {
        let oldest_ms = now.ms.saturating_sub(whole_ms(self.limits.age));
        loop {
            let bytes = self.segments.iter().map(|it| it.1).sum();
            self.totals.bytes = bytes;
            let Some((name, _)) = self.segments.front().copied() else {
                return Ok(());
            };
            let is_over = bytes > self.limits.bytes || name.end().ms < oldest_ms;
            if !is_over || self.segments.len() == 1 {
                return Ok(());
            }
            let removed = self.directory.remove(&name);
            removed.map_err(|error| self.directory.cannot("remove a segment of", &error))?;
            self.segments.pop_front();
        }
    }

    /// What was recorded so far, by this recorder.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// The directory as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        self.directory.shown()
    }
}

/// Appends bytes, and waits until they are on the disk.
fn put(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}
