//! The keys that this tool keeps beside a stream, in its hash slot. Each has its name here and nowhere else.

use crate::model::Name;

/// The key in which a worker of the group publishes that its circuit breaker is open: `{S}:breaker:<group>`.
pub fn breaker_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":breaker:", group.as_bytes()].concat())
}

/// The key in which entries are marked that are to be tried at once, one field per entry: `{S}:due:<group>`.
pub fn due_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":due:", group.as_bytes()].concat())
}

/// The key in which is recorded that the group is paused: `{S}:paused:<group>`.
pub fn paused_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":paused:", group.as_bytes()].concat())
}

/// The key in which workers of the group record entries that have been in flight for long, one field per entry:
/// `{S}:inflight:<group>`.
pub fn inflight_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":inflight:", group.as_bytes()].concat())
}

/// The key in which the workers of the group publish their claim idle, one field per consumer: `{S}:policy:<group>`.
pub fn policy_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":policy:", group.as_bytes()].concat())
}

/// The key of the lease of a group with one active worker: `{S}:lease:<group>`.
pub fn lease_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":lease:", group.as_bytes()].concat())
}

/// The key in which is recorded what the group is known to have lost before delivery: `{S}:lost:<group>`.
pub fn losses_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":lost:", group.as_bytes()].concat())
}

/// The key of the journal in which the workers of the group record what they settled: `{S}:journal:<group>`.
pub fn journal_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":journal:", group.as_bytes()].concat())
}

/// The group of a bridge to Kafka that is given no other.
pub const BRIDGE_GROUP: &str = "kafka-bridge";

/// The key in which is kept what a bridge to Kafka began with: `{S}:bridge-to:<group>`.
pub fn bridge_key(stream: &Name, group: &Name) -> Name {
    stream.derived([b":bridge-to:", group.as_bytes()].concat())
}

/// The hash in which a bridge from Kafka keeps how far it took each partition of a topic: `{S}:bridge-from:<topic>`.
pub fn bridge_from_key(stream: &Name, topic: &str) -> Name {
    stream.derived([b":bridge-from:", topic.as_bytes()].concat())
}

/// The lease of the bridge that takes a topic into a stream.
pub fn bridge_from_lease(stream: &Name, topic: &str) -> Name {
    let bridge = Name::new([b"bridge-from:", topic.as_bytes()].concat());
    lease_key(stream, &bridge)
}

/// The group's retry stream, which only its workers read, beside the stream: `{S}:retry:<group>`.
pub fn retry_key(stream: &Name, group: &Name) -> Name {
    stream.derived([RETRY, group.as_bytes()].concat())
}

const RETRY: &[u8] = b":retry:";

/// The stream whose retry stream of `group` is `key`; `None` when it is no retry stream of that group.
pub fn retry_home(key: &Name, group: &Name) -> Option<Name> {
    let suffix = [RETRY, group.as_bytes()].concat();
    let base = key.as_bytes().strip_suffix(suffix.as_slice())?;
    let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
    let mut streams = [inner, Some(base)].into_iter().flatten().map(Name::from);
    streams.find(|stream| retry_key(stream, group) == *key)
}

/// The stream that a retry stream of some group belongs to; `None` for a key that is no retry stream. One belongs to this
/// tool, and is not a stream of the pipeline.
pub fn home_of_retries(key: &Name) -> Option<Name> {
    let bytes = key.as_bytes();
    let mut places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(RETRY));
    places.find_map(|at| retry_home(key, &Name::from(&bytes[at + RETRY.len()..])))
}

/// The key in which is kept what a stream is a copy of: `{S}:copied`.
pub fn copied_key(stream: &Name) -> Name {
    stream.derived(":copied")
}

/// Whether a key is the journal of a group, which belongs to this tool and is not a stream of the pipeline.
pub fn is_journal(key: &Name) -> bool {
    const MARK: &[u8] = b":journal:";
    let bytes = key.as_bytes();
    let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK));
    places.into_iter().any(|at| {
        let (base, rest) = bytes.split_at(at);
        let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
        let mut streams = [inner, Some(base)].into_iter().flatten().map(Name::from);
        streams.any(|stream| stream.derived(rest) == *key)
    })
}

/// The stream that is being made by a restore: `{S}:restoring`.
pub fn restoring_key(to: &Name) -> Name {
    to.derived(":restoring")
}

/// The key in which is kept what a restore that is under way restores: `{S}:restoring:of`.
pub fn restoring_of_key(to: &Name) -> Name {
    to.derived(":restoring:of")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_kept_beside_its_stream() {
        assert_eq!(lease_key(&"s".into(), &"g".into()), "{s}:lease:g");
        // Groups whose names differ in bytes that are no text are not one.
        let keys = [0xfe, 0xff].map(|byte| lease_key(&"s".into(), &Name::new([byte])));
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_retry_stream_is_told_from_a_stream() {
        for (stream, group) in [("s", "g"), ("a{x}b", "g:retry:h"), ("{}x", "g")] {
            let key = retry_key(&stream.into(), &group.into());
            assert_eq!(
                retry_home(&key, &group.into()),
                Some(stream.into()),
                "{key}"
            );
            assert_eq!(home_of_retries(&key), Some(stream.into()), "{key}");
            assert_eq!(retry_home(&key, &"other".into()), None, "{key}");
        }
        for key in ["s:retry:g", "{s}:dlq", "{s}:retry", "retry"] {
            assert_eq!(home_of_retries(&key.into()), None, "{key}");
        }
    }

    #[test]
    fn a_journal_is_told_from_a_stream() {
        for (key, expected) in [
            (journal_key(&"s".into(), &"g".into()), true),
            (journal_key(&"a{x}b".into(), &"g:journal:h".into()), true),
            ("s:journal:g".into(), false),
            ("{s}:dlq".into(), false),
            ("journal".into(), false),
        ] {
            assert_eq!(is_journal(&key), expected, "{key}");
        }
    }
}
