//! Runs through a shell, for what only a shell does: pipes that close, outputs that are full.

use std::process::{Command, Output};

use crate::support::{TestServer, directory};

/// Runs `script` with `/bin/bash`; in it `$UCP` is the binary, which finds `server` by its environment.
#[track_caller]
pub(crate) fn bash(server: &TestServer, script: &str) -> Output {
    let home = directory();
    Command::new("/bin/bash")
        .args(["-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("UCP", env!("CARGO_BIN_EXE_ucp-streams"))
        .env("UCP_STREAMS_URL", server.url())
        .current_dir(home.path())
        .output()
        .unwrap()
}

/// Exit code, standard output and standard error.
#[track_caller]
pub(crate) fn parts(output: &Output) -> (Option<i32>, &str, &str) {
    (
        output.status.code(),
        std::str::from_utf8(&output.stdout).unwrap(),
        std::str::from_utf8(&output.stderr).unwrap(),
    )
}
