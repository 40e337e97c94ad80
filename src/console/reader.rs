//! Whether anybody still reads standard output. Whoever waits for something to print waits for this beside it: a write
//! would find out only with the next entry, which by then is delivered to nobody.

use std::sync::OnceLock;

use tokio::sync::watch;

/// The reader of standard output, looked after from the first time that somebody asks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    gone: OnceLock<watch::Receiver<bool>>,
}

impl Reader {
    /// Awaits that nobody reads any more: a pipe or a socket without an other end, a terminal that was hung up. Never, for
    /// what has no reader that could go (a file, a device).
    pub(super) async fn gone(&self) {
        let mut gone = self.gone.get_or_init(watched).clone();
        if gone.wait_for(|is_gone| *is_gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Told by a thread, since a thread may wait for it without looking again and again. It ends with the process.
fn watched() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
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
    use std::io;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    /// Waits until it is so; `false` where that cannot be waited for.
    pub(super) fn await_hangup() -> bool {
        looked_at(None)
    }

    pub(super) fn is_hung_up() -> bool {
        looked_at(Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }))
    }

    /// An end that is gone is told of without being asked for; nothing else is asked for.
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
    pub(super) fn await_hangup() -> bool {
        false
    }

    pub(super) fn is_hung_up() -> bool {
        false
    }
}
