//! Streams, groups, retention, schemas and handlers as data, the file that declares them, and validation of entries
//! against them.
//!
//! Pure: no I/O, no clock but the one a caller passes in, nothing of ours but `model`.

mod alert;
mod check;
mod doubts;
mod file;
mod handler;
mod keys;
mod spec;
mod temporary;
mod threshold;
pub mod validate;

use serde::Serialize;

pub use alert::{Alert, AlertName, Figures};
pub use check::{Fault, Subject};
pub use file::{FileError, example_toml, file_problem};
pub use handler::{Builtin, FanOut, Handler, HttpSpec, HttpTarget};
pub use keys::{
    BRIDGE_GROUP, breaker_key, bridge_from_key, bridge_from_lease, bridge_key, copied_key, due_key,
    home_of_retries, inflight_key, is_journal, journal_key, lease_key, losses_key, paused_key,
    policy_key, restoring_key, restoring_of_key, retry_home, retry_key,
};
pub use spec::{
    FIELDS_MAX, FieldSpec, FieldType, GroupSpec, OnFull, OnGroupLost, Start, StreamSpec, Workers,
};
pub use temporary::{REPLAY_PREFIX, is_temporary, replay_group, replay_key, replay_of};
pub use threshold::{Level, Measure, Threshold, Thresholds};

use crate::model::{CommandLine, Country, Name, Problem, Redaction, did_you_mean, nearest};

/// Streams and groups in the order they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Topology {
    /// The streams.
    pub streams: Vec<StreamSpec>,
    /// The consumer groups.
    pub groups: Vec<GroupSpec>,
    /// The country of telephone numbers that do not contain one.
    #[schemars(with = "Option<String>")]
    pub default_country: Option<Country>,
    /// The stream in which destructive commands are recorded; `None` when they are not.
    pub audit: Option<Name>,
    /// The thresholds of groups that are not in it.
    #[serde(skip)]
    pub others: Thresholds,
}

impl Topology {
    /// The stream called `name`; `None` for a stream that is not in the topology.
    pub fn stream(&self, name: &Name) -> Option<&StreamSpec> {
        self.streams.iter().find(|stream| stream.name == *name)
    }

    /// What is masked of the entries of `name`, and of those that were moved from it to its dead-letter stream.
    pub fn redaction(&self, name: &Name) -> Redaction {
        let is_it =
            |stream: &Name| stream == name || self.stream_or_default(stream).dead_letter == *name;
        let streams = self.streams.iter().filter(|it| is_it(&it.name));
        let groups = self.groups.iter().filter(|it| is_it(&it.stream));
        let places = streams.flat_map(|it| &it.redact);
        Redaction::new(places.chain(groups.flat_map(|it| &it.redact)).cloned())
    }

    /// The stream called `name`, or one with everything at its default (no limit, no schema). A retry stream has the
    /// dead-letter stream of the stream that it belongs to.
    pub fn stream_or_default(&self, name: &Name) -> StreamSpec {
        if let Some(spec) = self.stream(name) {
            return spec.clone();
        }
        let mut spec = StreamSpec::new(name.clone());
        if let Some(home) = home_of_retries(name) {
            spec.dead_letter = self.stream_or_default(&home).dead_letter;
        }
        spec
    }

    /// The groups of the stream called `name`.
    pub fn groups_of<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a GroupSpec> {
        self.groups
            .iter()
            .filter(move |group| group.stream == *name)
    }

    /// The thresholds of the group called `name` on `stream`; the default ones for one that is not in the topology, and
    /// none for a temporary one.
    pub fn thresholds(&self, stream: &Name, name: &Name) -> Thresholds {
        if is_temporary(name) {
            return Thresholds::NONE;
        }
        let is_it = |group: &&GroupSpec| group.stream == *stream && group.name == *name;
        let group = self.groups.iter().find(is_it);
        group.map_or(self.others, |group| group.alert)
    }

    /// The fields by which dead letters of `stream` are best counted: the reason, and the owner of the entry.
    pub fn reasons_by(&self, stream: &Name) -> String {
        let owner = self.owner_field(stream);
        owner.map_or_else(|| "reason".to_owned(), |it| format!("reason,{it}"))
    }

    /// As [`StreamSpec::owner_field`], for the stream called `name`.
    pub fn owner_field(&self, name: &Name) -> Option<&str> {
        let spec = self.streams.iter().find(|it| it.name == *name);
        spec.and_then(StreamSpec::owner_field)
    }

    /// The same topology with other thresholds for every group; `None` turns a threshold off.
    pub fn set_thresholds(&mut self, given: &[(Measure, Option<Threshold>)]) {
        let groups = self.groups.iter_mut().map(|group| &mut group.alert);
        for thresholds in groups.chain([&mut self.others]) {
            for (measure, threshold) in given {
                thresholds.set(*measure, *threshold);
            }
        }
    }

    /// The group called `name`, on `stream` if one is given.
    ///
    /// With a given stream, any name is valid: a group that is not in the topology has everything at its default.
    ///
    /// # Errors
    /// Not found, with the existing groups; a usage error when the name is on several streams and no stream was
    /// given.
    pub fn group(&self, name: &Name, stream: Option<&Name>) -> Result<GroupSpec, Problem> {
        let mut found = self
            .groups
            .iter()
            .filter(|group| group.name == *name && stream.is_none_or(|it| group.stream == *it));
        match (found.next(), found.next(), stream) {
            (Some(group), None, _) => Ok(group.clone()),
            (None, _, Some(stream)) => Ok(GroupSpec::new(name.clone(), stream.clone())),
            (None, _, None) => Err(self.no_group(name)),
            (Some(_), Some(_), _) => {
                let found = self.groups.iter().filter(|group| group.name == *name);
                let streams: Vec<&Name> = found.map(|group| &group.stream).collect();
                Err(Self::on_several(name, &streams))
            }
        }
    }

    fn no_group(&self, name: &Name) -> Problem {
        if self.streams.iter().any(|it| it.name == *name) {
            return self.not_a_group(name);
        }
        let names: Vec<String> = self.groups.iter().map(|it| it.name.to_string()).collect();
        let given = name.to_string();
        Problem::not_found(format!(
            "no group `{name}` in the topology{}",
            did_you_mean(nearest(&given, names.iter().map(String::as_str)))
        ))
        .hint(format!(
            "name its stream with --stream, or one of the existing groups: {}",
            names.join(", ")
        ))
    }

    fn not_a_group(&self, stream: &Name) -> Problem {
        let groups = self.groups.iter().filter(|it| it.stream == *stream);
        let names: Vec<String> = groups.map(|it| it.name.to_string()).collect();
        let problem =
            Problem::not_found(format!("`{stream}` is a stream; give the name of a group"));
        problem.hint(if names.is_empty() {
            let groups = CommandLine::new("groups").arg(stream);
            format!("the topology has no group on it; `{groups}` lists those on the server")
        } else {
            format!("its groups in the topology: {}", names.join(", "))
        })
    }

    /// The error that a group's name is on several streams.
    pub fn on_several(name: &Name, streams: &[&Name]) -> Problem {
        let listed: Vec<String> = streams.iter().map(ToString::to_string).collect();
        Problem::usage(format!(
            "group `{name}` is on several streams: {}",
            listed.join(", ")
        ))
        .hint(format!("select one with --stream {}", streams[0].word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn the_built_in_platform_is_the_documented_one() {
        let topology = Topology::default();
        let streams: Vec<_> = topology
            .streams
            .iter()
            .map(|it| {
                (
                    it.name.to_string(),
                    it.maxlen,
                    it.dead_letter.to_string(),
                    it.fields.len(),
                )
            })
            .collect();
        let expected = [
            ("events.raw", 10_000, "{events.raw}:dlq", 5),
            ("events.normalized", 10_000, "{events.normalized}:dlq", 7),
            (
                "profiles.merge_requests",
                1000,
                "{profiles.merge_requests}:dlq",
                5,
            ),
            (
                "predictions.requests",
                5000,
                "{predictions.requests}:dlq",
                4,
            ),
        ]
        .map(|(name, maxlen, dlq, fields)| (name.into(), Some(maxlen), dlq.into(), fields));
        assert_eq!(streams, expected);
    }

    #[test]
    fn groups_are_found_by_name_and_told_apart_by_stream() {
        let mut topology = Topology::default();
        let group = topology
            .group(&"merge-processors".into(), None)
            .expect("exists");
        assert_eq!(group.workers, Workers::One);

        let missing = topology
            .group(&"event-procesors".into(), None)
            .expect_err("no such");
        assert_eq!(missing.kind, Kind::NotFound);
        assert!(missing.message.contains("did you mean `event-processors`?"));

        topology
            .groups
            .push(GroupSpec::new("merge-processors", "other"));
        let twice = topology
            .group(&"merge-processors".into(), None)
            .expect_err("on two streams");
        assert_eq!(twice.kind, Kind::Usage);
        assert!(
            twice.message.contains("profiles.merge_requests, other"),
            "{}",
            twice.message
        );
        let there = topology.group(&"merge-processors".into(), Some(&"other".into()));
        assert_eq!(there.expect("told apart").stream, "other");
    }

    #[test]
    fn an_unknown_group_on_a_given_stream_has_the_defaults() {
        let spec = Topology::default()
            .group(&"mine".into(), Some(&"orders".into()))
            .expect("any name is good");
        assert_eq!(spec, GroupSpec::new("mine", "orders"));
    }

    #[test]
    fn json_shape_is_stable() {
        let json = serde_json::to_value(Topology::default()).expect("serializes");
        assert_eq!(
            json["streams"][1]["fields"]["profile_id"],
            serde_json::json!("uuid?")
        );
        assert_eq!(
            json["groups"][2]["handler"]["http"]["target"],
            "$UCP_STREAMS_ML_URL"
        );
        assert_eq!(json["groups"][0]["claim_idle_ms"], 60_000);
        assert_eq!(json["groups"][0]["handler"]["builtin"], "features");
    }
}
