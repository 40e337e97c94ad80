//! Rules that find problems in an observation. Each finding says how severe the problem is, on which figures it is
//! based, why it matters, and what to type next. Pure: the observation was made before. Each rule is a file in `rules`
//! and a word in the list there.

mod check;
mod doctor;
mod doubt;
mod drift;
mod finding;
mod rules;
mod scope;
mod words;

use std::cmp::Reverse;
use std::collections::HashSet;

pub use check::CheckReport;
pub use doctor::{DoctorReport, RuleReport};
pub use doubt::{Sought, is_doubtful};
pub use drift::{Difference, DifferenceState, Differing, differences, on_one_only};
pub use finding::{Evidence, Finding, Severity, Trend};
pub use rules::RULES;
pub use scope::Scope;

use crate::model::Name;

/// The explanation of a rule.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What the rule finds, as a clause.
    pub finds: &'static str,
    /// Why the problem matters, in one sentence.
    pub why: &'static str,
    /// What to do about the problem, in one sentence.
    pub remedy: &'static str,
    /// What must be observed for the rule.
    pub needs: Needs,
}

/// What must be observed for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Groups and streams, as for `check`.
    Observation,
    /// The details that only `doctor` reads.
    Details,
}

/// One kind of trouble.
#[derive(Debug)]
pub struct Rule {
    /// The rule's name, also in JSON.
    pub id: &'static str,
    /// The explanation of the rule.
    pub about: About,
    check: fn(&Scope<'_>) -> Vec<Finding>,
}

/// The beginning of a command line for redis-cli.
const REDIS_CLI: &str = "redis-cli ";

/// Adds the connection `options` to the redis-cli commands among these, so that they reach the same server.
pub fn name_server<'a>(next: impl IntoIterator<Item = &'a mut String>, options: &str) {
    for next in next {
        if let Some(command) = next.strip_prefix(REDIS_CLI) {
            *next = format!("{REDIS_CLI}{options} {command}");
        }
    }
}

/// The findings of all rules, the worst first. Among equally bad findings, those about groups that the topology does
/// not name come last. Rules that need details find nothing when no details were read.
pub fn findings(scope: &Scope<'_>) -> Vec<Finding> {
    let is_possible =
        |rule: &&Rule| rule.about.needs == Needs::Observation || scope.details().is_some();
    let found = RULES.iter().filter(is_possible).flat_map(|rule| {
        let found = (rule.check)(scope).into_iter();
        found.map(|it| it.by(rule))
    });
    let mut found: Vec<Finding> = found.collect();
    worst_first(&mut found, scope);
    found
}

/// Sorts findings as [`findings`] does.
fn worst_first(found: &mut [Finding], scope: &Scope<'_>) {
    let extra = scope.observation.groups().filter(|it| it.is_extra);
    let extra: HashSet<(&Name, &Name)> = extra.map(|it| (&it.group, &it.stream)).collect();
    let is_extra = |it: &Finding| {
        let group = it.group.as_ref().zip(it.stream.as_ref());
        group.is_some_and(|group| extra.contains(&group))
    };
    found.sort_by_key(|it| (Reverse(it.severity), is_extra(it)));
}
