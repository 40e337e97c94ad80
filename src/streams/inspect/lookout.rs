//! One observation after the other of everything in the topology, each with the pace of its groups since half a minute
//! before: for what looks without end.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::{Detail, Observation, Past, Wanted, observe};
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
        self.past.tell_paces(now, &mut seen.streams);
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
