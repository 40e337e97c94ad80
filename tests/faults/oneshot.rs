//! Commands that run once: what their rows have in common.

use std::process::Command;

use crate::scene::Scene;
use crate::support::{Invocation, Run};

/// `ucp-streams ARGS` against `url`.
pub fn at(url: &str, args: &[&str]) -> Invocation {
    Invocation::new(args).env("UCP_STREAMS_URL", url)
}

/// A URL of a user that may do all but this.
pub fn limited(scene: &Scene, denied: &str) -> String {
    let user = [
        "ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", denied,
    ];
    scene.server.redis(&user);
    format!("{}?user=limited&pass=pw", scene.server.url())
}

/// How often the server has carried out, or refused, a command.
pub fn calls(scene: &Scene, command: &str) -> u64 {
    let stats = scene.server.redis(&["INFO", "commandstats"]);
    let number = |name: &str| {
        let line = stats
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let found = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix(name)));
        found.map_or(0, |number| number.trim().parse().unwrap())
    };
    number("calls=") + number("rejected_calls=")
}

/// Entries 1-1 to `count`-1, all with consumer `dead` for an hour.
pub fn stale(scene: &Scene, count: u64) {
    scene.publish(1, count);
    scene.group();
    scene.abandon(1, count);
}

/// Runs `script` in bash, where `"$ucp"` is the binary.
pub fn shell(scene: &Scene, script: &str) -> Run {
    let output = Command::new("bash")
        .args(["-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("ucp", env!("CARGO_BIN_EXE_ucp-streams"))
        .env("UCP_STREAMS_URL", scene.server.url())
        .env("HOME", scene.path(""))
        .output()
        .unwrap();
    Run {
        words: script.to_owned(),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    }
}
