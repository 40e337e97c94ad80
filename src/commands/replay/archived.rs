//! `replay --archive`: handles what is in an archive, where it is. How far it has come is kept in a private file.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::StreamExt as _;

use super::super::shared::Context;
use super::super::shared::archives::open;
use super::super::worker::assign::{needs_url, policy};
use super::report::{Replayed, tell};
use super::{Args, filter};
use crate::archive::{ArchivedStream, Pages, Position, PositionFile, end_of};
use crate::cli;
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{
    Edge, EntryId, Kind, Lag, LogFormat, Name, PlanFacts, Problem, Time, entries, whole_ms,
    with_commas,
};
use crate::streams::tail::Verdict;
use crate::topology::{GroupSpec, replay_group};
use crate::worker::again::{Again, Came, judged};
use crate::worker::handler::{Origin, reap_orphans};

/// How often it is kept how far it has come.
const KEPT_EVERY: Duration = Duration::from_millis(250);
/// How many failures are kept.
const FAILURES_MAX: usize = 100;

/// The part that was asked for, which is kept.
struct Part<'a> {
    archived: ArchivedStream<'a>,
    position: Position,
}

pub(super) async fn run(args: &Args, place: &Path, name: &Name, context: &Context) -> Result<Exit> {
    if args.handler.adds() {
        let text = "a replay of an archive adds nothing to any stream, and this handler does";
        return Err(Problem::usage(text)
            .hint("make a stream of the archive by `restore`, and replay that one")
            .into());
    }
    let destination = open(place)?;
    let archived = ArchivedStream {
        destination: &destination,
        stream: &args.stream,
        expanded_max: args.expanded.bytes,
    };
    let Some(part) = part(args, archived, place).await? else {
        let text = format!(
            "nothing to replay: the archive has no entries of `{}` there",
            args.stream
        );
        context.console.note(&text);
        return Ok(Exit::Done);
    };
    if context.is_rehearsal(args.dry_run) {
        return rehearse(args, &part, name, context).await;
    }
    let folder = context.settings.places.replays.clone().ok_or_else(|| {
        let text =
            "there is no place for how far it has come: neither $XDG_STATE_HOME nor $HOME is set";
        Problem::new(Kind::Local, text).hint("set one of them")
    })?;
    let (file, kept) = PositionFile::open(&folder, &name.to_string())?;
    let is_resumed = kept.is_some();
    let position = match kept {
        Some(kept) => goes_on(kept, &part.position, name)?,
        None => part.position,
    };
    file.save(&position)?;
    let work = Work {
        report: Replayed::of_archive(name, &position, is_resumed),
        unjudged: 0,
        position,
        file,
        saved: Instant::now(),
    };
    handle(args, archived, work, context).await
}

/// Which part is meant; `None` when there is nothing in it.
async fn part<'a>(
    args: &Args,
    archived: ArchivedStream<'a>,
    place: &Path,
) -> Result<Option<Part<'a>>> {
    let now_ms = Time::now().ms;
    let from = args.from.range_start(now_ms);
    let to = args.to.unwrap_or(cli::Position::End).range_end(now_ms);
    let Some(pages) = archived.pages((from, to), false).await? else {
        return Ok(None);
    };
    let (from, to) = pages.range();
    let end = end_of(archived.destination, archived.stream).await?;
    let Some(to) = end.map(|end| to.min(end)).filter(|to| from <= *to) else {
        return Ok(None);
    };
    let archive = match std::fs::canonicalize(place) {
        Ok(path) => path.to_string_lossy().into_owned(),
        // A bucket is no path.
        Err(_) => archived.destination.shown(),
    };
    let position = Position {
        stream: args.stream.clone(),
        archive,
        from,
        to,
        terms: args.equal.iter().map(ToString::to_string).collect(),
        through: None,
        failures: Vec::new(),
        failed: 0,
    };
    Ok(Some(Part { archived, position }))
}

/// What was kept, if it is of the same archive and the same terms.
fn goes_on(kept: Position, wanted: &Position, name: &Name) -> Result<Position, Problem> {
    let of = |it: &Position| (it.stream.clone(), it.archive.clone(), it.terms.clone());
    if of(&kept) == of(wanted) {
        return Ok(kept);
    }
    let text = format!(
        "the replay `{name}` was begun for stream `{}` in {}, with other terms: {}",
        kept.stream,
        kept.archive,
        if kept.terms.is_empty() {
            "all entries".to_owned()
        } else {
            kept.terms.join(", ")
        }
    );
    Err(Problem::refused(text).hint("give the same archive and conditions, or another --name"))
}

/// Counts what it would handle.
async fn rehearse(args: &Args, part: &Part<'_>, name: &Name, context: &Context) -> Result<Exit> {
    let (position, filter) = (&part.position, filter(args));
    let (mut count, mut wanted) = (0, 0);
    {
        let most = part.archived.at_most((position.from, position.to)).await?;
        let progress = context.console.progress(Some(most), "counting");
        let mut pages = pages(&part.archived, (position.from, position.to)).await?;
        while let Some(found) = next(&mut pages).await? {
            count += found.len() as u64;
            let is_wanted = |it: &&_| matches!(judged(&filter, it), Verdict::Taken);
            wanted += found.iter().filter(is_wanted).count() as u64;
            progress.advance(found.len() as u64);
        }
    }
    let of = if filter.is_empty() {
        String::new()
    } else {
        format!(" of {}", with_commas(count))
    };
    let facts = PlanFacts {
        stream: Some(args.stream.clone()),
        group: Some(replay_group(name)),
        summary: format!(
            "handle {}{of} of the archive in {}, `{}` from {} to {}, as replay `{name}`",
            entries(wanted),
            part.archived.destination.shown(),
            position.stream,
            position.from,
            position.to
        ),
        count: 1,
        entries: Some(Lag::Known(wanted)),
        other_groups: Some(Vec::new()),
        ..PlanFacts::default()
    }
    .since(Some(position.from));
    let row = Replayed::of_archive(name, position, false);
    context.agreed(true, (facts, &[]), &row, None).await?;
    Ok(Exit::Done)
}

async fn pages<'a>(
    archived: &ArchivedStream<'a>,
    (from, to): (EntryId, EntryId),
) -> Result<Option<Pages<'a>>> {
    archived.pages((Edge::Id(from), Edge::Id(to)), false).await
}

async fn next(pages: &mut Option<Pages<'_>>) -> Result<Option<Vec<crate::model::Entry>>> {
    match pages {
        Some(pages) => pages.next().await,
        None => Ok(None),
    }
}

/// What was done, and how far it has come.
struct Work {
    report: Replayed,
    unjudged: u64,
    position: Position,
    file: PositionFile,
    saved: Instant,
}

impl Work {
    /// Counts what became of an entry, which is done with.
    fn take(&mut self, id: EntryId, came: Came) -> Result<(), Problem> {
        let (report, position) = (&mut self.report, &mut self.position);
        match came {
            Came::Handled(failed) => {
                report.handled += 1;
                report.failed_attempts += failed;
            }
            Came::LeftOut => report.left_out += 1,
            Came::Unjudged => {
                report.left_out += 1;
                self.unjudged += 1;
            }
            Came::Failed(attempts, reason) => {
                report.failed_attempts += attempts;
                position.failed += 1;
                if position.failures.len() < FAILURES_MAX {
                    position.failures.push((id, attempts, reason));
                }
            }
            Came::NotStarted(reason) => {
                return Err(
                    Problem::new(Kind::Local, reason).hint("mend it; the same command goes on")
                );
            }
        }
        position.through = Some(id);
        if self.saved.elapsed() >= KEPT_EVERY {
            self.file.save(position)?;
            self.saved = Instant::now();
        }
        Ok(())
    }
}

/// Handles what is left, and tells what became of it.
async fn handle(
    args: &Args,
    archived: ArchivedStream<'_>,
    mut work: Work,
    context: &Context,
) -> Result<Exit> {
    context.console.start_logs(LogFormat::default());
    let (began, topology) = (Instant::now(), context.topology()?);
    let spec = GroupSpec::new(replay_group(&work.report.name), args.stream.clone());
    let timeout = args
        .policy
        .handler_timeout()
        .unwrap_or(spec.handler_timeout);
    let handler = args.handler.handler(&spec, topology, timeout)?;
    let handler = handler.ok_or_else(|| needs_url(&spec))?;
    let policy = policy(&args.policy, &spec, handler.is_inline());
    policy.check()?;
    let origin = Origin {
        stream: args.stream.clone(),
        group: spec.name.clone(),
        trial: None,
    };
    let filter = filter(args);
    let again = Again::new(&handler, origin, policy, &filter);
    let to = work.position.to;
    let from = work
        .position
        .through
        .map_or(Some(work.position.from), EntryId::next);
    let from = from.unwrap_or(EntryId::MAX);
    let most = archived.at_most((from, to)).await?;
    context.console.note(&format!(
        "handle at most {} of the archive in {}, `{}` from {from} to {to}, as replay `{}`",
        entries(most),
        archived.destination.shown(),
        args.stream,
        work.report.name
    ));
    let mut signals = Signals::catch()?;
    let ended = {
        let progress = context.console.progress(Some(most), "replaying");
        let through = async {
            let mut pages = pages(&archived, (from, to)).await?;
            while let Some(found) = next(&mut pages).await? {
                let mut each = pin!(again.each(&found));
                while let Some((entry, came)) = each.next().await {
                    work.take(entry.id, came)?;
                    progress.advance(1);
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            stop = signals.next() => Ok(Some(Exit::from(stop))),
            ended = through => ended.map(|()| None),
            () = reap_orphans() => Ok(None),
        }
    };
    again.close().await;
    ends(work, ended, began, context)
}

fn ends(
    work: Work,
    ended: Result<Option<Exit>>,
    began: Instant,
    context: &Context,
) -> Result<Exit> {
    let Work {
        report,
        unjudged,
        position,
        file,
        ..
    } = work;
    let is_complete = matches!(ended, Ok(None));
    if is_complete {
        file.end()?;
    } else {
        file.save(&position)?;
    }
    let of = Replayed::of_archive(&report.name, &position, report.is_resumed);
    let report = Replayed {
        is_complete,
        failed: of.failed,
        failures: of.failures,
        took_ms: whole_ms(began.elapsed()),
        ..report
    };
    context.console.show_one(&report)?;
    if unjudged > 0 {
        context.console.warn(&format!(
            "{} could not be judged by --where, because a value is not JSON: left out",
            entries(unjudged)
        ));
    }
    tell(&report, report.failed > FAILURES_MAX as u64, began, context);
    Ok(match ended? {
        Some(exit) => exit,
        None => Exit::of_parts(report.failed > 0, false),
    })
}
