//! How far groups are behind, in entries and in time; counted entry by entry where that is asked for.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};

use super::inspect::{
    Around, Counter, GroupReport, Moment, Rate, Visible, group_report, moment, rate, seen,
    severity, unless_other_type,
};
use super::target::Target;
use super::which_group::Suggest;
use crate::model::{EntryId, GroupInfo, Lag, Name, StreamInfo};
use crate::topology::{GroupSpec, Topology};
use crate::wire::{
    Connection, Error, ErrorKind, Lane, Scan, Stop, xinfo_groups, xinfo_stream, xlen,
};

/// Looks at `wanted`, or at every group on the topology's streams and every group it names when that is empty, in two
/// round trips and those that counting takes.
///
/// # Errors
/// Not found for a group that was named and is not there; what the server says.
pub async fn lags(
    connection: &Connection,
    topology: &Topology,
    wanted: &[GroupSpec],
) -> Result<Visible<GroupReport>> {
    let streams = streams_of(topology, wanted);
    let looks = streams.iter().map(|name| look(connection, topology, name));
    let (moment, looks) = tokio::join!(moment(connection), join_all(looks));
    let survey = Survey {
        connection,
        topology,
        moment: moment?,
        counter: Counter::default(),
    };
    let (looks, denied) = seen(&streams, looks)?;
    let looks = streams.iter().copied().zip(looks);
    let looks = looks.filter_map(|(name, look)| Some((name, look?)));
    let looks = looks.map(async |(name, look)| anyhow::Ok((name, survey.rated(name, look).await?)));
    let looks: BTreeMap<&Name, Option<Look>> = try_join_all(looks).await?.into_iter().collect();
    let rows = if wanted.is_empty() {
        survey.all(&streams, &looks).await?
    } else {
        let asked = wanted.iter().filter_map(|spec| {
            let look = looks.get(&spec.stream)?.as_ref();
            Some(survey.one(spec, look))
        });
        try_join_all(asked).await?
    };
    Ok(Visible { rows, denied })
}

/// How far one group is behind, without what only alerts are decided from; `None` where the server does not have it.
///
/// # Errors
/// What the server says.
pub(super) async fn lag_alone(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
) -> Result<Option<GroupReport>> {
    let (moment, look) = tokio::join!(moment(connection), look_alone(connection, &spec.stream));
    let survey = Survey {
        connection,
        topology,
        moment: moment?,
        counter: Counter::default(),
    };
    let Some(look) = look? else { return Ok(None) };
    let Some(group) = look.groups.iter().find(|it| it.name == spec.name) else {
        return Ok(None);
    };
    survey.measure(&spec.stream, &look, group).await.map(Some)
}

/// What the first round trip brought of a stream and its groups.
struct Look {
    info: StreamInfo,
    groups: Vec<GroupInfo>,
    dead_letters: Option<u64>,
    rate: Option<Rate>,
}

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

async fn look(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
) -> Result<Option<Look>, Error> {
    let letters = topology.stream_or_default(stream).dead_letter;
    let (look, dead_letters) = tokio::join!(
        look_alone(connection, stream),
        connection.run(xlen(&letters))
    );
    let dead_letters = unless_other_type(dead_letters)?;
    Ok(look?.map(|look| Look {
        dead_letters,
        ..look
    }))
}

/// As [`look`], without its dead letters.
async fn look_alone(connection: &Connection, stream: &Name) -> Result<Option<Look>, Error> {
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
        (info, groups) => Ok(Some(Look {
            info: info?,
            groups: groups?,
            dead_letters: None,
            rate: None,
        })),
    }
}

/// What all groups are looked at with.
struct Survey<'a> {
    connection: &'a Connection,
    topology: &'a Topology,
    moment: Moment,
    counter: Counter,
}

impl Survey<'_> {
    /// The look with the stream's rate, where it has a limit that a forecast is about.
    async fn rated(&self, stream: &Name, look: Option<Look>) -> Result<Option<Look>> {
        let is_limited = self
            .topology
            .stream(stream)
            .is_some_and(|it| it.maxlen.is_some());
        let Some(look) = look else { return Ok(None) };
        if !is_limited || look.groups.is_empty() {
            return Ok(Some(look));
        }
        let rate = rate(self.connection, stream, &look.info, self.moment.now).await?;
        Ok(Some(Look { rate, ..look }))
    }

    async fn one(&self, spec: &GroupSpec, look: Option<&Look>) -> Result<GroupReport> {
        let of = |look: &Look| look.groups.iter().position(|it| it.name == spec.name);
        let found = look.and_then(|look| Some((look, of(look)?)));
        let Some((look, at)) = found else {
            // Asked again for the names there are, which only a failure pays for.
            let target = Target::from(spec);
            target
                .require(self.connection, self.topology, Suggest::Names)
                .await?;
            return Ok(GroupReport::expected(spec));
        };
        self.measure(&spec.stream, look, &look.groups[at]).await
    }

    async fn all(
        &self,
        streams: &[&Name],
        looks: &BTreeMap<&Name, Option<Look>>,
    ) -> Result<Vec<GroupReport>> {
        let mut lags = Vec::new();
        for stream in streams {
            let Some(look) = looks.get(stream) else {
                // Nobody knows which groups are on a stream that may not be seen.
                continue;
            };
            if let Some(look) = look {
                let groups = look.groups.iter();
                let asked = groups.map(|group| self.measure(stream, look, group));
                lags.extend(try_join_all(asked).await?);
            }
            let groups = look.as_ref().map(|look| &look.groups);
            let has =
                |name: &Name| groups.is_some_and(|them| them.iter().any(|it| it.name == *name));
            let missing = self.topology.groups_of(stream);
            let missing = missing.filter(|spec| !has(&spec.name));
            lags.extend(missing.map(GroupReport::expected));
        }
        Ok(lags)
    }

    async fn measure(&self, stream: &Name, look: &Look, group: &GroupInfo) -> Result<GroupReport> {
        let around = Around {
            connection: self.connection,
            stream,
            info: &look.info,
            maxlen: self.topology.stream(stream).and_then(|spec| spec.maxlen),
            topology: self.topology,
            rate: look.rate,
            dead_letters: look.dead_letters,
            counter: &self.counter,
        };
        Box::pin(group_report(around, group.clone(), self.moment)).await
    }
}

/// Counts what `lag.group` was not delivered, up to `count_max`; beyond it the count is a lower bound. Reads the entries
/// themselves, in pages, since no server counts a range.
///
/// # Errors
/// What the server says.
pub async fn count(
    lane: &mut Lane,
    topology: &Topology,
    lag: &mut GroupReport,
    count_max: usize,
) -> Result<()> {
    let Some(position) = lag.last_delivered_id.filter(|_| !lag.figures.is_ahead) else {
        return Ok(());
    };
    let counted = between(lane, &lag.stream, position, EntryId::MAX, count_max).await?;
    lag.is_counted = true;
    lag.lag = Some(counted);
    lag.figures.lag = Some(firmer(counted, lag.figures.lag));
    let thresholds = topology.thresholds(&lag.stream, &lag.group);
    lag.alerts = thresholds.alerts(&lag.figures);
    lag.severity = severity(&lag.alerts);
    Ok(())
}

/// What a count and an earlier figure say together: a count that stopped early takes nothing from what was known.
fn firmer(counted: Lag, before: Option<Lag>) -> Lag {
    match (counted, before) {
        (Lag::AtLeast(entries), Some(known @ (Lag::Known(least) | Lag::AtLeast(least))))
            if least >= entries =>
        {
            known
        }
        (counted, _) => counted,
    }
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
