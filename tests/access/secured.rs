//! A private server that speaks TLS.

use std::net::TcpListener;
use std::path::Path;

use ucp_streams::server::{self, Options, Server};

use crate::authority::{Authority, Pair};
use crate::support::{Invocation, Run};

/// A server with a TLS port and a plain one.
pub(crate) struct Secured {
    /// Ends the server with the value.
    _server: Server,
    pub(crate) tls_port: u16,
    pub(crate) plain_port: u16,
}

impl Secured {
    /// A server that shows `pair` and, when told, asks for a client certificate of `authority`. None where the
    /// server on PATH was built without TLS, as those of the Python wheels are.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) fn start(authority: &Authority, pair: &Pair, asks_clients: bool) -> Option<Self> {
        let [tls_port, plain_port] = free_ports();
        let binary = server::find(None, std::env::var_os("PATH").as_deref()).unwrap();
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
        let options = Options {
            port: Some(plain_port),
            args: args.iter().map(Into::into).collect(),
            ..Options::default()
        };
        match Server::start(&binary, options) {
            Ok(server) => Some(Self {
                _server: server,
                tls_port,
                plain_port,
            }),
            Err(problem) if lacks_tls(&binary, &problem.message) => {
                eprintln!("skipped: {} was built without TLS", binary.display());
                None
            }
            Err(problem) => panic!("{problem}"),
        }
    }

    /// `rediss://HOST:PORT` of the TLS port.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.tls_port)
    }
}

fn lacks_tls(binary: &Path, said: &str) -> bool {
    // Debian's has it; if it does not start, something else is wrong.
    !binary.starts_with("/usr/bin") && said.contains("tls-port")
}

/// Free when they were looked at.
fn free_ports() -> [u16; 2] {
    let listeners = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|it| it.local_addr().unwrap().port())
}

/// `ucp-streams -u URL ARGS ping`.
pub(crate) fn ping(url: &str, args: &[&str]) -> Run {
    Invocation::new(&[&["-u", url, "ping"], args].concat()).run()
}
