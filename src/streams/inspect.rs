//! The state of streams and their groups, in two round trips for all of them and at a cost that grows neither with a
//! stream's length nor with a pending entries list.

mod group;
mod moment;
mod stream;

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;

pub use group::GroupReport;
pub(super) use group::{Around, report as group_report};
pub(super) use moment::{Moment, moment};
pub use stream::{StreamReport, StreamState};

use super::names::require_stream;
use crate::model::Name;
use crate::topology::Topology;
use crate::wire::{Connection, Error, ErrorKind};

/// Whether something that should be there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It is there.
    Ready,
    /// The topology names it and the server does not have it.
    Missing,
}

/// Looks at `wanted`, or at every stream of the topology when that is empty.
///
/// # Errors
/// Not found for a stream that was named and is not there; what the server says.
pub async fn streams(
    connection: &Connection,
    topology: &Topology,
    wanted: &[Name],
) -> Result<Vec<StreamReport>> {
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
    let mut looks = Vec::with_capacity(names.len());
    for (name, look) in names.iter().zip(first_looks) {
        let look = look?;
        if !wanted.is_empty() && look.state != StreamState::Ready {
            require_stream(connection, topology, name).await?;
        }
        looks.push(look);
    }
    let reports = looks
        .into_iter()
        .map(|look| look.report(connection, topology, moment));
    try_join_all(reports).await
}

/// The answer, or `None` when the user may not ask.
pub(super) fn allowed<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind, ErrorKind::NoPerm | ErrorKind::UnknownCommand) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
