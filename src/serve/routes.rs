//! What is served: each path with its parameters, what it answers, and the function that does.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::entries::{entries_of, pending_of};
use super::history::{PARAMETERS, history_of};
use super::openapi;
use super::page;
use super::query::{Parameters, bad};
use super::refusal::Refusal;
use super::scale::Scale;
use super::served::Served;
use super::tails::{Entry, Following, Told};
use super::ticker::Parts;
use crate::model::{EntryId, FieldCondition, Format, Name, Redaction, parse_duration};
use crate::streams::tail::{Filter, Verdict};
use crate::view::metrics::CONTENT_TYPE;
use crate::view::{EntryStyle, EntryWriter, Options};

/// How often an idle stream of events shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The greatest size of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The media type of JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Says that an answer ends early, because it became too large.
const CUT: HeaderName = HeaderName::from_static("ucp-streams-cut");

type Given = Query<Vec<(String, String)>>;
type Answer = Result<Response, Refusal>;

/// Everything that is served.
pub(super) fn routes(served: Served) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/assets/{name}", get(page::asset))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/streams/info", get(info))
        .route("/api/streams/{stream}", get(read))
        .route("/api/streams/{stream}/pending", get(pending))
        .route("/api/streams/{stream}/tail", get(tail))
        .route("/api/groups", get(groups))
        .route("/api/groups/{group}/scale", get(scale))
        .route("/api/findings", get(findings))
        .route("/api/figures", get(figures))
        .route("/api/history", get(history))
        .route("/api/events", get(events))
        .route("/api/openapi.json", get(async || json(openapi::document())))
        .fallback(async || {
            Refusal::new(StatusCode::NOT_FOUND, "nothing is served under this path")
                .hint("the paths are listed at /api/openapi.json")
        })
        .with_state(served)
}

fn json(body: impl Into<Bytes>) -> Response {
    let mut answer = body.into().into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    answer
}

/// A part of the present tick.
fn part_of(served: &Served, given: Vec<(String, String)>, part: fn(&Parts) -> &Bytes) -> Answer {
    Parameters::new(given, &[], &[])?;
    let tick = served.tick()?;
    let parts = tick.parts()?;
    Ok(json(part(parts).clone()))
}

/// That this server runs, and whether it can record.
async fn health(State(served): State<Served>) -> String {
    let tick = served.tick().ok();
    let recorded = tick.as_ref().and_then(|it| it.recorded.as_ref());
    let failing = recorded.and_then(|it| it.failing_since.zip(it.error.as_ref()));
    match failing {
        None => "ok\n".to_owned(),
        Some((since, error)) => format!("ok\nnothing is recorded since {since}: {error}\n"),
    }
}

async fn ready(State(served): State<Served>) -> Result<&'static str, Refusal> {
    served.tick()?.parts()?;
    Ok("ready\n")
}

async fn metrics(State(served): State<Served>, Query(given): Given) -> Answer {
    Parameters::new(given, &[], &[])?;
    let mut answer = served.tick()?.metrics.clone().into_response();
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

async fn info(State(served): State<Served>, Query(given): Given) -> Answer {
    part_of(&served, given, |parts| &parts.streams)
}

async fn groups(State(served): State<Served>, Query(given): Given) -> Answer {
    part_of(&served, given, |parts| &parts.groups)
}

/// In how long a group should have caught up, when nobody says.
const TARGET: Duration = Duration::from_mins(1);

async fn scale(
    State(served): State<Served>,
    Path(group): Path<String>,
    Query(given): Given,
) -> Answer {
    let given = Parameters::new(given, &["stream", "target"], &[])?;
    let target = match given.get("target") {
        None => TARGET,
        Some(text) => parse_duration(text).map_err(|error| bad("target", &error.to_string()))?,
    };
    if target < Duration::from_secs(1) {
        return Err(bad("target", "it must be at least 1s"));
    }
    let target_ms = u64::try_from(target.as_millis()).unwrap_or(u64::MAX);
    let tick = served.tick()?;
    let (name, stream) = (Name::from(group.as_str()), given.name("stream")?);
    let found = { tick.parts()?.seen.observation.groups() }
        .filter(|it| it.group == name && stream.as_ref().is_none_or(|stream| *stream == it.stream));
    match &found.collect::<Vec<_>>()[..] {
        [] => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("no group `{name}` is on the topology's streams"),
        )),
        [group] => match Scale::of(group, target_ms) {
            Ok(scale) => Ok(json(super::ticker::json(&scale))),
            Err(why) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("nobody knows how many workers group `{name}` needs: {why}"),
            )),
        },
        several => {
            let streams: Vec<String> = several.iter().map(|it| it.stream.to_string()).collect();
            let why = format!("the group is on several streams: {}", streams.join(", "));
            Err(bad("stream", &why))
        }
    }
}

async fn findings(State(served): State<Served>, Query(given): Given) -> Answer {
    part_of(&served, given, |parts| &parts.findings)
}

async fn figures(State(served): State<Served>, Query(given): Given) -> Answer {
    Parameters::new(given, &[], &[])?;
    Ok(json(served.tick()?.figures.clone()))
}

async fn history(State(served): State<Served>, Query(given): Given) -> Answer {
    let given = Parameters::new(given, &PARAMETERS, &[])?;
    let answer = history_of(&served, &given).await?;
    Ok(json(served.limits.kept(answer).await?))
}

async fn read(
    State(served): State<Served>,
    Path(stream): Path<String>,
    Query(given): Given,
) -> Answer {
    let given = Parameters::new(given, &["startId", "endId", "count", "reverse"], &[])?;
    let stream = served.stream(&stream)?;
    let (body, is_cut) = entries_of(&served, &stream, &given).await?;
    let mut answer = json(body);
    if is_cut {
        answer
            .headers_mut()
            .insert(CUT, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

async fn pending(
    State(served): State<Served>,
    Path(stream): Path<String>,
    Query(given): Given,
) -> Answer {
    let given = Parameters::new(given, &["group", "count", "consumer"], &[])?;
    let stream = served.stream(&stream)?;
    Ok(json(pending_of(&served, stream, &given).await?))
}

/// A stream of events that ends when the server does, or when whoever asked leaves.
fn event_stream(
    events: impl Stream<Item = Event> + Send + 'static,
    closing: &watch::Receiver<bool>,
) -> Response {
    use futures_util::StreamExt as _;
    let mut closing = closing.clone();
    let closed = async move {
        let _ = closing.wait_for(|it| *it).await;
    };
    let events = events.take_until(Box::pin(closed)).map(Ok::<_, Infallible>);
    let mut answer = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn events(State(served): State<Served>, Query(given): Given) -> Answer {
    Parameters::new(given, &[], &[])?;
    let mut ticks = served.ticks.clone();
    ticks.mark_changed();
    let events = stream::unfold(ticks, async |mut ticks| {
        loop {
            ticks.changed().await.ok()?;
            let tick = ticks.borrow_and_update().clone();
            if let Some(tick) = tick {
                let text = String::from_utf8_lossy(&tick.figures).into_owned();
                return Some((Event::default().event("figures").data(text), ticks));
            }
        }
    });
    Ok(event_stream(events, &served.closing))
}

async fn tail(
    State(served): State<Served>,
    Path(stream): Path<String>,
    Query(given): Given,
) -> Answer {
    let given = Parameters::new(given, &["where", "grep"], &["where"])?;
    let stream = served.stream(&stream)?;
    let tail = Tail {
        filter: filter_of(&given)?,
        redaction: served.topology.redaction(&stream),
        following: served.tails.follow(&stream).await?,
        stream,
    };
    let events = stream::unfold(tail, async |mut tail| Some((tail.next().await?, tail)));
    Ok(event_stream(events, &served.closing))
}

/// The conditions under which an entry is shown, as those of `tail`.
fn filter_of(given: &Parameters) -> Result<Filter, Refusal> {
    let conditions = given.all("where").map(|text| {
        let parsed = text.parse::<FieldCondition>();
        parsed.map_err(|error| bad("where", &error.to_string()))
    });
    let equal = conditions.collect::<Result<_, _>>()?;
    let pattern = match given.get("grep") {
        None => None,
        Some(text) => {
            let built = regex::bytes::RegexBuilder::new(text)
                .size_limit(PATTERN_BYTES_MAX)
                .dfa_size_limit(PATTERN_BYTES_MAX)
                .build();
            Some(built.map_err(|error| bad("grep", &error.to_string()))?)
        }
    };
    Ok(Filter { equal, pattern })
}

/// One who follows a stream.
struct Tail {
    stream: Name,
    filter: Filter,
    redaction: Redaction,
    following: Following,
}

impl Tail {
    /// The next event for this stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.following.next().await? {
                Told::Entry(entry) => {
                    if let Some(event) = self.entry(&entry) {
                        return Some(event);
                    }
                }
                Told::Gap(gap) => {
                    let text = Self::line(|writer, out| {
                        writer.gap(out, self.stream.as_bytes(), &gap);
                    });
                    return Some(Event::default().event("gap").data(text));
                }
                Told::Failed(error) => {
                    return Some(Event::default().event("failed").data(error));
                }
                Told::Missed(missed) => {
                    let text = format!("{{\"missed\":{missed}}}");
                    return Some(Event::default().event("missed").data(text));
                }
            }
        }
    }

    /// An entry that the filter takes. One that it cannot judge is named, without its fields.
    fn entry(&self, entry: &Entry) -> Option<Event> {
        // What is not shown cannot be searched either: a filter would tell it letter by letter.
        let masked = self.redaction.masked(&slices(&entry.fields));
        let shown = masked.as_deref().unwrap_or(&entry.fields);
        let judged = slices(shown);
        match self.filter.judge(&judged) {
            Verdict::Left => None,
            Verdict::Taken => {
                let text = Self::line(|writer, out| {
                    writer.item(out, self.stream.as_bytes(), entry.id, shown);
                });
                Some(
                    Event::default()
                        .event("entry")
                        .id(entry.id.to_string())
                        .data(text),
                )
            }
            Verdict::Unjudged(why) => {
                let left_out = LeftOut {
                    id: entry.id,
                    why: why.to_string(),
                };
                let text = super::ticker::json(&left_out);
                let text = String::from_utf8_lossy(&text).into_owned();
                Some(Event::default().event("left-out").data(text))
            }
        }
    }

    /// What `write` writes, as a line of JSON.
    fn line(write: impl FnOnce(&mut EntryWriter, &mut Vec<u8>)) -> String {
        let mut writer = EntryWriter::new(&Options::new(Format::Ndjson), EntryStyle::default());
        let mut out = Vec::new();
        write(&mut writer, &mut out);
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }
}

/// The fields as the filter takes them.
fn slices(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (&name[..], &value[..]))
        .collect()
}

/// An entry that the filter could not judge.
#[derive(serde::Serialize)]
struct LeftOut {
    id: EntryId,
    why: String,
}
