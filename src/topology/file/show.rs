//! Writes a topology as TOML: all of it, or as an example to start from.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use toml_edit::{DocumentMut, Item, Table, Value, value};

use super::words::{OFF, OPTIONAL, UNLIMITED};
use crate::model::{Name, format_duration};
use crate::topology::{
    FieldSpec, FieldType, GroupSpec, Handler, HttpSpec, Measure, StreamSpec, Threshold, Topology,
};

impl Topology {
    /// The whole topology as a file that gives the same topology again.
    pub fn effective_toml(&self) -> String {
        let mut document = DocumentMut::new();
        if let Some(country) = &self.default_country {
            document.insert("default_country", value(country.to_string()));
        }
        let audit = self.audit.as_ref();
        let audit = audit.map_or_else(|| "off".to_owned(), |it| words(it).into_owned());
        document.insert("audit", value(audit));
        let streams = self.streams.iter();
        let streams = streams.map(|it| (words(&it.name).into_owned(), stream_table(it)));
        document.insert("streams", tables(streams));
        let groups = self.groups.iter().enumerate();
        let groups = groups.map(|(at, it)| (self.label(at), group_table(&self.label(at), it)));
        document.insert("groups", tables(groups));
        document.to_string()
    }

    /// The key of a group's table: its name, unless an earlier group has the same one.
    fn label(&self, at: usize) -> String {
        let group = &self.groups[at];
        let taken = self.groups[..at].iter().any(|it| it.name == group.name);
        if taken {
            format!("{}@{}", words(&group.name), words(&group.stream))
        } else {
            words(&group.name).into_owned()
        }
    }
}

/// A file with every key explained and every value of the built-in platform, commented out; used unchanged, it has no
/// effect.
pub fn example_toml() -> String {
    let mut out = EXPLAINED.to_owned();
    for line in Topology::default().effective_toml().lines() {
        let mark = if line.is_empty() { "" } else { "#" };
        let _ = writeln!(out, "{mark}{line}");
    }
    out
}

const EXPLAINED: &str = r#"# ucp-streams.toml: merges over the built-in platform key by key. Below is all of it; what you take
# the leading # from is yours. Found by --topology, then $UCP_STREAMS_TOPOLOGY, then in the
# working directory.
#
# default_country  how numbers without a country code are read: "+49", "DE"
#
# audit            the stream in which destructive commands are recorded, or "off"
#
# [streams."NAME"]
# maxlen           entries kept, approximately; "unlimited" keeps all
# on_full          when the cut would take what a group has not processed: "warn", "refuse" (exit 6),
#                  "keep" (do not cut)
# dead_letter      where entries go that could not be processed; in the stream's hash slot
# redact           fields, or places in their JSON such as "payload.email", that `serve` shows masked
# fields           the schema; replaces the built-in one as a whole. Types: uuid, string, json,
#                  json_array, timestamp, bool, integer, or a list of words. A trailing ? (or "?" as
#                  the last word) makes a field optional. Without fields, any will do
#
# [groups.NAME]    (two groups of one name on two streams: any key, and name = "NAME")
# stream           what it reads
# start            where it starts when it is created: "0" the oldest entry, "$" after the newest
# workers          "many", or "one": one active, the others stand by
# handler          { builtin = "features" | "review-queue" | "normalize" | "forward:STREAM" | "log" | "null" }
#                  { exec = ["program", "argument"] }   one process per entry
#                  { pipe = ["program", "argument"] }   long-lived processes, one line per entry
#                  { http = "https://…" }               one POST per entry; "$NAME" reads the URL from
#                    the environment; results = "STREAM" keeps the answers; fan_out turns one value
#                    of a field into several requests; false switches either off
# max_deliveries   attempts before an entry is dead-lettered
# claim_idle       how long a worker must be silent before another takes over; at least 3s
# handler_timeout  how long one attempt may take
# backoff          the wait after the first failure, doubled after each, up to the cap
# alert            when `info`, `lag` and `groups` say that the group is in trouble: beyond one value, or
#                  [warning, critical]; false switches one off
#                  max_lag            entries not delivered
#                  max_pending        entries delivered and not acknowledged
#                  max_idle           how long the oldest pending entry has rested
#                  max_age            age of the oldest entry not delivered or not acknowledged
#                  max_lost           entries trimmed before they were delivered
#                  min_room           in how long entries are lost to maxlen; the warning is the longer
#                  min_live           live consumers while there is work; the warning is the larger
#                  max_dead_letters   entries in the dead-letter stream
# on_group_lost    "recreate" at the oldest entry, or "stop"
# redact           more of its stream's fields to mask
# journal          "off", or how long workers keep on the server who handled what, and when: "7d"; at least 1m
"#;

/// A name as text; names from a file are always text.
fn words(name: &Name) -> Cow<'_, str> {
    String::from_utf8_lossy(name.as_bytes())
}

/// A name as a value.
fn name(name: &Name) -> Value {
    Value::from(&*words(name))
}

fn names(all: &[Name]) -> Value {
    Value::Array(all.iter().map(name).collect())
}

fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::Array(texts.into_iter().collect())
}

fn inline<'k>(pairs: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::InlineTable(pairs.into_iter().collect())
}

fn duration(length: Duration) -> Value {
    Value::from(format_duration(length))
}

fn count(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

fn table(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Table {
    pairs.into_iter().collect()
}

/// A table that shows only as the tables in it.
fn tables(inner: impl Iterator<Item = (String, Table)>) -> Item {
    let mut outer = Table::new();
    outer.set_implicit(true);
    outer.extend(inner);
    Item::Table(outer)
}

fn stream_table(spec: &StreamSpec) -> Table {
    let mut table = table([
        ("maxlen", spec.maxlen.map_or(UNLIMITED.into(), count)),
        ("on_full", spec.on_full.word().into()),
        ("dead_letter", name(&spec.dead_letter)),
        ("redact", names(&spec.redact)),
    ]);
    let fields = spec.fields.iter();
    let fields: Table = fields.map(|it| (&it.name, field_value(it))).collect();
    table.insert("fields", Item::Table(fields));
    // The crate leaves it out where a table is the first thing.
    table.decor_mut().set_prefix("\n");
    table
}

fn field_value(field: &FieldSpec) -> Value {
    let mark = field.optional.then_some(OPTIONAL);
    match &field.kind {
        FieldType::Words(words) => list(words.iter().map(String::as_str).chain(mark)),
        named => {
            let named = named.name().unwrap_or_default();
            format!("{named}{}", mark.unwrap_or_default()).into()
        }
    }
}

fn group_table(label: &str, spec: &GroupSpec) -> Table {
    let mut table = Table::new();
    if spec.name != label {
        table.insert("name", name(&spec.name).into());
    }
    table.extend([
        ("stream", name(&spec.stream)),
        ("start", spec.start.word().into()),
        ("workers", spec.workers.word().into()),
    ]);
    table.extend(spec.handler.iter().map(|it| ("handler", handler_value(it))));
    let (base, cap) = (duration(spec.backoff.base), duration(spec.backoff.cap));
    let alert = Measure::ALL.map(|it| (it.word(), threshold(it, spec.alert.of(it))));
    let journal = spec.journal.map_or_else(|| OFF.into(), duration);
    table.extend([
        ("max_deliveries", count(spec.max_deliveries)),
        ("claim_idle", duration(spec.claim_idle)),
        ("handler_timeout", duration(spec.handler_timeout)),
        ("backoff", inline([("base", base), ("cap", cap)])),
        ("alert", inline(alert)),
        ("on_group_lost", spec.on_group_lost.word().into()),
        ("redact", names(&spec.redact)),
        ("journal", journal),
    ]);
    table
}

fn threshold(measure: Measure, threshold: Option<Threshold>) -> Value {
    let value = |value: u64| {
        if measure.is_time() {
            duration(Duration::from_millis(value))
        } else {
            count(value)
        }
    };
    match threshold {
        None => false.into(),
        Some(Threshold { warning, critical }) => match warning {
            None => value(critical),
            Some(warning) => Value::Array([warning, critical].map(value).into_iter().collect()),
        },
    }
}

fn handler_value(handler: &Handler) -> Value {
    let argv = |argv: &[String]| list(argv.iter().map(String::as_str));
    match handler {
        Handler::Builtin(builtin) => inline([("builtin", builtin.to_string().into())]),
        Handler::Exec(program) => inline([("exec", argv(program))]),
        Handler::Pipe(program) => inline([("pipe", argv(program))]),
        Handler::Http(http) => http_value(http),
    }
}

fn http_value(http: &HttpSpec) -> Value {
    // What is off is said too: over a built-in handler, silence would keep it on.
    let results = http.results.as_ref().map_or(false.into(), name);
    let fan_out = http.fan_out.as_ref().map_or(false.into(), |all| {
        inline([
            ("field", all.field.as_str().into()),
            ("value", all.value.as_str().into()),
            ("into", list(all.into.iter().map(String::as_str))),
        ])
    });
    inline([
        ("http", http.target.to_string().into()),
        ("results", results),
        ("fan_out", fan_out),
    ])
}
