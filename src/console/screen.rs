//! A screen of its own on the terminal, with the keys that are pressed there. Whatever ends it, the terminal is as it was.

use std::io::{self, Write as _};

use tokio::sync::mpsc;

/// Takes another screen, where the terminal has one, and hides the cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Keys that end it; what is typed after one is for the next program.
pub(super) const QUIT: [u8; 2] = [b'q', b'Q'];
/// How many keys wait to be read.
const KEYS_MAX: usize = 16;

/// The other screen of the terminal, until it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    keys: Option<keys::Mode>,
}

impl Screen {
    /// Takes the screen. `has_keyboard`: standard input is the terminal.
    pub(super) fn enter(has_keyboard: bool) -> io::Result<Self> {
        let screen = Self {
            keys: has_keyboard.then(keys::Mode::enter).flatten(),
        };
        put(ENTER)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = put(LEAVE);
        drop(self.keys.take());
    }
}

/// Writes to the terminal at once.
pub(super) fn put(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// The keys that are pressed, for as long as the process lives. They come from a thread, which can wait for them.
pub(super) fn keys() -> mpsc::Receiver<u8> {
    // Nobody says that it goes on after a key that may be the last.
    read_keys(std::sync::mpsc::channel().1)
}

/// The same where a key that may be the last one need not be: reading goes on after it only when the other end is told
/// so, because what is typed after the last key is for the next program.
pub(super) fn keys_of_a_dialog() -> (mpsc::Receiver<u8>, std::sync::mpsc::Sender<()>) {
    let (go_on, goes_on) = std::sync::mpsc::channel();
    (read_keys(goes_on), go_on)
}

fn read_keys(goes_on: std::sync::mpsc::Receiver<()>) -> mpsc::Receiver<u8> {
    let (sender, receiver) = mpsc::channel(KEYS_MAX);
    // Without a thread only a signal ends it.
    let _ = std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || keys::read(&sender, &goes_on));
    receiver
}

#[cfg(unix)]
mod keys {
    use std::io;
    use std::sync::mpsc::Receiver;
    use std::thread::sleep;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::{Errno, read as read_from};
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
    use tokio::sync::mpsc::Sender;

    use super::QUIT;

    /// How long a process in the background waits before it looks whether the keyboard is its own again.
    const BACKGROUND: Duration = Duration::from_millis(300);

    /// Each key is read as it is pressed, and not shown. Signals of the keyboard stay what they are.
    #[derive(Debug)]
    pub(super) struct Mode {
        before: Termios,
    }

    impl Mode {
        /// `None` where the keyboard is not ours.
        pub(super) fn enter() -> Option<Self> {
            if !is_ours() {
                return None;
            }
            let before = tcgetattr(io::stdin()).ok()?;
            let mut modes = before.clone();
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
            Some(Self { before })
        }
    }

    impl Drop for Mode {
        fn drop(&mut self) {
            // Who is in the background must not set it: whoever has the keyboard has done so.
            if is_ours() {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
            }
        }
    }

    /// Whether this process is in the foreground. Whoever reads from the keyboard in the background is stopped.
    fn is_ours() -> bool {
        tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
    }

    pub(super) fn read(keys: &Sender<u8>, goes_on: &Receiver<()>) {
        let stdin = io::stdin();
        let mut key = [0_u8];
        loop {
            let mut ends = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut ends, None) {
                Err(Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) if !is_ours() => {
                    sleep(BACKGROUND);
                    continue;
                }
                // Whoever ended the watch leaves what is typed now to the next program.
                Ok(_) if keys.is_closed() => return,
                Ok(_) => {}
            }
            match read_from(&stdin, &mut key[..]) {
                Err(Errno::INTR) => {}
                Ok(1) => {
                    let is_last = QUIT.contains(&key[0]);
                    if keys.blocking_send(key[0]).is_err() || is_last && goes_on.recv().is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }
}

#[cfg(not(unix))]
mod keys {
    use std::sync::mpsc::Receiver;

    use tokio::sync::mpsc::Sender;

    #[derive(Debug)]
    pub(super) struct Mode;

    impl Mode {
        pub(super) fn enter() -> Option<Self> {
            None
        }
    }

    pub(super) fn read(_: &Sender<u8>, _: &Receiver<()>) {}
}
