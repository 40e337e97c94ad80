//! The arguments that name groups, shared by the commands that work on groups.

use anyhow::Result;

use super::context::Context;
use crate::cli;
use crate::model::{GroupInfo, Name};
use crate::streams::target::Target;
use crate::streams::which_group::{Found, OnServer};
use crate::topology::{GroupSpec, Topology};
use crate::wire::Connection;

/// One group.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct GroupArgs {
    /// The group; it may be on a stream of the topology, on the server, or only in the topology
    #[arg(value_name = "GROUP", value_parser = cli::name())]
    group: Name,

    /// The group's stream, needed when that is not a stream of the topology or the group is on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,
}

impl GroupArgs {
    /// The arguments that name this group.
    pub(in crate::commands) fn of(target: &Target) -> Self {
        Self {
            group: target.group.clone(),
            stream: Some(target.stream.clone()),
        }
    }

    /// The group's name, as it was given.
    pub(in crate::commands) fn name(&self) -> &Name {
        &self.group
    }

    /// The group's declaration in the topology; the server need not have the group.
    ///
    /// # Errors
    /// As [`OnServer::find`].
    pub(in crate::commands) async fn resolve(
        &self,
        connection: &Connection,
        context: &Context,
    ) -> Result<GroupSpec> {
        Ok(self.find(connection, context).await?.spec)
    }

    /// The same for a group that will be created if it is missing, on the stream that the topology gives, if it gives
    /// one.
    ///
    /// # Errors
    /// As [`OnServer::find`].
    pub(in crate::commands) async fn to_create(
        &self,
        connection: &Connection,
        context: &Context,
    ) -> Result<GroupSpec> {
        to_create(&self.group, self.stream.as_ref(), connection, context).await
    }

    async fn find(&self, connection: &Connection, context: &Context) -> Result<Found> {
        find(&self.group, self.stream.as_ref(), connection, context).await
    }

    /// The group, which must exist on the server.
    ///
    /// # Errors
    /// As [`GroupArgs::resolve`], [`Context::connect`] and [`Target::require`].
    pub(in crate::commands) async fn open<'c>(
        &self,
        context: &'c Context,
    ) -> Result<OpenGroup<'c>> {
        let topology = context.topology()?;
        let connection = context.connect().await?;
        let Found { spec, groups } = self.find(&connection, context).await?;
        let target = Target::from(&spec);
        let groups = match groups {
            Some(groups) => groups,
            None => {
                let suggest = context.suggests();
                target.require(&connection, topology, suggest).await?
            }
        };
        Ok(OpenGroup {
            topology,
            spec,
            target,
            connection,
            groups,
        })
    }
}

/// The group called `name`, on `stream` if that is given.
///
/// # Errors
/// As [`OnServer::look`] and [`OnServer::find`].
pub(in crate::commands) async fn find(
    name: &Name,
    stream: Option<&Name>,
    connection: &Connection,
    context: &Context,
) -> Result<Found> {
    let topology = context.topology()?;
    if stream.is_some() {
        let spec = topology.group(name, stream)?;
        return Ok(Found { spec, groups: None });
    }
    let on_server = OnServer::look(connection, topology).await?;
    on_server.find(connection, name, context.suggests()).await
}

/// A group that exists on the server.
pub(in crate::commands) struct OpenGroup<'t> {
    pub(in crate::commands) topology: &'t Topology,
    /// Its declaration in the topology.
    pub(in crate::commands) spec: GroupSpec,
    pub(in crate::commands) target: Target,
    pub(in crate::commands) connection: Connection,
    /// All groups of its stream.
    pub(in crate::commands) groups: Vec<GroupInfo>,
}

/// As [`find`], for a group that is created if it is missing: the stream in the topology, if there is one, takes
/// precedence.
///
/// # Errors
/// As [`find`].
pub(in crate::commands) async fn to_create(
    name: &Name,
    stream: Option<&Name>,
    connection: &Connection,
    context: &Context,
) -> Result<GroupSpec> {
    match context.topology()?.group(name, stream) {
        Ok(spec) => Ok(spec),
        Err(_) => Ok(find(name, stream, connection, context).await?.spec),
    }
}

/// Any number of groups.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct GroupsArgs {
    /// The groups; they may be on streams of the topology, on the server, or only in the topology; all when none is
    /// named
    #[arg(value_name = "GROUP", value_parser = cli::name())]
    groups: Vec<Name>,

    /// The groups' stream, needed when that is not a stream of the topology or the groups are on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name(), requires = "groups")]
    stream: Option<Name>,
}

impl GroupsArgs {
    /// The groups' declarations in the topology; the server need not have the groups.
    ///
    /// # Errors
    /// As [`OnServer::look`] and [`OnServer::find`].
    pub(in crate::commands) async fn resolve(
        &self,
        connection: &Connection,
        context: &Context,
    ) -> Result<Vec<GroupSpec>> {
        find_all(&self.groups, self.stream.as_ref(), connection, context).await
    }

    /// As [`GroupsArgs::resolve`]; every group of the topology when none is named.
    ///
    /// # Errors
    /// As [`GroupsArgs::resolve`].
    pub(in crate::commands) async fn resolve_or_all(
        &self,
        connection: &Connection,
        context: &Context,
    ) -> Result<Vec<GroupSpec>> {
        if self.groups.is_empty() {
            return Ok(context.topology()?.groups.clone());
        }
        self.resolve(connection, context).await
    }
}

/// As [`find`], for any number of names with one query of the server.
///
/// # Errors
/// As [`find`].
pub(in crate::commands) async fn find_all(
    names: &[Name],
    stream: Option<&Name>,
    connection: &Connection,
    context: &Context,
) -> Result<Vec<GroupSpec>> {
    let topology = context.topology()?;
    if names.is_empty() || stream.is_some() {
        let spec = |name| Ok(topology.group(name, stream)?);
        return names.iter().map(spec).collect();
    }
    let on_server = OnServer::look(connection, topology).await?;
    let mut specs = Vec::with_capacity(names.len());
    for name in names {
        let found = on_server.find(connection, name, context.suggests());
        specs.push(found.await?.spec);
    }
    Ok(specs)
}
