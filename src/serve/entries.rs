//! Entries and pending entries, as they are asked for: bounded in number and in bytes, and read few at a time.

use axum::body::Bytes;

use super::query::{Parameters, bad};
use super::refusal::Refusal;
use super::served::Served;
use crate::cli::Position;
use crate::model::{Format, Name, Time};
use crate::streams::pending::{PendingQuery, look};
use crate::streams::read::{self, Range};
use crate::streams::select::Criteria;
use crate::streams::target::Target;
use crate::view::{EntryStyle, EntryWriter, Options, Pending, PendingParts, report};

/// The most entries of one answer.
const COUNT_MAX: usize = 1000;
/// How many entries an answer has when nobody says.
const COUNT: usize = 10;
/// The size after which an answer ends early.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The entries of a stream as `read -o json` prints them, and whether the answer ends early because it is large.
pub(super) async fn entries_of(
    served: &Served,
    stream: &Name,
    given: &Parameters,
) -> Result<(Bytes, bool), Refusal> {
    let position = |name: &'static str, default: Position| match given.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<Position>()
            .map_err(|error| bad(name, &error.to_string())),
    };
    let (start, end) = (
        position("startId", Position::Start)?,
        position("endId", Position::End)?,
    );
    let now_ms = Time::now().ms;
    let range = Range {
        start: start.range_start(now_ms),
        end: end.range_end(now_ms),
        reverse: given.flag("reverse")?,
        count_max: given.count("count", COUNT_MAX)?.unwrap_or(COUNT),
    };
    let _turn = served.limits.turn().await?;
    let mut lane = served.dialer.lane().await?;
    let redaction = served.topology.redaction(stream);
    let mut writer = EntryWriter::new(&Options::new(Format::Json), EntryStyle::default());
    let (mut body, mut is_cut) = (Vec::new(), false);
    let reading = read::read(&mut lane, stream, range, |id, fields| {
        if body.len() > BYTES_MAX {
            is_cut = true;
            anyhow::bail!(Full);
        }
        match redaction.masked(fields) {
            Some(masked) => writer.item(&mut body, stream.as_bytes(), id, &masked),
            None => writer.item(&mut body, stream.as_bytes(), id, fields),
        }
        Ok(())
    });
    match reading.await {
        Err(error) if !error.is::<Full>() => return Err(error.into()),
        _ => {}
    }
    writer.end(&mut body);
    Ok((served.limits.kept(body).await?, is_cut))
}

/// The answer has its greatest size.
#[derive(Debug, thiserror::Error)]
#[error("the answer is full")]
struct Full;

/// The pending entries of a group as `pending -o json` prints them.
pub(super) async fn pending_of(
    served: &Served,
    stream: Name,
    given: &Parameters,
) -> Result<Bytes, Refusal> {
    let group = given.name("group")?.ok_or_else(|| {
        let groups = served.topology.groups_of(&stream);
        let groups: Vec<String> = groups.map(|it| it.name.to_string()).collect();
        let refusal = bad("group", "it is needed");
        if groups.is_empty() {
            return refusal;
        }
        refusal.hint(format!(
            "the topology's groups of this stream: {}",
            groups.join(", ")
        ))
    })?;
    let target = Target { stream, group };
    let question = PendingQuery {
        filter: Criteria {
            consumer: given.name("consumer")?,
            ..Criteria::default()
        },
        age_min: None,
        count_max: given.count("count", COUNT_MAX)?.unwrap_or(COUNT),
        with_histogram: false,
        by: Vec::new(),
        clusters_max: 0,
    };
    let _turn = served.limits.turn().await?;
    let connection = served.dialer.connect().await?;
    let found = look(&connection, &target, &question).await?;
    let mut body = Vec::new();
    let shown = Pending::new(&found, PendingParts::Listed);
    report(&mut body, &shown, &Options::new(Format::Json))?;
    served.limits.kept(body).await
}
