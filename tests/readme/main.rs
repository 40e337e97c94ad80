//! The README's examples are run as they stand: every `sh` block, in order, on one private server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[path = "../support/mod.rs"]
mod support;

use support::{TestServer, server_binary};

const README: &str = include_str!("../../README.md");

/// The lines of every block fenced as `language`, with the line its block begins at.
fn blocks(language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in README.lines().enumerate() {
        match &mut open {
            None if line == format!("```{language}") => open = Some((number + 1, String::new())),
            Some(_) if line == "```" => found.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    found
}

#[test]
fn every_example_does_what_it_is_said_to() {
    let server = TestServer::start();
    let home = tempfile::tempdir().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_ucp-streams"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let blocks = blocks("sh");
    assert!(blocks.len() >= 6, "only {} examples", blocks.len());
    for (line, script) in blocks {
        let output = Command::new("timeout")
            .args([
                &Duration::from_mins(1).as_secs().to_string(),
                "bash",
                "-euo",
                "pipefail",
                "-c",
                &script,
            ])
            .current_dir(home.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", home.path())
            .env("UCP_STREAMS_URL", server.url())
            .env("UCP_STREAMS_SERVER", server_binary())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "the example at line {line} of README.md ended with {}:\n{script}\n--- stdout\n{}\n--- stderr\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
    // The walk through the page ends with everything handled.
    let pending = server.redis(&["XPENDING", "events.normalized", "event-processors"]);
    assert_eq!(pending.items()[0].int(), 0);
    let stopped = Command::new(bin.join("ucp-streams"))
        .args(["dev", "stop"])
        .current_dir(home.path())
        .status();
    assert!(stopped.unwrap().success());
}
