//! One observation a tick, shared by everyone who asks: the server is asked no more often for two hundred than for one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::body::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::findings::{DoctorReport, Scope, name_server};
use crate::model::Time;
use crate::streams::inspect::{Detail, Observation, StreamReport, Wanted, add_paces, observe};
use crate::topology::Topology;
use crate::view::{Exposed, exposition, write_json};
use crate::wire::{Connection, Dialer};

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
    let mut connection = None;
    let mut last: Option<Arc<Seen>> = None;
    let mut past = Past::default();
    let mut old_since = None;
    let mut errors = 0;
    let mut ticks = interval(watched.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (begun, asked_at) = (Instant::now(), Time::now());
        let looked = look(&watched, &mut connection).await;
        let seconds = begun.elapsed().as_secs_f64();
        let failure = match looked {
            Ok(mut observation) => {
                if let Some(before) = past.before(asked_at) {
                    for stream in &mut observation.streams {
                        let mut then = before.observation.streams.iter();
                        if let Some(then) = then.find(|it| it.stream == stream.stream) {
                            add_paces(&mut stream.groups, &then.groups);
                        }
                    }
                }
                let seen = Arc::new(watched.seen(asked_at, observation));
                past.keep(&seen);
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

/// Some earlier observations, by which the pace of groups is told.
#[derive(Default)]
struct Past(VecDeque<Arc<Seen>>);

/// How far apart those are that are kept.
const APART_MS: u64 = 15_000;
/// How old an observation must be to tell a pace by, and how old it may be.
const OLD_MS: u64 = 30_000;
const TOO_OLD_MS: u64 = 90_000;
/// How many are kept.
const KEPT_MAX: usize = 4;

impl Past {
    /// The observation to compare one of now with: the youngest that is old enough.
    fn before(&self, now: Time) -> Option<&Arc<Seen>> {
        let age = |it: &&Arc<Seen>| now.ms.saturating_sub(it.at.ms);
        let mut old = self.0.iter().rev().filter(|it| age(it) >= OLD_MS);
        old.next().filter(|it| age(it) <= TOO_OLD_MS)
    }

    fn keep(&mut self, seen: &Arc<Seen>) {
        let newest = self.0.back().map(|it| it.at.ms);
        if newest.is_some_and(|it| seen.at.ms.saturating_sub(it) < APART_MS) {
            return;
        }
        self.0.push_back(Arc::clone(seen));
        while self.0.len() > KEPT_MAX {
            self.0.pop_front();
        }
    }
}

async fn look(watched: &Watched, connection: &mut Option<Connection>) -> Result<Observation> {
    if connection.as_ref().is_none_or(Connection::is_lost) {
        *connection = Some(watched.dialer.connect().await?);
    }
    let open = connection.as_ref().expect("it was opened");
    let looked = observe(open, &watched.topology, Wanted::Topology, Detail::Details).await;
    if looked.is_err() {
        // Whatever went wrong, the next look begins anew.
        *connection = None;
    }
    looked
}

impl Watched {
    fn seen(&self, at: Time, observation: Observation) -> Seen {
        let mut doctor = DoctorReport::new(&Scope {
            observation: &observation,
            topology: &self.topology,
        });
        name_server(&mut doctor.findings, &self.redis_cli);
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
