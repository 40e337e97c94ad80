//! The description of what is served, as `OpenAPI` 3.1. The shapes are those of the declared reports.

use std::sync::OnceLock;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::history::{HistoryAnswer, POINTS, POINTS_MAX};
use super::refusal::Refusal;
use super::scale::Scale;
use super::ticker::Figures;
use crate::findings::DoctorReport;
use crate::model::Body;
use crate::streams::inspect::{GroupReport, StreamReport};
use crate::streams::pending::PendingReport;

/// An entry, as `read -o json` prints it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Entry {
    /// The stream.
    stream: String,
    /// The entry's id.
    id: crate::model::EntryId,
    /// The time in its id.
    time: String,
    /// Its fields.
    fields: Body,
}

/// A parameter of a path.
struct Parameter {
    name: &'static str,
    place: &'static str,
    is_needed: bool,
    meaning: &'static str,
    schema: fn() -> Value,
}

const fn of_query(name: &'static str, meaning: &'static str, schema: fn() -> Value) -> Parameter {
    Parameter {
        name,
        place: "query",
        is_needed: false,
        meaning,
        schema,
    }
}

const STREAM: Parameter = Parameter {
    name: "stream",
    place: "path",
    is_needed: true,
    meaning: "A stream of the topology, or its dead-letter stream",
    schema: text,
};

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn position() -> Value {
    json!({
        "type": "string",
        "pattern": "^(start|end|[0-9]{1,13}|[0-9]{1,13}-[0-9]{1,9}|-[1-9][0-9]{0,5}(s|m|h|d)?|\
                    20[0-9]{2}-0[1-9]-(0[1-9]|1[0-9]|2[0-8])T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z)$",
    })
}

fn duration() -> Value {
    json!({"type": "string", "pattern": "^[1-9][0-9]{0,4}(s|m|h)$", "default": "60s"})
}

fn condition() -> Value {
    json!({"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.]{0,99}!?=.*$"}})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 10})
}

const WHEN: &str = "The beginning: 6h (ago), 03:10 (UTC), a time (RFC 3339, unix seconds or ms); an hour before the end, if \
                    it is not given";

fn when() -> Value {
    json!({
        "type": "string",
        "pattern": "^(start|end|[0-9]{1,13}|-?[1-9][0-9]{0,4}(s|m|h|d)|[01][0-9]:[0-5][0-9]|\
                    20[0-9]{2}-0[1-9]-(0[1-9]|1[0-9]|2[0-8])T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z)$",
    })
}

fn points() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": POINTS_MAX, "default": POINTS})
}

fn columns() -> Value {
    json!({"type": "string", "pattern": "^(at|group|stream|lag|pending)(,(lag_max|live|failed))?$"})
}

fn flag() -> Value {
    json!({"type": "boolean", "default": false})
}

const POSITION: &str = "An entry id, `start`, `end`, a time (RFC 3339, unix seconds or ms), `-15m` for that long ago, `-100` \
                        for entries from the end";
const COUNT: Parameter = of_query("count", "The most entries", count);

/// What a path answers.
struct Path {
    template: &'static str,
    meaning: &'static str,
    parameters: &'static [Parameter],
    media: &'static str,
    schema: fn(&mut SchemaGenerator) -> Value,
    /// The statuses that are errors, besides those that every path may answer with.
    errors: &'static [(u16, &'static str)],
}

fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

fn plain(_: &mut SchemaGenerator) -> Value {
    json!({"type": "string"})
}

fn object(_: &mut SchemaGenerator) -> Value {
    json!({"type": "object"})
}

const JSON: &str = "application/json";
const AWAY: (u16, &str) = (503, "Redis cannot be asked");
const UNKNOWN: (u16, &str) = (404, "No such stream or group");

const PATHS: &[Path] = &[
    Path {
        template: "/api/streams/info",
        meaning: "The streams with their groups, as `info -o json` prints them",
        parameters: &[],
        media: JSON,
        schema: of::<Vec<StreamReport>>,
        errors: &[AWAY],
    },
    Path {
        template: "/api/streams/{stream}",
        meaning: "Entries of a stream, as `read -o json` prints them",
        parameters: &[
            STREAM,
            of_query("startId", POSITION, position),
            of_query("endId", POSITION, position),
            COUNT,
            of_query("reverse", "Whether the newest come first", flag),
        ],
        media: JSON,
        schema: of::<Vec<Entry>>,
        errors: &[AWAY, UNKNOWN, DENIED, OTHER_TYPE, LATE],
    },
    Path {
        template: "/api/streams/{stream}/pending",
        meaning: "The pending entries of a group, as `pending -o json` prints them",
        parameters: &[
            STREAM,
            Parameter {
                is_needed: true,
                ..of_query("group", "The group", text)
            },
            COUNT,
            of_query("consumer", "Only entries of this consumer", text),
        ],
        media: JSON,
        schema: of::<PendingReport>,
        errors: &[AWAY, UNKNOWN, DENIED, OTHER_TYPE, LATE],
    },
    Path {
        template: "/api/streams/{stream}/tail",
        meaning: "Entries as they are added, as server-sent events: `entry`, `gap` where some were trimmed before they were \
                  read, `left-out` for one that the filter cannot judge, `missed` for those that came too fast, `failed`",
        parameters: &[
            STREAM,
            of_query(
                "where",
                "FIELD=VALUE or FIELD!=VALUE; a path reaches into JSON; may be repeated",
                condition,
            ),
            of_query("grep", "A regular expression that a value must match", text),
        ],
        media: "text/event-stream",
        schema: plain,
        errors: &[AWAY, UNKNOWN, LATE],
    },
    Path {
        template: "/api/groups",
        meaning: "The groups of all streams",
        parameters: &[],
        media: JSON,
        schema: of::<Vec<GroupReport>>,
        errors: &[AWAY],
    },
    Path {
        template: "/api/groups/{group}/scale",
        meaning: "How many workers a group needs now, with the arithmetic, for an autoscaler; 503 when nobody knows",
        parameters: &[
            Parameter {
                name: "group",
                meaning: "The group",
                ..STREAM
            },
            of_query(
                "stream",
                "Its stream, where groups on several streams have this name",
                text,
            ),
            of_query(
                "target",
                "In how long it should have caught up, such as 60s, which is the default",
                duration,
            ),
        ],
        media: JSON,
        schema: of::<Scale>,
        errors: &[(503, "Nobody knows, or Redis cannot be asked"), UNKNOWN],
    },
    Path {
        template: "/api/findings",
        meaning: "What is wrong, as `doctor -o json` prints it",
        parameters: &[],
        media: JSON,
        schema: of::<DoctorReport>,
        errors: &[AWAY],
    },
    Path {
        template: "/api/figures",
        meaning: "Everything that was observed at one time, or last",
        parameters: &[],
        media: JSON,
        schema: of::<Figures<'static>>,
        errors: &[AWAY],
    },
    Path {
        template: "/api/history",
        meaning: "How figures went, and what was found wrong since when, from a recording",
        parameters: &[
            of_query("group", "The group; all when none is named", text),
            of_query(
                "stream",
                "The stream of the group, or with its groups",
                text,
            ),
            of_query("since", WHEN, when),
            of_query(
                "until",
                "The end, as `since`; now, if it is not given. Nothing is between an end and a later beginning",
                when,
            ),
            of_query("points", "The most rows of each group and stream", points),
            of_query(
                "columns",
                "The keys of each row, separated by commas; all, if it is not given",
                columns,
            ),
        ],
        media: JSON,
        schema: of::<HistoryAnswer>,
        errors: &[
            (503, "Reading so much takes too long"),
            (404, "Nothing is recorded, or no such stream or group"),
        ],
    },
    Path {
        template: "/api/events",
        meaning: "The same, at once and after each observation, as server-sent events called `figures`",
        parameters: &[],
        media: "text/event-stream",
        schema: plain,
        errors: &[],
    },
    Path {
        template: "/api/openapi.json",
        meaning: "This description",
        parameters: &[],
        media: JSON,
        schema: object,
        errors: &[],
    },
    Path {
        template: "/metrics",
        meaning: "The figures as Prometheus reads them",
        parameters: &[],
        media: "text/plain",
        schema: plain,
        errors: &[AWAY],
    },
    Path {
        template: "/healthz",
        meaning: "Whether this server runs",
        parameters: &[],
        media: "text/plain",
        schema: plain,
        errors: &[],
    },
    Path {
        template: "/readyz",
        meaning: "Whether Redis could be asked when it was last asked",
        parameters: &[],
        media: "text/plain",
        schema: plain,
        errors: &[AWAY],
    },
];

const DENIED: (u16, &str) = (403, "The Redis user may not read it");
const OTHER_TYPE: (u16, &str) = (409, "The key is not a stream");
const LATE: (u16, &str) = (504, "Redis took too long to answer");
const ANY: [(u16, &str); 4] = [
    (400, "A parameter, or the request, is wrong"),
    (401, "A token is needed"),
    (414, "The path or the query is too long"),
    (421, "The request names a host that is not this server"),
];

/// The document.
pub(super) fn document() -> &'static [u8] {
    static DOCUMENT: OnceLock<Vec<u8>> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut text = serde_json::to_vec(&whole()).unwrap_or_default();
        text.push(b'\n');
        text
    })
}

fn whole() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schemas = settings
        .with(|it| it.definitions_path = "/components/schemas".into())
        .into_generator();
    let problem = of::<Refusal>(&mut schemas);
    let paths = PATHS
        .iter()
        .map(|it| (it.template.to_owned(), it.described(&mut schemas, &problem)));
    let paths: serde_json::Map<String, Value> = paths.collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ucp-streams",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The state of an event pipeline on Redis Streams. Nothing can be changed here.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    })
}

impl Path {
    fn described(&self, schemas: &mut SchemaGenerator, problem: &Value) -> Value {
        let parameters: Vec<Value> = { self.parameters.iter() }
            .map(|it| {
                json!({
                    "name": it.name,
                    "in": it.place,
                    "required": it.is_needed,
                    "description": it.meaning,
                    "schema": (it.schema)(),
                })
            })
            .collect();
        let mut responses = serde_json::Map::new();
        let answer = json!({
            "description": self.meaning,
            "content": {self.media: {"schema": (self.schema)(schemas)}},
        });
        responses.insert("200".to_owned(), answer);
        for (status, meaning) in ANY.iter().chain(self.errors) {
            let refusal = json!({
                "description": meaning,
                "content": {"application/problem+json": {"schema": problem}},
            });
            responses.insert(status.to_string(), refusal);
        }
        json!({"get": {
            "summary": self.meaning,
            "parameters": parameters,
            "responses": responses,
        }})
    }
}
