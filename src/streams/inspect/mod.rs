//! The state of streams and their groups, in two round trips for all of them and at a cost that grows neither with a
//! stream's length nor with a pending entries list.

mod cells;
mod count;
mod group;
mod live;
mod moment;
mod rate;
mod stream;

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};

pub use cells::deliveries_cell;
pub(super) use cells::lost_cell;
pub(super) use count::Counter;
pub use group::GroupReport;
pub(super) use group::{Around, report as group_report, severity};
pub(super) use moment::{Moment, counting, moment};
pub(super) use rate::{Rate, rate};
use stream::FirstTrip;
pub use stream::{StreamReport, StreamState};

use super::names::require_unless_dead_letters;
use crate::model::{Name, states};
use crate::topology::Topology;
use crate::wire::{Connection, Error, ErrorKind};

states! {
    /// Whether something that should be there is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum GroupState {
        /// It is there.
        Ready = "ready" in Ok,
        /// The topology names it and the server does not have it.
        Missing = "missing" in Warn,
    }
}

/// What could be seen, and the streams that the user may not look at.
#[derive(Debug)]
pub struct Visible<T> {
    /// What could be seen.
    pub rows: Vec<T>,
    /// Streams whose keys are denied to the user; not all of those that were asked for.
    pub denied: Vec<Denied>,
}

/// A stream that the user may not look at.
#[derive(Debug)]
pub struct Denied {
    /// The stream.
    pub stream: Name,
    /// What the server said.
    pub error: Error,
}

impl<T> Visible<T> {
    /// All of it.
    ///
    /// # Errors
    /// What the server said of the first stream that could not be seen.
    pub fn whole(self) -> Result<Vec<T>> {
        match self.denied.into_iter().next() {
            None => Ok(self.rows),
            Some(denied) => Err(denied.error.into()),
        }
    }
}

/// What was seen of each of the streams called `names`, in their order: `None` where the user may not look.
///
/// # Errors
/// When none could be looked at, and any other error.
pub(super) fn seen<T>(
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

/// Looks at `wanted`, or at every stream of the topology when that is empty.
///
/// # Errors
/// Not found for a stream that was named and is not there; what the server says; denied when no stream may be seen.
pub async fn streams(
    connection: &Connection,
    topology: &Topology,
    wanted: &[Name],
) -> Result<Visible<StreamReport>> {
    let names: Vec<&Name> = if wanted.is_empty() {
        topology.streams.iter().map(|it| &it.name).collect()
    } else {
        wanted.iter().collect()
    };
    let (moment, first_looks) = tokio::join!(
        moment(connection),
        join_all(
            names
                .iter()
                .map(|name| stream::look(connection, topology, name))
        )
    );
    let moment = moment?;
    let (looks, denied) = seen(&names, first_looks)?;
    for (name, look) in names.iter().zip(&looks) {
        let is_ready = |look: &FirstTrip| look.state == StreamState::Ready;
        if !wanted.is_empty() && look.as_ref().is_some_and(|look| !is_ready(look)) {
            require_unless_dead_letters(connection, topology, name).await?;
        }
    }
    let counter = Counter::default();
    let reports = looks
        .into_iter()
        .flatten()
        .map(|look| look.report(connection, topology, moment, &counter));
    let rows = try_join_all(reports).await?;
    Ok(Visible { rows, denied })
}

/// The answer, or `None` when the server refuses to give it, in whatever words.
pub(super) fn allowed<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A key beside a stream may be something else, or not for this user to see.
pub(super) fn unless_other_type<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.kind == ErrorKind::WrongType => Ok(None),
        answer => allowed(answer),
    }
}
