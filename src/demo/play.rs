//! Runs the workers of the three groups in this process until everything that was published is handled or
//! dead-lettered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Day, MlService, Scene};
use crate::model::{Backoff, EntryId, Kind, Name, Problem};
use crate::platform::PREDICTION_RESULTS;
use crate::topology::{Builtin as BuiltinSpec, GroupSpec, Handler as Spec, Workers};
use crate::wire::{Connection, Dialer, GroupStart, xinfo_groups};
use crate::worker::handler::{Builtin, Handler, Http};
use crate::worker::{
    Assignment, Counters, Journal, Mode, Policy, Signal, Summary, consumer_name, run,
};

/// How long the workers may make no progress.
const PATIENCE: Duration = Duration::from_mins(1);
/// The shortest claim idle that is allowed, so that the messages of the dead worker are claimed soon.
const CLAIM_IDLE: Duration = GroupSpec::CLAIM_IDLE_MIN;

/// What the workers did.
#[derive(Debug)]
pub struct Work {
    /// The distinct ids that each group's handler reports as handled.
    pub ledgers: BTreeMap<Name, BTreeSet<EntryId>>,
    /// The counters of each group's worker.
    pub summaries: BTreeMap<Name, Summary>,
}

type Ledger = Arc<Mutex<BTreeSet<EntryId>>>;

/// A worker for each group, running in this process.
#[derive(Debug)]
pub struct Crew {
    workers: JoinSet<Result<Summary>>,
    signal: watch::Sender<Signal>,
    books: Vec<(Name, Ledger, Arc<Counters>)>,
}

impl Crew {
    /// Starts them.
    ///
    /// # Errors
    /// When there is no client for the ML service.
    pub fn start(scene: &Scene, dialer: &Dialer, service: &MlService) -> Result<Self> {
        let (signal, listener) = watch::channel(Signal::Run);
        let mut crew = Self {
            workers: JoinSet::new(),
            signal,
            books: Vec::new(),
        };
        for group in &scene.topology.groups {
            let ledger = Ledger::default();
            let counters = Arc::new(Counters::default());
            let job = assignment(scene, group, service, Arc::clone(&ledger))?;
            let (dialer, listener) = (dialer.clone(), listener.clone());
            crew.workers
                .spawn(run(job, dialer, listener, Arc::clone(&counters)));
            crew.books.push((group.name.clone(), ledger, counters));
        }
        Ok(crew)
    }

    /// Publishes the rest of the day as the groups catch up, and waits until every group has been delivered
    /// everything and has nothing pending.
    ///
    /// # Errors
    /// The error with which a worker ended; no progress in time.
    pub async fn see_to(
        &mut self,
        day: &mut Day,
        scene: &mut Scene,
        connection: &Connection,
    ) -> Result<()> {
        let (mut since, mut known) = (Instant::now(), 0);
        loop {
            let is_published = day.publish(scene, connection).await?;
            if is_published && is_quiet(scene, connection).await? {
                return Ok(());
            }
            if let Some(ended) = self.workers.try_join_next() {
                ended??;
                bail!(Problem::new(
                    Kind::Bug,
                    "a worker ended before its work was done"
                ));
            }
            let handled = self.handled();
            if handled > known {
                (since, known) = (Instant::now(), handled);
            }
            if since.elapsed() > PATIENCE {
                bail!(Problem::new(
                    Kind::Unavailable,
                    format!("the workers made no progress for {PATIENCE:?}")
                ));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn handled(&self) -> u64 {
        let of = |(_, _, counters): &(Name, Ledger, Arc<Counters>)| counters.summary().handled;
        self.books.iter().map(of).sum()
    }

    /// Lets the workers finish what they have in hand, and stops them. Returns what they did.
    ///
    /// # Errors
    /// The error with which a worker ended.
    pub async fn stop(&mut self) -> Result<Work> {
        let _ = self.signal.send(Signal::Drain);
        let mut failed = None;
        while let Some(ended) = self.workers.join_next().await {
            if let Err(error) = ended.map_err(Into::into).flatten() {
                failed.get_or_insert(error);
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let mut done = Work {
            ledgers: BTreeMap::new(),
            summaries: BTreeMap::new(),
        };
        for (group, ledger, counters) in &self.books {
            let ids = std::mem::take(
                &mut *ledger
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
            );
            done.ledgers.insert(group.clone(), ids);
            done.summaries.insert(group.clone(), counters.summary());
        }
        Ok(done)
    }
}

fn assignment(
    scene: &Scene,
    group: &GroupSpec,
    service: &MlService,
    ledger: Ledger,
) -> Result<Assignment> {
    let mut policy = Policy::from(group);
    policy.claim_idle = CLAIM_IDLE;
    policy.max_deliveries = 3;
    policy.backoff = Backoff {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(1),
    };
    let journal: Journal = Arc::new(move |id| {
        ledger
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(id);
    });
    let handler = match &group.handler {
        Some(Spec::Builtin(builtin)) => builtin_handler(scene, group, builtin),
        _ => {
            policy.concurrency = 8;
            let results = Some(scene.named(PREDICTION_RESULTS));
            let fan_out = match &group.handler {
                Some(Spec::Http(spec)) => spec.fan_out.clone(),
                _ => None,
            };
            Handler::Http(Http::new(
                &service.url(),
                results,
                fan_out,
                None,
                policy.handler_timeout,
            )?)
        }
    };
    policy.batch = if handler.is_inline() {
        500
    } else {
        policy.concurrency
    };
    Ok(Assignment {
        stream: group.stream.clone(),
        home: None,
        group: group.name.clone(),
        consumer: consumer_name(),
        dead_letter: scene.topology.stream_or_default(&group.stream).dead_letter,
        policy,
        handler: Arc::new(handler),
        is_single: group.workers == Workers::One,
        may_create: false,
        start: GroupStart::After(EntryId::MIN),
        on_group_lost: group.on_group_lost,
        mode: Mode::Forever,
        given: Vec::new(),
        max_messages: None,
        connect_for: Duration::from_secs(5),
        key: None,
        portion: None,
        journal: Some(journal),
        recorded_for: None,
        pulse: None,
    })
}

fn builtin_handler(scene: &Scene, group: &GroupSpec, builtin: &BuiltinSpec) -> Handler {
    let handler = Builtin::new(builtin, &group.stream, &scene.topology, |name: &str| {
        scene.named(name)
    });
    Handler::Inline(Box::new(handler))
}

/// Whether every group has read to the end of its stream and has nothing pending.
async fn is_quiet(scene: &Scene, connection: &Connection) -> Result<bool> {
    for group in &scene.topology.groups {
        let stream = connection
            .run(crate::wire::xinfo_stream(&group.stream))
            .await?;
        let groups = connection.run(xinfo_groups(&group.stream)).await?;
        let is_done = groups
            .iter()
            .filter(|info| info.name == group.name)
            .all(|info| info.pending == 0 && info.last_delivered_id >= stream.last_generated_id);
        if !is_done {
            return Ok(false);
        }
    }
    Ok(true)
}
