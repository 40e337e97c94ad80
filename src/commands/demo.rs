//! `demo`: the whole pipeline on a real server, with a proof at the end.

use anyhow::Result;

use super::Context;
use crate::demo::{
    GroupProof, MlService, Published, Scene, StreamProof, Victim, Work, drop_one, prove_groups,
    prove_streams, publish, work,
};
use crate::exit::Exit;
use crate::model::{Kind, Problem};
use crate::streams::inspect;
use crate::topology::EVENTS_NORMALIZED;
use crate::view::{Cell, Column, Info, Report, Row, Section};
use crate::wire::{Connection, Dialer};

/// Watch the whole pipeline run on a real server, and prove that nothing was lost
///
/// Without -u on a private server that is gone afterwards. On a given server it uses keys of its own prefix, refuses keys
/// that exist, and removes only its own.
#[derive(Debug, clap::Args)]
#[command(add = crate::cli::Impact::Write, after_help = "Examples:
  # A private server, a generated day of events, a crash, poison messages, the accounting
  ucp-streams demo
  # The same on a server of yours, under keys of its own; a longer day
  ucp-streams demo -u redis://127.0.0.1:6379 --events 20000
  # See the proof fail: one message is acknowledged and never handled
  ucp-streams demo --drop-one")]
pub(super) struct Args {
    /// Entries of the generated day
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..=100_000))]
    events: u64,
    /// The day that is generated; the same seed gives the same day
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Acknowledge one message without handling it, to see the proof notice
    #[arg(long)]
    drop_one: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let context = &context.or_private();
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
    let mut scene = Scene::new(&prefix);
    scene.refuse_existing(&connection).await?;
    let played = play(&args, context, &dialer, &connection, &mut scene).await;
    let removed = scene.remove(&connection).await;
    let exit = played?;
    if !context.is_ephemeral() {
        context
            .console
            .note(&format!("removed {} keys, all of them its own", removed?));
    }
    Ok(exit)
}

async fn play(
    args: &Args,
    context: &Context,
    dialer: &Dialer,
    connection: &Connection,
    scene: &mut Scene,
) -> Result<Exit> {
    let say = |text: String| context.console.note(&text);
    say(format!(
        "server       {} {}",
        dialer.endpoint(),
        if context.is_ephemeral() {
            "(private, gone afterwards)"
        } else {
            ""
        }
    ));
    let published = publish(scene, connection, args.seed, args.events).await?;
    say(format!(
        "groups       {} created",
        scene.topology.groups.len()
    ));
    for (stream, ids) in &published.ids {
        say(format!("published    {:>7}  {stream}", ids.len()));
    }
    say(format!(
        "poison       {:>7}  messages among them that no handler can handle",
        published.poison
    ));
    crash(connection, dialer, scene, &say).await?;
    if args.drop_one {
        let id = drop_one(scene, dialer, connection).await?;
        say(format!(
            "dropped      {id} acknowledged without being handled, on purpose"
        ));
    }
    let service = MlService::start().await?;
    say(format!("ML service   a stand-in at {}", service.url()));
    let done = work(scene, dialer, connection, &service).await?;
    for (group, summary) in &done.summaries {
        let odd = [
            (summary.taken_over, "taken over"),
            (summary.retried, "tried again"),
            (summary.dead_lettered, "dead"),
        ];
        let odd: Vec<String> = odd
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        say(format!(
            "handled      {:>7}  {group} ({})",
            summary.handled,
            odd.join(", ")
        ));
    }
    say(String::new());
    prove(context, dialer, connection, scene, &published, &done).await
}

async fn crash(
    connection: &Connection,
    dialer: &Dialer,
    scene: &Scene,
    say: &impl Fn(String),
) -> Result<()> {
    let program = std::env::current_exe().map_err(|error| {
        Problem::new(
            Kind::Local,
            format!("cannot find this program to start a second worker: {error}"),
        )
    })?;
    let group = scene.group_on(EVENTS_NORMALIZED)?;
    let mut victim = Victim::start(&program, dialer.endpoint(), &group)?;
    let held = victim.await_messages(connection, &group).await?;
    victim.kill()?;
    say(format!(
        "crash        {held:>7}  messages in the hands of a worker that was killed"
    ));
    Ok(())
}

async fn prove(
    context: &Context,
    dialer: &Dialer,
    connection: &Connection,
    scene: &Scene,
    published: &Published,
    done: &Work,
) -> Result<Exit> {
    if context.console.options().format.is_for_people() {
        let streams = inspect::streams(connection, &scene.topology, &[])
            .await?
            .whole()?;
        context.console.show_report(&Info::new(&streams, false))?;
        context.console.put(b"\n")?;
    }
    let proof = Proof {
        groups: prove_groups(scene, dialer, connection, published, &done.ledgers).await?,
        streams: prove_streams(scene, connection, published).await?,
    };
    context.console.show_report(&proof)?;
    if let Some(wrong) = proof.groups.iter().find(|group| !group.adds_up) {
        let astray: Vec<String> = wrong.astray.iter().map(ToString::to_string).collect();
        return Err(Problem::new(
            Kind::Negative,
            format!(
                "the accounting of group `{}` does not add up: {} astray",
                wrong.group,
                astray.join(", ")
            ),
        )
        .into());
    }
    if let Some(wrong) = proof.streams.iter().find(|stream| !stream.adds_up) {
        return Err(Problem::new(
            Kind::Negative,
            format!("the accounting of `{}` does not add up", wrong.stream),
        )
        .into());
    }
    context
        .console
        .note("every published message is accounted for, exactly once");
    Ok(Exit::Done)
}

/// The accounting, of groups and of streams without one.
#[derive(Debug, serde::Serialize)]
struct Proof {
    groups: Vec<GroupProof>,
    streams: Vec<StreamProof>,
}

impl Report for Proof {
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        section.heading("Groups: published = handled + dead + pending + undelivered + trimmed");
        section.list(&self.groups)?;
        section.heading("Streams without a group: published = length + trimmed");
        section.list(&self.streams)
    }
}

impl Row for GroupProof {
    const COLUMNS: &'static [Column] = &[
        Column::whole("group", "GROUP"),
        Column::text("stream", "STREAM").wide(),
        Column::number("published", "PUBLISHED"),
        Column::number("handled", "HANDLED"),
        Column::number("dead_lettered", "DEAD"),
        Column::number("pending", "PENDING"),
        Column::number("undelivered", "UNDELIVERED").wide(),
        Column::number("trimmed", "TRIMMED"),
        Column::whole("adds_up", "ADDS UP"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            published,
            handled,
            dead_lettered,
            pending,
            undelivered,
            trimmed,
            adds_up,
            astray: _,
        } = self;
        vec![
            group.into(),
            stream.into(),
            (*published).into(),
            (*handled).into(),
            (*dead_lettered).into(),
            (*pending).into(),
            (*undelivered).into(),
            (*trimmed).into(),
            (*adds_up).into(),
        ]
    }
}

impl Row for StreamProof {
    const COLUMNS: &'static [Column] = &[
        Column::whole("stream", "STREAM"),
        Column::number("published", "PUBLISHED"),
        Column::number("length", "LENGTH"),
        Column::number("trimmed", "TRIMMED"),
        Column::whole("adds_up", "ADDS UP"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            stream,
            published,
            length,
            trimmed,
            adds_up,
        } = self;
        vec![
            stream.into(),
            (*published).into(),
            (*length).into(),
            (*trimmed).into(),
            (*adds_up).into(),
        ]
    }
}
