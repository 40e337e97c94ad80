//! `bridge from-kafka`: takes a topic into a stream.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use tokio::time::{sleep, timeout};

use super::connect;
use crate::bridge::{Received, Receiver, Receiving};
use crate::cli::{self, Impact, KafkaArgs, Position, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::service::alive;
use crate::console::{ServiceManager, Signals};
use crate::exit::{Exit, classify};
use crate::kafka::Client;
use crate::model::{Edge, Kind, LogFormat, Name, Problem, Time, counted, format_duration_short};
use crate::streams::names::{groups_of, listed};
use crate::wire::{Connection, Dialer};
use crate::worker::consumer_name;

/// How long the lease lasts when it is not renewed, and how often it is.
const LEASE: Duration = Duration::from_secs(15);
const RENEWED: Duration = Duration::from_secs(4);
/// How often one that stands by looks.
const STANDS_BY: Duration = Duration::from_secs(1);
/// How often the topic's number of partitions is looked at.
const PARTITIONS_EVERY: Duration = Duration::from_secs(30);
/// The pause after something failed, and the greatest one after several.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long --once goes on while nothing can be done.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long what is under way may take after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// Take the records of a topic of Kafka into a stream
///
/// Each record becomes an entry. The entry and the record's offset are stored in one step, in the stream and in
/// {STREAM}:bridge-from:TOPIC: whenever the bridge is killed, each record becomes an entry once. One bridge takes at a time;
/// another one stands by. It begins at the beginning of the topic, and with partitions that are added later.
///
/// An entry that `bridge to-kafka` sent gets its own id again, where the stream ends before that; the partitions are merged in the
/// order of ids as far as they were there at the start. Otherwise it gets the next id after the stream's end, and the
/// field _ucp_redis_id says its own. A record that no bridge wrote gets its time as id in the same way.
///
/// A value that is a JSON object, or what --envelope wrote, becomes the fields. Any other value is the field value, a missing one
/// (a tombstone) the field tombstone. What no bridge wrote has its key as the field key, and each header as header.NAME. Nothing
/// is trimmed.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::one::<Received>(), after_help = "\
Examples:
  ucp-streams bridge from-kafka events --to events.again \\
      --brokers kafka-1:9092
  # Take what was written up to an hour ago, then exit
  ucp-streams bridge from-kafka events --to events.again --until -1h
  # Take what is there, then exit (9: records were removed before that)
  ucp-streams bridge from-kafka events --to events.again --once -o json")]
pub(super) struct Args {
    /// The topic
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// The stream that gets the entries; it is made when it is not there
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    to: Name,

    /// Take what is there, then exit
    #[arg(long)]
    once: bool,

    /// Take what is not later than this time, or than the millisecond of this id, then exit; the first later record ends
    /// its partition
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        conflicts_with = "once"
    )]
    until: Option<Position>,

    /// Log lines on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    #[command(flatten)]
    kafka: KafkaArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    context.console.start_logs(args.log_format);
    let mut signals = Signals::catch()?;
    let client = connect(&args.kafka, context).await?;
    let receiving = Receiving::new(args.topic, args.to, &consumer_name(), LEASE);
    let ends = match args.until {
        Some(until) => {
            let time_ms = time_of(until)?;
            let ends = receiving.ends_at(&client, time_ms).await;
            Some(ends.map_err(Problem::from)?)
        }
        None => None,
    };
    let is_once = args.once || ends.is_some();
    let mut round = Round {
        received: receiving.nothing(),
        client,
        dialer: context.dialer()?.named("ucp-streams-bridge"),
        receiving,
        is_once,
        ends,
        connection: None,
        receiver: None,
        renewed: None,
        stands_by: false,
        looked: Instant::now(),
    };
    // What cannot be mended by waiting is said at once.
    round.begin().await?;
    let manager = ServiceManager::of_environment();
    manager.ready();
    let is_stopping = AtomicBool::new(false);
    let (ended, stopped) = {
        let mut rounds = Box::pin(round.rounds(&is_stopping));
        tokio::select! {
            biased;
            stop = signals.next() => {
                is_stopping.store(true, Ordering::Relaxed);
                // What it does not finish was done or not: nothing in between.
                (timeout(GRACE, &mut rounds).await.unwrap_or(Ok(())), Some(stop))
            }
            () = alive(manager) => (Ok(()), None),
            ended = &mut rounds => (ended, None),
        }
    };
    manager.stopping();
    round.release().await;
    context.console.show_one(&round.received)?;
    ended?;
    Ok(match stopped {
        _ if round.received.lost > 0 => Exit::DataLoss,
        Some(stop) if is_once => stop.into(),
        _ => Exit::Done,
    })
}

/// The last millisecond that a position includes.
fn time_of(until: Position) -> Result<u64, Problem> {
    match until.range_end(Time::now().ms) {
        Edge::Id(id) => Ok(id.ms),
        Edge::FromEnd(_) => Err(Problem::usage("--until is a time, an age or an id")
            .hint("give one such as 2026-01-31T09:00:00Z, -15m or 1700000000000-0")),
    }
}

/// A topic that is taken, over connections that may be lost.
struct Round {
    client: Client,
    dialer: Dialer,
    receiving: Receiving,
    received: Received,
    is_once: bool,
    /// Where --once and --until end.
    ends: Option<Vec<i64>>,
    connection: Option<Connection>,
    receiver: Option<Receiver>,
    renewed: Option<Instant>,
    stands_by: bool,
    looked: Instant,
}

/// What a step came to.
enum Step {
    /// There may be more at once.
    Worked,
    /// There was nothing to do.
    Waited,
    /// What was there is taken.
    Ended,
}

impl Round {
    /// Makes sure that there is a topic and that its records can be added to the stream.
    async fn begin(&mut self) -> Result<()> {
        let Receiving { topic, stream, .. } = &self.receiving;
        let connection = self.dialer.connect().await?;
        self.receiving.require_target(&connection).await?;
        let partitions = self.client.partitions(topic).await;
        let partitions = partitions.map_err(|error| match error.kind {
            Kind::NotFound => Problem::not_found(format!("Kafka has no topic `{topic}`"))
                .hint("check the name and the brokers; a bridge never creates a topic"),
            _ => error.into(),
        })?;
        let partitions = counted(u64::from(partitions), "partition", "partitions");
        tracing::info!(topic, %stream, server = %self.dialer.endpoint(), version = env!("CARGO_PKG_VERSION"), "bridge starts: {partitions}");
        let groups = groups_of(&connection, std::slice::from_ref(stream)).await;
        if !groups.is_empty() {
            tracing::warn!(%stream, "what is taken goes to the groups of the stream, too: {}", listed(&groups));
        }
        self.connection = Some(connection);
        Ok(())
    }

    async fn rounds(&mut self, is_stopping: &AtomicBool) -> Result<()> {
        let mut pause = PAUSE;
        let mut failing: Option<Instant> = None;
        while !is_stopping.load(Ordering::Relaxed) {
            match self.step().await {
                Ok(Step::Ended) => return Ok(()),
                Ok(step) => {
                    if failing.take().is_some() {
                        tracing::info!("it goes on");
                    }
                    pause = PAUSE;
                    if matches!(step, Step::Waited) && self.stands_by {
                        sleep(STANDS_BY).await;
                    }
                }
                Err(error) if Self::may_pass(&error) => {
                    // What was begun may be in any state: what is kept says how far it came.
                    self.receiver = None;
                    self.connection = None;
                    self.renewed = None;
                    let since = *failing.get_or_insert_with(Instant::now);
                    if self.is_once && since.elapsed() > PATIENCE {
                        return Err(error);
                    }
                    let again_in = format_duration_short(pause);
                    tracing::warn!("cannot go on: {error:#}; trying again in {again_in}");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn may_pass(error: &Error) -> bool {
        let is_fenced = error
            .downcast_ref::<crate::wire::Error>()
            .is_some_and(|it| it.kind == crate::wire::ErrorKind::Fenced);
        is_fenced
            || matches!(
                classify(error),
                Exit::Unavailable | Exit::NotFound | Exit::Unknown
            )
    }

    async fn step(&mut self) -> Result<Step> {
        let kept = self.connection.take().filter(|it| !it.is_lost());
        let connection = match kept {
            Some(connection) => connection,
            None => self.dialer.connect().await?,
        };
        let step = self.step_on(&connection).await;
        self.connection = Some(connection);
        step
    }

    async fn step_on(&mut self, connection: &Connection) -> Result<Step> {
        if !self.holds(connection).await? {
            self.receiver = None;
            return Ok(Step::Waited);
        }
        if self.has_grown().await? {
            self.receiver = None;
        }
        let receiver = match &mut self.receiver {
            Some(receiver) => receiver,
            None => {
                let ends = (self.is_once, &mut self.ends);
                let opened =
                    Receiver::open(&self.client, connection, &self.receiving, ends).await?;
                self.received.lost += opened.lost();
                self.receiver.insert(opened)
            }
        };
        if receiver.fill().await.map_err(Problem::from)? {
            receiver.take(connection, &mut self.received).await?;
            self.renewed = Some(Instant::now());
            return Ok(Step::Worked);
        }
        let is_ended = self.is_once && receiver.is_through();
        Ok(if is_ended { Step::Ended } else { Step::Waited })
    }

    /// Whether this bridge has the lease; it is renewed when it is time.
    async fn holds(&mut self, connection: &Connection) -> Result<bool> {
        if self.renewed.is_some_and(|it| it.elapsed() < RENEWED) {
            return Ok(true);
        }
        let Receiving { topic, stream, .. } = &self.receiving;
        let Some(other) = self.receiving.hold(connection).await? else {
            if std::mem::take(&mut self.stands_by) {
                tracing::info!(topic, %stream, "the other bridge has ended: this one takes over");
            }
            self.renewed = Some(Instant::now());
            return Ok(true);
        };
        self.renewed = None;
        if self.is_once {
            let text = format!("`{other}` takes topic `{topic}` into stream `{stream}` already");
            let hint = format!(
                "wait until it has ended; one that was killed holds its lease for {} more at most",
                format_duration_short(LEASE)
            );
            return Err(Problem::refused(text).hint(hint).into());
        }
        if !std::mem::replace(&mut self.stands_by, true) {
            tracing::info!(topic, %stream, "`{other}` takes the topic: this bridge stands by");
        }
        Ok(false)
    }

    /// Whether the topic has more partitions than are read.
    async fn has_grown(&mut self) -> Result<bool> {
        let Some(receiver) = self.receiver.as_ref().filter(|_| !self.is_once) else {
            return Ok(false);
        };
        if self.looked.elapsed() < PARTITIONS_EVERY {
            return Ok(false);
        }
        self.looked = Instant::now();
        let Receiving { topic, stream, .. } = &self.receiving;
        let now = self.client.partitions(topic).await.map_err(Problem::from)?;
        let has_grown = now as usize > receiver.partitions();
        if has_grown {
            tracing::info!(topic, %stream, "the topic has {now} partitions now");
        }
        Ok(has_grown)
    }

    /// Lets another bridge begin at once.
    async fn release(&self) {
        if let Some(connection) = &self.connection {
            self.receiving.release(connection).await;
        }
    }
}
