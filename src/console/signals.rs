//! SIGINT and SIGTERM as something to await. The first asks to stop, the second to stop now.

use std::io;

use crate::exit::Exit;

/// Which signal came.
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

/// Both signals, caught from the moment it is made; from then on the process no longer ends by itself.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches both. To be called within the runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    #[cfg(unix)]
    pub fn catch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Catches Ctrl-C, the only one there is.
    ///
    /// # Errors
    /// None here.
    #[cfg(not(unix))]
    pub fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next signal; call it again for the second. It may be dropped and awaited anew without losing one.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }

    /// The next signal; call it again for the second.
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
