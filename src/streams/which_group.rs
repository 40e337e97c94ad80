//! Finds the group that a name means: first one that the server has on a stream of the topology, whether or not the
//! topology names it; then one that only the topology has.

use anyhow::Result;

use super::names::{existing, listed};
use crate::model::{CommandLine, GroupInfo, Name, Problem};
use crate::model::{did_you_mean, nearest};
use crate::topology::{GroupSpec, Topology};
use crate::wire::{Connection, Error, ErrorKind, xinfo_groups};

/// How many streams outside the topology are searched for a name that is not found.
const ELSEWHERE_MAX: usize = 200;

/// Whether the error about an unknown name may suggest others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suggest {
    /// Suggests the nearest name, and lists the existing ones.
    Names,
    /// Suggests nothing, so that a destructive command is not led to a group that is in use.
    Nothing,
}

/// The groups that the server has on the topology's streams.
#[derive(Debug)]
pub struct OnServer<'t> {
    topology: &'t Topology,
    streams: Vec<(Name, Vec<GroupInfo>)>,
    /// Why a stream could not be observed, unless it does not exist or the user may not access it.
    unseen: Option<Error>,
}

/// The group that a name means.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its declaration in the topology.
    pub spec: GroupSpec,
    /// All groups of its stream; `None` when the server does not have the group.
    pub groups: Option<Vec<GroupInfo>>,
}

impl<'t> OnServer<'t> {
    /// Observes all streams of the topology, in one round trip.
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
    /// A usage error when it is on several streams; not found; or why a stream could not be observed, when the name
    /// is not found on the others.
    pub async fn find(
        &self,
        connection: &Connection,
        name: &Name,
        suggest: Suggest,
    ) -> Result<Found> {
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
            [] => self.in_topology(connection, name, suggest).await,
            _ => {
                let streams: Vec<&Name> = on.iter().map(|(stream, _)| stream).collect();
                Err(Topology::on_several(name, &streams).into())
            }
        }
    }

    /// The streams that have a group called `name`, on the server or in the topology.
    pub fn streams_with(&self, name: &Name) -> Vec<Name> {
        let has = |groups: &[GroupInfo]| groups.iter().any(|it| it.name == *name);
        let on_server = self.streams.iter().filter(|(_, groups)| has(groups));
        let in_topology = self.topology.groups.iter().filter(|it| it.name == *name);
        let mut found: Vec<Name> = on_server.map(|(stream, _)| stream.clone()).collect();
        for spec in in_topology {
            if !found.contains(&spec.stream) {
                found.push(spec.stream.clone());
            }
        }
        found
    }

    async fn in_topology(
        &self,
        connection: &Connection,
        name: &Name,
        suggest: Suggest,
    ) -> Result<Found> {
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
            None => Err(self.no_such(connection, name, suggest).await.into()),
        }
    }

    async fn no_such(&self, connection: &Connection, name: &Name, suggest: Suggest) -> Problem {
        let text = format!("no group `{name}` in the topology, nor on its streams");
        if suggest == Suggest::Nothing {
            let groups = CommandLine::new("groups");
            return Problem::not_found(text).hint(format!(
                "check the name, and give its stream with --stream; `{groups}` lists the existing groups"
            ));
        }
        let elsewhere = self.elsewhere(connection).await;
        let on: Vec<&Name> = elsewhere
            .iter()
            .filter(|(_, groups)| groups.contains(name))
            .map(|(stream, _)| stream)
            .collect();
        if let Some(first) = on.first() {
            let streams: Vec<Name> = on.iter().map(|it| (*it).clone()).collect();
            return Problem::not_found(format!("{text}; it is a group of {}", listed(&streams)))
                .hint(format!("name its stream with --stream {}", first.word()));
        }
        let names = self.names(&elsewhere);
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        let given = name.to_string();
        let meant = nearest(&given, texts.iter().map(String::as_str));
        let problem = Problem::not_found(format!("{text}{}", did_you_mean(meant)));
        problem.mistyped(given.as_str(), meant).hint(format!(
            "name its stream with --stream, or one of the existing groups: {}",
            listed(&names)
        ))
    }

    /// The groups of streams outside the topology, as far as a bounded search finds them.
    async fn elsewhere(&self, connection: &Connection) -> Vec<(Name, Vec<Name>)> {
        let is_known = |name: &Name| self.streams.iter().any(|(stream, _)| stream == name);
        let mut streams = existing(connection, self.topology).await;
        streams.retain(|name| !is_known(name));
        streams.truncate(ELSEWHERE_MAX);
        let asked = streams.iter().map(xinfo_groups).collect();
        let answers = connection.run_all(asked).await.unwrap_or_default();
        let groups = answers.into_iter().map(|answer| {
            let groups = answer.unwrap_or_default().into_iter();
            groups.map(|it| it.name).collect()
        });
        streams.into_iter().zip(groups).collect()
    }

    /// Every group of the topology and of the server, each once.
    fn names(&self, elsewhere: &[(Name, Vec<Name>)]) -> Vec<Name> {
        let of_topology = self.topology.groups.iter().map(|it| &it.name);
        let groups = self.streams.iter().flat_map(|(_, groups)| groups);
        let mut names: Vec<Name> = Vec::new();
        let elsewhere = elsewhere.iter().flat_map(|(_, groups)| groups);
        let here = of_topology.chain(groups.map(|it| &it.name));
        for name in here.chain(elsewhere) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// Whether the stream does not exist, or this user may not access it.
const fn is_nothing_to_see(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NoKey | ErrorKind::WrongType | ErrorKind::NoPerm | ErrorKind::Cluster
    )
}
