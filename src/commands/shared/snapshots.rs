//! Snapshots before something is changed.

use anyhow::Result;

use super::context::Context;
use super::recorded::server_of;
use crate::model::{CommandLine, Kind, Problem};
use crate::settings::ServerChoice;
use crate::snapshots::{Receipts, Store};
use crate::streams::snapshot::{Doomed, save, take};
use crate::streams::target::Target;
use crate::wire::Connection;

/// Whether to go on without a snapshot.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(in crate::commands) struct NoSnapshot {
    /// Do not save first what is changed, so that undo cannot restore it
    #[arg(long)]
    no_snapshot: bool,
}

impl NoSnapshot {
    /// For a change that cannot be undone, so that there is nothing to save.
    pub(in crate::commands) const fn of_what_cannot_be_undone() -> Self {
        Self { no_snapshot: true }
    }
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
            Problem::new(Kind::Local, text)
                .hint("set one of them, or go on without a snapshot by --no-snapshot")
        })
    }

    /// Makes sure, before consent is asked for, that there is a place for a snapshot.
    ///
    /// # Errors
    /// As [`Context::snapshots`].
    pub(in crate::commands) fn require_snapshots(
        &self,
        without: NoSnapshot,
    ) -> Result<(), Problem> {
        if without.no_snapshot {
            return Ok(());
        }
        self.snapshots().map(|_| ())
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
        self.audit_done(None, taken.as_ref().map(|it| it.id));
        Ok(taken.map(|row| CommandLine::new("undo").arg(row.id.to_string())))
    }

    /// Saves those entries or dead letters that this command is about to change; `None` when no snapshot is wanted. What
    /// it changes is added to what is returned.
    ///
    /// # Errors
    /// As [`save`]; then nothing may be changed.
    pub(in crate::commands) async fn save_rows_first(
        &self,
        connection: &Connection,
        doomed: Doomed<'_>,
        without: NoSnapshot,
    ) -> Result<Option<Receipts>> {
        if without.no_snapshot {
            return Ok(None);
        }
        let (store, server) = (self.snapshots()?, self.server_of_snapshots());
        let saved = save(connection, doomed, &store, (&server, &self.command)).await?;
        Ok(Some(saved))
    }

    /// Ends the receipts of a change, and keeps for its record how many were changed. The snapshot of a change that
    /// changed nothing is removed.
    pub(in crate::commands) fn saved(&self, receipts: Option<Receipts>, changed: u64) -> Undo {
        let receipts = match receipts {
            Some(receipts) if receipts.count == 0 => {
                receipts.give_up();
                None
            }
            receipts => receipts,
        };
        let id = receipts.as_ref().map(|it| it.id);
        self.audit_done(Some(changed), id);
        let undo = id.map(|id| CommandLine::new("undo").arg(id.to_string()));
        Undo {
            note: undo.map(|undo| format!("to undo it: {undo}")),
            warning: receipts
                .and_then(|it| it.end().err())
                .map(|it| it.to_string()),
        }
    }
}

/// How a change is undone.
pub(in crate::commands) struct Undo {
    /// The command that does it; `None` when nothing was changed, or nothing was saved.
    pub(in crate::commands) note: Option<String>,
    /// Why not all that was done may be known.
    pub(in crate::commands) warning: Option<String>,
}
