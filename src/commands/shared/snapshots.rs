//! Snapshots before a group is changed.

use anyhow::Result;

use super::context::Context;
use super::recorded::server_of;
use crate::model::{CommandLine, Kind, Problem};
use crate::settings::ServerChoice;
use crate::snapshots::Store;
use crate::streams::snapshot::take;
use crate::streams::target::Target;
use crate::wire::Connection;

/// Whether to go on without a snapshot.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::commands) struct NoSnapshot {
    /// Change the group without saving it first, so that undo cannot restore it
    #[arg(long)]
    no_snapshot: bool,
}

impl Context {
    /// Where snapshots are kept.
    ///
    /// # Errors
    /// Local when there is no home directory.
    pub(in crate::commands) fn snapshots(&self) -> Result<Store, Problem> {
        let place = self.settings.places.snapshots.clone();
        place.map(Store::new).ok_or_else(|| {
            let text = "there is no place for snapshots: neither $XDG_STATE_HOME nor $HOME is set";
            Problem::new(Kind::Local, text).hint("set one of them")
        })
    }

    /// The server as snapshots name it.
    pub(in crate::commands) fn server_of_snapshots(&self) -> String {
        match &self.settings.target.value {
            ServerChoice::Server(endpoint) => server_of(endpoint),
            ServerChoice::Ephemeral => "ephemeral:".to_owned(),
        }
    }

    /// Saves the group that this command is about to change. Returns the command that restores it; `None` when no
    /// snapshot is wanted, or the group is not there.
    ///
    /// # Errors
    /// As [`take`]; then nothing may be changed.
    pub(in crate::commands) async fn save_first(
        &self,
        connection: &Connection,
        target: &Target,
        without: NoSnapshot,
    ) -> Result<Option<CommandLine>> {
        if without.no_snapshot {
            return Ok(None);
        }
        let (store, server) = (self.snapshots()?, self.server_of_snapshots());
        let taken = take(connection, target, &store, (&server, &self.command)).await?;
        Ok(taken.map(|row| CommandLine::new("undo").arg(row.id.to_string())))
    }
}
