//! Finds contradictions in a topology, wherever its values come from.

use super::validate::RESERVED_PREFIXES;
use super::{
    Builtin, FIELDS_MAX, FieldSpec, FieldType, GroupSpec, Handler, HttpSpec, HttpTarget,
    StreamSpec, Topology,
};
use crate::model::{did_you_mean, format_duration, nearest};

/// The subject of a fault, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A stream of [`Topology::streams`].
    Stream(usize),
    /// A group of [`Topology::groups`].
    Group(usize),
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its subject.
    pub subject: Subject,
    /// What is wrong, naming the stream or group, and what would be correct.
    pub message: String,
}

impl Topology {
    /// All settings that cannot work; empty for a valid topology.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (at, stream) in self.streams.iter().enumerate() {
            faults.extend(stream_faults(stream).into_iter().map(|fault| Fault {
                subject: Subject::Stream(at),
                message: format!("stream `{}`: {fault}", stream.name),
            }));
        }
        for (at, group) in self.groups.iter().enumerate() {
            let twice = self.groups[..at]
                .iter()
                .any(|it| it.name == group.name && it.stream == group.stream);
            let twice = twice.then(|| format!("is declared twice on `{}`", group.stream));
            let all = self.stream_of(group).into_iter().chain(twice);
            faults.extend(all.chain(group_faults(group)).map(|fault| Fault {
                subject: Subject::Group(at),
                message: format!("group `{}`: {fault}", group.name),
            }));
        }
        faults
    }

    fn stream_of(&self, group: &GroupSpec) -> Option<String> {
        if group.stream.is_empty() {
            let meant = Self::default();
            let meant = meant.group_meant_by(&group.name);
            let meant = meant.map(|name| format!("; did you mean the group `{name}`?"));
            return Some(format!(
                "stream is missing: name the stream that it reads{}",
                meant.unwrap_or_default()
            ));
        }
        if self.stream(&group.stream).is_some() {
            return None;
        }
        let names: Vec<String> = self.streams.iter().map(|it| it.name.to_string()).collect();
        let given = group.stream.to_string();
        Some(format!(
            "no stream `{given}`{} (existing streams: {}; or add [streams.\"{given}\"])",
            did_you_mean(nearest(&given, names.iter().map(String::as_str))),
            names.join(", ")
        ))
    }
}

fn stream_faults(stream: &StreamSpec) -> Vec<String> {
    let mut faults = Vec::new();
    if stream.name.is_empty() {
        faults.push("the name is empty".to_owned());
    }
    if stream.maxlen == Some(0) {
        faults.push("maxlen must be at least 1".to_owned());
    }
    if stream.dead_letter == stream.name {
        faults.push("dead_letter is the stream itself".to_owned());
    } else if stream.dead_letter.hash_tag() != stream.name.hash_tag() {
        faults.push(format!(
            "dead_letter `{}` is in another hash slot, so no script can move an entry to it; `{}` is in the same one",
            stream.dead_letter,
            stream.name.derived(":dlq")
        ));
    }
    if stream.fields.len() > FIELDS_MAX {
        faults.push(format!("a schema has at most {FIELDS_MAX} fields"));
    }
    faults.extend(stream.fields.iter().filter_map(field_fault));
    faults
}

fn field_fault(field: &FieldSpec) -> Option<String> {
    let name = field.name.as_str();
    if name.is_empty() {
        return Some("a field's name is empty".to_owned());
    }
    if RESERVED_PREFIXES
        .iter()
        .any(|own| name.as_bytes().starts_with(own))
    {
        return Some(format!(
            "field `{name}`: names that begin with _dlq_ or _ucp_ are reserved for this tool"
        ));
    }
    match &field.kind {
        FieldType::Words(words) if words.is_empty() => {
            Some(format!("field `{name}`: the list has no words"))
        }
        FieldType::Words(words) if words.iter().any(String::is_empty) => Some(format!(
            "field `{name}`: a word of the list is empty; to make the field optional, end the list with \"?\""
        )),
        _ => None,
    }
}

fn group_faults(group: &GroupSpec) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, message: &str| {
        if wrong {
            faults.push(message.to_owned());
        }
    };
    fault(group.name.is_empty(), "the name is empty");
    fault(
        group.max_deliveries == 0,
        "max_deliveries must be at least 1",
    );
    fault(
        group.handler_timeout.is_zero(),
        "handler_timeout must be more than 0",
    );
    fault(
        group.backoff.base.is_zero(),
        "backoff.base must be more than 0",
    );
    fault(
        group.backoff.cap < group.backoff.base,
        "backoff.cap must not be less than backoff.base",
    );
    let least = GroupSpec::CLAIM_IDLE_MIN;
    fault(
        group.claim_idle < least,
        &format!(
            "claim_idle must be at least {}: with less, a busy worker would look dead",
            format_duration(least)
        ),
    );
    faults.extend(
        group
            .handler
            .as_ref()
            .and_then(|it| handler_fault(group, it)),
    );
    faults
}

fn handler_fault(group: &GroupSpec, handler: &Handler) -> Option<String> {
    let text = match handler {
        Handler::Exec(argv) | Handler::Pipe(argv) if argv.is_empty() => {
            "the handler names no program"
        }
        Handler::Builtin(Builtin::Forward(to)) if *to == group.stream => {
            "the handler forwards the stream to itself, which would never end"
        }
        Handler::Http(http) => return http_fault(group, http),
        _ => return None,
    };
    Some(text.to_owned())
}

fn http_fault(group: &GroupSpec, http: &HttpSpec) -> Option<String> {
    let fan_out_has_gaps = http
        .fan_out
        .as_ref()
        .is_some_and(|it| it.field.is_empty() || it.value.is_empty() || it.into.is_empty());
    match &http.target {
        HttpTarget::Env(variable) if variable.is_empty() => {
            Some("the handler's URL is read from an environment variable, but the variable's name is empty".to_owned())
        }
        HttpTarget::Url(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Some("the handler's URL must begin with http:// or https://".to_owned())
        }
        _ if http.results.as_ref() == Some(&group.stream) => Some(
            "the handler's results go to the stream that it reads, which would never end".to_owned(),
        ),
        _ if http
            .results
            .as_ref()
            .is_some_and(crate::model::Name::is_empty) =>
        {
            Some("the name of the stream for results is empty; write false for none".to_owned())
        }
        _ if fan_out_has_gaps => Some("fan_out needs field, value and into".to_owned()),
        _ => None,
    }
}
