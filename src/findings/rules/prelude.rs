//! What most rules use.

pub(super) use super::super::finding::{Finding, Severity};
pub(super) use super::super::scope::Scope;
pub(super) use super::super::words::{figure, millis, said};
pub(super) use super::super::{About, Needs};
pub(super) use crate::model::{
    CommandLine, EntryId, Lag, PendingEntry, counted, entries, format_duration_short, human_bytes,
    is_fatal, mistyped, whole_ms, with_commas,
};
pub(super) use crate::streams::inspect::{
    GroupReport, OLDEST_MAX, ServerDetails, StreamReport, StreamState,
};
pub(super) use crate::streams::target::Target;
pub(super) use crate::topology::{Alert, AlertName, Measure};
pub(super) use crate::wire::{SlowCall, address};

/// The greatest number of ids in a suggested command.
pub(super) const NAMED_MAX: usize = 10;

/// One finding for each group that has the alert.
pub(super) fn of_alert(
    scope: &Scope<'_>,
    name: AlertName,
    finding: impl Fn(&GroupReport, Alert) -> Finding,
) -> Vec<Finding> {
    let found = scope.observation.groups().filter_map(|group| {
        let alert = *group.alerts.iter().find(|it| it.name == name)?;
        Some(finding(group, alert))
    });
    found.collect()
}

/// The group of the topology on the same stream whose name was probably meant.
pub(super) fn meant(scope: &Scope<'_>, group: &GroupReport) -> Option<String> {
    let expected = scope.topology.groups_of(&group.stream);
    let names: Vec<String> = expected.map(|it| it.name.to_string()).collect();
    let given = group.group.to_string();
    mistyped(&given, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The `groups set-id` command that moves the group to `position`. The command refuses a group with live consumers,
/// even when it only reverts what another client did to the position.
pub(super) fn set_id(scope: &Scope<'_>, group: &GroupReport, position: &str) -> CommandLine {
    let line = scope.command("groups set-id", group).arg(position);
    if group.live == Some(0) {
        line
    } else {
        line.flag("--force")
    }
}

/// The command that starts one more worker of the group. A group without a handler in the topology is handled by other
/// programs, so for such a group it is the command that lists its consumers.
pub(super) fn another_worker(scope: &Scope<'_>, group: &GroupReport) -> CommandLine {
    let worker = Target::from(group).worker(scope.topology);
    worker.unwrap_or_else(|| scope.command("consumers", group))
}

/// A command line for redis-cli, for what this tool does not do.
pub(super) fn redis_cli(command: &'static str) -> CommandLine {
    CommandLine::of_program("redis-cli", command)
}

/// `redis-cli CONFIG SET name value`.
pub(super) fn config_set(name: &str, value: &str) -> CommandLine {
    redis_cli("CONFIG").arg("SET").arg(name).arg(value)
}
