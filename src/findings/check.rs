//! The report of `check`: one verdict, the findings that it is based on, and the groups that were checked.

use super::{Finding, Severity};
use crate::model::{counted, with_commas};
use crate::streams::inspect::GroupReport;

/// One verdict over some groups.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct CheckReport {
    /// The worst of all findings.
    pub verdict: Severity,
    /// The verdict in a sentence.
    pub summary: String,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// The groups that were checked.
    pub groups: Vec<GroupReport>,
}

impl CheckReport {
    /// The report of these findings. `is_partial` means that something could not be observed, so that the verdict
    /// cannot be OK.
    pub fn new(findings: Vec<Finding>, groups: Vec<GroupReport>, is_partial: bool) -> Self {
        let worst = findings.iter().map(|it| it.severity).max();
        let least = if is_partial {
            Severity::Unknown
        } else {
            Severity::Ok
        };
        let verdict = worst.unwrap_or(Severity::Ok).max(least);
        let looked = counted(groups.len(), "group", "groups");
        let is_in_trouble = |group: &&GroupReport| findings.iter().any(|it| it.is_about(group));
        let summary = match groups.iter().filter(is_in_trouble).count() {
            0 if is_partial => format!("{looked} checked; some streams could not be read"),
            0 if findings.is_empty() => format!("{looked} without a finding"),
            troubled => format!(
                "{} in {} of {looked}",
                counted(findings.len(), "finding", "findings"),
                with_commas(troubled)
            ),
        };
        Self {
            verdict,
            summary,
            findings,
            groups,
        }
    }
}
