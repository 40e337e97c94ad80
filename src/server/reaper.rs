//! The reaper: a small shell beside a server. It outlives this process only to end the server.
//!
//! Its standard input is a pipe whose other end only this process has. When this process ends, in whatever way (even
//! by `kill -9`), the reaper kills the server and removes the directory that was created for it. A parent death
//! signal would not do: it follows the thread that started the server, and needs unsafe code.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::model::without_secrets;

/// `$1` is the server's process id, `$2` the directory to remove, or empty. Removing is tried twice, because the
/// server may write a last file between the removal of the files and that of their directory. The reaper ignores a
/// terminal's Ctrl-C and hang-up.
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
    /// Watches the process `pid`, and removes `dir` after its end.
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

/// The reaper must have ended before its server's process id can be given to another process.
impl Drop for Reaper {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
