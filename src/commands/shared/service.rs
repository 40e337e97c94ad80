//! What long-running commands do for the service manager that started them.

use crate::console::ServiceManager;

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
