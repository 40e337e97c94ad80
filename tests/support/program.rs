//! Scripts that a test makes and something else runs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::server_binary;

/// Makes an executable file of `text`, which begins with `#!`.
///
/// Another process writes it. While this one had it open for writing, a process that the thread of another test starts
/// could hold it open too for a moment, in which the system runs it for nobody: "text file busy".
#[track_caller]
pub fn program(path: &Path, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", r#"cat >"$0" && chmod 755 "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = writer.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).expect("writes");
    drop(input);
    assert!(writer.wait().expect("ends").success(), "{}", path.display());
}

/// Makes `redis-cli` in a directory: the client of whichever server the tests run on.
#[track_caller]
pub fn client_in(directory: &Path) {
    let client = ["redis-cli", "valkey-cli"].map(|name| server_binary().with_file_name(name));
    if let Some(client) = client.iter().find(|it| it.exists()) {
        let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", client.display());
        program(&directory.join("redis-cli"), &text);
    }
}
