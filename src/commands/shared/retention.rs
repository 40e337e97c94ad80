//! Prints on the console which entries MAXLEN would trim from a group, as [`crate::streams::publish::retention`]
//! determines it.

use anyhow::Result;

use super::context::Context;
use crate::streams::publish::retention::{PlannedAppend, Retention};
use crate::wire::Connection;

/// Observes the stream before `planned` is added, and prints the decision about its limit.
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

/// The limit that `planned` would be published with. Prints what trimming may remove.
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

/// Warns about the entries that were trimmed.
pub(in crate::commands) async fn warn_of_taken(
    retention: &Retention<'_>,
    connection: &Connection,
    context: &Context,
) {
    context.warn_each(retention.taken(connection).await);
}

/// A connection for the part of a dry run that needs the server. Without one, the checks that need no server still
/// hold, and a warning says what could not be checked.
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
