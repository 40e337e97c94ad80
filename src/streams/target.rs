//! The group that an operation works on, and checks that it and its consumers exist.

use std::fmt;

use super::names::{explain, no_group};
use super::which_group::Suggest;
use crate::model::{CommandLine, ConsumerInfo, GroupInfo, Name, Problem};
use crate::topology::{GroupSpec, Topology, retry_home};
use crate::wire::{Connection, ErrorKind, xinfo_consumers, xinfo_groups};
use anyhow::Result;

/// How many consumers a hint names.
const LISTED_MAX: usize = 12;

/// A group on a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The stream.
    pub stream: Name,
    /// The group.
    pub group: Name,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group `{}` of stream `{}`", self.group, self.stream)
    }
}

impl From<&GroupSpec> for Target {
    fn from(spec: &GroupSpec) -> Self {
        Self {
            stream: spec.stream.clone(),
            group: spec.name.clone(),
        }
    }
}

impl Target {
    /// The stream that this one belongs to, if it is the retry stream of the group.
    pub fn home(&self) -> Option<Name> {
        retry_home(&self.stream, &self.group)
    }

    /// The group on the stream that its retry stream belongs to: where its workers are.
    #[must_use]
    pub fn at_home(&self) -> Self {
        Self {
            stream: self.home().unwrap_or_else(|| self.stream.clone()),
            group: self.group.clone(),
        }
    }

    /// `command` with the words that name the group, for a suggestion.
    pub fn command(&self, command: &'static str, topology: &Topology) -> CommandLine {
        let line = CommandLine::new(command).arg(&self.group);
        match topology.group(&self.group, None) {
            Ok(spec) if spec.stream == self.stream => line,
            _ => line.option("--stream", &self.stream),
        }
    }

    /// The command that starts a worker of the group; `None` for a group without a handler in the topology, which other
    /// programs handle.
    pub fn worker(&self, topology: &Topology) -> Option<CommandLine> {
        let spec = topology.group(&self.group, Some(&self.stream)).ok()?;
        spec.handler?;
        Some(self.command("worker run", topology))
    }

    /// The groups of the stream, including this one.
    ///
    /// # Errors
    /// Not found when the stream or the group does not exist; the error lists existing names if they may be
    /// suggested. Errors of the server.
    pub async fn require(
        &self,
        connection: &Connection,
        topology: &Topology,
        suggest: Suggest,
    ) -> Result<Vec<GroupInfo>> {
        match connection.run(xinfo_groups(&self.stream)).await {
            Ok(groups) if groups.iter().any(|it| it.name == self.group) => Ok(groups),
            Ok(_) => {
                let problem = match suggest {
                    Suggest::Names => no_group(connection, &self.stream, &self.group).await,
                    Suggest::Nothing => self.not_there(),
                };
                Err(match topology.group(&self.group, None) {
                    Ok(spec) if spec.stream != self.stream => problem.hint(format!(
                        "the topology has group `{}` on `{}`",
                        self.group, spec.stream
                    )),
                    _ => problem,
                }
                .into())
            }
            Err(error) => Err(explain(connection, topology, &self.stream, error).await),
        }
    }

    /// The error that the group does not exist, without suggesting another one.
    pub(super) fn not_there(&self) -> Problem {
        let (stream, group) = (&self.stream, &self.group);
        let groups = CommandLine::new("groups").arg(stream);
        Problem::not_found(format!("stream `{stream}` has no group `{group}`")).hint(format!(
            "check the name; `{groups}` lists the groups of the stream"
        ))
    }

    /// The group's consumer called `name`.
    ///
    /// # Errors
    /// Not found, with the existing consumers, when it does not exist; errors of the server.
    pub async fn require_consumer(
        &self,
        connection: &Connection,
        name: &Name,
    ) -> Result<ConsumerInfo> {
        let consumers = self.consumers(connection).await?;
        Ok(self.one_of(&consumers, name)?.clone())
    }

    /// The consumer called `name` among the group's.
    ///
    /// # Errors
    /// Not found, with the existing consumers.
    pub fn one_of<'a>(
        &self,
        consumers: &'a [ConsumerInfo],
        name: &Name,
    ) -> Result<&'a ConsumerInfo, Problem> {
        let found = consumers.iter().find(|it| it.name == *name);
        found.ok_or_else(|| self.no_consumer(name, consumers))
    }

    /// The group's consumers.
    ///
    /// # Errors
    /// Not found when the group does not exist; errors of the server.
    pub async fn consumers(&self, connection: &Connection) -> Result<Vec<ConsumerInfo>> {
        match connection
            .run(xinfo_consumers(&self.stream, &self.group))
            .await
        {
            Err(error) if error.kind == ErrorKind::NoGroup => {
                Err(no_group(connection, &self.stream, &self.group).await.into())
            }
            consumers => Ok(consumers?),
        }
    }

    fn no_consumer(&self, name: &Name, consumers: &[ConsumerInfo]) -> Problem {
        let problem = Problem::not_found(format!("{self} has no consumer `{name}`"));
        let names: Vec<String> = consumers
            .iter()
            .take(LISTED_MAX)
            .map(|it| it.name.to_string())
            .collect();
        match consumers.len().saturating_sub(names.len()) {
            _ if names.is_empty() => {
                problem.hint("the group has no consumers: start a worker first")
            }
            0 => problem.hint(format!("its consumers: {}", names.join(", "))),
            more => problem.hint(format!(
                "its consumers: {} and {more} more",
                names.join(", ")
            )),
        }
    }
}
