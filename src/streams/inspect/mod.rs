//! The state of streams and their groups, in two round trips for all of them, at a cost that grows neither with the
//! length of a stream nor with that of a pending entries list.

mod cells;
mod count;
mod details;
mod exact;
mod group;
mod judgement;
mod live;
mod lookout;
mod pace;
mod past;
mod rate;
mod reference;
mod retries;
mod second_trip;
mod stream;

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};

pub use cells::deliveries_cell;
pub(super) use cells::lost_cell;
pub(super) use count::{Counter, Range as Counted};
pub use details::{Details, GroupDetails, OLDEST_MAX, OddKey, Reasons, ServerDetails, Unseen};
pub(super) use exact::between;
pub use exact::count;
pub use group::{CountersThen, GroupReport, add_paces};
pub use judgement::Judgement;
pub(super) use live::LIVE_MIN;
pub use lookout::Lookout;
pub use past::Past;
pub(super) use reference::{Counting, counting};
use reference::{Reference, moment};
use stream::FirstTrip;
pub use stream::{StreamReport, StreamState};

use super::names::require_unless_dead_letters;
use super::target::Target;
use super::which_group::Suggest;
use crate::model::{EntryId, Name, states};
use crate::topology::{GroupSpec, StreamSpec, Topology};
use crate::wire::{Connection, Error};

states! {
    /// Whether a group exists.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
    pub enum GroupState {
        /// The group exists.
        Ready = "ready" in Ok,
        /// The topology names the group, and the server does not have it.
        #[default]
        Missing = "missing" in Warn,
    }
}

/// What to observe.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Every stream of the topology, and every group on them.
    Topology,
    /// The named streams, and every group on them.
    Streams(&'a [Name]),
    /// The named groups, which must exist.
    Groups(&'a [GroupSpec]),
    /// The named groups, whether or not they exist yet.
    Expected(&'a [GroupSpec]),
}

impl<'a> Wanted<'a> {
    /// The named streams, or all streams of the topology when none is named.
    pub const fn streams(named: &'a [Name]) -> Self {
        if named.is_empty() {
            Self::Topology
        } else {
            Self::Streams(named)
        }
    }

    /// The named groups, or all groups on the topology's streams when none is named.
    pub const fn groups(named: &'a [GroupSpec]) -> Self {
        if named.is_empty() {
            Self::Topology
        } else {
            Self::Groups(named)
        }
    }

    /// The streams to look at, each once.
    fn of_streams(self, topology: &'a Topology) -> Vec<&'a Name> {
        let (mut once, mut known) = (Vec::new(), HashSet::new());
        let mut add = |name: &'a Name| {
            if known.insert(name) {
                once.push(name);
            }
        };
        match self {
            Self::Topology => {
                topology.streams.iter().for_each(|it| add(&it.name));
                topology.groups.iter().for_each(|it| add(&it.stream));
            }
            Self::Streams(named) => named.iter().for_each(add),
            Self::Groups(named) | Self::Expected(named) => {
                for group in named {
                    add(&group.stream);
                }
            }
        }
        once
    }

    fn has(self, stream: &Name, group: &Name) -> bool {
        match self {
            Self::Groups(named) | Self::Expected(named) => named
                .iter()
                .any(|it| it.name == *group && it.stream == *stream),
            _ => true,
        }
    }

    /// The groups that should be on `stream`, and are reported as missing where they are not.
    fn expected(self, topology: &'a Topology, stream: &'a Name) -> Vec<&'a GroupSpec> {
        match self {
            Self::Expected(named) => named.iter().filter(|it| it.stream == *stream).collect(),
            _ => topology
                .groups_of(stream)
                .filter(|it| self.has(stream, &it.name))
                .collect(),
        }
    }
}

/// How much detail to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The positions of groups, without the facts that only alerts need.
    Positions,
    /// Groups, with all the facts that their alerts need.
    Groups,
    /// Streams too: their memory, and how fast they grow.
    Streams,
    /// In addition, the details that only `doctor` needs, in one more round trip.
    Details,
}

/// What was observed at one time. This is the only place where a server is asked for the state of its streams and
/// groups.
#[derive(Debug)]
pub struct Observation {
    /// The observed streams, with their groups.
    pub streams: Vec<StreamReport>,
    /// Streams that the user may not access; these are not all of the requested ones.
    pub denied: Vec<Denied>,
    /// The details, if they were requested.
    pub details: Option<Details>,
    /// What a recording remembers of the groups.
    pub remembered: Vec<Remembered>,
}

/// What a recording remembers of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The group.
    pub target: Target,
    /// The greatest id that was delivered to it.
    pub last_delivered_id: EntryId,
}

/// A stream that the user may not access.
#[derive(Debug)]
pub struct Denied {
    /// The stream.
    pub stream: Name,
    /// The server's error.
    pub error: Error,
}

impl Observation {
    /// All streams, if all could be observed.
    ///
    /// # Errors
    /// The server's error about the first stream that could not be observed.
    pub fn whole(self) -> Result<Vec<StreamReport>> {
        match self.denied.into_iter().next() {
            None => Ok(self.streams),
            Some(denied) => Err(denied.error.into()),
        }
    }

    /// The groups of all streams.
    pub fn groups(&self) -> impl Iterator<Item = &GroupReport> {
        self.streams.iter().flat_map(|stream| &stream.groups)
    }

    /// Only the groups; if groups were named, in the order in which they were named.
    pub fn into_groups(self, wanted: &[GroupSpec]) -> Vec<GroupReport> {
        let groups = self.streams.into_iter().flat_map(|stream| stream.groups);
        let mut groups: Vec<GroupReport> = groups.collect();
        let place = |group: &GroupReport| {
            let is_it = |it: &GroupSpec| it.name == group.group && it.stream == group.stream;
            wanted.iter().position(is_it)
        };
        groups.sort_by_key(place);
        groups
    }
}

/// The results for the streams called `names`, in their order: `None` where the user has no access.
///
/// # Errors
/// When there is no access to any of them, and any other error.
fn seen<T>(
    names: &[&Name],
    looks: impl IntoIterator<Item = Result<T, Error>>,
) -> Result<(Vec<Option<T>>, Vec<Denied>)> {
    let (mut found, mut denied) = (Vec::with_capacity(names.len()), Vec::new());
    for (name, look) in names.iter().zip(looks) {
        match look {
            Ok(look) => found.push(Some(look)),
            Err(error) if error.is_key_denied() => {
                found.push(None);
                denied.push(Denied {
                    stream: (*name).clone(),
                    error,
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    if denied.len() == names.len()
        && let Some(first) = denied.pop()
    {
        return Err(first.error.into());
    }
    Ok((found, denied))
}

/// Observes what is wanted, in two round trips and those that counting takes.
///
/// # Errors
/// Not found for a named stream or group that does not exist; errors of the server; denied when the user may not
/// access any of the streams.
pub async fn observe(
    connection: &Connection,
    topology: &Topology,
    wanted: Wanted<'_>,
    detail: Detail,
) -> Result<Observation> {
    let names = wanted.of_streams(topology);
    let specs: HashMap<&Name, &StreamSpec> = { topology.streams.iter() }
        .map(|it| (&it.name, it))
        .collect();
    let looks = names.iter().map(|name| {
        let spec = specs.get(name).copied().cloned();
        let spec = spec.unwrap_or_else(|| StreamSpec::new((*name).clone()));
        stream::look(connection, spec, detail)
    });
    let (moment, looks) = tokio::join!(moment(connection), join_all(looks));
    let moment = moment?;
    let (looks, denied) = seen(&names, looks)?;
    let looks: Vec<FirstTrip> = looks.into_iter().flatten().collect();
    require(connection, topology, wanted, &looks).await?;
    let survey = Survey {
        connection,
        topology,
        wanted,
        detail,
        moment,
        counter: Counter::default(),
    };
    let reports = looks.into_iter().map(|look| look.report(&survey));
    let mut seen = Observation {
        streams: try_join_all(reports).await?,
        denied,
        details: None,
        remembered: Vec::new(),
    };
    if detail >= Detail::Details {
        seen.details = Some(details::look(connection, topology, &seen).await?);
    }
    Ok(seen)
}

/// Makes sure that everything that was named exists.
async fn require(
    connection: &Connection,
    topology: &Topology,
    wanted: Wanted<'_>,
    looks: &[FirstTrip],
) -> Result<()> {
    match wanted {
        Wanted::Topology | Wanted::Expected(_) => {}
        Wanted::Streams(_) => {
            for look in looks.iter().filter(|it| it.state != StreamState::Ready) {
                require_unless_dead_letters(connection, topology, look.name()).await?;
            }
        }
        Wanted::Groups(named) => {
            let is_there = |spec: &&GroupSpec| {
                let on = looks.iter().find(|it| *it.name() == spec.stream);
                // Nobody knows which groups are on a stream that may not be seen.
                on.is_none_or(|it| it.has(&spec.name))
            };
            if let Some(spec) = named.iter().find(|it| !is_there(it)) {
                let target = Target::from(spec);
                target.require(connection, topology, Suggest::Names).await?;
            }
        }
    }
    Ok(())
}

/// The position of one group; `None` when the server does not have it.
///
/// # Errors
/// Errors of the server.
pub(super) async fn position(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
) -> Result<Option<GroupReport>> {
    let detail = Detail::Positions;
    let look = stream::look(connection, topology.stream_or_default(&spec.stream), detail);
    let (moment, look) = tokio::join!(moment(connection), look);
    let survey = Survey {
        connection,
        topology,
        wanted: Wanted::Groups(std::slice::from_ref(spec)),
        detail,
        moment: moment?,
        counter: Counter::default(),
    };
    let groups = look?.report(&survey).await?.groups;
    Ok(groups
        .into_iter()
        .find(|it| it.group == spec.name && it.state == GroupState::Ready))
}

/// What the parts of one observation share.
#[derive(Debug)]
struct Survey<'a> {
    connection: &'a Connection,
    topology: &'a Topology,
    wanted: Wanted<'a>,
    detail: Detail,
    moment: Reference,
    counter: Counter,
}
