//! `history`: how figures went, and what was found wrong, from a recording.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::recorded::{RecordedIn, not_recorded, told_of_damage};
use crate::cli::{self, Impact, Limited, Prints, PrintsWith, When};
use crate::exit::Exit;
use crate::model::{
    Format, Name, Problem, Time, did_you_mean, escaped, format_duration_short, nearest,
};
use crate::recording::{Episode, History, HistoryRow, Recording, Span, Subject, Wanted, history};
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
    };
    let found = history(&recording, &wanted)?;
    // Where the span was looked for, the same places can be damaged.
    told_of_damage(found.damaged.max(span.damaged), context);
    if found.samples == 0 {
        return Err(not_recorded(&recording, &span, "since", from).into());
    }
    require(&args, &found)?;
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

/// Makes sure that something was observed, and that what was named is in it.
fn require(args: &Args, found: &History) -> Result<(), Problem> {
    if let ([], Some(gap)) = (&found.subjects[..], found.gaps.first()) {
        let error = escaped(gap.error.as_bytes());
        let text = format!("nothing could be observed in that time: {error}");
        return Err(Problem::not_found(text).hint("choose another with --since and --until"));
    }
    if !found.rows.is_empty() || (args.name.is_none() && args.stream.is_none()) {
        return Ok(());
    }
    let streams = found.subjects.iter().map(|it| &it.stream);
    if let Some(stream) = &args.stream
        && !streams.clone().any(|it| it == stream)
    {
        return Err(nothing_of(&format!("stream `{stream}`"), stream, streams));
    }
    let on = |it: &&Subject| {
        args.stream
            .as_ref()
            .is_none_or(|stream| it.stream == *stream)
    };
    let subjects = found.subjects.iter().filter(on);
    let names = subjects.map(|Subject { stream, group }| group.as_ref().unwrap_or(stream));
    match (&args.name, &args.stream) {
        (Some(name), Some(stream)) => {
            let what = format!("group `{name}` on stream `{stream}`");
            Err(nothing_of(&what, name, names))
        }
        (Some(name), None) => Err(nothing_of(
            &format!("group or stream `{name}`"),
            name,
            names,
        )),
        (None, _) => Ok(()),
    }
}

/// The error that there is no such thing in a recording, with what there is.
fn nothing_of<'n>(what: &str, name: &Name, names: impl Iterator<Item = &'n Name>) -> Problem {
    let names: BTreeSet<String> = names.map(ToString::to_string).collect();
    let given = name.to_string();
    let meant = nearest(&given, names.iter().map(String::as_str));
    let text = format!("no {what} was recorded{}", did_you_mean(meant));
    let names: Vec<String> = names.into_iter().collect();
    Problem::not_found(text).hint(format!("recorded are: {}", names.join(", ")))
}
