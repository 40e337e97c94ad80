//! A finding: one problem, as data.

use std::borrow::Cow;

use super::Rule;
use crate::model::{CommandLine, Name, Time, report, states};
use crate::streams::inspect::GroupReport;
use crate::topology::Level;

states! {
    /// The severity of a finding.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
    pub enum Severity {
        /// No problem was found.
        Ok = "OK" in Ok,
        /// It is unknown whether there is a problem.
        Unknown = "UNKNOWN" in Warn,
        /// Look at it.
        Warning = "WARNING" in Warn,
        /// Do something about it.
        Critical = "CRITICAL" in Bad,
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Warning => Self::Warning,
            Level::Critical => Self::Critical,
        }
    }
}

states! {
    /// Which way a figure goes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
    pub enum Trend {
        /// It grows.
        Growing = "growing" in Plain,
        /// It neither grows nor shrinks.
        Steady = "steady" in Plain,
        /// It shrinks.
        Shrinking = "shrinking" in Plain,
    }
}

/// A figure that a finding is based on.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// The name of the figure, which is its key in the JSON of `info`.
    pub figure: Cow<'static, str>,
    /// The value, formatted for people.
    pub value: String,
    /// The source of the value: the command that the server answered.
    pub source: Cow<'static, str>,
}

report! {
    /// Something that is wrong.
    #[derive(Clone, Debug, serde::Deserialize)]
    pub struct Finding {
        /// The severity.
        pub severity: Severity => whole("SEVERITY"),
        /// The rule that found it.
        pub rule: Cow<'static, str> => whole("RULE"),
        /// The group, if the finding is about a group.
        pub group: Option<Name> => text("GROUP"),
        /// The stream.
        pub stream: Option<Name> => text("STREAM"),
        /// The problem, with its figures.
        pub summary: String => text("WHAT"),
        /// Why the problem matters.
        pub why: Cow<'static, str> => text("WHY", wide),
        /// The figures it rests on.
        pub evidence: Vec<Evidence>,
        /// The command to type next.
        pub next: String => text("NEXT", wide),
        /// Since when it was found without a break, by a recording; `None` where none says so.
        #[serde(default)]
        pub began: Option<Time> => whole("BEGAN", wide, sparse),
        /// Whether it can have begun before that, of which nothing is recorded.
        #[serde(default)]
        pub is_older: bool,
        /// Which way its first figure went in the last ten minutes, by a recording; `None` where none says so.
        #[serde(default)]
        pub trend: Option<Trend> => whole("TREND", wide, sparse),
    }
}

impl Finding {
    /// About the server.
    pub(super) fn of_server(
        severity: impl Into<Severity>,
        summary: String,
        next: &CommandLine,
    ) -> Self {
        Self {
            severity: severity.into(),
            rule: "".into(),
            group: None,
            stream: None,
            summary,
            why: "".into(),
            evidence: Vec::new(),
            next: next.to_string(),
            began: None,
            is_older: false,
            trend: None,
        }
    }

    /// About a stream.
    pub(super) fn of_stream(
        severity: impl Into<Severity>,
        stream: &Name,
        summary: String,
        next: &CommandLine,
    ) -> Self {
        Self {
            stream: Some(stream.clone()),
            ..Self::of_server(severity, summary, next)
        }
    }

    /// About a group.
    pub(super) fn of_group(
        severity: impl Into<Severity>,
        group: &GroupReport,
        summary: String,
        next: &CommandLine,
    ) -> Self {
        Self {
            group: Some(group.group.clone()),
            ..Self::of_stream(severity, &group.stream, summary, next)
        }
    }

    /// The same finding, as a finding of `rule`.
    pub(super) fn by(self, rule: &Rule) -> Self {
        Self {
            rule: rule.id.into(),
            why: rule.about.why.into(),
            ..self
        }
    }

    /// The same finding with one more figure.
    pub(super) fn with(
        mut self,
        figure: &'static str,
        value: impl Into<String>,
        source: &'static str,
    ) -> Self {
        self.evidence.push(Evidence {
            figure: figure.into(),
            value: value.into(),
            source: source.into(),
        });
        self
    }

    /// Whether the finding is about this group.
    pub fn is_about(&self, group: &GroupReport) -> bool {
        self.group.as_ref() == Some(&group.group) && self.stream.as_ref() == Some(&group.stream)
    }

    /// What the finding is about: a stream, a group, or the server.
    pub fn subject(&self) -> String {
        match (&self.group, &self.stream) {
            (Some(group), Some(stream)) => format!("{group} on {stream}"),
            (Some(name), None) | (None, Some(name)) => name.to_string(),
            (None, None) => "the server".to_owned(),
        }
    }
}
