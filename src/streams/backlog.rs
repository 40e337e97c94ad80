//! How far groups are behind, in entries and in time; counted entry by entry where that is asked for.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;

use super::inspect::{
    Around, GroupReport, GroupState, Moment, Visible, group_report, moment, seen,
};
use super::target::Target;
use crate::model::{EntryId, GroupInfo, Lag, Name, StreamInfo};
use crate::topology::{GroupSpec, Over, Topology};
use crate::wire::{Connection, Error, ErrorKind, Lane, Scan, Stop, xinfo_groups, xinfo_stream};

/// How far one group is behind.
#[derive(Clone, Debug, Serialize)]
pub struct GroupLag {
    /// The group.
    pub group: Name,
    /// Its stream.
    pub stream: Name,
    /// Whether the server has it.
    pub state: GroupState,
    /// Entries it was not delivered yet; `None` for a missing group.
    pub lag: Option<Lag>,
    /// Whether the lag was counted, entry by entry.
    pub is_counted: bool,
    /// The oldest entry not delivered; `None` also when there is none.
    pub undelivered_id: Option<EntryId>,
    /// How long ago it was added.
    pub undelivered_age_ms: Option<u64>,
    /// Entries delivered and not acknowledged.
    pub pending: Option<u64>,
    /// The oldest entry delivered and not acknowledged; `None` also when there is none.
    pub oldest_pending_id: Option<EntryId>,
    /// How long ago it was added.
    pub oldest_pending_age_ms: Option<u64>,
    /// The last id delivered.
    pub last_delivered_id: Option<EntryId>,
    /// The thresholds of the topology that it is over for certain.
    pub alerts: Vec<Over>,
}

impl From<GroupReport> for GroupLag {
    fn from(report: GroupReport) -> Self {
        Self {
            group: report.group,
            stream: report.stream,
            state: report.state,
            lag: report.lag,
            is_counted: false,
            undelivered_id: report.undelivered_id,
            undelivered_age_ms: report.undelivered_age_ms,
            pending: report.pending,
            oldest_pending_id: report.oldest_pending_id,
            oldest_pending_age_ms: report.oldest_pending_age_ms,
            last_delivered_id: report.last_delivered_id,
            alerts: report.alerts,
        }
    }
}

/// Looks at `wanted`, or at every group on the topology's streams and every group it names when that is empty, in two
/// round trips.
///
/// # Errors
/// Not found for a group that was named and is not there; what the server says.
pub async fn lags(
    connection: &Connection,
    topology: &Topology,
    wanted: &[GroupSpec],
) -> Result<Visible<GroupLag>> {
    let streams = streams_of(topology, wanted);
    let looks = streams.iter().map(|name| look(connection, name));
    let (moment, looks) = tokio::join!(moment(connection), join_all(looks));
    let moment = moment?;
    let (looks, denied) = seen(&streams, looks)?;
    let looks: BTreeMap<&Name, Option<StreamAndGroups>> = streams
        .iter()
        .copied()
        .zip(looks)
        .filter_map(|(name, look)| Some((name, look?)))
        .collect();
    let rows = if wanted.is_empty() {
        all(connection, topology, &streams, &looks, moment).await?
    } else {
        let asked = wanted.iter().filter_map(|spec| {
            let look = looks.get(&spec.stream)?.as_ref();
            Some(one(connection, topology, spec, look, moment))
        });
        try_join_all(asked).await?
    };
    Ok(Visible { rows, denied })
}

/// What `XINFO` says of a stream and its groups.
type StreamAndGroups = (StreamInfo, Vec<GroupInfo>);

/// The streams to look at, each once, in their order.
fn streams_of<'a>(topology: &'a Topology, wanted: &'a [GroupSpec]) -> Vec<&'a Name> {
    let groups = if wanted.is_empty() {
        &topology.groups
    } else {
        wanted
    };
    let streams = topology.streams.iter().filter(|_| wanted.is_empty());
    let names = streams
        .map(|it| &it.name)
        .chain(groups.iter().map(|it| &it.stream));
    let mut once = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

async fn look(connection: &Connection, stream: &Name) -> Result<Option<StreamAndGroups>, Error> {
    let (info, groups) = tokio::join!(
        connection.run(xinfo_stream(stream)),
        connection.run(xinfo_groups(stream)),
    );
    match (info, groups) {
        // No stream, so no groups; whoever named one is told so.
        (Err(error), _) | (_, Err(error))
            if matches!(error.kind, ErrorKind::NoKey | ErrorKind::WrongType) =>
        {
            Ok(None)
        }
        (info, groups) => Ok(Some((info?, groups?))),
    }
}

async fn one(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
    look: Option<&StreamAndGroups>,
    moment: Moment,
) -> Result<GroupLag> {
    let found = look.and_then(|(_, groups)| groups.iter().find(|it| it.name == spec.name));
    let (Some((info, _)), Some(group)) = (look, found) else {
        // Asked again for the names there are, which only a failure pays for.
        Target::from(spec).require(connection, topology).await?;
        return Ok(GroupReport::missing(spec.name.clone(), spec.stream.clone()).into());
    };
    measure(connection, topology, &spec.stream, info, group, moment).await
}

async fn all(
    connection: &Connection,
    topology: &Topology,
    streams: &[&Name],
    looks: &BTreeMap<&Name, Option<StreamAndGroups>>,
    moment: Moment,
) -> Result<Vec<GroupLag>> {
    let mut lags = Vec::new();
    for stream in streams {
        let Some(look) = looks.get(stream) else {
            // Nobody knows which groups are on a stream that may not be seen.
            continue;
        };
        if let Some((info, groups)) = look {
            let asked = groups
                .iter()
                .map(|group| measure(connection, topology, stream, info, group, moment));
            lags.extend(try_join_all(asked).await?);
        }
        let has = |name: &Name| {
            look.as_ref()
                .is_some_and(|(_, groups)| groups.iter().any(|it| it.name == *name))
        };
        let missing = topology.groups_of(stream).filter(|spec| !has(&spec.name));
        lags.extend(
            missing.map(|spec| GroupReport::missing(spec.name.clone(), spec.stream.clone()).into()),
        );
    }
    Ok(lags)
}

async fn measure(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
    info: &StreamInfo,
    group: &GroupInfo,
    moment: Moment,
) -> Result<GroupLag> {
    let around = Around {
        stream,
        info,
        maxlen: topology.stream(stream).and_then(|spec| spec.maxlen),
        topology,
        rate: None,
    };
    let report = group_report(connection, around, group.clone(), moment).await?;
    Ok(report.into())
}

/// Counts what `lag.group` was not delivered, up to `count_max`; beyond it the count is a lower bound. Reads the entries
/// themselves, in pages, since no server counts a range.
///
/// # Errors
/// What the server says.
pub async fn count(
    lane: &mut Lane,
    topology: &Topology,
    lag: &mut GroupLag,
    count_max: usize,
) -> Result<()> {
    let Some(position) = lag.last_delivered_id else {
        return Ok(());
    };
    let counted = between(lane, &lag.stream, position, EntryId::MAX, count_max).await?;
    lag.is_counted = true;
    lag.lag = Some(counted);
    if let Some(alert) = topology.alert(&lag.stream, &lag.group) {
        lag.alerts.retain(|over| *over != Over::MaxLag);
        lag.alerts.splice(0..0, alert.over(lag.lag, None, None));
    }
    Ok(())
}

/// Counts the entries of `stream` after `after` and up to `to`; beyond `count_max` it is a lower bound.
///
/// # Errors
/// What the server says.
pub(super) async fn between(
    lane: &mut Lane,
    stream: &Name,
    after: EntryId,
    to: EntryId,
    count_max: usize,
) -> Result<Lag> {
    let mut entries = 0_usize;
    if let Some(start) = after.next() {
        let range = Scan {
            start,
            end: to,
            count_max: count_max.saturating_add(1),
            ..Scan::ALL
        };
        lane.scan(stream, range, |_, _| {
            entries += 1;
            Ok::<(), Stop>(())
        })
        .await
        .map_err(Stop::into_error)?;
    }
    Ok(if entries > count_max {
        Lag::AtLeast(count_max as u64)
    } else {
        Lag::Known(entries as u64)
    })
}
