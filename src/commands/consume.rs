//! `consume`: reads entries as a consumer of a group.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use super::tail::Shown;
use crate::cli::{self, DryRun, Impact, Pairs, Prints};
use crate::console::{Signals, Stop};
use crate::exit::{Exit, OutputClosed};
use crate::model::{CommandLine, EntryId, Lag, Name, entries};
use crate::streams::consume::{Consumed, Job, Left, Member, Wait, peek};
use crate::streams::losses::between_ids;
use crate::streams::target::Target;
use crate::topology::{GroupSpec, Topology, Workers};
use crate::wire::Gap;
use crate::worker::consumer_name;

/// Read entries as a member of a group and print them
///
/// Without --ack, the entries stay pending for the consumer, and the last lines on standard error show how to
/// acknowledge them or hand them over. With --ack, an entry is acknowledged once it has been written and flushed.
/// Entries that could not be written, because the pipe was closed or the disk was full, stay pending and can be claimed
/// at once. (A program that reads from a pipe may still lose what it has read.) The command ends when no entry is left.
/// It deletes its consumer, unless the consumer existed before or has pending entries.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::entries(), after_help = "\
Examples:
  ucp-streams consume event-processors --count 10
  ucp-streams consume event-processors --count 100 --ack -o ndjson
  ucp-streams consume event-processors --ack --follow -o ndjson")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Read at most this many entries
    #[arg(long, value_name = "N", value_parser = cli::count(u64::MAX))]
    count: Option<u64>,

    /// Acknowledge entries once they have been written and flushed
    #[arg(long)]
    ack: bool,

    /// Read as this consumer; no other process may use the same name [default: host-pid-random]
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name())]
    consumer: Option<Name>,

    /// When no entry is left, wait this long for more before exiting, such as 5s
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration)]
    block: Option<Duration>,

    /// Wait for more entries until stopped (or until --count entries were read), and reconnect after a lost
    /// connection; JSON is then printed as one object per line
    #[arg(short, long, conflicts_with_all = ["block", "dry_run"])]
    follow: bool,

    #[command(flatten)]
    pairs: Pairs,

    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    fn job(&self) -> Job {
        Job {
            count_max: self.count,
            wait: match self.block {
                _ if self.follow => Wait::Forever,
                Some(block) => Wait::UpTo(block),
                None => Wait::No,
            },
            acknowledges: self.ack,
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let group = args.group.open(context).await?;
    let (spec, target, connection) = (group.spec, group.target, group.connection);
    let dialer = context.dialer()?;
    let own = group.groups.iter().find(|it| it.name == target.group);
    let position = own.map_or(EntryId::MIN, |it| it.last_delivered_id);
    let stopped = Cell::new(None);
    let streams = [target.stream.clone()];
    let mut shown = Shown::new(&streams, args.follow, in_pairs, &context.console);
    if context.is_rehearsal(args.dry_run) {
        let mut lane = dialer.lane().await?;
        let found = peek(&mut lane, &target.stream, position, args.count, &mut shown).await?;
        shown.end()?;
        context.rehearsed(&format!("deliver {} of {target}", entries(found)));
        return Ok(Exit::Done);
    }
    warn_of_single(&spec, context);
    let consumer = args.consumer.clone().unwrap_or_else(consumer_name);
    let dead_letter = group.topology.stream_or_default(&target.stream).dead_letter;
    let mut member = Member::join(
        &dialer,
        connection,
        &target,
        &consumer,
        dead_letter,
        position,
    )
    .await?;
    let is_stopped = || stopped.get().is_some();
    let reader_gone = context.console.reader_gone();
    let work = member.consume(args.job(), &mut shown, is_stopped, reader_gone);
    let Some(mut outcome) = until_stopped(work, &stopped).await? else {
        return Ok(stopped.get().map_or(Exit::Done, Exit::from));
    };
    if outcome.is_abandoned && outcome.error.is_none() {
        outcome.error = Some(OutputClosed.into());
    }
    let ended = shown.end();
    let left = member.leave().await;
    let report = Report {
        context,
        target: &target,
        topology: group.topology,
        consumer: &consumer,
        acknowledges: args.ack,
        is_stopped: stopped.get().is_some(),
    };
    let exit = report.tell(outcome, left)?;
    ended?;
    Ok(match stopped.get() {
        Some(stop) if exit == Exit::Done => stop.into(),
        _ => exit,
    })
}

fn warn_of_single(spec: &GroupSpec, context: &Context) {
    if spec.workers == Workers::One {
        context.console.warn(&format!(
            "only one worker at a time may read group `{}`; reading here takes entries out of that worker's order",
            spec.name
        ));
    }
}

/// Runs `work` to its end. The first signal only sets `stopped`, which the work can look at; a second signal drops
/// the work and gives `None`.
async fn until_stopped<T>(
    work: impl Future<Output = T>,
    stopped: &Cell<Option<Stop>>,
) -> Result<Option<T>> {
    let mut signals = Signals::catch()?;
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Some(done)),
            stop = signals.next() => {
                if stopped.replace(Some(stop)).is_some() {
                    return Ok(None);
                }
            }
        }
    }
}

/// What is printed on standard error at the end.
struct Report<'a> {
    context: &'a Context,
    target: &'a Target,
    topology: &'a Topology,
    consumer: &'a Name,
    acknowledges: bool,
    /// Whether a signal ended the run, perhaps while there was no connection to the server.
    is_stopped: bool,
}

impl Report<'_> {
    fn tell(&self, consumed: Consumed, left: Result<Left>) -> Result<Exit> {
        let (console, target) = (&self.context.console, self.target);
        if self.acknowledges && consumed.acknowledged > 0 {
            let acknowledged = entries(consumed.acknowledged);
            console.note(&format!("{acknowledged} of {target} acknowledged"));
        }
        if consumed.entries == 0 && consumed.error.is_none() {
            console.note(&format!("nothing to consume in {target}"));
        }
        if consumed.claimed_away > 0 {
            console.warn(&format!(
                "not acknowledged, because other consumers claimed them while they were being written: {}",
                entries(consumed.claimed_away)
            ));
        }
        if !consumed.bodiless.is_empty() {
            console.warn(&self.lost(&consumed.bodiless));
        }
        for gap in &consumed.lost {
            console.warn(&self.undelivered(gap));
        }
        if let Some(why) = &consumed.unlooked {
            console.warn(&format!(
                "cannot record in the dead-letter stream the entries that were trimmed or deleted before delivery: \
                    {why}"
            ));
        }
        match (&left, &consumed.error) {
            (Ok(left), _) => self.tell_left(left, consumed.given_back),
            (Err(error), None) if self.is_stopped => {
                console.warn(&format!("cannot clean up in {target}: {error}"));
            }
            (Err(error), Some(_)) => {
                console.detail(1, &format!("cannot clean up in {target}: {error}"));
            }
            _ => {}
        }
        if let Some(error) = consumed.error {
            return Err(error);
        }
        if !self.is_stopped {
            left?;
        }
        let saw_loss = !consumed.bodiless.is_empty() || !consumed.lost.is_empty();
        Ok(Exit::of_parts(consumed.claimed_away > 0, saw_loss))
    }

    fn tell_left(&self, left: &Left, given_back: u64) {
        let (console, consumer) = (&self.context.console, self.consumer);
        if left.pending > 0 {
            console.note(&self.how_to_go_on(left.pending, given_back));
        }
        if let Some(error) = &left.undeleted {
            let delete = CommandLine::new("consumers delete")
                .arg(&self.target.group)
                .arg(consumer)
                .option("--stream", &self.target.stream);
            console.warn(&format!(
                "this command created consumer `{consumer}` of {} and could not delete it: {error}\ndelete it with \
                    `{delete}` as a user with the permission to do so",
                self.target
            ));
        }
    }

    fn undelivered(&self, gap: &Gap) -> String {
        let most = match gap.entries {
            Lag::AtMost(_) => "at most ",
            _ => "",
        };
        let lost = entries(gap.entries.entries().unwrap_or_default());
        format!(
            "data loss: {most}{lost} trimmed or deleted before delivery to {}: {}",
            self.target,
            between_ids(gap)
        )
    }

    fn lost(&self, bodiless: &[EntryId]) -> String {
        let ids: Vec<String> = bodiless.iter().map(ToString::to_string).collect();
        format!(
            "these entries were delivered in a reply that was lost, and trimmed before they could be read again: \
                {}; they are pending for consumer `{}`",
            ids.join(", "),
            self.consumer
        )
    }

    /// `left` entries are pending; `given_back` of them were never written to the output, so nobody can have handled
    /// them.
    fn how_to_go_on(&self, left: u64, given_back: u64) -> String {
        let (target, consumer) = (self.target, self.consumer);
        let acknowledge = target.command("ack", self.topology).blank("ID…");
        let hand_over = target
            .command("claim", self.topology)
            .option("--consumer", consumer)
            .option("--idle", "0s")
            .blank("--to CONSUMER");
        let (left_of, given) = (
            format!("{} of {target}", entries(left)),
            entries(given_back),
        );
        if left == given_back {
            return format!(
                "{left_of} could not be written and were released: pending for consumer `{consumer}` until they are claimed\n  hand over: {hand_over}"
            );
        }
        let unwritten = match given_back {
            0 => String::new(),
            _ => format!("; {given} of them could not be written and were released"),
        };
        format!(
            "{left_of} pending for consumer `{consumer}`{unwritten}\n  acknowledge: {acknowledge}\n  hand over: {hand_over}"
        )
    }
}
