//! What is wrong, by rules over an observation: each says how bad it is, by which figures, why it matters, and what to type
//! next. Pure: whoever looked has asked the server. A rule is a file in `rules`, and a word in the list there.

mod check;
mod doctor;
mod finding;
mod rules;
mod scope;
mod words;

use std::cmp::Reverse;
use std::collections::HashSet;

pub use check::CheckReport;
pub use doctor::{DoctorReport, RuleReport};
pub use finding::{Evidence, Finding, Severity};
pub use rules::RULES;
pub use scope::Scope;

use crate::model::Name;

/// What a rule says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What it finds, as a clause.
    pub finds: &'static str,
    /// Why it matters, in a sentence.
    pub why: &'static str,
    /// What to do, in a sentence.
    pub remedy: &'static str,
    /// What must be looked at for it.
    pub needs: Needs,
}

/// What must be looked at for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Groups and streams, as `check` does.
    Observation,
    /// What only a closer look shows, as that of `doctor`.
    Details,
}

/// One kind of trouble.
#[derive(Debug)]
pub struct Rule {
    /// Its name, in JSON too.
    pub id: &'static str,
    /// What it says of itself.
    pub about: About,
    check: fn(&Scope<'_>) -> Vec<Finding>,
}

/// What a command of Redis begins with.
const REDIS_CLI: &str = "redis-cli ";

/// Adds to the commands for redis-cli the `options` with which it reaches the server.
pub fn name_server(findings: &mut [Finding], options: &str) {
    for finding in findings {
        if let Some(command) = finding.next.strip_prefix(REDIS_CLI) {
            finding.next = format!("{REDIS_CLI}{options} {command}");
        }
    }
}

/// What the rules find, the worst first; of what is as bad, what is about groups that the topology does not name comes last.
/// Rules that need a closer look find nothing where there was none.
pub fn findings(scope: &Scope<'_>) -> Vec<Finding> {
    let extra = scope.observation.groups().filter(|it| it.is_extra);
    let extra: HashSet<(&Name, &Name)> = extra.map(|it| (&it.group, &it.stream)).collect();
    let is_extra = |it: &Finding| {
        let group = it.group.as_ref().zip(it.stream.as_ref());
        group.is_some_and(|group| extra.contains(&group))
    };
    let is_possible =
        |rule: &&Rule| rule.about.needs == Needs::Observation || scope.details().is_some();
    let found = RULES.iter().filter(is_possible).flat_map(|rule| {
        let found = (rule.check)(scope).into_iter();
        found.map(|it| it.by(rule))
    });
    let mut found: Vec<Finding> = found.collect();
    found.sort_by_key(|it| (Reverse(it.severity), is_extra(it)));
    found
}
