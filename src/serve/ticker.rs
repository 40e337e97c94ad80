//! One observation a tick, shared by everyone who asks: the server is asked no more often for two hundred than for one.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::keeper::{Keeper, Recorded};
use super::past::Past;
use crate::findings::{DoctorReport, Finding};
use crate::model::Time;
use crate::recording::{Begins, Sample};
use crate::streams::audit::AuditRow;
use crate::streams::inspect::{Observation, StreamReport};
use crate::view::{Exposed, exposition, write_json};
use crate::watching::{Look, Seen, Watched, Watching};

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
    /// Whether that is recorded; null when it is not to be.
    pub recorded: Option<&'a Recorded>,
    /// Whether `/api/history` has a recording to read.
    pub has_history: bool,
    /// The last destructive command that was recorded; null when none is known.
    pub last_change: Option<&'a AuditRow>,
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
    /// Whether it is recorded, if it is to be.
    pub(super) recorded: Option<Recorded>,
    /// The metrics.
    pub(super) metrics: Bytes,
}

/// What was observed in this tick.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) streams: Bytes,
    pub(super) groups: Bytes,
    pub(super) findings: Bytes,
    pub(super) seen: Arc<SeenAt>,
}

/// A successful observation.
#[derive(Debug)]
pub(super) struct SeenAt {
    at: Time,
    pub(super) observation: Observation,
    doctor: DoctorReport,
}

/// Observes without end, and sends each tick. It goes on when the server is away.
pub(super) async fn tick(
    watched: Watched,
    mut keeper: Option<Keeper>,
    past: Option<Past>,
    sender: watch::Sender<Option<Arc<Tick>>>,
) {
    let mut watching = Watching::new(watched);
    let mut last: Option<Arc<SeenAt>> = None;
    let mut begins: Option<Begins> = None;
    let has_history = past.is_some();
    let mut errors = 0;
    loop {
        watching.due().await;
        let begun = Instant::now();
        let Look { at, result, .. } = watching.look().await;
        let seconds = begun.elapsed().as_secs_f64();
        let failure = match result {
            Ok(Seen {
                observation,
                mut doctor,
            }) => {
                if let Some(past) = &past {
                    let found = (&mut doctor.findings, &observation.streams[..]);
                    since(&mut begins, past, at, found).await;
                }
                last = Some(Arc::new(SeenAt {
                    at,
                    observation,
                    doctor,
                }));
                None
            }
            Err(failed) => {
                errors += 1;
                let error = format!("{:#}", failed.error);
                if failed.is_first {
                    tracing::warn!(
                        "the server cannot be asked: {error}; the figures are old until it can"
                    );
                }
                Some((error, failed.since))
            }
        };
        let watched = watching.watched();
        if let Some(keeper) = &mut keeper {
            keeper.offer(watched.every, || match (&failure, &last) {
                (None, Some(seen)) => Sample::seen(at, &seen.observation, &seen.doctor),
                (failure, _) => {
                    let error = failure.as_ref().map_or("", |it| it.0.as_str());
                    Sample::failed(at, error)
                }
            });
        }
        let tick = Tick::of(&Ticked {
            watched,
            asked_at: at,
            seen: last.as_ref(),
            failure,
            seconds,
            errors,
            recorded: keeper.as_ref().map(Keeper::recorded),
            has_history,
        });
        let _ = sender.send(Some(Arc::new(tick)));
    }
}

/// Adds to what was found since when it is there: at first by the recording, then from look to look.
async fn since(
    begins: &mut Option<Begins>,
    past: &Past,
    at: Time,
    (found, streams): (&mut Vec<Finding>, &[StreamReport]),
) {
    if let Some(begins) = begins {
        begins.follow(at, found, streams);
        return;
    }
    let (past, streams) = (past.clone(), streams.to_vec());
    let mut those = found.clone();
    let looked = tokio::task::spawn_blocking(move || {
        past.tell(&mut those, &streams, at);
        those
    });
    if let Ok(those) = looked.await {
        *found = those;
        *begins = Some(Begins::after(at, found));
    }
}

/// What a tick is made of.
struct Ticked<'t> {
    watched: &'t Watched,
    asked_at: Time,
    /// What was observed last.
    seen: Option<&'t Arc<SeenAt>>,
    failure: Option<(String, Time)>,
    /// How long it took.
    seconds: f64,
    /// How often it failed since the start.
    errors: u64,
    recorded: Option<Recorded>,
    has_history: bool,
}

impl Tick {
    fn of(ticked: &Ticked<'_>) -> Self {
        let Ticked {
            watched,
            asked_at,
            seen,
            ref failure,
            seconds,
            errors,
            ref recorded,
            has_history,
        } = *ticked;
        let figures = Figures {
            at: seen.map(|it| it.at),
            asked_at,
            old_since: failure.as_ref().map(|(_, since)| *since),
            error: failure.as_ref().map(|(error, _)| error.as_str()),
            every_ms: u64::try_from(watched.every.as_millis()).unwrap_or(u64::MAX),
            recorded: recorded.as_ref(),
            has_history,
            last_change: seen.and_then(|it| it.observation.details.as_ref()?.audit.first()),
            doctor: seen.map(|it| &it.doctor),
            streams: seen.map_or(&[], |it| &it.observation.streams),
        };
        let fresh = seen.filter(|_| failure.is_none());
        let metrics = exposition(&Exposed {
            observation: fresh.map(|it| &it.observation),
            findings: fresh.map_or(&[], |it| &it.doctor.findings),
            database: watched.dialer.endpoint().db,
            seconds,
            errors,
            is_recorded: recorded.as_ref().map(|it| it.failing_since.is_none()),
        });
        Self {
            figures: json(&figures),
            parts: fresh.map(|it| Parts {
                streams: json(&it.observation.streams),
                groups: json(&it.observation.groups().collect::<Vec<_>>()),
                findings: json(&it.doctor),
                seen: Arc::clone(it),
            }),
            failure: failure.clone(),
            recorded: recorded.clone(),
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
