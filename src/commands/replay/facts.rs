//! What a replay would do.

use anyhow::Result;

use super::{Args, filter};
use crate::model::{Lag, PlanFacts, counted, entries, with_commas};
use crate::streams::replay::{Replay, count, readers};
use crate::wire::{Connection, Lane};

/// How many entries it would handle, in words and as a number.
async fn size(args: &Args, replay: &Replay, lane: &mut Lane) -> Result<(String, Lag)> {
    let filter = filter(args);
    let (all, matching, has_more) = count(lane, replay, &filter).await?;
    let (least, lag) = if has_more {
        ("at least ", Lag::AtLeast(matching))
    } else {
        ("", Lag::Known(matching))
    };
    let of = if filter.is_empty() {
        String::new()
    } else {
        format!(" of {}", with_commas(all))
    };
    let before = if replay.is_resumed {
        ", with those that are done"
    } else {
        ""
    };
    Ok((format!(": {least}{}{of}{before}", entries(matching)), lag))
}

/// What the replay would do; with a lane, how many entries that are is counted.
pub(super) async fn facts(
    args: &Args,
    replay: &Replay,
    connection: &Connection,
    lane: Option<&mut Lane>,
) -> Result<PlanFacts> {
    let (size, counted_entries) = match lane {
        Some(lane) => {
            let (size, count) = size(args, replay, lane).await?;
            (size, Some(count))
        }
        None => (String::new(), None),
    };
    let stream = &replay.target.stream;
    let again = if replay.is_resumed { "go on to " } else { "" };
    let part = format!("`{stream}` from {} to {}", replay.from, replay.to);
    let (summary, others) = match &args.to_stream {
        None => (
            format!(
                "{again}handle {part} once more, as replay `{}`{size}",
                replay.name
            ),
            Vec::new(),
        ),
        Some(to) => {
            let readers = readers(connection, to).await?;
            let reads = readers.iter().map(|it| {
                format!(
                    "`{}` ({})",
                    it.name,
                    counted(it.consumers, "consumer", "consumers")
                )
            });
            let reads: Vec<String> = reads.collect();
            let seen = match &reads[..] {
                [] => String::new(),
                reads => format!("\nits groups will handle the copies: {}", reads.join(", ")),
            };
            let names = readers.into_iter().map(|it| it.name).collect();
            (
                format!(
                    "{again}copy {part} to `{to}`, as replay `{}`{size}{seen}",
                    replay.name
                ),
                names,
            )
        }
    };
    Ok(PlanFacts {
        stream: Some(stream.clone()),
        group: Some(replay.target.group.clone()),
        to_stream: args.to_stream.clone(),
        summary,
        count: 1,
        entries: counted_entries,
        other_groups: Some(others),
        ..PlanFacts::default()
    }
    .since(Some(replay.from)))
}
