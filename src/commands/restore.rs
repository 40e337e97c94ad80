//! `restore`: makes a stream of an archive again.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use super::shared::Context;
use super::shared::archives::{Expanded, open};
use super::shared::redis_cli::options_of_redis_cli;
use crate::cli::{self, DryRun, Impact, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::{Name, entries, quoted};
use crate::streams::restore::{Restored, Wanted, apply_restore, plan_restore};

/// Make a stream of an archive again, with its ids and groups
///
/// The archive is read from end to end first; when anything is damaged, nothing is restored. Then the entries are added to
/// the key {STREAM}:restoring, which gets its name when all of it is there: consumers never see a part. The stream must not
/// exist. A restore that was cut off goes on where it was when it is repeated.
///
/// The groups are as they were when the archive was last written: their positions, and for each pending entry its
/// consumer, its idle time and its delivery count. With --new-ids the entries get ids of now, and there are no groups.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Restored>(), add = PrintsPlan(Prints::plan::<Restored>()), after_help = "\
Examples:
  ucp-streams restore archive --to events.again --dry-run
  ucp-streams restore archive --to events.again
  ucp-streams restore archive --to events.copy --new-ids --yes")]
pub(super) struct Args {
    /// The archive: a directory, or s3://BUCKET/PREFIX
    #[arg(value_name = "SRC", value_hint = ValueHint::DirPath)]
    place: PathBuf,

    /// The new stream
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    to: Name,

    /// The stream that was archived [default: the only one, or that of the same name]
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Give the entries new ids, and restore no groups
    #[arg(long)]
    new_ids: bool,

    /// Leave out what is damaged, and restore the rest; the exit code is 7 then
    #[arg(long)]
    skip_damaged: bool,

    /// Begin anew where another restore was cut off, and delete what that had added
    #[arg(long)]
    anew: bool,

    #[command(flatten)]
    expanded: Expanded,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let destination = open(&args.place)?;
    let dialer = context.dialer()?;
    let connection = dialer.connect().await?;
    let wanted = Wanted {
        of: args.stream,
        to: args.to.clone(),
        has_new_ids: args.new_ids,
        skips_damaged: args.skip_damaged,
        is_anew: args.anew,
        expanded_max: args.expanded.bytes,
    };
    let progress = context.console.progress(None, "verifying");
    let told = |more| progress.advance(more);
    let plan = plan_restore(&connection, &destination, wanted, told).await;
    drop(progress);
    let mut plan = plan?;
    context.warn_each(plan.problems.iter().map(|it| format!("left out: {it}")));
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let refusal = plan.refusal();
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &[]), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let is_whole = plan.problems.is_empty();
    let progress = context
        .console
        .progress(Some(plan.row.entries), "restoring");
    let told = |more| progress.advance(more);
    let restored = apply_restore(&dialer, &connection, &destination, plan, told, consent).await;
    drop(progress);
    let row = restored.inspect_err(|_| {
        context
            .console
            .note("what was added is kept: repeat the command, and it goes on there");
    })?;
    context.audit_done(Some(row.entries), None);
    context.console.show_one(&row)?;
    if row.left_out > 0 {
        context.console.warn(&format!(
            "{} were pending and are not: they are not in the archive, or no consumer held them",
            entries(row.left_out)
        ));
    }
    let server = options_of_redis_cli(dialer.endpoint());
    let key = quoted(args.to.as_bytes());
    context
        .console
        .note(&format!("to undo this: redis-cli {server} DEL {key}"));
    Ok(if is_whole && row.left_out == 0 {
        Exit::Done
    } else {
        Exit::Partial
    })
}
