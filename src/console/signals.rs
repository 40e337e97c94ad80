//! SIGINT and SIGTERM as events to wait for. The first one asks to stop, the second one to stop at once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc;

use crate::exit::Exit;

/// Whether a filter may run for so long that a signal must be noticed by a thread other than the one that waits for
/// signals.
static HAS_FILTERS: AtomicBool = AtomicBool::new(false);
/// The last signal noticed by that thread.
static CAUGHT: AtomicU8 = AtomicU8::new(NONE);
const NONE: u8 = 0;
const INTERRUPT: u8 = 1;
const TERMINATE: u8 = 2;

/// From now on, signals are also noticed while a filter is being waited for.
pub(super) fn note_for_filters() {
    HAS_FILTERS.store(true, Ordering::Relaxed);
}

/// The last signal that this thread noticed.
pub(super) fn caught() -> Option<Stop> {
    match CAUGHT.load(Ordering::Relaxed) {
        INTERRUPT => Some(Stop::Interrupt),
        TERMINATE => Some(Stop::Terminate),
        _ => None,
    }
}

/// Notices signals in a thread of its own, for as long as the process lives.
fn note_beside() -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut signals = Signals::listen()?;
                let _ = ready.send(());
                loop {
                    let noted = match signals.next().await {
                        Stop::Interrupt => INTERRUPT,
                        Stop::Terminate => TERMINATE,
                    };
                    CAUGHT.store(noted, Ordering::Relaxed);
                }
            })
        })
        .map(|_: std::thread::JoinHandle<io::Result<()>>| ())?;
    is_ready
        .recv()
        .map_err(|_| io::Error::other("cannot watch for signals"))
}

/// From now on, Ctrl-C does not end this process. It is meant for the program that has the terminal, for which this
/// process waits.
pub(super) fn outlive_interrupts() {
    // A handler stays when who has set it is gone. Without one the screen is less tidy after Ctrl-C.
    let handler = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async { Signals::listen_to_interrupts() })
    });
    let _ = handler.join();
}

/// The signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl From<Stop> for Exit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupt => Self::Interrupted,
            Stop::Terminate => Self::Terminated,
        }
    }
}

/// Both signals, caught from the moment this is created; from then on they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches both signals. Must be called within the runtime.
    ///
    /// # Errors
    /// When the system refuses to install a handler.
    pub fn catch() -> io::Result<Self> {
        let signals = Self::listen()?;
        if HAS_FILTERS.load(Ordering::Relaxed) {
            note_beside()?;
        }
        Ok(signals)
    }

    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    fn listen_to_interrupts() -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::interrupt()).map(|_| ())
    }

    #[cfg(not(unix))]
    fn listen_to_interrupts() -> io::Result<()> {
        Ok(())
    }

    /// Ctrl-C, which is the only signal on this system.
    #[cfg(not(unix))]
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next signal; call it again for the second one. The future may be dropped and created again without losing
    /// a signal.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }

    /// The next signal; call it again for the second one.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Stop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Stop::Interrupt
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn the_first_and_the_second_are_told_apart() {
        let mut signals = Signals::catch().expect("handlers");
        kill_process(getpid(), Signal::TERM).expect("sent");
        assert_eq!(signals.next().await, Stop::Terminate);
        kill_process(getpid(), Signal::INT).expect("sent");
        assert_eq!(signals.next().await, Stop::Interrupt);
        assert_eq!(Exit::from(Stop::Interrupt).code(), 130);
        assert_eq!(Exit::from(Stop::Terminate).code(), 143);
    }
}
