//! The shape of what each command prints with `-o json`: part of the contract, shown by man pages and `--help-json`, and
//! held against real output by `tests/cli/shapes.rs`.
//!
//! Types stand in place of values: `string`, `integer`, `number`, `bool`, `time` (RFC 3339), `id` (an entry id),
//! `value` (a field's: a string, `{"base64": …}`, or an array of those where the field repeats), with ` or null` where it
//! may be unknown or nothing; a key that ends with `?` may be null, one element stands for a list's, and the key `…` for
//! any. With `-o ndjson` a list is one element a line.

/// The shape of the command that `words` name (`worker run`), where it prints JSON.
pub(in crate::commands) fn of(words: &str) -> Option<&'static str> {
    let find = |words: &str| SHAPES.iter().find(|(name, _)| *name == words);
    let shape = find(words).or_else(|| find(words.split(' ').next()?));
    shape.map(|(_, shape)| *shape)
}

/// The shape of its plan with `--dry-run`, where that differs.
pub(in crate::commands) fn of_plan(words: &str) -> Option<&'static str> {
    let first = words.split(' ').next()?;
    let plan = PLANS.iter().find(|(name, _)| *name == first);
    plan.map(|(_, shape)| *shape)
}

/// As [`SHAPES`], of what would be done.
const PLANS: &[(&str, &str)] = &[
    (
        "publish",
        r#"{"stream": "string", "entries": "integer", "maxlen": "integer or null"}"#,
    ),
    (
        "ingest",
        r#"{"events": "integer", "raw": "string", "normalized": "string"}"#,
    ),
    (
        "worker",
        r#"[{
  "group": "string", "stream": "string", "state": "string", "start": "string",
  "handler": "string", "workers": "string", "consumer": "string", "dead_letter": "string",
  "concurrency": "integer", "batch": "integer", "max_deliveries": "integer",
  "claim_idle_ms": "integer", "handler_timeout_ms": "integer", "backoff_base_ms": "integer",
  "backoff_cap_ms": "integer", "grace_ms": "integer", "rate": "integer or null"
}]"#,
    ),
];

/// A group.
macro_rules! group {
    () => {
        r#"{
  "group": "string", "stream": "string", "state": "string", "is_extra": "bool",
  "lag?": {"entries": "integer or null", "quality": "string"}, "is_counted": "bool",
  "last_delivered_id": "id or null", "undelivered_id": "id or null",
  "undelivered_age_ms": "integer or null", "pending": "integer or null",
  "oldest_pending_id": "id or null", "oldest_pending_age_ms": "integer or null",
  "oldest_pending_idle_ms": "integer or null",
  "oldest_pending_deliveries": "integer or null", "oldest_pending_is_fatal": "bool or null",
  "oldest_pending_consumer": "string or null", "oldest_pending_is_trimmed": "bool or null",
  "lost?": {"entries": "integer or null", "quality": "string"},
  "lost_unaccepted?": {"entries": "integer or null", "quality": "string"},
  "headroom?": {"entries": "integer or null", "quality": "string"},
  "headroom_ms": "integer or null", "rate_window_ms": "integer or null",
  "alerts": ["string"], "severity": "string or null",
  "circuit_breaker?": {"consumer": "string", "since": "time", "reason": "string"},
  "live": "integer or null",
  "consumers": [{
    "consumer": "string", "pending": "integer", "idle_ms": "integer",
    "inactive_ms": "integer or null"
  }]
}"#
    };
}

/// A stream and its groups.
macro_rules! stream {
    () => {
        concat!(
            r#"{
  "stream": "string", "state": "string", "length": "integer or null",
  "maxlen": "integer or null", "first_id": "id or null", "first_time": "time or null",
  "first_age_ms": "integer or null", "last_id": "id or null", "last_time": "time or null",
  "last_age_ms": "integer or null", "entries_added": "integer or null",
  "rate_per_minute": "number or null", "rate_window_ms": "integer or null",
  "bytes": "integer or null",
  "dead_letters": "integer or null", "slowest_group": "string or null",
  "headroom?": {"entries": "integer or null", "quality": "string"},
  "headroom_ms": "integer or null",
  "groups": ["#,
            group!(),
            "]\n}"
        )
    };
}

/// A dead letter.
macro_rules! dead_letter {
    () => {
        r#"{
  "id": "id", "dead_letter": "string", "stream": "string or null", "group": "string or null",
  "origin_id": "id or null", "consumer": "string or null", "deliveries": "integer or null",
  "is_fatal": "bool",
  "time": "time", "age_ms": "integer", "reason": "string or null", "is_tombstone": "bool",
  "lost?": {
    "entries": {"entries": "integer or null", "quality": "string"}, "from_id": "id",
    "to_id": "id"
  },
  "fields?": {"…": "value"}
}"#
    };
}

/// A command and its shape; what is below a command has its, unless it has one itself.
const SHAPES: &[(&str, &str)] = &[
    ("ack", CHANGED),
    ("claim", CHANGED),
    ("requeue", CHANGED),
    (
        "acl",
        r#"[{"command": "string", "allowed": ["string"], "keys": ["string"], "rule": "string"}]"#,
    ),
    (
        "demo",
        concat!(
            r#"{
  "info": ["#,
            stream!(),
            r#"],
  "groups": [{
    "group": "string", "stream": "string", "published": "integer", "handled": "integer",
    "dead_lettered": "integer", "pending": "integer", "undelivered": "integer",
    "trimmed": "integer", "adds_up": "bool", "astray": ["id"]
  }],
  "streams": [{
    "stream": "string", "published": "integer", "length": "integer", "trimmed": "integer",
    "adds_up": "bool"
  }]
}"#,
        ),
    ),
    (
        "dev",
        r#"{
  "url": "string", "state": "string", "pid": "integer or null", "server": "string or null",
  "version": "string or null", "uptime_ms": "integer or null", "dir": "string"
}"#,
    ),
    ("ping", PING),
    (
        "init",
        r#"[{
  "group": "string", "stream": "string", "state": "string", "start": "string",
  "last_delivered_id": "id or null"
}]"#,
    ),
    (
        "publish",
        r#"[{"stream": "string", "id": "id", "time": "time or null", "duplicate": "bool or null"}]"#,
    ),
    (
        "ingest",
        r#"[{
  "raw_id": "id", "raw_time": "time or null", "normalized_id": "id", "normalized_time": "time or null"
}]"#,
    ),
    ("tail", ENTRIES),
    ("read", ENTRIES),
    ("consume", ENTRIES),
    (
        "get",
        r#"{"stream": "string", "id": "id", "time": "time or null", "fields": {"…": "value"}}"#,
    ),
    ("info", concat!("[", stream!(), "]")),
    (
        "lag",
        r#"[{
  "group": "string", "stream": "string", "state": "string", "is_extra": "bool",
  "lag?": {"entries": "integer or null", "quality": "string"}, "is_counted": "bool",
  "undelivered_id": "id or null", "undelivered_age_ms": "integer or null",
  "pending": "integer or null", "oldest_pending_id": "id or null",
  "oldest_pending_age_ms": "integer or null", "last_delivered_id": "id or null",
  "lost?": {"entries": "integer or null", "quality": "string"},
  "lost_unaccepted?": {"entries": "integer or null", "quality": "string"},
  "headroom?": {"entries": "integer or null", "quality": "string"},
  "headroom_ms": "integer or null", "rate_window_ms": "integer or null",
  "alerts": ["string"], "severity": "string or null",
  "live": "integer or null", "consumers": "integer"
}]"#,
    ),
    (
        "pending",
        r#"{
  "stream": "string", "group": "string", "pending": "integer", "first_id": "id or null",
  "last_id": "id or null",
  "consumers": [{"consumer": "string", "pending": "integer", "idle_ms": "integer or null"}],
  "matching": "integer", "has_more": "bool",
  "idle_histogram?": [{"range": "string", "entries": "integer", "share_percent": "number"}],
  "deliveries_histogram?": [{
    "range": "string", "entries": "integer", "share_percent": "number"
  }],
  "clusters?": [{
    "state": "string", "fields": {"…": "value"}, "entries": "integer",
    "share_percent": "number"
  }],
  "entries": [{
    "id": "id", "time": "time or null", "consumer": "string or null", "idle_ms": "integer or null",
    "deliveries": "integer or null", "is_fatal": "bool", "age_ms": "integer or null",
    "in_flight_since": "time or null", "in_flight_ms": "integer or null",
    "last_reason": "string or null", "is_trimmed": "bool or null", "fields?": {"…": "value"}
  }]
}"#,
    ),
    (
        "worker run",
        r#"[{
  "group": "string", "stream": "string", "consumer": "string", "handled": "integer",
  "failed_attempts": "integer", "not_started": "integer", "retried": "integer",
  "taken_over": "integer",
  "dead_lettered": "integer", "tombstones": "integer", "taken_back": "integer", "uncounted": "integer",
  "lost": "integer", "leases_lost": "integer",
  "released": "integer", "reconnects": "integer", "groups_recreated": "integer",
  "left_pending": "integer or null"
}]"#,
    ),
    (
        "topology show",
        r#"{
  "streams": [{
    "name": "string", "maxlen": "integer or null", "on_full": "string",
    "dead_letter": "string", "fields": {"…": "string or list"}
  }],
  "groups": [{
    "name": "string", "stream": "string", "start": "string", "workers": "string",
    "handler": "object or null", "max_deliveries": "integer", "claim_idle_ms": "integer",
    "handler_timeout_ms": "integer", "backoff": {"base_ms": "integer", "cap_ms": "integer"},
    "alert": {
      "max_lag": "integer or list or null", "max_pending": "integer or list or null",
      "max_idle_ms": "integer or list or null", "max_age_ms": "integer or list or null",
      "max_lost": "integer or list or null", "min_room_ms": "integer or list or null",
      "min_live": "integer or list or null", "max_dead_letters": "integer or list or null"
    },
    "on_group_lost": "string"
  }],
  "default_country": "string or null"
}"#,
    ),
    (
        "topology check",
        r#"[{"group": "string", "stream": "string", "state": "string", "last_delivered_id": "id or null"}]"#,
    ),
    (
        "context list",
        r#"[{"name": "string", "selected": "bool", "url": "string", "production": "bool"}]"#,
    ),
    (
        "context show",
        r#"{
  "name": "string", "selected": "bool", "url": "string", "production": "bool",
  "password": "string or null", "tls_ca": "string or null", "tls_cert": "string or null",
  "tls_key": "string or null", "tls_server_name": "string or null",
  "topology": "string or null"
}"#,
    ),
    ("context check", PING),
    ("dlq list", concat!("[", dead_letter!(), "]")),
    ("dlq show", dead_letter!()),
    ("dlq add", CHANGED),
    ("dlq redrive", CHANGED),
    ("dlq purge", CHANGED),
    ("groups", concat!("[", group!(), "]")),
    (
        "groups create",
        r#"{
  "group": "string", "stream": "string", "state": "string", "start_id": "id",
  "last_delivered_id": "id or null"
}"#,
    ),
    (
        "groups set-id",
        r#"{
  "group": "string", "stream": "string", "is_done": "bool", "direction": "string",
  "from_id": "id", "to_id": "id",
  "again?": {"entries": "integer or null", "quality": "string"},
  "skipped?": {"entries": "integer or null", "quality": "string"},
  "stolen": "integer", "deliveries_max": "integer or null",
  "holders": [{"consumer": "string", "pending": "integer", "deliveries_max": "integer"}],
  "pending": "integer", "live_consumers": ["string"]
}"#,
    ),
    (
        "groups accept-loss",
        r#"{
  "group": "string", "stream": "string", "is_done": "bool",
  "lost?": {"entries": "integer or null", "quality": "string"},
  "lost_unaccepted?": {"entries": "integer or null", "quality": "string"},
  "from_id": "id or null", "to_id": "id or null"
}"#,
    ),
    (
        "groups delete",
        r#"{
  "group": "string", "stream": "string", "is_done": "bool", "pending": "integer",
  "undelivered?": {"entries": "integer or null", "quality": "string"},
  "undelivered_id": "id or null", "last_delivered_id": "id", "live_consumers": ["string"]
}"#,
    ),
    (
        "consumers",
        r#"[{
  "consumer": "string", "group": "string", "stream": "string", "pending": "integer",
  "idle_ms": "integer", "inactive_ms": "integer or null"
}]"#,
    ),
    ("consumers delete", REMOVED),
    ("consumers prune", REMOVED),
];

const REMOVED: &str = r#"[{
  "consumer": "string", "group": "string", "stream": "string", "pending": "integer",
  "idle_ms": "integer", "inactive_ms": "integer or null", "outcome": "string",
  "handed_over": "integer", "tombstones": "integer"
}]"#;

const ENTRIES: &str =
    r#"[{"stream": "string", "id": "id", "time": "time or null", "fields": {"…": "value"}}]"#;

const CHANGED: &str = r#"[{
  "stream": "string", "id": "id", "time": "time or null", "outcome": "string",
  "consumer": "string or null", "idle_ms": "integer or null", "deliveries": "integer or null",
  "is_fatal": "bool", "new_id": "id or null", "new_time": "time or null", "detail": "string or null",
  "fields?": {"…": "value"}
}]"#;

const PING: &str = r#"{
  "address": "string", "server": "string or null", "version": "string or null",
  "mode": "string or null", "role": "string or null", "round_trip_ms": "number",
  "features?": ["string"], "append_only": "bool or null", "last_save": "time or null"
}"#;
