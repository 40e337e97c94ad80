//! The names that a command line can mean: those on its server, and those in the topology.

use super::Wanted;
use crate::model::Name;
use crate::streams::names;
use crate::topology::Topology;
use crate::wire::Dialer;

/// Which names are wanted, and what the line says about them.
pub(super) struct About<'a> {
    pub(super) wanted: &'a [Wanted],
    pub(super) stream: Option<Name>,
    pub(super) group: Option<Name>,
    pub(super) topology: Topology,
}

impl About<'_> {
    /// The names that the server has.
    pub(super) async fn on_server(
        &self,
        dialer: &Dialer,
        found: &mut Vec<Name>,
    ) -> anyhow::Result<()> {
        let connection = dialer.connect().await?;
        for wanted in self.wanted {
            let streams = match self.stream_for(*wanted) {
                Some(stream) => vec![stream],
                None => names::existing(&connection, &self.topology).await,
            };
            found.extend(match (wanted, &self.group) {
                (Wanted::Stream, _) => streams,
                (Wanted::Group, _) => names::groups_of(&connection, &streams).await,
                (Wanted::Consumer, Some(group)) => {
                    names::consumers_of(&connection, &streams, group).await
                }
                (Wanted::Consumer, None) => Vec::new(),
            });
        }
        Ok(())
    }

    /// The stream to look at, if the line names it or one of its groups.
    fn stream_for(&self, wanted: Wanted) -> Option<Name> {
        let by_group = || {
            let group = self.group.as_ref()?;
            let spec = self.topology.group(group, None).ok()?;
            Some(spec.stream)
        };
        match wanted {
            Wanted::Stream => None,
            Wanted::Group => self.stream.clone(),
            Wanted::Consumer => self.stream.clone().or_else(by_group),
        }
    }

    /// The names that the topology has.
    pub(super) fn in_topology(&self) -> Vec<Name> {
        let Topology {
            streams, groups, ..
        } = &self.topology;
        let of = |wanted: &Wanted| -> Vec<Name> {
            match wanted {
                Wanted::Stream => streams.iter().map(|stream| stream.name.clone()).collect(),
                Wanted::Group => groups
                    .iter()
                    .filter(|group| self.stream.as_ref().is_none_or(|it| group.stream == *it))
                    .map(|group| group.name.clone())
                    .collect(),
                Wanted::Consumer => Vec::new(),
            }
        };
        self.wanted.iter().flat_map(of).collect()
    }
}
