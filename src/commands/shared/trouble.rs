//! The warnings of commands that look at groups: groups that are missing, groups that are ahead of their stream, and
//! groups whose names may be mistyped.

use std::time::Duration;

use anyhow::Result;

use super::context::Context;
use crate::model::mistyped;
use crate::model::{CommandLine, EntryId, Name, counted};
use crate::streams::abandoned::{Abandoned, Holder};
use crate::streams::inspect::GroupReport;
use crate::streams::missing::{Cause, cause};
use crate::streams::target::Target;
use crate::topology::Topology;
use crate::view::human_millis;
use crate::wire::Connection;

/// Warns about what is wrong with some of the groups, each kind with the next step.
///
/// # Errors
/// Errors of the server, when it is asked why groups are missing.
pub(in crate::commands) async fn warn_of_trouble<'a>(
    groups: impl IntoIterator<Item = &'a GroupReport>,
    connection: &Connection,
    context: &Context,
) -> Result<()> {
    let topology = context.topology()?;
    let groups: Vec<&GroupReport> = groups.into_iter().collect();
    let missing = groups.iter().filter(|it| it.figures.is_missing);
    let missing: Vec<&GroupReport> = missing.copied().collect();
    if !missing.is_empty() {
        let why = cause(connection).await?;
        context.console.warn(&of_missing(&missing, why));
    }
    for it in &groups {
        if let Some(position) = it.last_delivered_id.filter(|_| it.figures.is_ahead) {
            let warning = of_ahead(topology, &it.group, &it.stream, position);
            context.console.warn(&warning);
        }
        if let Some(warning) = of_extra(topology, &it.group, &it.stream).filter(|_| it.is_extra) {
            context.console.warn(&warning);
        }
    }
    Ok(())
}

/// Says how entries are handled that consumers hold which are not live.
pub(in crate::commands) fn tell_of_abandoned<'a>(
    consumers: impl Iterator<Item = Holder<'a>>,
    claim_idle: Duration,
    target: &Target,
    topology: &Topology,
    context: &Context,
) {
    if let Some(abandoned) = Abandoned::of(consumers, claim_idle) {
        let next = abandoned.next(target, topology);
        let name = abandoned.worst.name;
        let note = format!("`{name}` is not live, to have its entries handled: {next}");
        context.console.note(&note);
    }
}

fn of_missing(missing: &[&GroupReport], why: Option<Cause>) -> String {
    let names = missing
        .iter()
        .map(|it| format!("`{}` on `{}`", it.group, it.stream));
    let names = names.collect::<Vec<_>>().join(", ");
    let why = match why {
        Some(Cause::Flushed { calls, uptime_ms }) => {
            let since = uptime_ms.map_or_else(String::new, |uptime_ms| {
                format!(", {} ago", human_millis(uptime_ms))
            });
            let times = counted(calls, "time", "times");
            format!(
                "\nlikely cause: FLUSHALL or FLUSHDB was called {times} since the server started{since}; it deletes streams with their groups"
            )
        }
        Some(Cause::Empty { uptime_ms }) => format!(
            "\nthe server started {} ago with no data loaded: without persistence, a restart loses everything",
            human_millis(uptime_ms)
        ),
        None => String::new(),
    };
    format!(
        "these groups do not exist on the server: {names}; `ucp-streams init` creates them{why}"
    )
}

/// The warning for a group that is ahead of its stream.
pub(in crate::commands) fn of_ahead(
    topology: &Topology,
    group: &Name,
    stream: &Name,
    position: EntryId,
) -> String {
    let named = topology.groups_of(stream).any(|spec| spec.name == *group);
    let mut back = CommandLine::new("groups set-id").arg(group).arg("end");
    if !named {
        back = back.option("--stream", stream);
    }
    format!(
        "group `{group}` on `{stream}` is at {position}, ahead of the last id of the stream: entries added with lower ids are never delivered to it\nmove it to the end of the stream with `{back}`"
    )
}

/// The warning for a group whose name may be a mistyped name of the topology.
pub(in crate::commands) fn of_extra(
    topology: &Topology,
    group: &Name,
    stream: &Name,
) -> Option<String> {
    let named: Vec<String> = topology
        .groups_of(stream)
        .map(|spec| spec.name.to_string())
        .collect();
    let typed = group.to_string();
    let meant = mistyped(&typed, named.iter().map(String::as_str))?;
    let who = CommandLine::new("consumers")
        .arg(group)
        .option("--stream", stream);
    Some(format!(
        "group `{group}` on `{stream}` is not in the topology, which has `{meant}`: a worker may have been started with a mistyped name\nsee its consumers with `{who}`"
    ))
}
