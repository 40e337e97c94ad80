//! `[groups.NAME]`: one group of the file, including its handler.

use std::time::Duration;

use super::reader::{Item, Reader};
use super::words::OFF;
use crate::model::{Name, escaped, parse_duration};
use crate::topology::{
    Builtin, FanOut, GroupSpec, Handler, HttpSpec, HttpTarget, Measure, OnGroupLost, Start,
    Threshold, Workers,
};

const KEYS: [&str; 13] = [
    "name",
    "stream",
    "start",
    "workers",
    "handler",
    "max_deliveries",
    "claim_idle",
    "handler_timeout",
    "backoff",
    "alert",
    "on_group_lost",
    "redact",
    "journal",
];

pub(super) fn merge(reader: &mut Reader<'_>, item: &Item<'_>, spec: &mut GroupSpec) {
    for item in &reader.table(item) {
        match item.key {
            "name" => set(reader.string(item).map(Name::from), &mut spec.name),
            "stream" => set(reader.string(item).map(Name::from), &mut spec.stream),
            "start" => set(reader.word(item, Start::ALL), &mut spec.start),
            "workers" => set(reader.word(item, Workers::ALL), &mut spec.workers),
            "handler" => merge_handler(reader, item, &mut spec.handler),
            "max_deliveries" => set(reader.count(item, 1), &mut spec.max_deliveries),
            "claim_idle" => set(reader.duration(item), &mut spec.claim_idle),
            "handler_timeout" => set(reader.duration(item), &mut spec.handler_timeout),
            "backoff" => merge_backoff(reader, item, spec),
            "alert" => merge_alert(reader, item, spec),
            "on_group_lost" => set(reader.word(item, OnGroupLost::ALL), &mut spec.on_group_lost),
            "redact" => set(reader.names(item), &mut spec.redact),
            "journal" => merge_journal(reader, item, &mut spec.journal),
            _ => reader.unknown_key(item, &KEYS),
        }
    }
}

/// How long a journal is kept, or that there is none.
fn merge_journal(reader: &mut Reader<'_>, item: &Item<'_>, journal: &mut Option<Duration>) {
    let Some(text) = reader.string(item) else {
        return;
    };
    let kept_for = parse_duration(text).ok();
    let kept_for = kept_for.filter(|it| *it >= GroupSpec::JOURNAL_MIN);
    if kept_for.is_none() && text != OFF {
        let given = escaped(text.as_bytes());
        let must = format!(
            "must be \"{OFF}\", or a duration of at least 1m such as \"7d\", and is `{given}`"
        );
        reader.error(item, must);
        return;
    }
    *journal = kept_for;
}

fn set<T>(given: Option<T>, value: &mut T) {
    if let Some(given) = given {
        *value = given;
    }
}

fn merge_backoff(reader: &mut Reader<'_>, item: &Item<'_>, spec: &mut GroupSpec) {
    for item in &reader.table(item) {
        match item.key {
            "base" => set(reader.duration(item), &mut spec.backoff.base),
            "cap" => set(reader.duration(item), &mut spec.backoff.cap),
            _ => reader.unknown_key(item, &["base", "cap"]),
        }
    }
}

fn merge_alert(reader: &mut Reader<'_>, item: &Item<'_>, spec: &mut GroupSpec) {
    for item in &reader.table(item) {
        let is_it = |measure: &Measure| measure.word() == item.key;
        match Measure::ALL.into_iter().find(is_it) {
            Some(measure) if item.is_false() => spec.alert.set(measure, None),
            Some(measure) => {
                if let Some(threshold) = threshold(reader, item, measure) {
                    spec.alert.set(measure, Some(threshold));
                }
            }
            None => reader.unknown_key(item, &Measure::ALL.map(Measure::word)),
        }
    }
}

/// A value, or `[warning, critical]`.
fn threshold(reader: &mut Reader<'_>, item: &Item<'_>, measure: Measure) -> Option<Threshold> {
    let Some(items) = item.elements() else {
        return Some(Threshold::critical(level(reader, item, measure)?));
    };
    let [warning, critical] = items.as_slice() else {
        return reader.must_be(item, "one value, or a list of two: [warning, critical]");
    };
    let warning = level(reader, warning, measure);
    let (warning, critical) = (warning?, level(reader, critical, measure)?);
    if measure.is_least() && warning < critical {
        reader.error(
            item,
            "the first value is for the warning, and must not be less than the second",
        );
        return None;
    }
    if !measure.is_least() && warning > critical {
        reader.error(
            item,
            "the first value is for the warning, and must not be more than the second",
        );
        return None;
    }
    Some(Threshold::staged(warning, critical))
}

fn level(reader: &mut Reader<'_>, item: &Item<'_>, measure: Measure) -> Option<u64> {
    if measure.is_time() {
        let length = reader.duration(item)?;
        Some(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    } else {
        reader.count(item, 0)
    }
}

/// One of `builtin`, `exec`, `pipe` and `http` replaces the handler. An `http` handler keeps the settings that the
/// file does not mention, so that it is enough to give the service's URL.
fn merge_handler(reader: &mut Reader<'_>, item: &Item<'_>, handler: &mut Option<Handler>) {
    let items = reader.table(item);
    let kinds = items
        .iter()
        .filter(|item| matches!(item.key, "builtin" | "exec" | "pipe" | "http"));
    if kinds.count() > 1 {
        reader.error(item, "must be only one of builtin, exec, pipe, http");
        return;
    }
    // The kind first: the other keys are about it.
    let (about_http, kinds): (Vec<_>, Vec<_>) = items
        .iter()
        .partition(|item| matches!(item.key, "results" | "fan_out"));
    for item in kinds {
        let given = match item.key {
            "builtin" => builtin(reader, item),
            "exec" => argv(reader, item).map(Handler::Exec),
            "pipe" => argv(reader, item).map(Handler::Pipe),
            "http" => http(reader, item, handler.as_ref()),
            _ => {
                let known = ["builtin", "exec", "pipe", "http", "results", "fan_out"];
                reader.unknown_key(item, &known);
                None
            }
        };
        set(given.map(Some), handler);
    }
    for item in about_http {
        match handler {
            Some(Handler::Http(http)) if item.key == "results" => results(reader, item, http),
            Some(Handler::Http(http)) => fan_out(reader, item, http),
            _ => reader.error(item, "is allowed only for an http handler"),
        }
    }
}

fn builtin(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Handler> {
    match Builtin::parse(reader.string(item)?) {
        Ok(builtin) => Some(Handler::Builtin(builtin)),
        Err(problem) => {
            reader.error(item, problem);
            None
        }
    }
}

fn argv(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Vec<String>> {
    match reader.list_of_strings(item) {
        Some(argv) if argv.first().is_some_and(|program| !program.is_empty()) => Some(argv),
        Some(_) => {
            reader.error(item, "must name a program");
            None
        }
        None => reader.must_be(
            item,
            "a list: the program and its arguments, each a string (no shell splits it)",
        ),
    }
}

fn http(reader: &mut Reader<'_>, item: &Item<'_>, old: Option<&Handler>) -> Option<Handler> {
    let target = HttpTarget::parse(reader.string(item)?);
    let (results, fan_out) = match old {
        Some(Handler::Http(old)) => (old.results.clone(), old.fan_out.clone()),
        _ => (None, None),
    };
    Some(Handler::Http(HttpSpec {
        target,
        results,
        fan_out,
    }))
}

/// The stream for the answers; `false` for none.
fn results(reader: &mut Reader<'_>, item: &Item<'_>, http: &mut HttpSpec) {
    if item.is_false() {
        http.results = None;
    } else if let Some(stream) = reader.string(item) {
        http.results = Some(Name::from(stream));
    }
}

/// The value that stands for several; `false` for none.
fn fan_out(reader: &mut Reader<'_>, item: &Item<'_>, http: &mut HttpSpec) {
    if item.is_false() {
        http.fan_out = None;
        return;
    }
    let mut given = http.fan_out.clone().unwrap_or(FanOut {
        field: String::new(),
        value: String::new(),
        into: Vec::new(),
    });
    for item in &reader.table(item) {
        match item.key {
            "field" => set(reader.string(item).map(str::to_owned), &mut given.field),
            "value" => set(reader.string(item).map(str::to_owned), &mut given.value),
            "into" => match reader.list_of_strings(item) {
                Some(values) => given.into = values,
                None => {
                    let _: Option<()> = reader.must_be(item, "a list of strings");
                }
            },
            _ => reader.unknown_key(item, &["field", "value", "into"]),
        }
    }
    http.fan_out = Some(given);
}
