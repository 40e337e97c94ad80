//! `demo`: runs the whole pipeline on a real server, and proves at the end that nothing was lost.

mod proof;

use std::process::ExitStatus;

use anyhow::{Context as _, Result};

use super::Context;
use crate::cli::{DryRun, Impact, Prints};
use crate::console::{Signals, Stop};
use crate::demo::{
    Crew, Day, MlService, Published, Scene, Victim, Work, drop_one, prove_groups, prove_streams,
};
use crate::exit::Exit;
use crate::model::{Kind, Limit, Problem, counted, escaped, with_commas};
use crate::platform::EVENTS_NORMALIZED;
use crate::settings::ServerChoice;
use crate::streams::inspect::{Detail, Wanted, observe};
use crate::view::Report;
use crate::wire::{Connection, Dialer};
use proof::Proof;

/// Run the whole pipeline, crash a worker, account for every entry
///
/// Publishes a generated day of events, and kills a worker that has messages in flight. Other workers then handle
/// everything, including messages that no handler can handle. At the end, the accounting shows for each group that
/// every published message was handled, dead-lettered, or is still there, exactly once.
///
/// Starts a private server and removes it afterwards, unless -u names a server. On a server that you name, it uses
/// only keys with its own prefix, refuses to start if such keys exist, and removes only these keys, also when it is
/// interrupted.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::of::<Proof>(Proof::TABLES), after_help = "Examples:
  # Run everything on a private server
  ucp-streams demo
  # The same on your own server, with keys of its own, and a longer day
  ucp-streams demo -u redis://127.0.0.1:6379 --events 20000
  # See the accounting fail: one message is acknowledged and never handled
  ucp-streams demo --drop-one")]
pub(super) struct Args {
    /// Number of events in the generated day
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    events: u64,
    /// The seed of the generated day; the same seed gives the same events
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Acknowledge one message without handling it, to show that the final accounting detects the loss
    #[arg(long)]
    drop_one: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let context = &context.or_private();
    if context.is_rehearsal(args.dry_run) {
        return rehearse(&args, context);
    }
    let dialer = context.dialer()?;
    let prefix = if context.is_ephemeral() {
        String::new()
    } else {
        format!(
            "{{ucp-demo-{}}}:",
            &uuid::Uuid::new_v4().simple().to_string()[..8]
        )
    };
    let connection = dialer.connect().await?;
    let scene = Scene::new(&prefix);
    scene.refuse_existing(&connection).await?;
    scene.require_removal(&connection).await?;
    let mut signals = Signals::catch()?;
    let mut stage = Stage {
        args,
        context,
        dialer,
        connection,
        scene,
        crew: None,
    };
    let ended = tokio::select! {
        played = stage.play() => End::Played(played),
        signal = signals.next() => End::Stopped(signal),
    };
    stage.clear(ended, &mut signals).await
}

/// Says what the demonstration would do and where, without connecting to a server.
fn rehearse(args: &Args, context: &Context) -> Result<Exit> {
    let place = match &context.settings.target.value {
        ServerChoice::Ephemeral => {
            let binary = context.server_binary()?;
            let binary = escaped(binary.as_os_str().as_encoded_bytes());
            format!("start {binary} as a private server that is removed afterwards")
        }
        ServerChoice::Server(endpoint) => {
            format!("use keys that begin with {{ucp-demo- on {endpoint} and remove them afterwards")
        }
    };
    context.rehearsed(&format!(
        "{place}; publish a generated day of {} entries (seed {}), kill a worker with entries in flight, run the workers \
         of all groups, and account for every entry{}",
        with_commas(args.events),
        args.seed,
        if args.drop_one {
            ", and acknowledge one of them without handling it"
        } else {
            ""
        }
    ));
    Ok(Exit::Done)
}

/// How the demonstration ended.
enum End {
    Played(Result<Exit>),
    Stopped(Stop),
}

/// The server and the workers of the demonstration.
struct Stage<'c> {
    args: Args,
    context: &'c Context,
    dialer: Dialer,
    connection: Connection,
    scene: Scene,
    crew: Option<Crew>,
}

impl Stage<'_> {
    fn say(&self, text: &str) {
        self.context.console.note(text);
    }

    async fn play(&mut self) -> Result<Exit> {
        let place = if self.context.is_ephemeral() {
            "(private, removed afterwards)"
        } else {
            ""
        };
        self.say(&format!("server       {} {place}", self.dialer.endpoint()));
        let (seed, count) = (self.args.seed, self.args.events);
        let mut day = Day::start(&self.scene, &self.connection, seed, count).await?;
        self.say(&format!(
            "groups       {} created",
            self.scene.topology.groups.len()
        ));
        let is_whole = day.publish(&mut self.scene, &self.connection).await?;
        self.say_published(&day.published, is_whole);
        let crashed = self.crash().await?;
        if self.args.drop_one {
            let id = drop_one(&self.scene, &self.dialer, &self.connection).await?;
            self.say(&format!(
                "dropped      {id} acknowledged without being handled, on purpose"
            ));
        }
        let service = MlService::start().await?;
        self.say(&format!("ML service   a mock at {}", service.url()));
        let crew = Crew::start(&self.scene, &self.dialer, &service)?;
        let crew = self.crew.insert(crew);
        crew.see_to(&mut day, &mut self.scene, &self.connection)
            .await?;
        // Had it been for a reason that workers have, these had told.
        if let Err(status) = crashed {
            return Err(Problem::new(
                Kind::Bug,
                format!("the worker that was to be killed exited by itself: {status}"),
            )
            .into());
        }
        let done = crew.stop().await?;
        if !is_whole {
            self.say_published(&day.published, true);
        }
        self.say_handled(&done);
        self.say("");
        self.prove(&mut day.published, &done).await
    }

    fn say_published(&self, published: &Published, is_whole: bool) {
        for (stream, ids) in &published.ids {
            self.say(&format!(
                "published    {:>7}  {stream}",
                with_commas(ids.len())
            ));
        }
        if !is_whole {
            self.say("             the rest is published as the groups catch up, so that MAXLEN trims no unread entries");
            return;
        }
        self.say(&format!(
            "poison       {:>7}  of these messages are poison: no handler can handle them",
            with_commas(published.poison)
        ));
    }

    /// Kills a worker that has messages in flight. Gives its exit status if it exited before it had any.
    async fn crash(&self) -> Result<Result<(), ExitStatus>> {
        let program = std::env::current_exe().map_err(|error| {
            Problem::new(
                Kind::Local,
                format!("cannot find this program to start a second worker: {error}"),
            )
        })?;
        let group = self.scene.group_on(EVENTS_NORMALIZED)?;
        let mut victim = Victim::start(&program, self.dialer.endpoint(), &group)?;
        let held = match victim.await_messages(&self.connection, &group).await? {
            Ok(held) => held,
            Err(status) => return Ok(Err(status)),
        };
        victim.kill()?;
        self.say(&format!(
            "crash        {:>7}  messages in flight when a worker was killed",
            with_commas(held)
        ));
        Ok(Ok(()))
    }

    fn say_handled(&self, done: &Work) {
        for (group, summary) in &done.summaries {
            let odd = [
                (summary.taken_over, "taken over"),
                (summary.retried, "tried again"),
                (summary.dead_lettered, "dead"),
            ];
            let odd: Vec<String> = odd
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{} {what}", with_commas(count)))
                .collect();
            self.say(&format!(
                "handled      {:>7}  {group} ({})",
                with_commas(summary.handled),
                odd.join(", ")
            ));
        }
    }

    async fn prove(&self, published: &mut Published, done: &Work) -> Result<Exit> {
        let (scene, connection) = (&self.scene, &self.connection);
        let proof = Proof {
            info: observe(
                connection,
                &scene.topology,
                Wanted::Topology,
                Detail::Streams,
            )
            .await?
            .whole()?,
            groups: prove_groups(scene, &self.dialer, connection, published, &done.ledgers).await?,
            streams: prove_streams(scene, connection, published).await?,
        };
        self.context.console.show_report(&proof, Limit::All)?;
        proof.verdict()?;
        self.say("every published message is accounted for, exactly once");
        Ok(Exit::Done)
    }

    /// Stops the workers, then removes the demonstration's keys once nobody writes to them any more. After a second
    /// signal it does not wait for the workers.
    async fn clear(mut self, ended: End, signals: &mut Signals) -> Result<Exit> {
        if let Some(mut crew) = self.crew.take() {
            tokio::select! {
                // What went wrong with it is in `ended`, or of no matter any more.
                _ = crew.stop() => {}
                _ = signals.next() => {}
            }
        }
        let removed = self.remove().await;
        match ended {
            End::Played(Err(error)) => {
                if let Err(left) = removed {
                    self.context.console.warn(&format!("{left:#}"));
                }
                Err(error)
            }
            End::Played(Ok(exit)) => {
                if let Some(text) = removed? {
                    self.say(&text);
                }
                Ok(exit)
            }
            End::Stopped(signal) => {
                let gone = "the private server has been removed".to_owned();
                self.say(&format!("stopped: {}", removed?.unwrap_or(gone)));
                Ok(Exit::from(signal))
            }
        }
    }

    /// Removes the demonstration's keys from a server that it did not start. Returns the message that says so.
    async fn remove(&self) -> Result<Option<String>> {
        if self.context.is_ephemeral() {
            return Ok(None);
        }
        let removed = self.scene.remove(&self.connection).await;
        let keys = self.scene.named("*");
        let removed = removed.with_context(|| {
            format!("some keys of the demonstration may have been left behind: {keys}")
        })?;
        let keys = counted(removed, "key", "keys");
        Ok(Some(format!(
            "removed the demonstration's own keys: {keys}"
        )))
    }
}
