//! What the service manager is told of a long-running command (systemd's `Type=notify`): that it is ready, stopping,
//! and still alive. Without one, nothing is said to anybody.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started this process, if one did.
#[derive(Clone, Copy, Debug)]
pub struct ServiceManager {
    patience: Option<Duration>,
}

impl ServiceManager {
    /// The one that `$NOTIFY_SOCKET` and `$WATCHDOG_USEC` name.
    pub fn of_environment() -> Self {
        Self {
            patience: sd_notify::watchdog_enabled(),
        }
    }

    /// How often it must hear [`ServiceManager::alive`]: a third of what it waits for; `None` when it does not watch.
    pub fn watch_interval(&self) -> Option<Duration> {
        self.patience.map(|patience| patience / 3)
    }

    /// The work has begun.
    pub fn ready(&self) {
        tell(&NotifyState::Ready);
    }

    /// The end has begun.
    pub fn stopping(&self) {
        tell(&NotifyState::Stopping);
    }

    /// The work goes on.
    pub fn alive(&self) {
        tell(&NotifyState::Watchdog);
    }
}

/// A manager that is gone cannot be told, and the work does not depend on it.
fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::debug!(%error, "cannot tell the service manager");
    }
}
