//! The reaper: a small shell beside a server that outlives this process only long enough to take the
//! server with it.
//!
//! Its standard input is a pipe that only this process can close: at its end, however it comes (a
//! `kill -9` too), the reaper kills the server and removes the directory that was made for it. A parent
//! death signal would follow the thread that started the server, and needs unsafe code.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::model::without_secrets;

/// `$1` is the server's process id, `$2` the directory to remove, or nothing; the server's last write can
/// come between the files and their directory, so removing is tried twice. Neither a terminal's Ctrl-C
/// nor its hang-up ends the reaper.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
while read -r _; do :; done
kill -KILL "$1"
test -z "$2" || rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }
"#;

/// Kills a server when this process ends, until it is disarmed.
#[derive(Debug)]
pub(super) struct Reaper {
    shell: Child,
}

impl Reaper {
    /// Watches over the process `pid`, and removes `dir` after it.
    pub(super) fn over(pid: u32, dir: Option<&Path>) -> io::Result<Self> {
        let shell = without_secrets(&mut Command::new("/bin/sh"))
            .args(["-c", SCRIPT, "ucp-streams-reaper"])
            .arg(pid.to_string())
            .arg(dir.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }
}

/// The reaper must be gone before its server's process id can become another's.
impl Drop for Reaper {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
