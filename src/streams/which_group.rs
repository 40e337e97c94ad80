//! Which group a name means: one that the server has on a stream of the topology, whether or not the topology names it;
//! else one of the topology.

use anyhow::Result;

use super::names::listed;
use crate::model::{CommandLine, GroupInfo, Name, Problem};
use crate::topology::{GroupSpec, Topology, did_you_mean, nearest};
use crate::wire::{Connection, Error, ErrorKind, xinfo_groups};

/// Whether a name that is not there is answered with one that may have been meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suggest {
    /// With the nearest, and with those there are.
    Names,
    /// With none: what is destructive is not to be led to a group that is at work.
    Nothing,
}

/// The groups that the server has on the topology's streams.
#[derive(Debug)]
pub struct OnServer<'t> {
    topology: &'t Topology,
    streams: Vec<(Name, Vec<GroupInfo>)>,
    /// Why a stream could not be looked at, where that is more than that there is none or that it is not for this user.
    unseen: Option<Error>,
}

/// A group that a name means.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the topology says of it.
    pub spec: GroupSpec,
    /// All groups of its stream; `None` where the server does not have the group.
    pub groups: Option<Vec<GroupInfo>>,
}

impl<'t> OnServer<'t> {
    /// Looks at all streams of the topology, in one round trip.
    ///
    /// # Errors
    /// When the connection is lost or does not answer.
    pub async fn look(connection: &Connection, topology: &'t Topology) -> Result<Self> {
        let mut names: Vec<&Name> = Vec::new();
        let streams = topology.streams.iter().map(|it| &it.name);
        for name in streams.chain(topology.groups.iter().map(|it| &it.stream)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let asked = names.iter().map(|name| xinfo_groups(name)).collect();
        let answers = connection.run_all(asked).await?;
        let mut found = Self {
            topology,
            streams: Vec::new(),
            unseen: None,
        };
        for (name, groups) in names.into_iter().zip(answers) {
            match groups {
                Ok(groups) => found.streams.push((name.clone(), groups)),
                Err(error) if is_nothing_to_see(error.kind) => {}
                Err(error) => found.unseen = Some(error),
            }
        }
        Ok(found)
    }

    /// The group called `name`.
    ///
    /// # Errors
    /// Usage, when it is on several streams; not found; why a stream could not be looked at, where the name is not
    /// found on the others.
    pub fn find(&self, name: &Name, suggest: Suggest) -> Result<Found> {
        let on: Vec<_> = self
            .streams
            .iter()
            .filter(|(_, groups)| groups.iter().any(|it| it.name == *name))
            .collect();
        match on.as_slice() {
            [(stream, groups)] => Ok(Found {
                spec: self.topology.group(name, Some(stream))?,
                groups: Some(groups.clone()),
            }),
            [] => self.in_topology(name, suggest),
            _ => {
                let streams: Vec<&Name> = on.iter().map(|(stream, _)| stream).collect();
                Err(Topology::on_several(name, &streams).into())
            }
        }
    }

    fn in_topology(&self, name: &Name, suggest: Suggest) -> Result<Found> {
        let problem = match self.topology.group(name, None) {
            Ok(spec) => return Ok(Found { spec, groups: None }),
            Err(problem) => problem,
        };
        let is_named = self.topology.groups.iter().any(|it| it.name == *name);
        let is_stream = self.topology.streams.iter().any(|it| it.name == *name);
        if is_named || is_stream && suggest == Suggest::Names {
            return Err(problem.into());
        }
        match &self.unseen {
            Some(error) => Err(error.clone().into()),
            None => Err(self.no_such(name, suggest).into()),
        }
    }

    fn no_such(&self, name: &Name, suggest: Suggest) -> Problem {
        let text = format!("no group `{name}` in the topology, nor on its streams");
        if suggest == Suggest::Nothing {
            let groups = CommandLine::new("groups");
            return Problem::not_found(text).hint(format!(
                "check the name, and give its stream with --stream; `{groups}` lists the groups there are"
            ));
        }
        let names = self.names();
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        let given = name.to_string();
        let meant = did_you_mean(nearest(&given, texts.iter().map(String::as_str)));
        Problem::not_found(format!("{text}{meant}")).hint(format!(
            "name its stream with --stream, or one of the groups there are: {}",
            listed(&names)
        ))
    }

    /// Every group of the topology and of the server, once.
    fn names(&self) -> Vec<Name> {
        let of_topology = self.topology.groups.iter().map(|it| &it.name);
        let groups = self.streams.iter().flat_map(|(_, groups)| groups);
        let mut names: Vec<Name> = Vec::new();
        for name in of_topology.chain(groups.map(|it| &it.name)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Whether there is no such stream, or none that this user may look at.
const fn is_nothing_to_see(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NoKey | ErrorKind::WrongType | ErrorKind::NoPerm | ErrorKind::Cluster
    )
}
