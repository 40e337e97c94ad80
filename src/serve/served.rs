//! What answers are made from.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::watch;

use super::limits::Limits;
use super::past::Past;
use super::refusal::Refusal;
use super::tails::Tails;
use super::ticker::{Parts, Tick};
use crate::model::Name;
use crate::topology::Topology;
use crate::wire::Dialer;

/// What the answers are made from.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) dialer: Dialer,
    pub(super) topology: Arc<Topology>,
    pub(super) ticks: watch::Receiver<Option<Arc<Tick>>>,
    pub(super) tails: Tails,
    pub(super) limits: Limits,
    pub(super) past: Past,
    pub(super) closing: watch::Receiver<bool>,
}

impl Served {
    /// The present tick.
    pub(super) fn tick(&self) -> Result<Arc<Tick>, Refusal> {
        self.ticks.borrow().clone().ok_or_else(|| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server was not asked yet",
            )
            .hint("ask again in a second")
        })
    }

    /// How many streams and groups were seen last.
    pub(super) fn subjects(&self) -> usize {
        let tick = self.ticks.borrow().clone();
        let seen = tick.as_ref().and_then(|it| it.parts.as_ref());
        seen.map_or(1, |it| {
            let observation = &it.seen.observation;
            observation.streams.len() + observation.groups().count()
        })
    }

    /// A stream that may be looked at: one of the topology, or its dead-letter stream.
    pub(super) fn stream(&self, name: &str) -> Result<Name, Refusal> {
        let name = Name::from(name);
        let names = shown(&self.topology);
        if names.contains(&name) {
            return Ok(name);
        }
        let list: Vec<String> = names.iter().map(ToString::to_string).collect();
        let text = format!("no stream `{name}` is served here");
        let hint = format!("these are: {}", list.join(", "));
        Err(Refusal::new(StatusCode::NOT_FOUND, text).hint(hint))
    }
}

/// The streams that are shown: those of the topology, and their dead-letter streams.
fn shown(topology: &Topology) -> Vec<Name> {
    let of_groups = topology.groups.iter().map(|it| &it.stream);
    let of_topology = topology.streams.iter().map(|it| &it.name).chain(of_groups);
    let mut names: Vec<Name> = Vec::new();
    for name in of_topology {
        let dead_letters = topology.stream_or_default(name).dead_letter;
        for name in [name.clone(), dead_letters] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

impl Tick {
    /// What was observed in this tick.
    ///
    /// # Errors
    /// Since when the server cannot be asked, and why.
    pub(super) fn parts(&self) -> Result<&Parts, Refusal> {
        let failed = || {
            let (error, since) = self
                .failure
                .as_ref()
                .map_or(("", None), |it| (&it.0, Some(it.1)));
            let since = since.map(|it| format!(" since {it}")).unwrap_or_default();
            let text = format!("Redis cannot be asked{since}: {error}");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        };
        self.parts.as_ref().ok_or_else(failed)
    }
}
