//! Entries that no handler could process: their fields, where they came from, and why they are here.

mod by;
mod find;
mod letter;

pub use by::{CLUSTERED_MAX, Common};
pub use find::{
    COUNTED_MAX, Doubt, Found, LetterPager, Letters, find, find_each, now_ms, tell_ages, total,
    why_unread,
};
pub use letter::{DeadLetter, LostRange};

use crate::model::Name;
use crate::topology::Topology;

/// A stream and its dead-letter stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stream.
    pub stream: Name,
    /// Its dead-letter stream.
    pub dead_letter: Name,
}

impl Source {
    /// The dead-letter streams of every stream of the topology.
    pub fn all(topology: &Topology) -> Vec<Self> {
        let of = |name: &Name| Self::of(topology, name);
        topology.streams.iter().map(|it| of(&it.name)).collect()
    }

    /// Finds both by the name of the stream or of its dead-letter stream.
    pub fn named(topology: &Topology, name: &Name) -> Self {
        let by_topology = topology.streams.iter().find(|it| it.dead_letter == *name);
        match by_topology {
            Some(spec) => Self::of(topology, &spec.name),
            None => derived_from(name).map_or_else(
                || Self::of(topology, name),
                |stream| Self {
                    stream,
                    dead_letter: name.clone(),
                },
            ),
        }
    }

    /// Whether `stream` is another stream of the topology with the same dead-letter stream.
    pub fn is_shared_with(&self, topology: &Topology, stream: &Name) -> bool {
        let spec = topology.stream(stream);
        *stream != self.stream && spec.is_some_and(|it| it.dead_letter == self.dead_letter)
    }

    fn of(topology: &Topology, stream: &Name) -> Self {
        Self {
            stream: stream.clone(),
            dead_letter: topology.stream_or_default(stream).dead_letter,
        }
    }
}

/// The stream whose dead-letter stream is called `name` by default.
fn derived_from(name: &Name) -> Option<Name> {
    let base = name.as_bytes().strip_suffix(b":dlq")?;
    let inner = base.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}"));
    [inner, Some(base)]
        .into_iter()
        .flatten()
        .map(Name::from)
        .find(|stream| stream.derived(":dlq") == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_mean_the_same_stream() {
        let mut topology = Topology::default();
        topology.streams[0].dead_letter = "poison".into();
        for (name, stream, dead_letter) in [
            ("events.raw", "events.raw", "poison"),
            ("poison", "events.raw", "poison"),
            ("{orders}:dlq", "orders", "{orders}:dlq"),
            ("orders", "orders", "{orders}:dlq"),
            ("a{x}b:dlq", "a{x}b", "a{x}b:dlq"),
            // Not what a stream's dead letters would be called: a stream of its own.
            ("orders:dlq", "orders:dlq", "{orders:dlq}:dlq"),
        ] {
            let source = Source::named(&topology, &name.into());
            assert_eq!(source.stream, stream, "{name}");
            assert_eq!(source.dead_letter, dead_letter, "{name}");
        }
    }
}
