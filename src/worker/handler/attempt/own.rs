//! Which children of this process were started by it, and waiting for those that were not: processes that handlers
//! left behind, and those that the system reparents to the first process of a container.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::table;

/// The time between two checks for children that have ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Children that some code in this process waits for. The lock is held while a child is started, so a child is never
/// seen before it is in the set.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
/// Whether orphans below this process become its children.
static TAKES_ORPHANS: AtomicBool = AtomicBool::new(false);
/// Whether all of these come from handlers.
static ARE_OF_HANDLERS: AtomicBool = AtomicBool::new(false);

/// A child of this process; the owner of this value waits for it.
#[derive(Debug)]
pub(super) struct Own(i32);

impl Drop for Own {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child that the caller waits for; `pid` gives its number.
pub(super) fn start<T>(
    spawn: impl FnOnce() -> io::Result<T>,
    pid: impl FnOnce(&T) -> Option<u32>,
) -> io::Result<(T, Own)> {
    let mut own = own();
    let child = spawn()?;
    let pid = pid(&child)
        .and_then(|it| i32::try_from(it).ok())
        .unwrap_or(0);
    own.insert(pid);
    Ok((child, Own(pid)))
}

/// The children that no code in this process waits for; some of them may have ended.
pub(super) fn strays() -> Vec<i32> {
    let own = own();
    let mut children = table::own_children();
    children.retain(|child| !own.contains(child));
    children
}

/// Whether orphans below this process become its children.
pub(super) fn takes_orphans() -> bool {
    TAKES_ORPHANS.load(Ordering::Relaxed)
}

/// Whether a child that nobody waits for can only have been started by a handler. This is not so when the system
/// reparents other orphans to this process, or when it had children before it began to work.
pub(super) fn are_orphans_of_handlers() -> bool {
    ARE_OF_HANDLERS.load(Ordering::Relaxed)
}

/// Adopts orphans below this process, and waits for them and for every other child that it did not start. Never
/// returns.
///
/// Children that this process started earlier, each in a process group of its own, remain its own.
pub async fn reap_orphans() {
    // Elsewhere, and where it is forbidden, they are the first process's.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(getpid())) {
        tracing::debug!(%error, "cannot adopt the orphaned processes of handlers");
    }
    let found = strays().into_iter().filter_map(table::process);
    let (own_before, others): (Vec<_>, Vec<_>) = found.partition(|child| child.group == child.pid);
    own().extend(own_before.iter().map(|child| child.pid));
    let takes_orphans = rustix::process::child_subreaper().is_ok_and(|reaper| reaper.is_some());
    TAKES_ORPHANS.store(takes_orphans || getpid().is_init(), Ordering::Relaxed);
    let is_alone = takes_orphans && others.is_empty() && !getpid().is_init();
    ARE_OF_HANDLERS.store(is_alone, Ordering::Relaxed);
    let mut ended = match signal(SignalKind::child()) {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%error, "cannot watch for processes that end: those that handlers leave behind remain zombies");
            return std::future::pending().await;
        }
    };
    loop {
        reap();
        if ended.recv().await.is_none() {
            return std::future::pending().await;
        }
        // Many may end at a time.
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Waits for the adopted children that have ended.
fn reap() {
    let own = own();
    for child in table::own_children() {
        if own.contains(&child) {
            continue;
        }
        let Some(pid) = Pid::from_raw(child) else {
            continue;
        };
        if let Ok(Some(_)) = waitpid(Some(pid), WaitOptions::NOHANG) {
            tracing::debug!(
                process = child,
                "reaped a process that a handler left behind"
            );
        }
    }
}
