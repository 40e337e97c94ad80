//! A terminal that nobody sits at: what is written to it can be read.

use std::fs::File;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// Closed in processes that are started meanwhile, where the system can say so: this end, held open, keeps a terminal up.
#[cfg(target_os = "linux")]
const FLAGS: OpenptFlags = OpenptFlags::RDWR
    .union(OpenptFlags::NOCTTY)
    .union(OpenptFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY);

/// Both ends of a pseudo-terminal.
#[derive(Debug)]
pub struct Pty {
    /// What the terminal shows is read here, what is typed is written here.
    pub controller: File,
    /// The end that a process takes for its terminal.
    pub terminal: File,
}

impl Pty {
    /// One that says nothing of its size.
    #[track_caller]
    pub fn open() -> Self {
        let controller = openpt(FLAGS).expect("a terminal");
        grantpt(&controller).expect("grants it");
        unlockpt(&controller).expect("unlocks it");
        let name = ptsname(&controller, Vec::new()).expect("its name");
        let terminal = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().expect("UTF-8"))
            .expect("opens it");
        Self {
            controller: controller.into(),
            terminal,
        }
    }

    /// One of so many columns, which hands on every byte as it was written.
    #[track_caller]
    pub fn of_width(columns: u16) -> Self {
        let pty = Self::open();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&pty.terminal, size).expect("sets its size");
        let mut modes = tcgetattr(&pty.terminal).expect("its modes");
        modes.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&pty.terminal, OptionalActions::Now, &modes).expect("sets its modes");
        pty
    }
}
