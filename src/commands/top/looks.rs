//! The looks at the server, one after the other, at the cost of `info`: what the server says about itself is asked less
//! often, and the time that saves is for the closer look of `doctor` now and then.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::commands::shared::Context;
use crate::commands::shared::redis_cli::options_of_redis_cli;
use crate::findings::{DoctorReport, Finding, Needs, RULES, Scope, name_server};
use crate::model::{Time, whole_ms};
use crate::streams::about::{About, Memory, about, memory};
use crate::streams::changes::recent;
use crate::streams::inspect::{Detail, Observation, Past, Wanted, observe};
use crate::top::{LastChange, Look, RATE_SECONDS_MIN};
use crate::wire::Connection;

/// How often the server is asked what it is and how much memory it uses.
const ABOUT: Duration = Duration::from_secs(5);
/// How often it is looked at as closely as `doctor` does.
const CLOSER: Duration = Duration::from_mins(5);

/// What one look is to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    with_about: bool,
    detail: Detail,
}

/// What was asked.
pub(super) struct Answered {
    at: Time,
    observation: Observation,
    about: Option<Asides>,
}

/// What the server is asked less often: what it is, how much memory it uses, and what was changed last.
#[derive(Clone, Default)]
struct Asides {
    about: About,
    memory: Option<Memory>,
    last_change: Option<LastChange>,
}

/// What is remembered from one look to the next.
pub(super) struct Looks<'c> {
    context: &'c Context,
    past: Past,
    about: Option<(Instant, Asides)>,
    closer: Option<(Instant, Vec<Finding>)>,
}

impl<'c> Looks<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        Self {
            context,
            past: Past::from(Duration::from_secs(RATE_SECONDS_MIN)),
            about: None,
            closer: None,
        }
    }

    /// What is due to be asked now.
    pub(super) fn due(&self) -> Asked {
        let is_due = |at: Option<Instant>, every| at.is_none_or(|at| at.elapsed() >= every);
        let is_closer = is_due(self.closer.as_ref().map(|it| it.0), CLOSER);
        Asked {
            with_about: is_due(self.about.as_ref().map(|it| it.0), ABOUT),
            detail: if is_closer {
                Detail::Details
            } else {
                Detail::Streams
            },
        }
    }

    /// Begins anew: what the server said about itself may be that of another one.
    pub(super) fn forget(&mut self) {
        self.about = None;
        self.closer = None;
    }

    /// What was seen, with what is known from before.
    ///
    /// # Errors
    /// As [`Context::topology`] and [`Context::dialer`].
    pub(super) fn take(&mut self, answered: Answered) -> Result<Look> {
        let Answered {
            at,
            mut observation,
            about,
        } = answered;
        self.past.tell_paces(at, &mut observation.streams);
        if let Some(asides) = about {
            self.about = Some((Instant::now(), asides));
        }
        let doctor = self.diagnose(&observation)?;
        let mut asides = Asides::default();
        if let Some((then, said)) = &self.about {
            let passed_ms = whole_ms(then.elapsed());
            asides = said.clone();
            if let Some(now) = &mut asides.about.now {
                *now = Time::from_ms(now.ms.saturating_add(passed_ms));
            }
        }
        Ok(Look {
            at,
            about: asides.about,
            memory: asides.memory,
            last_change: asides.last_change,
            denied: observation.denied.into_iter().map(|it| it.stream).collect(),
            streams: observation.streams,
            doctor,
        })
    }

    /// The findings: those of this look, and those that only the last closer look could make.
    fn diagnose(&mut self, observation: &Observation) -> Result<DoctorReport> {
        let topology = self.context.topology()?;
        let scope = Scope {
            observation,
            topology,
        };
        let mut doctor = DoctorReport::new(&scope);
        if observation.details.is_some() {
            let closer = doctor
                .findings
                .iter()
                .filter(|it| is_of_details(it))
                .cloned();
            self.closer = Some((Instant::now(), closer.collect()));
        } else if let Some((_, closer)) = &self.closer {
            doctor = doctor.with(closer, &scope);
        }
        let redis_cli = options_of_redis_cli(self.context.dialer()?.endpoint());
        let next = doctor.findings.iter_mut().map(|it| &mut it.next);
        name_server(next, &redis_cli);
        Ok(doctor)
    }
}

fn is_of_details(finding: &Finding) -> bool {
    let mut rules = RULES.iter();
    rules.any(|it| it.id == finding.rule && it.about.needs == Needs::Details)
}

/// Asks the server.
///
/// # Errors
/// Errors of the server.
pub(super) async fn ask(
    connection: Rc<Connection>,
    context: &Context,
    asked: Asked,
) -> Result<Answered> {
    let at = Time::now();
    let topology = context.topology()?;
    let observing = observe(&connection, topology, Wanted::Topology, asked.detail);
    let about = async {
        if !asked.with_about {
            return None;
        }
        let recent = recent(&connection, topology.audit.as_ref());
        let (about, memory, recent) = tokio::join!(about(&connection), memory(&connection), recent);
        // A connection that is lost is told of by the look itself.
        let last = recent.unwrap_or_default().into_iter().next();
        Some(Asides {
            about,
            memory,
            last_change: last.map(|row| LastChange {
                undo: context.offered_undo(&row),
                row,
            }),
        })
    };
    let (observation, about) = tokio::join!(observing, about);
    Ok(Answered {
        at,
        observation: observation?,
        about,
    })
}
