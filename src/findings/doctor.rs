//! The report of `doctor`: all findings, and the explanations of the rules.

use super::{Finding, Rule, Scope, Severity, findings, name_server, worst_first};
use crate::model::{counted, report};

/// The findings of all rules.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct DoctorReport {
    /// The worst of all findings.
    pub verdict: Severity,
    /// What was checked and what was found, in one sentence.
    pub summary: String,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

impl DoctorReport {
    /// The report about an observation of the server that redis-cli reaches with these options.
    pub fn reaching(scope: &Scope<'_>, redis_cli: &str) -> Self {
        let mut report = Self::new(scope);
        name_server(report.findings.iter_mut().map(|it| &mut it.next), redis_cli);
        report
    }

    /// The report about an observation.
    pub fn new(scope: &Scope<'_>) -> Self {
        Self::of(findings(scope), scope)
    }

    /// The same with `more` findings about the same observation.
    #[must_use]
    pub fn with(self, more: &[Finding], scope: &Scope<'_>) -> Self {
        let mut found = self.findings;
        found.extend_from_slice(more);
        worst_first(&mut found, scope);
        Self::of(found, scope)
    }

    fn of(found: Vec<Finding>, scope: &Scope<'_>) -> Self {
        let verdict = found.iter().map(|it| it.severity).max();
        let seen = scope.observation;
        let looked = format!(
            "the server, {} and {}",
            counted(seen.streams.len(), "stream", "streams"),
            counted(seen.groups().count(), "group", "groups"),
        );
        let summary = match found.len() {
            0 => format!("no finding in {looked}"),
            count => format!("{} in {looked}", counted(count, "finding", "findings")),
        };
        Self {
            verdict: verdict.unwrap_or(Severity::Ok),
            summary,
            findings: found,
        }
    }
}

report! {
    /// A rule of `doctor`.
    #[derive(Clone, Debug)]
    pub struct RuleReport {
        /// The rule's name.
        pub rule: &'static str => whole("RULE"),
        /// What the rule finds.
        pub finds: &'static str => text("FINDS"),
        /// Why the problem matters.
        pub why: &'static str => text("WHY", wide),
        /// What to do about the problem.
        pub remedy: &'static str => text("REMEDY", wide),
        /// Whether `check` applies the rule too.
        pub is_in_check: bool => whole("IN CHECK", wide),
    }
}

impl From<&Rule> for RuleReport {
    fn from(rule: &Rule) -> Self {
        let about = rule.about;
        Self {
            rule: rule.id,
            finds: about.finds,
            why: about.why,
            remedy: about.remedy,
            is_in_check: about.needs == super::Needs::Observation,
        }
    }
}
