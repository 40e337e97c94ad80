//! How figures went: samples of a time, drawn together so that there are not too many, and what was found wrong meanwhile.

mod episodes;
mod named;
mod rows;
mod step;

pub use episodes::Episode;
pub use rows::HistoryRow;

use std::collections::BTreeMap;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Look, Recording, Sample};
use crate::model::{Kind, Name, Problem, Time};
use episodes::Episodes;
use rows::Bucket;
use step::step_ms;

/// A stream, or a group of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The stream.
    pub stream: Name,
    /// The group; `None` for the stream itself.
    pub group: Option<Name>,
}

/// What to show of a recording.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// From when, included.
    pub from: Time,
    /// Until when, included.
    pub to: Time,
    /// The group or the stream; all when there is none.
    pub name: Option<Name>,
    /// The stream of the group.
    pub stream: Option<Name>,
    /// How many rows there may be of each subject; more samples than this are drawn together.
    pub rows_max: usize,
    /// When reading is given up.
    pub deadline: Option<Instant>,
}

/// A time in which nothing could be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// The first attempt that failed.
    pub from: Time,
    /// The last one.
    pub to: Time,
    /// Why it failed first.
    pub error: String,
}

/// What a recording says of a time.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The rows, subject by subject, the oldest first.
    pub rows: Vec<HistoryRow>,
    /// What was found wrong, the last one to begin first.
    pub episodes: Vec<Episode>,
    /// When nothing could be observed.
    pub gaps: Vec<Gap>,
    /// How much time is in a row; `None` when each row is a sample.
    pub step_ms: Option<u64>,
    /// The samples.
    pub samples: u64,
    /// Places of the recording that were damaged, and left out.
    pub damaged: u64,
    /// Every subject that occurs in the samples, whether or not it is wanted.
    pub subjects: Vec<Subject>,
}

/// The greatest number of gaps that are told apart; the ones after it are one.
const GAPS_MAX: usize = 1000;

impl Wanted {
    /// Whether this is a subject that is wanted. A name can be that of a group, and that of a stream.
    fn has(&self, stream: &Name, group: Option<&Name>) -> bool {
        let is_on = self.stream.as_ref().is_none_or(|it| it == stream);
        let is_named = match (&self.name, group) {
            (None, _) => true,
            (Some(name), Some(group)) => name == group,
            (Some(name), None) => name == stream,
        };
        is_on && is_named
    }
}

/// Reads what is `wanted`.
///
/// # Errors
/// As [`Recording::span`]; unavailable when the deadline was over before all was read.
pub fn history(recording: &Recording, wanted: &Wanted) -> Result<History, Problem> {
    let count = recording.times(wanted.from, wanted.to)?.len();
    let step_ms = (count > wanted.rows_max).then(|| step_ms(wanted));
    let mut reading = Reading {
        wanted,
        step_ms,
        buckets: BTreeMap::new(),
        episodes: Episodes::default(),
        history: History {
            step_ms,
            ..History::default()
        },
    };
    let mut samples = recording.between(wanted.from, wanted.to)?;
    for sample in samples.by_ref() {
        reading.add(&sample?);
        if wanted.deadline.is_some_and(|it| it < Instant::now()) {
            let text = format!("reading {count} samples takes too long");
            return Err(Problem::new(Kind::Unavailable, text)
                .hint("ask for a shorter time; `ucp-streams history` reads a longer one"));
        }
    }
    let damaged = samples.damaged();
    Ok(reading.end(damaged))
}

struct Reading<'w> {
    wanted: &'w Wanted,
    step_ms: Option<u64>,
    /// The rows of each subject, and the time of the step that the last one is of.
    buckets: BTreeMap<Subject, Vec<(u64, Bucket)>>,
    episodes: Episodes,
    history: History,
}

impl Reading<'_> {
    fn add(&mut self, sample: &Sample) {
        self.history.samples += 1;
        match &sample.look {
            Look::Failed(error) => self.add_failed(sample.at, error),
            Look::Seen(seen) => {
                for stream in &seen.streams {
                    let name = &stream.stream;
                    self.note(name, None);
                    if self.wanted.has(name, None) {
                        self.bucket(sample.at, name, None)
                            .add_stream(sample.at, stream);
                    }
                    for group in &stream.groups {
                        self.note(name, Some(&group.group));
                        if self.wanted.has(name, Some(&group.group)) {
                            let bucket = self.bucket(sample.at, name, Some(&group.group));
                            bucket.add_group(sample.at, stream, group);
                        }
                    }
                }
                let wanted = self.wanted;
                self.episodes.add(sample.at, seen, |finding| {
                    let is_all = wanted.name.is_none() && wanted.stream.is_none();
                    let stream = finding.stream.as_ref();
                    is_all || stream.is_some_and(|it| wanted.has(it, finding.group.as_ref()))
                });
            }
        }
    }

    fn note(&mut self, stream: &Name, group: Option<&Name>) {
        let is_it = |it: &Subject| it.stream == *stream && it.group.as_ref() == group;
        if !self.history.subjects.iter().any(is_it) {
            self.history.subjects.push(Subject {
                stream: stream.clone(),
                group: group.cloned(),
            });
        }
    }

    fn add_failed(&mut self, at: Time, error: &str) {
        let is_full = self.history.gaps.len() >= GAPS_MAX;
        let goes_on = is_full || !self.episodes.has_seen_since_gap();
        self.episodes.failed();
        match self.history.gaps.last_mut() {
            Some(gap) if goes_on => gap.to = at,
            _ => self.history.gaps.push(Gap {
                from: at,
                to: at,
                error: error.to_owned(),
            }),
        }
        // Those that were there before cannot be told.
        let step = self.step_of(at);
        for rows in self.buckets.values_mut() {
            match rows.last_mut() {
                Some((of, bucket)) if *of == step => bucket.add_failed(at),
                _ => {
                    let mut bucket = Bucket::default();
                    bucket.add_failed(at);
                    rows.push((step, bucket));
                }
            }
        }
    }

    /// Which row a time belongs to.
    fn step_of(&self, at: Time) -> u64 {
        match self.step_ms {
            None => at.ms,
            Some(step_ms) => at.ms / step_ms,
        }
    }

    fn bucket(&mut self, at: Time, stream: &Name, group: Option<&Name>) -> &mut Bucket {
        let subject = Subject {
            stream: stream.clone(),
            group: group.cloned(),
        };
        let step = self.step_of(at);
        let rows = self.buckets.entry(subject).or_default();
        if rows.last().is_none_or(|(of, _)| *of != step) {
            rows.push((step, Bucket::default()));
        }
        &mut rows.last_mut().expect("one was added").1
    }

    fn end(self, damaged: u64) -> History {
        let Self {
            buckets,
            episodes,
            mut history,
            ..
        } = self;
        for (subject, rows) in buckets {
            let rows = rows.into_iter().map(|(_, bucket)| bucket.row(&subject));
            history.rows.extend(rows);
        }
        // Groups first, as they are what most look for.
        history.rows.sort_by_key(|row| row.group.is_none());
        history.episodes = episodes.end();
        history.damaged = damaged;
        history
    }
}
