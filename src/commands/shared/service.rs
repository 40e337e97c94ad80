//! What long-running commands do for the service manager that started them.

use std::future::Future;

use anyhow::Result;

use crate::console::{ServiceManager, Signals};

/// Does `work` until it ends or a signal comes, as a service whose manager is told so.
///
/// # Errors
/// Those of `work`.
pub(in crate::commands) async fn until_told(
    mut signals: Signals,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let manager = ServiceManager::of_environment();
    manager.ready();
    let ended = tokio::select! {
        biased;
        _ = signals.next() => Ok(()),
        () = alive(manager) => Ok(()),
        ended = work => ended,
    };
    manager.stopping();
    ended
}

/// Tells the manager again and again that this process lives, without end.
pub(in crate::commands) async fn alive(manager: ServiceManager) {
    match manager.watch_interval() {
        Some(interval) => loop {
            manager.alive();
            tokio::time::sleep(interval).await;
        },
        None => std::future::pending().await,
    }
}
