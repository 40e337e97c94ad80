//! What rules look at.

use std::time::Duration;

use super::words::{figure_of, limit_words};
use crate::model::{CommandLine, EntryId, Name};
use crate::streams::inspect::{
    Details, GroupDetails, GroupReport, Observation, ServerDetails, StreamReport,
};
use crate::streams::target::Target;
use crate::topology::{Alert, GroupSpec, Measure, Topology, is_temporary};

/// What the rules are applied to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The observation.
    pub observation: &'a Observation,
    /// The topology that the server should have.
    pub topology: &'a Topology,
}

impl<'a> Scope<'a> {
    /// The details, if they were read.
    pub fn details(&self) -> Option<&'a Details> {
        self.observation.details.as_ref()
    }

    /// What the server reports about itself, if details were read.
    pub(super) fn server(&self) -> Option<&'a ServerDetails> {
        self.details().map(|it| &it.server)
    }

    /// The groups that stay: all but those of replays.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &'a GroupReport> {
        let groups = self.observation.groups();
        groups.filter(|it| !is_temporary(&it.group))
    }

    /// The existing groups that stay, each with its details.
    pub(super) fn closely(&self) -> impl Iterator<Item = (&'a GroupReport, &'a GroupDetails)> {
        let details = self.details().into_iter().flat_map(|it| &it.groups);
        details.filter_map(|details| {
            let is_it = |it: &&GroupReport| Target::from(*it) == details.target;
            Some((self.lasting().find(is_it)?, details))
        })
    }

    /// The first entry id of an observed stream.
    pub(super) fn first_id_of(&self, stream: &Name) -> Option<EntryId> {
        let mut streams = self.observation.streams.iter();
        let stream: Option<&StreamReport> = streams.find(|it| it.stream == *stream);
        stream.and_then(|it| it.first_id)
    }

    /// The group's declaration in the topology, or the default one.
    pub(super) fn spec_of(&self, group: &GroupReport) -> GroupSpec {
        let found = self.topology.group(&group.group, Some(&group.stream));
        found.unwrap_or_else(|_| GroupSpec::new(group.group.clone(), group.stream.clone()))
    }

    /// How long an entry of a group must be idle before it is claimed: the value that its workers have published, or
    /// else the topology's.
    pub(super) fn claim_idle(&self, group: &GroupReport, details: &GroupDetails) -> Duration {
        let published = details.claim_idle;
        published.unwrap_or_else(|| self.spec_of(group).claim_idle)
    }

    /// A command about the group.
    pub(super) fn command(&self, command: &'static str, group: &GroupReport) -> CommandLine {
        Target::from(group).command(command, self.topology)
    }

    /// `, over max_lag 1,000`.
    pub(super) fn limit(&self, group: &GroupReport, measure: Measure, alert: Alert) -> String {
        let thresholds = self.topology.thresholds(&group.stream, &group.group);
        let value = thresholds.of(measure).map(|it| it.at(alert.level));
        value.map_or_else(String::new, |value| {
            limit_words(measure, &figure_of(measure, value))
        })
    }
}
