//! A topology as the TOML that gives it: all of it, or as an example to start from.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::words::{OPTIONAL, UNLIMITED, key, quoted};
use crate::model::{Name, format_duration};
use crate::topology::{
    FieldSpec, FieldType, GroupSpec, Handler, HttpSpec, Measure, StreamSpec, Threshold, Topology,
};

impl Topology {
    /// The whole topology as a file that gives it again.
    pub fn effective_toml(&self) -> String {
        let mut out = String::new();
        if let Some(country) = &self.default_country {
            put(&mut out, "default_country", &quoted(&country.to_string()));
        }
        for stream in &self.streams {
            write_stream(&mut out, stream);
        }
        for (at, group) in self.groups.iter().enumerate() {
            write_group(&mut out, &self.label(at), group);
        }
        out
    }

    /// The key of a group's table: its name, unless an earlier group has that.
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

/// A file with every key explained and every value of the built-in platform, commented out: used as
/// it is, it changes nothing.
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
# [streams."NAME"]
# maxlen           entries kept, approximately; "unlimited" keeps all
# on_full          when the cut would take what a group has not processed: "warn", "refuse" (exit 6),
#                  "keep" (do not cut)
# dead_letter      where entries go that could not be processed; in the stream's hash slot
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
"#;

/// A name, which is text where a file gave it.
fn words(name: &Name) -> Cow<'_, str> {
    String::from_utf8_lossy(name.as_bytes())
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let quoted: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

fn put(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{} = {value}", key(name));
}

fn write_stream(out: &mut String, spec: &StreamSpec) {
    let path = format!("streams.{}", key(&words(&spec.name)));
    let _ = writeln!(out, "\n[{path}]");
    let maxlen = spec.maxlen.map(|maxlen| maxlen.to_string());
    put(out, "maxlen", &maxlen.unwrap_or_else(|| quoted(UNLIMITED)));
    put(out, "on_full", &quoted(spec.on_full.word()));
    put(out, "dead_letter", &quoted(&words(&spec.dead_letter)));
    let _ = writeln!(out, "\n[{path}.fields]");
    for field in &spec.fields {
        put(out, &field.name, &field_value(field));
    }
}

fn field_value(field: &FieldSpec) -> String {
    let mark = if field.optional { OPTIONAL } else { "" };
    match &field.kind {
        FieldType::Words(words) => {
            let mark = Some(mark).filter(|mark| !mark.is_empty());
            list(words.iter().map(String::as_str).chain(mark))
        }
        named => quoted(&format!("{}{mark}", named.name().unwrap_or_default())),
    }
}

fn write_group(out: &mut String, label: &str, spec: &GroupSpec) {
    let _ = writeln!(out, "\n[groups.{}]", key(label));
    if spec.name != label {
        put(out, "name", &quoted(&words(&spec.name)));
    }
    let duration = |length| quoted(&format_duration(length));
    put(out, "stream", &quoted(&words(&spec.stream)));
    put(out, "start", &quoted(spec.start.word()));
    put(out, "workers", &quoted(spec.workers.word()));
    if let Some(handler) = &spec.handler {
        put(out, "handler", &handler_value(handler));
    }
    put(out, "max_deliveries", &spec.max_deliveries.to_string());
    put(out, "claim_idle", &duration(spec.claim_idle));
    put(out, "handler_timeout", &duration(spec.handler_timeout));
    let (base, cap) = (duration(spec.backoff.base), duration(spec.backoff.cap));
    put(out, "backoff", &format!("{{ base = {base}, cap = {cap} }}"));
    let alert = Measure::ALL.map(|measure| {
        let value = threshold(measure, spec.alert.of(measure));
        format!("{} = {value}", measure.word())
    });
    put(out, "alert", &format!("{{ {} }}", alert.join(", ")));
    put(out, "on_group_lost", &quoted(spec.on_group_lost.word()));
}

fn threshold(measure: Measure, threshold: Option<Threshold>) -> String {
    let value = |value: u64| {
        if measure.is_time() {
            quoted(&format_duration(Duration::from_millis(value)))
        } else {
            value.to_string()
        }
    };
    match threshold {
        None => "false".to_owned(),
        Some(Threshold {
            warning: None,
            critical,
        }) => value(critical),
        Some(Threshold {
            warning: Some(warning),
            critical,
        }) => {
            format!("[{}, {}]", value(warning), value(critical))
        }
    }
}

fn handler_value(handler: &Handler) -> String {
    let argv = |argv: &[String]| list(argv.iter().map(String::as_str));
    match handler {
        Handler::Builtin(builtin) => format!("{{ builtin = {} }}", quoted(&builtin.to_string())),
        Handler::Exec(program) => format!("{{ exec = {} }}", argv(program)),
        Handler::Pipe(program) => format!("{{ pipe = {} }}", argv(program)),
        Handler::Http(http) => http_value(http),
    }
}

fn http_value(http: &HttpSpec) -> String {
    let mut text = format!("{{ http = {}", quoted(&http.target.to_string()));
    // What is off is said too: over a built-in handler, silence would keep it on.
    let results = http.results.as_ref();
    let results = results.map_or("false".to_owned(), |stream| quoted(&words(stream)));
    let _ = write!(text, ", results = {results}");
    match &http.fan_out {
        None => text.push_str(", fan_out = false"),
        Some(all) => {
            let into = list(all.into.iter().map(String::as_str));
            let (field, value) = (quoted(&all.field), quoted(&all.value));
            let _ = write!(
                text,
                ", fan_out = {{ field = {field}, value = {value}, into = {into} }}"
            );
        }
    }
    text.push_str(" }");
    text
}
