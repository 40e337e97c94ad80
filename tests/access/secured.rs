//! A private server that speaks TLS.

use std::net::TcpListener;

use ucp_streams::model::Problem;
use ucp_streams::server::{Options, Server};

use crate::front;
use crate::support::authority::{Authority, Pair};
use crate::support::{Invocation, Run, free_port, server_binary};

/// A server with a TLS port and a plain one.
pub(crate) struct Secured {
    /// Ends the server with the value.
    _server: Server,
    pub(crate) tls_port: u16,
    pub(crate) plain_port: u16,
}

impl Secured {
    /// A server that shows `pair` and, when told, asks for a client certificate of `authority`: by itself, or
    /// where it was built without TLS, by a [`front`].
    pub(crate) fn start(authority: &Authority, pair: &Pair, asks_clients: bool) -> Self {
        let [tls_port, plain_port] = [free_port(), free_port()];
        let asks = if asks_clients { "yes" } else { "no" };
        let tls_text = tls_port.to_string();
        let args = [
            "--tls-port",
            &tls_text,
            "--tls-cert-file",
            pair.cert.to_str().unwrap(),
            "--tls-key-file",
            pair.key.to_str().unwrap(),
            "--tls-ca-cert-file",
            authority.ca(),
            "--tls-auth-clients",
            asks,
        ];
        let server = listening(plain_port, &args).unwrap_or_else(|problem| {
            assert!(lacks_tls(&problem), "{problem}");
            let listener = TcpListener::bind(("127.0.0.1", tls_port)).unwrap();
            let config = front::config(authority, pair, asks_clients);
            front::serve(listener, plain_port, config);
            listening(plain_port, &[]).unwrap()
        });
        Self {
            _server: server,
            tls_port,
            plain_port,
        }
    }

    /// `rediss://HOST:PORT` of the TLS port.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.tls_port)
    }
}

fn listening(port: u16, args: &[&str]) -> Result<Server, Problem> {
    let options = Options {
        port: Some(port),
        args: args.iter().map(Into::into).collect(),
        ..Options::default()
    };
    Server::start(server_binary(), options)
}

/// Redis without TLS does not know the setting; Valkey does, and misses what it is for.
fn lacks_tls(problem: &Problem) -> bool {
    ["tls-port", "Failed finding TLS support"]
        .iter()
        .any(|said| problem.message.contains(said))
}

/// `ucp-streams -u URL ARGS ping`.
pub(crate) fn ping(url: &str, args: &[&str]) -> Run {
    Invocation::new(&[&["-u", url, "ping"], args].concat()).run()
}
