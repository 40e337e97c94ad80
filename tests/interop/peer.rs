//! A client in another language as a process of its own, which does one order at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use crate::support::{PATIENCE, TestServer};

/// A running client; killed, without a goodbye to the server, when the value is gone.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

impl Peer {
    /// redis-py.
    #[track_caller]
    pub(crate) fn python(server: &TestServer) -> Self {
        let packages = installed("python");
        Self::start(
            Command::new("python3").env("PYTHONPATH", packages),
            "peer.py",
            server,
        )
    }

    /// ioredis.
    #[track_caller]
    pub(crate) fn node(server: &TestServer) -> Self {
        let packages = installed("node/node_modules");
        Self::start(
            Command::new("node").env("NODE_PATH", packages),
            "peer.js",
            server,
        )
    }

    #[track_caller]
    fn start(command: &mut Command, program: &str, server: &TestServer) -> Self {
        let mut child = command
            .arg(repository("tests/interop").join(program))
            .arg(server.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; `.ci/setup interop` installs it"));
        let orders = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            orders,
            answers,
        }
    }

    /// Gives an order and awaits its answer. What a failing client says is on the test's standard error.
    #[track_caller]
    pub(crate) fn ask(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        let answer = self.answers.recv_timeout(PATIENCE);
        let answer = answer.unwrap_or_else(|error| panic!("{order}: {error}"));
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where `.ci/setup interop` put a client.
#[track_caller]
fn installed(packages: &str) -> PathBuf {
    let directory = repository(".cache/interop").join(packages);
    let shown = directory.display();
    assert!(
        directory.is_dir(),
        "no {shown}: run `.ci/setup interop`, or `make test-interop`"
    );
    directory
}
