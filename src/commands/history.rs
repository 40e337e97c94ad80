//! `history`: how figures went, and what was found wrong, from a recording.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::recorded::{RecordedIn, not_recorded, told_of_damage};
use crate::cli::{self, Impact, Limited, Prints, PrintsWith, When};
use crate::exit::Exit;
use crate::model::{Format, Name, Problem, Time, format_duration_short};
use crate::recording::{Episode, History, HistoryRow, Recording, Span, Wanted, history};
use crate::view::{About, HistoryView};

/// How many rows there are of a group or stream at most.
const ROWS_MAX: usize = 200;

/// Show how figures went, from a recording
///
/// Reads a recording that `record` has made, in --record DIR or $UCP_STREAMS_RECORD; Redis is not asked. On a screen it
/// draws each figure of the group or stream in a line, from --since (an hour before the end) until --until (now): every block is as
/// high as the greatest value in its time, so that no peak is lost, and no block means that nothing was recorded. Below
/// stands what was found wrong, since when, and until when.
///
/// Elsewhere it prints rows: with -o json, ndjson, csv or plain one for each sample, and not more than 200 of a group
/// or stream. Where there are more samples, several are drawn together into a row, which has the figures of the last one,
/// and the least and the greatest value of each. --at prints the figures of the last sample not after that time.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<HistoryRow>(), add = PrintsWith { option: "findings", prints: Prints::list::<Episode>() }, after_help = "\
Examples:
  ucp-streams history event-processors --since 6h --record recording
  ucp-streams history --record recording -o csv --columns at,group,lag,lag_max
  ucp-streams history event-processors --at 03:10 --record recording
  ucp-streams history --findings --since 1d --record recording")]
pub(super) struct Args {
    /// The group or stream; all when none is named
    #[arg(value_name = "GROUP", value_parser = cli::name())]
    name: Option<Name>,

    /// The group's stream, where groups of this name are on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Begin then: 6h (ago), 03:10 (UTC), a time such as 2026-01-31T09:00:00Z [default: an hour before the end]
    #[arg(
        long,
        value_name = "WHEN",
        allow_hyphen_values = true,
        conflicts_with = "at"
    )]
    since: Option<When>,

    /// End then [default: now]
    #[arg(
        long,
        value_name = "WHEN",
        allow_hyphen_values = true,
        conflicts_with = "at"
    )]
    until: Option<When>,

    /// The figures of that time
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    at: Option<When>,

    /// List what was found wrong, since when and until when
    #[arg(long, conflicts_with = "at")]
    findings: bool,

    #[command(flatten)]
    recorded: RecordedIn,

    #[command(flatten)]
    limit: Limited,
}

#[expect(clippy::unused_async, reason = "as every command")]
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let (recording, span) = args.recorded.required(context)?;
    let options = context.console.options();
    let for_people = matches!(options.format, Format::Table | Format::Wide)
        && options.columns.is_empty()
        && !options.names;
    let (from, to) = range(&args, &recording, &span)?;
    let wanted = Wanted {
        from,
        to,
        name: args.name.clone(),
        stream: args.stream.clone(),
        rows_max: if for_people {
            // Two rows in a block, so that a sample that comes late leaves none empty.
            2 * HistoryView::columns(options.width)
        } else {
            ROWS_MAX
        },
        deadline: None,
    };
    let found = history(&recording, &wanted)?;
    // Where the span was looked for, the same places can be damaged.
    told_of_damage(found.damaged.max(span.damaged), context);
    if found.samples == 0 {
        return Err(not_recorded(&recording, &span, "since", from).into());
    }
    found.require(&wanted)?;
    if let Some(step_ms) = found.step_ms.filter(|_| !for_people && !args.findings) {
        let step = format_duration_short(Duration::from_millis(step_ms));
        context.console.note(&format!(
            "{} samples are drawn together into rows of {step}; fewer with --since and --until are not",
            found.samples
        ));
    }
    show(&args, &found, (from, to), context)?;
    Ok(Exit::Done)
}

/// From when to when is wanted, both included.
fn range(args: &Args, recording: &Recording, span: &Span) -> Result<(Time, Time), Problem> {
    let now = Time::now();
    if let Some(at) = args.at {
        let at = at.resolve(now);
        let sample = recording.seen_at(at)?.sample;
        let sample = sample.ok_or_else(|| not_recorded(recording, span, "at or before", at))?;
        return Ok((sample.at, sample.at));
    }
    let to = args.until.map_or(now, |it| it.resolve(now));
    let hour_before = Time::from_ms(to.ms.saturating_sub(60 * 60 * 1000));
    let from = args.since.map_or(hour_before, |it| it.resolve(now));
    if from > to {
        let text = format!("--since is {from}, which is after the end, {to}");
        return Err(Problem::usage(text).hint("give an earlier --since, or a later --until"));
    }
    Ok((from.max(span.first), to))
}

fn show(args: &Args, found: &History, (from, to): (Time, Time), context: &Context) -> Result<()> {
    let console = &context.console;
    let options = console.options();
    if args.findings {
        return console.show(&found.episodes, args.limit.rows());
    }
    let picks = options.names || !options.columns.is_empty();
    if args.at.is_some() || picks || options.format.is_json() {
        return console.show(&found.rows, args.limit.rows());
    }
    let about = About {
        from,
        to,
        episodes: &found.episodes,
        gaps: &found.gaps,
        samples: found.samples,
        width: options.width,
    };
    console.show_report(&HistoryView::new(&found.rows, about), args.limit.rows())
}
