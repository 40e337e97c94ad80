//! A private server for one test.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ucp_streams::model::Problem;
use ucp_streams::server::{self, Options, Persistence, Server};

use super::{Client, Invocation, PATIENCE, Reply, Run, free_port, until};

/// The server that the tests run on: `$UCP_STREAMS_TEST_SERVER`, else the first on PATH.
pub fn server_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let named = std::env::var_os("UCP_STREAMS_TEST_SERVER")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        server::find(named.as_deref(), std::env::var_os("PATH").as_deref())
            .unwrap_or_else(|problem| panic!("{problem}"))
    })
}

/// A private server of one test; it and its directory are gone when the value is.
#[derive(Debug)]
pub struct TestServer {
    server: Server,
}

impl TestServer {
    /// Without persistence.
    #[track_caller]
    pub fn start() -> Self {
        Self::with_options(Options::default())
    }

    /// Without persistence, with these server arguments (`&["--maxmemory", "2mb"]`).
    #[track_caller]
    pub fn with_args(args: &[&str]) -> Self {
        Self::with_options(Options {
            args: args.iter().map(Into::into).collect(),
            ..Options::default()
        })
    }

    /// With an append-only file that is written before each reply: [`TestServer::kill`] and
    /// [`TestServer::restart`] lose nothing.
    #[track_caller]
    pub fn durable() -> Self {
        Self::with_options(Options::with_persistence(Persistence::Always))
    }

    /// The only node of a cluster: it has every hash slot, and runs no script with keys of several.
    #[track_caller]
    pub fn cluster() -> Self {
        let port = free_port().to_string();
        let server = Self::with_args(&["--cluster-enabled", "yes", "--cluster-port", &port]);
        server.redis(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        until(PATIENCE, "a cluster that is up", || {
            let info = server.redis(&["CLUSTER", "INFO"]);
            info.text().contains("cluster_state:ok")
        });
        server
    }

    /// With any options.
    #[track_caller]
    pub fn with_options(options: Options) -> Self {
        Self::with_binary(server_binary(), options)
    }

    /// With another program for a server, as that of a [`super::Clock`].
    #[track_caller]
    pub fn with_binary(binary: &Path, mut options: Options) -> Self {
        options.ready_within = options.ready_within.max(PATIENCE);
        Self {
            server: done(Server::start(binary, options)),
        }
    }

    /// The value for `--url` and `$UCP_STREAMS_URL`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its unix socket.
    pub fn socket(&self) -> &Path {
        self.server.socket()
    }

    /// The server under `src/server/`, for its directory, pid and log.
    pub fn inner(&self) -> &Server {
        &self.server
    }

    /// Sends one command on a connection of its own and returns the reply; an error reply fails the test.
    #[track_caller]
    pub fn redis<A: AsRef<[u8]>>(&self, command: &[A]) -> Reply {
        match self.try_redis(command) {
            Reply::Error(error) => {
                let words: Vec<_> = command
                    .iter()
                    .map(|word| String::from_utf8_lossy(word.as_ref()))
                    .collect();
                panic!("{}: {error}", words.join(" "))
            }
            reply => reply,
        }
    }

    /// As [`TestServer::redis`], where an error is an answer.
    #[track_caller]
    pub fn try_redis<A: AsRef<[u8]>>(&self, command: &[A]) -> Reply {
        self.client().send(command)
    }

    /// A connection to keep.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.socket())
    }

    /// Delivers so many entries of a stream to a consumer of a group, which does nothing with them.
    #[track_caller]
    pub fn deliver(&self, (stream, group): (&str, &str), consumer: &str, count: usize) {
        let read = ["XREADGROUP", "GROUP", group, consumer];
        let of = ["COUNT", &count.to_string(), "STREAMS", stream, ">"];
        self.redis(&[&read[..], &of].concat());
    }

    /// Runs the real binary against it, to its end.
    #[track_caller]
    pub fn ucp(&self, args: &[&str]) -> Run {
        self.command(args).run()
    }

    /// The real binary against it, to be given input, environment or a directory, and run or spawned.
    pub fn command(&self, args: &[&str]) -> Invocation {
        Invocation::new(args).env("UCP_STREAMS_URL", self.url())
    }

    /// Makes a user with the password `pw` who may do what `rules` say (`~* +@all -xadd`); the server's URL as that user.
    #[track_caller]
    pub fn add_user(&self, name: &str, rules: &str) -> String {
        let set = ["ACL", "SETUSER", name, "reset", "on", ">pw"];
        let rules = rules.split(' ');
        self.redis(&set.into_iter().chain(rules).collect::<Vec<_>>());
        format!("{}?user={name}&pass=pw", self.url())
    }

    /// [`TestServer::command`] as a user of [`TestServer::add_user`].
    pub fn command_as(&self, user: &str, args: &[&str]) -> Invocation {
        self.command(&[&["--user", user], args].concat())
            .env("UCP_STREAMS_PASSWORD", "pw")
    }

    /// Stops it (unless [`TestServer::kill`]ed) and starts it in the same directory, on the same socket.
    #[track_caller]
    pub fn restart(&mut self) {
        done(self.server.restart());
    }

    /// `kill -9`.
    #[track_caller]
    pub fn kill(&mut self) {
        done(self.server.kill());
    }

    /// SIGSTOP: connections stay and are accepted, nothing is answered.
    #[track_caller]
    pub fn pause(&mut self) {
        done(self.server.pause());
    }

    /// SIGCONT.
    #[track_caller]
    pub fn resume(&mut self) {
        done(self.server.resume());
    }
}

/// The value, or the test fails with the problem's text.
#[track_caller]
fn done<T>(result: Result<T, Problem>) -> T {
    match result {
        Ok(value) => value,
        Err(problem) => panic!("the private server: {problem}"),
    }
}
