//! One observation a tick, shared by everyone who asks: the server is asked no more often for two hundred than for one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::findings::{DoctorReport, Scope};
use crate::model::Time;
use crate::streams::inspect::{Lookout, Observation, StreamReport};
use crate::topology::Topology;
use crate::view::{Exposed, exposition, write_json};
use crate::wire::Dialer;

/// What is observed, how, and how often.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The way to the server.
    pub dialer: Dialer,
    /// The streams and groups.
    pub topology: Arc<Topology>,
    /// How often to look.
    pub every: Duration,
    /// The options with which redis-cli reaches the server, for the commands that findings suggest.
    pub redis_cli: String,
}

/// Everything that was observed at one time, or last.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Figures<'a> {
    /// When the server was last asked with success; null before the first time.
    pub at: Option<Time>,
    /// When it was asked last, with or without success.
    pub asked_at: Time,
    /// Since when the server could not be asked, so that the figures are old; null while they are not.
    pub old_since: Option<Time>,
    /// Why it could not be asked.
    pub error: Option<&'a str>,
    /// How often it is asked.
    pub every_ms: u64,
    /// The verdict and the findings; null before the first success.
    pub doctor: Option<&'a DoctorReport>,
    /// The streams with their groups.
    pub streams: &'a [StreamReport],
}

/// One tick, in every form in which it is asked for.
#[derive(Debug)]
pub(super) struct Tick {
    /// [`Figures`] as JSON.
    pub(super) figures: Bytes,
    /// The streams, the groups and the findings as JSON, as the command line prints them; `None` when the server could
    /// not be asked.
    pub(super) parts: Option<Parts>,
    /// Why it could not, and since when.
    pub(super) failure: Option<(String, Time)>,
    /// The metrics.
    pub(super) metrics: Bytes,
}

/// What was observed in this tick.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) streams: Bytes,
    pub(super) groups: Bytes,
    pub(super) findings: Bytes,
    pub(super) seen: Arc<Seen>,
}

/// A successful observation.
#[derive(Debug)]
pub(super) struct Seen {
    at: Time,
    pub(super) observation: Observation,
    doctor: DoctorReport,
}

/// Observes without end, and sends each tick. It goes on when the server is away.
pub(super) async fn tick(watched: Watched, sender: watch::Sender<Option<Arc<Tick>>>) {
    let mut lookout = Lookout::new(watched.dialer.clone(), Arc::clone(&watched.topology));
    let mut last: Option<Arc<Seen>> = None;
    let mut old_since = None;
    let mut errors = 0;
    let mut ticks = interval(watched.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (begun, asked_at) = (Instant::now(), Time::now());
        let looked = lookout.look(asked_at).await;
        let seconds = begun.elapsed().as_secs_f64();
        let failure = match looked {
            Ok(observation) => {
                let seen = Arc::new(watched.seen(asked_at, observation));
                last = Some(seen);
                old_since = None;
                None
            }
            Err(error) => {
                errors += 1;
                if old_since.is_none() {
                    tracing::warn!(
                        "the server cannot be asked: {error:#}; the figures are old until it can"
                    );
                }
                let since = *old_since.get_or_insert(asked_at);
                Some((format!("{error:#}"), since))
            }
        };
        let tick = watched.tick(asked_at, last.as_ref(), failure, (seconds, errors));
        let _ = sender.send(Some(Arc::new(tick)));
    }
}

impl Watched {
    fn seen(&self, at: Time, observation: Observation) -> Seen {
        let scope = Scope {
            observation: &observation,
            topology: &self.topology,
        };
        let doctor = DoctorReport::reaching(&scope, &self.redis_cli);
        Seen {
            at,
            observation,
            doctor,
        }
    }

    fn tick(
        &self,
        asked_at: Time,
        seen: Option<&Arc<Seen>>,
        failure: Option<(String, Time)>,
        (seconds, errors): (f64, u64),
    ) -> Tick {
        let figures = Figures {
            at: seen.map(|it| it.at),
            asked_at,
            old_since: failure.as_ref().map(|(_, since)| *since),
            error: failure.as_ref().map(|(error, _)| error.as_str()),
            every_ms: u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX),
            doctor: seen.map(|it| &it.doctor),
            streams: seen.map_or(&[], |it| &it.observation.streams),
        };
        let fresh = seen.filter(|_| failure.is_none());
        let metrics = exposition(&Exposed {
            observation: fresh.map(|it| &it.observation),
            findings: fresh.map_or(&[], |it| &it.doctor.findings),
            database: self.dialer.endpoint().db,
            seconds,
            errors,
        });
        Tick {
            figures: json(&figures),
            parts: fresh.map(|it| Parts {
                streams: json(&it.observation.streams),
                groups: json(&it.observation.groups().collect::<Vec<_>>()),
                findings: json(&it.doctor),
                seen: Arc::clone(it),
            }),
            failure,
            metrics: metrics.into(),
        }
    }
}

/// A report as JSON.
pub(super) fn json<T: Serialize + ?Sized>(report: &T) -> Bytes {
    let mut out = Vec::new();
    if let Err(bug) = write_json(&mut out, report) {
        tracing::error!("{bug}");
        return Bytes::from_static(b"null");
    }
    out.into()
}
