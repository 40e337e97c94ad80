//! One look after the other at everything in a topology, each with what the rules find: for what goes on without end, as
//! `serve` and `record` do. Whether the server can be asked is followed here; what is made of it is the caller's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::findings::{DoctorReport, Scope};
use crate::model::Time;
use crate::streams::inspect::{Lookout, Observation};
use crate::topology::Topology;
use crate::wire::Dialer;

/// What is looked at, how, and how often.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The way to the server.
    pub dialer: Dialer,
    /// The streams and groups.
    pub topology: Arc<Topology>,
    /// How often to look, within [`Lookout::EVERY`].
    pub every: Duration,
    /// The options with which redis-cli reaches the server, for the commands that findings suggest.
    pub redis_cli: String,
}

/// Looks again and again.
#[derive(Debug)]
pub struct Watching {
    watched: Watched,
    lookout: Lookout,
    ticks: Interval,
    failing_since: Option<Time>,
}

/// What a look came to.
#[derive(Debug)]
pub struct Look {
    /// When it began, by this machine's clock.
    pub at: Time,
    /// What was seen, or why nothing could be.
    pub result: Result<Seen, Failed>,
    /// Since when the looks before failed, where this one succeeded.
    pub failed_since: Option<Time>,
}

/// An observation, and what the rules found in it.
#[derive(Debug)]
pub struct Seen {
    /// The observation.
    pub observation: Observation,
    /// The report about it.
    pub doctor: DoctorReport,
}

/// A look that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: anyhow::Error,
    /// Since when all looks have failed.
    pub since: Time,
    /// Whether it is the first one to fail.
    pub is_first: bool,
}

impl Watching {
    /// Ready to look at once.
    pub fn new(watched: Watched) -> Self {
        let mut ticks = interval(watched.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            lookout: Lookout::new(watched.dialer.clone(), Arc::clone(&watched.topology)),
            watched,
            ticks,
            failing_since: None,
        }
    }

    /// What is watched.
    pub const fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Waits until the next look is due.
    pub async fn due(&mut self) {
        self.ticks.tick().await;
    }

    /// Looks now.
    pub async fn look(&mut self) -> Look {
        let at = Time::now();
        match self.lookout.look(at).await {
            Ok(observation) => {
                let scope = Scope {
                    observation: &observation,
                    topology: &self.watched.topology,
                };
                let doctor = DoctorReport::reaching(&scope, &self.watched.redis_cli);
                Look {
                    at,
                    result: Ok(Seen {
                        observation,
                        doctor,
                    }),
                    failed_since: self.failing_since.take(),
                }
            }
            Err(error) => {
                let is_first = self.failing_since.is_none();
                let since = *self.failing_since.get_or_insert(at);
                Look {
                    at,
                    result: Err(Failed {
                        error,
                        since,
                        is_first,
                    }),
                    failed_since: None,
                }
            }
        }
    }
}
