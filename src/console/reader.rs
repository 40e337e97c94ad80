//! Detects that nobody reads standard output any more. A command that waits for something to print must watch for
//! this as well: a write would notice only with the next entry, which would then have been delivered for nothing.

use std::sync::OnceLock;

use tokio::sync::watch;

/// The reader of standard output, watched from the first request on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    gone: OnceLock<watch::Receiver<bool>>,
}

impl Reader {
    /// Waits until nobody reads any more: the other end of a pipe or a socket is closed, or a terminal was hung up.
    /// Waits for ever if the output (a file, a device) has no reader that could go away.
    pub(super) async fn gone(&self) {
        let mut gone = self.gone.get_or_init(watched).clone();
        if gone.wait_for(|is_gone| *is_gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reported by a thread, because a thread can wait for this without polling. It ends with the process.
fn watched() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    if !look::can_hang_up() {
        return receiver;
    }
    let watch = move || {
        if look::await_hangup() {
            let _ = sender.send(true);
        }
    };
    // Without a thread only a write finds out.
    let _ = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(watch);
    receiver
}

/// Whether nobody reads standard output any more.
pub(super) fn is_gone() -> bool {
    look::is_hung_up()
}

#[cfg(unix)]
mod look {
    use std::io::{self, IsTerminal as _};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{FileType, fstat};
    use rustix::io::Errno;

    /// Whether standard output has a reader that can go away: a file and most devices have none.
    pub(super) fn can_hang_up() -> bool {
        let stdout = io::stdout();
        let kind = fstat(&stdout).map(|stat| FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(FileType::RegularFile | FileType::Directory | FileType::BlockDevice) => false,
            Ok(FileType::CharacterDevice) => stdout.is_terminal(),
            _ => true,
        }
    }

    /// Waits until nobody reads standard output any more; `false` when the system offers no way to wait for this.
    pub(super) fn await_hangup() -> bool {
        looked_at(None)
    }

    pub(super) fn is_hung_up() -> bool {
        looked_at(Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }))
    }

    /// Polls for a hang-up, which the system reports without being asked for it; nothing else is asked for.
    fn looked_at(timeout: Option<&Timespec>) -> bool {
        let stdout = io::stdout();
        loop {
            let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut ends, timeout) {
                Err(Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) => {
                    let told = ends[0].revents();
                    return told.intersects(PollFlags::ERR | PollFlags::HUP);
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod look {
    pub(super) fn can_hang_up() -> bool {
        false
    }

    pub(super) fn await_hangup() -> bool {
        false
    }

    pub(super) fn is_hung_up() -> bool {
        false
    }
}
