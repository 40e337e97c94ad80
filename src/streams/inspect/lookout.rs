//! One observation after the other of everything in the topology, each with the pace of its groups since half a minute
//! before: for what looks without end.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::{Detail, Observation, StreamReport, Wanted, add_paces, observe};
use crate::model::Time;
use crate::topology::Topology;
use crate::wire::{Connection, Dialer};

/// Observes everything in a topology, again and again.
#[derive(Debug)]
pub struct Lookout {
    dialer: Dialer,
    topology: Arc<Topology>,
    connection: Option<Connection>,
    past: Past,
}

impl Lookout {
    /// How often it may look: not without a pause, and not so seldom that the pace of groups cannot be told.
    pub const EVERY: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_mins(1);

    /// A lookout over what `topology` names, on the server that `dialer` reaches.
    pub fn new(dialer: Dialer, topology: Arc<Topology>) -> Self {
        Self {
            dialer,
            topology,
            connection: None,
            past: Past::default(),
        }
    }

    /// Observes everything, with all details. `now` is the time of the observation by this machine's clock. After an
    /// error the next call connects anew.
    ///
    /// # Errors
    /// As [`Dialer::connect`] and [`observe`].
    pub async fn look(&mut self, now: Time) -> Result<Observation> {
        let mut seen = self.observe().await?;
        if let Some(before) = self.past.before(now) {
            for stream in &mut seen.streams {
                let then = before.iter().find(|it| it.stream == stream.stream);
                if let Some(then) = then {
                    add_paces(&mut stream.groups, &then.groups);
                }
            }
        }
        self.past.keep(now, &seen.streams);
        Ok(seen)
    }

    async fn observe(&mut self) -> Result<Observation> {
        let connection = match self.connection.take().filter(|it| !it.is_lost()) {
            Some(open) => open,
            None => self.dialer.connect().await?,
        };
        let seen = observe(
            &connection,
            &self.topology,
            Wanted::Topology,
            Detail::Details,
        )
        .await?;
        self.connection = Some(connection);
        Ok(seen)
    }
}

/// Some earlier observations, by which the pace of groups is told.
#[derive(Debug, Default)]
struct Past(VecDeque<(Time, Vec<StreamReport>)>);

/// How far apart those are that are kept.
const APART_MS: u64 = 15_000;
/// How old an observation must be to tell a pace by, and how old it may be.
const OLD_MS: u64 = 30_000;
const TOO_OLD_MS: u64 = 90_000;
/// How many are kept.
const KEPT_MAX: usize = 4;

impl Past {
    /// The observation to compare one of `now` with: the youngest that is old enough.
    fn before(&self, now: Time) -> Option<&[StreamReport]> {
        let age = |at: Time| now.ms.saturating_sub(at.ms);
        let mut old = self.0.iter().rev().filter(|it| age(it.0) >= OLD_MS);
        let (_, streams) = old.next().filter(|it| age(it.0) <= TOO_OLD_MS)?;
        Some(streams)
    }

    fn keep(&mut self, at: Time, streams: &[StreamReport]) {
        let newest = self.0.back().map(|it| it.0.ms);
        if newest.is_some_and(|it| at.ms.saturating_sub(it) < APART_MS) {
            return;
        }
        self.0.push_back((at, streams.to_vec()));
        while self.0.len() > KEPT_MAX {
            self.0.pop_front();
        }
    }
}
