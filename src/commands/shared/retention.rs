//! What MAXLEN would take from a group, as [`crate::streams::publish::retention`] decides it, said on the console.

use anyhow::Result;

use super::context::Context;
use crate::streams::publish::retention::{PlannedAppend, Retention};
use crate::wire::Connection;

/// Looks before `planned` is added, and says what is decided.
///
/// # Errors
/// As [`PlannedAppend::look`].
pub(in crate::commands) async fn look<'s>(
    connection: &Connection,
    planned: PlannedAppend<'s>,
    context: &Context,
) -> Result<Retention<'s>> {
    let retention = planned.look(connection).await?;
    context.warn_each(retention.warnings.iter().cloned());
    Ok(retention)
}

/// The limit that `planned` would be published with; says what the cut may take.
///
/// # Errors
/// As [`PlannedAppend::rehearse`].
pub(in crate::commands) async fn rehearse(
    connection: &Connection,
    planned: PlannedAppend<'_>,
    context: &Context,
) -> Result<Option<u64>> {
    let rehearsed = planned.rehearse(connection).await?;
    context.warn_each(rehearsed.warnings);
    Ok(rehearsed.maxlen)
}

/// Says what the cut has taken.
pub(in crate::commands) async fn warn_of_taken(
    retention: &Retention<'_>,
    connection: &Connection,
    context: &Context,
) {
    context.warn_each(retention.taken(connection).await);
}

/// A connection for what a dry run can see only on the server. Where there is none, what was checked without it still
/// holds, and what was not seen is said.
pub(in crate::commands) async fn connect_to_rehearse(context: &Context) -> Option<Connection> {
    match context.connect().await {
        Ok(connection) => Some(connection),
        Err(error) => {
            context.console.warn(&format!(
                "cannot tell whether MAXLEN would trim entries that a group has not processed: {error:#}"
            ));
            None
        }
    }
}
