//! How a server differs from the topology: what the rules find that `init` or the topology decide, and what is no
//! problem but differs, too.

use std::borrow::Cow;

use super::{Finding, Scope, findings};
use crate::model::{Name, quoted, report, states};
use crate::streams::inspect::{GroupReport, StreamState};
use crate::topology::{Measure, Start, replay_of};

states! {
    /// What differs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Differing {
        /// The server does not have a group of the topology.
        MissingGroup = "missing group" in Bad,
        /// The server does not have a stream of the topology on which it has no group: the first entry creates it.
        MissingStream = "no stream yet" in Plain,
        /// The key of a stream is of another type.
        NoStream = "not a stream" in Bad,
        /// The topology does not have the group.
        UnknownGroup = "unknown group" in Warn,
        /// The group is there only for a `replay`, which deletes it at its end.
        TemporaryGroup = "temporary group" in Plain,
        /// The group was never read from, and is not at its start.
        Start = "other start" in Warn,
        /// The position of the group is beyond the last id of its stream.
        Ahead = "ahead" in Bad,
        /// The stream is longer than its MAXLEN.
        Length = "over maxlen" in Warn,
        /// Consumers that are gone hold pending entries, or too few are live.
        Consumers = "consumers gone" in Warn,
        /// A figure is beyond its threshold.
        Threshold = "past threshold" in Bad,
        /// The group is paused.
        Paused = "paused" in Warn,
        /// Entries wait in its retry stream, and nobody reads it.
        RetryStream = "retries unread" in Warn,
        /// A key beside the stream, such as its dead-letter stream, is of another type.
        KeyType = "wrong key type" in Bad,
        /// The user may not look.
        Unseen = "not looked at" in Warn,
    }
}

states! {
    /// What becomes of a difference.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum DifferenceState {
        /// It was found.
        Found = "found" in Plain,
        /// `topology apply` would create what is missing.
        Planned = "planned" in Warn,
        /// What was missing was created.
        Created = "created" in Ok,
        /// `topology apply` leaves it as it is.
        Left = "left" in Plain,
    }
}

report! {
    /// One thing that differs from the topology.
    #[derive(Clone, Debug)]
    pub struct Difference ranked by rank_by_drift {
        /// The stream; `None` for what concerns the server.
        pub stream: Option<Name> => text("STREAM"),
        /// The group; `None` for what concerns the stream.
        pub group: Option<Name> => text("GROUP"),
        /// What differs.
        pub difference: Differing => whole("DIFFERENCE"),
        /// Whether it is drift; otherwise it is as it should be for a while.
        pub is_drift: bool => whole("DRIFT", wide),
        /// What becomes of it.
        pub state: DifferenceState => whole("STATE", sparse) by |it| it.became().into(),
        /// The server, or its context.
        pub on: String => text("ON", wide),
        /// The rule of `doctor` that finds it, too; `None` for what is no problem.
        pub rule: Option<Cow<'static, str>> => whole("RULE", wide),
        /// What the server has, and what the topology says.
        pub summary: String => text("WHAT"),
        /// The command to type next; `None` where there is nothing to do.
        pub next: Option<String> => text("NEXT", wide),
    }
}

impl Difference {
    /// Sorts drift first.
    fn rank_by_drift(&self) -> u64 {
        u64::from(!self.is_drift)
    }

    /// What becomes of it; nothing where it was only found.
    fn became(&self) -> Option<DifferenceState> {
        Some(self.state).filter(|it| *it != DifferenceState::Found)
    }

    /// Whether it is a group that `init` and `topology apply` create.
    pub const fn is_missing_group(&self) -> bool {
        matches!(self.difference, Differing::MissingGroup)
    }

    /// Whether it is the same of the same group and stream, whatever the figures are.
    fn is_as(&self, other: &Self) -> bool {
        let what = |it: &Self| (it.stream.clone(), it.group.clone(), it.rule.clone());
        self.difference == other.difference && what(self) == what(other)
    }

    /// What it is about, in words.
    pub fn subject(&self) -> String {
        match (&self.group, &self.stream) {
            (Some(group), Some(stream)) => format!("group `{group}` of stream `{stream}`"),
            (None, Some(stream)) => format!("stream `{stream}`"),
            _ => "the server".to_owned(),
        }
    }
}

/// What of the server called `on` differs from the topology, the worst first.
pub fn differences(scope: &Scope<'_>, on: &str) -> Vec<Difference> {
    let found = findings(scope).into_iter();
    let mut found: Vec<Difference> = found.filter_map(|it| of_finding(it, on)).collect();
    found.extend(other_starts(scope, on));
    found.extend(missing_streams(scope, on));
    found.extend(temporary_groups(scope, on, &found));
    found
}

/// What only one of two servers has, with the name of that one. What to do about it there is found there.
pub fn on_one_only(here: &[Difference], there: &[Difference], context: &str) -> Vec<Difference> {
    let only = |one: &[Difference], other: &[Difference]| -> Vec<Difference> {
        let differs = |it: &&Difference| !other.iter().any(|other| it.is_as(other));
        one.iter().filter(differs).cloned().collect()
    };
    let look = format!(
        "ucp-streams --context {} topology diff",
        quoted(context.as_bytes())
    );
    let only_there = only(there, here).into_iter().map(|it| Difference {
        next: it.next.is_some().then(|| look.clone()),
        ..it
    });
    let mut rows = only(here, there);
    rows.extend(only_there);
    rows
}

/// The finding as a difference, if it is about something that `init` or the topology decide.
fn of_finding(finding: Finding, on: &str) -> Option<Difference> {
    let difference = match &*finding.rule {
        "missing" => Differing::MissingGroup,
        "not_a_stream" => Differing::NoStream,
        "extra_group" | "mistyped_group" => Differing::UnknownGroup,
        "replay_left" => Differing::TemporaryGroup,
        "ahead" => Differing::Ahead,
        "over_maxlen" => Differing::Length,
        "dead_consumer" | "min_live" => Differing::Consumers,
        "paused" => Differing::Paused,
        "retries_unread" => Differing::RetryStream,
        "odd_key" => Differing::KeyType,
        "not_looked_at" => Differing::Unseen,
        "lag_unknown" => Differing::Threshold,
        rule if Measure::ALL.iter().any(|it| it.rule() == rule) => Differing::Threshold,
        _ => return None,
    };
    Some(Difference {
        stream: finding.stream,
        group: finding.group,
        difference,
        // Nothing is held back for it, so that it is no drift, whether or not somebody runs it.
        is_drift: difference != Differing::TemporaryGroup,
        state: DifferenceState::Found,
        on: on.to_owned(),
        rule: Some(finding.rule),
        summary: finding.summary,
        next: Some(finding.next),
    })
}

/// The groups that were never read from and are not at their start. Where one was put on purpose is no trouble, so that it
/// is no finding; one that is ahead is found by the rule of that name.
fn other_starts(scope: &Scope<'_>, on: &str) -> Vec<Difference> {
    let groups = scope.observation.groups();
    let elsewhere = groups.filter(|it| it.stands_elsewhere && !it.figures.is_ahead);
    let row = |group: &GroupReport| {
        let start = scope.spec_of(group).start;
        let position = group.last_delivered_id.unwrap_or_default();
        let back = match start {
            Start::Oldest => "start",
            Start::Newest => "end",
        };
        let next = scope.command("groups set-id", group).arg(back);
        Difference {
            stream: Some(group.stream.clone()),
            group: Some(group.group.clone()),
            difference: Differing::Start,
            is_drift: true,
            state: DifferenceState::Found,
            on: on.to_owned(),
            rule: None,
            summary: format!(
                "nobody has read from it, and it is at {position}; the topology starts it at {start}"
            ),
            next: Some(next.to_string()),
        }
    };
    elsewhere.map(row).collect()
}

fn missing_streams(scope: &Scope<'_>, on: &str) -> Vec<Difference> {
    let streams = scope.observation.streams.iter();
    let missing = streams.filter(|it| it.state == StreamState::Missing && it.groups.is_empty());
    let row = |name: &Name| {
        Difference {
        stream: Some(name.clone()),
        group: None,
        difference: Differing::MissingStream,
        is_drift: false,
        state: DifferenceState::Found,
        on: on.to_owned(),
        rule: None,
        summary: "there is no such stream, and the topology has no group on it: the first entry creates it".to_owned(),
        next: None,
    }
    };
    missing.map(|it| row(&it.stream)).collect()
}

/// The groups of replays that are at work: those that nobody runs any more are among what was `found`.
fn temporary_groups(scope: &Scope<'_>, on: &str, found: &[Difference]) -> Vec<Difference> {
    let groups = scope.observation.groups().filter_map(|group| {
        let replay = replay_of(&group.group)?;
        let is_it = |it: &Difference| {
            it.group.as_ref() == Some(&group.group) && it.stream.as_ref() == Some(&group.stream)
        };
        (!found.iter().any(is_it)).then(|| Difference {
            stream: Some(group.stream.clone()),
            group: Some(group.group.clone()),
            difference: Differing::TemporaryGroup,
            is_drift: false,
            state: DifferenceState::Found,
            on: on.to_owned(),
            rule: None,
            summary: format!("the replay `{replay}` is at work, and deletes it at its end"),
            next: None,
        })
    });
    groups.collect()
}
