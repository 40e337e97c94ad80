//! What is wrong, by rules over an observation: each says how bad it is, by which figures, why it matters, and what to type
//! next. Pure: whoever looked has asked the server.

mod check;
mod finding;
mod group;
mod stream;

use std::cmp::Reverse;
use std::collections::HashSet;

pub use check::CheckReport;
pub use finding::{Evidence, Finding, Severity};

use crate::model::Name;
use crate::streams::inspect::Observation;
use crate::topology::Topology;

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What was seen.
    pub observation: &'a Observation,
    /// What is expected.
    pub topology: &'a Topology,
}

/// One kind of trouble.
#[derive(Debug)]
pub struct Rule {
    /// Its name, in JSON too.
    pub id: &'static str,
    /// Why it matters, in a sentence.
    pub why: &'static str,
    check: fn(&Scope<'_>) -> Vec<Finding>,
}

/// All of them.
pub const RULES: &[&Rule] = &[
    &stream::OTHER_TYPE,
    &group::MISSING,
    &group::AHEAD,
    &group::LOST,
    &group::MIN_LIVE,
    &group::BREAKER,
    &group::MAX_AGE,
    &group::MAX_LAG,
    &group::LAG_UNKNOWN,
    &group::MIN_ROOM,
    &group::MAX_PENDING,
    &group::MAX_IDLE,
    &group::MAX_DEAD_LETTERS,
];

/// What the rules find, the worst first; of what is as bad, what is about groups that the topology does not name comes last.
pub fn findings(scope: &Scope<'_>) -> Vec<Finding> {
    let extra = scope.observation.groups().filter(|it| it.is_extra);
    let extra: HashSet<(&Name, &Name)> = extra.map(|it| (&it.group, &it.stream)).collect();
    let is_extra = |it: &Finding| {
        let group = it.group.as_ref().zip(it.stream.as_ref());
        group.is_some_and(|group| extra.contains(&group))
    };
    let found = RULES.iter().flat_map(|rule| (rule.check)(scope));
    let mut found: Vec<Finding> = found.collect();
    found.sort_by_key(|it| (Reverse(it.severity), is_extra(it)));
    found
}
