//! `/api/history`: how figures went, from the recording that this server writes, or that another process does.

use std::time::{Duration, Instant};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use super::past::{Past, stopping};
use super::query::{Parameters, bad};
use super::refusal::Refusal;
use super::served::Served;
use crate::cli::{When, WhenError};
use crate::model::{Row as _, Time};
use crate::recording::{Episode, Gap, History, HistoryRow, Wanted, history};
use crate::view::write_json;

/// The parameters of the path.
pub(super) const PARAMETERS: [&str; 6] = ["group", "stream", "since", "until", "points", "columns"];
/// How many points of each group or stream there are, if nobody says, and at most.
pub(super) const POINTS: usize = 200;
pub(super) const POINTS_MAX: usize = 1000;
/// How many rows an answer has at most, where it is about everything.
const ROWS_MAX: usize = 20_000;
/// For how long an answer is read at most.
const WITHIN: Duration = Duration::from_secs(10);
const HOUR_MS: u64 = 3_600_000;

/// How figures went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryAnswer {
    /// From when.
    from: Time,
    /// Until when.
    to: Time,
    /// How often the recorder looks; null when nothing is recorded.
    every_ms: Option<u64>,
    /// How much time is in a row; null when each row is a sample.
    step_ms: Option<u64>,
    /// How many samples there are.
    samples: u64,
    /// Places of the recording that are damaged, and left out.
    damaged: u64,
    /// When nothing could be observed, and why.
    gaps: Vec<Gap>,
    /// What was found wrong, the last one to begin first.
    findings: Vec<Episode>,
    /// The rows, group by group and stream by stream, the oldest first, as `history -o json` prints them.
    #[schemars(schema_with = "rows_schema")]
    rows: Rows,
}

/// Rows with all their keys, or with those that are wanted.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rows {
    Whole(Vec<HistoryRow>),
    Picked(Vec<Map<String, Value>>),
}

/// Rows of which any key may be left out.
fn rows_schema(schemas: &mut SchemaGenerator) -> Schema {
    let mut row = HistoryRow::json_schema(schemas);
    row.remove("required");
    let mut rows = schemars::json_schema!({ "type": "array" });
    rows.insert("items".to_owned(), row.to_value());
    rows
}

/// What is asked for.
struct Asked {
    wanted: Wanted,
    columns: Vec<&'static str>,
}

/// The answer to `given`.
pub(super) async fn history_of(served: &Served, given: &Parameters) -> Result<Vec<u8>, Refusal> {
    let asked = asked(served, given)?;
    let past = served.past.clone();
    let turn = past.turn().await?;
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        read(&past, asked)
    });
    read.await.map_err(|_| stopping())?
}

fn asked(served: &Served, given: &Parameters) -> Result<Asked, Refusal> {
    let now = Time::now();
    let time = |name: &str| -> Result<Option<Time>, Refusal> {
        let Some(text) = given.get(name) else {
            return Ok(None);
        };
        let when: When = text
            .parse()
            .map_err(|error: WhenError| bad(name, &error.to_string()))?;
        Ok(Some(when.resolve(now)))
    };
    let to = time("until")?.unwrap_or(now);
    let hour_before = Time::from_ms(to.ms.saturating_sub(HOUR_MS));
    // Nothing is between an end and a later beginning, as in `/api/streams/…/entries`.
    let from = time("since")?.unwrap_or(hour_before).min(to);
    let points = given.count("points", POINTS_MAX)?.unwrap_or(POINTS);
    let name = given.name("group")?;
    let subjects = if name.is_some() { 1 } else { served.subjects() };
    let wanted = Wanted {
        from,
        to,
        name,
        stream: given.name("stream")?,
        rows_max: points.min((ROWS_MAX / subjects.max(1)).max(1)),
        deadline: Some(Instant::now() + WITHIN),
    };
    let columns = given.get("columns").map(columns).transpose()?;
    Ok(Asked {
        wanted,
        columns: columns.unwrap_or_default(),
    })
}

/// The keys of rows that a list names.
fn columns(list: &str) -> Result<Vec<&'static str>, Refusal> {
    let known = HistoryRow::COLUMNS.iter().map(|it| it.key);
    let each = list.split(',').map(|name| {
        known.clone().find(|it| *it == name).ok_or_else(|| {
            let name = name.escape_debug();
            let all: Vec<&str> = known.clone().collect();
            bad("columns", &format!("there is no `{name}`"))
                .hint(format!("there are: {}", all.join(",")))
        })
    });
    each.collect()
}

fn read(past: &Past, asked: Asked) -> Result<Vec<u8>, Refusal> {
    let (recording, span) = past.open()?;
    let Asked { wanted, columns } = asked;
    let found = history(&recording, &wanted)?;
    if !found.subjects.is_empty() {
        found.require(&wanted)?;
    }
    let History {
        rows,
        episodes,
        gaps,
        step_ms,
        samples,
        damaged,
        ..
    } = found;
    let answer = HistoryAnswer {
        from: wanted.from,
        to: wanted.to,
        every_ms: span.map(|it| it.every_ms),
        step_ms,
        samples,
        damaged,
        gaps,
        findings: episodes,
        rows: if columns.is_empty() {
            Rows::Whole(rows)
        } else {
            Rows::Picked(rows.iter().map(|row| picked(row, &columns)).collect())
        },
    };
    let mut out = Vec::new();
    write_json(&mut out, &answer)?;
    Ok(out)
}

/// The keys of a row that are wanted.
fn picked(row: &HistoryRow, columns: &[&str]) -> Map<String, Value> {
    let Ok(Value::Object(mut keys)) = serde_json::to_value(row) else {
        return Map::new();
    };
    keys.retain(|key, _| columns.contains(&key.as_str()));
    keys
}
