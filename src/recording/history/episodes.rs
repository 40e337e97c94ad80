//! When something was found wrong, from the first sample that found it until the first one that did not.

use std::collections::VecDeque;

use crate::findings::{Finding, Severity, Sought, is_doubtful};
use crate::model::{Cell, Name, Time, report};
use crate::recording::Seen;

/// The greatest number of episodes; the oldest ones are left out.
const EPISODES_MAX: usize = 10_000;

report! {
    /// A time in which something was found wrong.
    #[derive(Clone, Debug)]
    pub struct Episode {
        /// The first look that found it.
        pub began_at: Time => whole("BEGAN"),
        /// The last look before, which did not find it; `None` when the first look of the time found it.
        pub not_at: Option<Time> => whole("NOT AT", wide),
        /// The first look that could see that it was over; `None` while it lasts, or cannot be seen.
        pub ended_at: Option<Time> => whole("ENDED") by |it| match it.ended_at {
            None => Cell::Text("goes on".to_owned()),
            ended => ended.into(),
        },
        /// The greatest severity.
        pub severity: Severity => whole("SEVERITY"),
        /// The rule that found it.
        pub rule: String => whole("RULE"),
        /// The group, if it was about a group.
        pub group: Option<Name> => text("GROUP"),
        /// The stream.
        pub stream: Option<Name> => text("STREAM"),
        /// What was found when it was worst, the last time.
        pub summary: String => text("WHAT"),
    }
}

impl Episode {
    /// What it is an episode of.
    pub fn sought(&self) -> Sought {
        Sought {
            rule: self.rule.clone(),
            group: self.group.clone(),
            stream: self.stream.clone(),
        }
    }

    /// What was wrong: a group, a stream, or the server.
    pub fn subject(&self) -> String {
        match (&self.group, &self.stream) {
            (Some(group), Some(stream)) => format!("{group} on {stream}"),
            (Some(name), None) | (None, Some(name)) => name.to_string(),
            (None, None) => "the server".to_owned(),
        }
    }
}

/// Follows what is found from sample to sample.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    open: Vec<Episode>,
    over: VecDeque<Episode>,
    /// The last look that succeeded.
    last: Option<Time>,
    has_failed: bool,
}

impl Episodes {
    /// A look failed: it says nothing about what is wrong.
    pub(super) const fn failed(&mut self) {
        self.has_failed = true;
    }

    /// Whether a look succeeded since the last one that failed.
    pub(super) const fn has_seen_since_gap(&self) -> bool {
        !self.has_failed
    }

    /// A look succeeded, and saw this; of what it found, that which is wanted is followed.
    pub(super) fn add(&mut self, at: Time, seen: &Seen, is_wanted: impl Fn(&Finding) -> bool) {
        self.has_failed = false;
        let findings = &seen.doctor.findings;
        let found: Vec<&Finding> = findings.iter().filter(|it| is_wanted(it)).collect();
        let before = std::mem::take(&mut self.open);
        for mut episode in before {
            let is_found = found.iter().any(|it| is_of(&episode, it));
            if is_found || is_doubtful(&episode.sought(), &seen.streams, findings) {
                self.open.push(episode);
            } else {
                episode.ended_at = Some(at);
                self.over.push_back(episode);
                if self.over.len() > EPISODES_MAX {
                    self.over.pop_front();
                }
            }
        }
        for finding in found {
            match self.open.iter_mut().find(|it| is_of(it, finding)) {
                Some(episode) if finding.severity >= episode.severity => {
                    episode.severity = finding.severity;
                    episode.summary.clone_from(&finding.summary);
                }
                Some(_) => {}
                None => self.open.push(Episode {
                    began_at: at,
                    not_at: self.last,
                    ended_at: None,
                    severity: finding.severity,
                    rule: finding.rule.to_string(),
                    group: finding.group.clone(),
                    stream: finding.stream.clone(),
                    summary: finding.summary.clone(),
                }),
            }
        }
        self.last = Some(at);
    }

    /// All of them, the last one to begin first.
    pub(super) fn end(self) -> Vec<Episode> {
        let mut all: Vec<Episode> = self.over.into_iter().chain(self.open).collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.began_at));
        all
    }
}

fn is_of(episode: &Episode, finding: &Finding) -> bool {
    episode.rule == finding.rule
        && episode.group == finding.group
        && episode.stream == finding.stream
}
