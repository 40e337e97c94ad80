//! Names that are allowed but look mistyped, because they differ only slightly from a known name.

use super::Topology;
use crate::model::{Name, mistyped};

impl Topology {
    /// The stream of this topology, or one of the `others`, that was probably meant by `stream`, which is not in the
    /// topology.
    pub fn meant_by<'a>(
        &'a self,
        stream: &Name,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        if self.stream(stream).is_some() {
            return None;
        }
        let streams = self.streams.iter().filter_map(|it| text(&it.name));
        mistyped(text(stream)?, streams.chain(others))
    }

    /// Streams and groups in it that look like mistyped built-in ones.
    pub fn doubts(&self) -> Vec<String> {
        let built_in = Self::default();
        let streams = self.streams.iter().filter_map(|stream| {
            let meant = built_in.meant_by(&stream.name, [])?;
            Some(doubt("stream", &stream.name, meant))
        });
        let groups = self.groups.iter().filter_map(|group| {
            let meant = built_in.group_meant_by(&group.name)?;
            Some(doubt("group", &group.name, meant))
        });
        streams.chain(groups).collect()
    }

    /// The group of this topology that was probably meant by `group`, which is not in it.
    pub(super) fn group_meant_by(&self, group: &Name) -> Option<&str> {
        let names = self.groups.iter().filter_map(|it| text(&it.name));
        mistyped(text(group)?, names)
    }
}

fn doubt(what: &str, name: &Name, meant: &str) -> String {
    format!("{what} `{name}` is not a built-in {what}; did you mean `{meant}`?")
}

fn text(name: &Name) -> Option<&str> {
    std::str::from_utf8(name.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{GroupSpec, StreamSpec};

    #[test]
    fn only_what_looks_mistyped_is_doubted() {
        let mut topology = Topology::default();
        assert_eq!(topology.doubts(), Vec::<String>::new());
        for name in ["orders", "events.rw", "events.audit"] {
            topology.streams.push(StreamSpec::new(Name::from(name)));
        }
        let group = GroupSpec::new("event-procesors", "events.normalized");
        topology.groups.push(group);
        assert_eq!(
            topology.doubts(),
            [
                "stream `events.rw` is not a built-in stream; did you mean `events.raw`?",
                "group `event-procesors` is not a built-in group; did you mean `event-processors`?",
            ]
        );
    }
}
