//! A client in another language as a process of its own, which does one order at a time.

use std::process::Command;

use serde_json::Value;

use crate::support::{Obedient, PATIENCE, TestServer, installed, repository};

/// A running client; killed, without a goodbye to the server, when the value is gone.
#[derive(Debug)]
pub(crate) struct Peer(Obedient);

impl Peer {
    /// redis-py.
    #[track_caller]
    pub(crate) fn python(server: &TestServer) -> Self {
        let packages = installed("interop", "python");
        Self::start(
            Command::new("python3").env("PYTHONPATH", packages),
            "peer.py",
            server,
        )
    }

    /// ioredis.
    #[track_caller]
    pub(crate) fn node(server: &TestServer) -> Self {
        let packages = installed("interop", "node/node_modules");
        Self::start(
            Command::new("node").env("NODE_PATH", packages),
            "peer.js",
            server,
        )
    }

    #[track_caller]
    fn start(command: &mut Command, program: &str, server: &TestServer) -> Self {
        let program = repository("tests/interop").join(program);
        command.arg(program).arg(server.socket());
        Self(Obedient::start(command, "interop"))
    }

    /// Gives an order and awaits its answer. What a failing client says is on the test's standard error.
    #[track_caller]
    pub(crate) fn ask(&mut self, order: &Value) -> Value {
        self.0.ask(order, PATIENCE)
    }
}
