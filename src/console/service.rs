//! Reports the state of a long-running command to the service manager (systemd's `Type=notify`): ready, stopping,
//! still alive. Without a service manager, nothing is sent.

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

    /// How often [`ServiceManager::alive`] must be called: a third of the manager's timeout; `None` when it has no
    /// watchdog.
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

/// Sends a state. Errors are ignored, because the work does not depend on the manager.
fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::debug!(%error, "cannot tell the service manager");
    }
}
