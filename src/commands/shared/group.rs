//! The arguments that name groups, shared by the commands about them.

use anyhow::Result;

use super::context::Context;
use crate::cli;
use crate::model::{GroupInfo, Name, Problem};
use crate::streams::target::Target;
use crate::topology::{GroupSpec, Topology};
use crate::wire::Connection;

/// One group.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct GroupArgs {
    /// The group, by its name in the topology
    #[arg(value_name = "GROUP", value_parser = cli::name())]
    group: Name,

    /// The group's stream, where the topology does not have it or has it on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,
}

impl GroupArgs {
    /// The group, as it was named.
    pub(in crate::commands) fn name(&self) -> &Name {
        &self.group
    }

    /// What the topology says of the group.
    ///
    /// # Errors
    /// As [`Topology::group`].
    pub(in crate::commands) fn resolve(&self, topology: &Topology) -> Result<GroupSpec, Problem> {
        topology.group(&self.group, self.stream.as_ref())
    }

    /// The group on the server, which must have it.
    ///
    /// # Errors
    /// As [`GroupArgs::resolve`], [`Context::connect`] and [`Target::require`].
    pub(in crate::commands) async fn open<'c>(
        &self,
        context: &'c Context,
    ) -> Result<OpenGroup<'c>> {
        let topology = context.topology()?;
        let spec = self.resolve(topology)?;
        let target = Target::from(&spec);
        let connection = context.connect().await?;
        let groups = target.require(&connection, topology).await?;
        Ok(OpenGroup {
            topology,
            spec,
            target,
            connection,
            groups,
        })
    }
}

/// A group that is on the server.
pub(in crate::commands) struct OpenGroup<'t> {
    pub(in crate::commands) topology: &'t Topology,
    /// What the topology says of it.
    pub(in crate::commands) spec: GroupSpec,
    pub(in crate::commands) target: Target,
    pub(in crate::commands) connection: Connection,
    /// All groups of its stream.
    pub(in crate::commands) groups: Vec<GroupInfo>,
}

/// Any number of groups.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct GroupsArgs {
    /// Groups, by their names in the topology; all when none is named
    #[arg(value_name = "GROUP", value_parser = cli::name())]
    groups: Vec<Name>,

    /// The groups' stream, where the topology does not have them or has them on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name(), requires = "groups")]
    stream: Option<Name>,
}

impl GroupsArgs {
    /// What the topology says of the groups.
    ///
    /// # Errors
    /// As [`Topology::group`].
    pub(in crate::commands) fn resolve(
        &self,
        topology: &Topology,
    ) -> Result<Vec<GroupSpec>, Problem> {
        let spec = |group| topology.group(group, self.stream.as_ref());
        self.groups.iter().map(spec).collect()
    }
}
