//! Groups that this tool creates for a while, which are no part of the pipeline.

use crate::model::Name;

/// How the name of a group begins that `replay` creates, and deletes at its end.
pub const REPLAY_PREFIX: &str = "_ucp_replay:";

/// Whether the group is there only for a `replay`. Nothing is kept back for it: a stream is trimmed, judged and alerted
/// on as if it were not there.
pub fn is_temporary(group: &Name) -> bool {
    group.as_bytes().starts_with(REPLAY_PREFIX.as_bytes())
}

/// The temporary group of the replay called `name`: `_ucp_replay:<name>`.
pub fn replay_group(name: &Name) -> Name {
    Name::new([REPLAY_PREFIX.as_bytes(), name.as_bytes()].concat())
}

/// The name of the replay whose temporary group this is.
pub fn replay_of(group: &Name) -> Option<Name> {
    let name = group.as_bytes().strip_prefix(REPLAY_PREFIX.as_bytes());
    name.map(Name::from)
}

/// The key in which is kept what a replay of a stream was asked for: `{S}:replay:<name>`.
pub fn replay_key(stream: &Name, name: &Name) -> Name {
    stream.derived([b":replay:", name.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_groups_of_a_replay_are_temporary() {
        for (group, expected) in [
            ("_ucp_replay:monday", true),
            ("_ucp_replay", false),
            ("event-processors", false),
            ("my_ucp_replay:x", false),
        ] {
            assert_eq!(is_temporary(&group.into()), expected, "{group}");
        }
    }
}
