//! The one place that resolves flags, environment and defaults, keeping each value's origin, and the only
//! one that reads the environment. Reads the password's file and nothing else from disk.

mod env;
mod look;
mod password;
mod target;
mod tls;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use env::Env;
pub use look::Look;

use crate::cli::Globals;
use crate::model::{Problem, escaped};
use crate::wire::Endpoint;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const TOPOLOGY_FILE: &str = "ucp-streams.toml";

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Env(&'static str),
    /// The server's URL.
    Url,
    /// A file in the working directory.
    Here,
    /// Whether standard output is a terminal.
    Terminal,
    /// Nothing was said.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Env(variable) => write!(f, "${variable}"),
            Self::Url => f.write_str("the URL"),
            Self::Here => f.write_str("the working directory"),
            Self::Terminal => f.write_str("the kind of output"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value from `origin`.
    pub const fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This server, with its credentials.
    Server(Endpoint),
    /// A private server for this one command (`ephemeral:`).
    Ephemeral,
}

/// Everything a command needs to know besides its own arguments and how to show things (see [`Look`]).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server.
    pub target: Setting<Target>,
    /// Where the password came from, when there is one.
    pub password_origin: Option<Origin>,
    /// Deadline of a connection and of a reply.
    pub timeout: Setting<Duration>,
    /// The topology file, when there is one.
    pub topology: Option<Setting<PathBuf>>,
    /// The server binary to start private servers with (`$UCP_STREAMS_SERVER`).
    pub server_binary: Option<Setting<PathBuf>>,
    /// The machine-learning service's URL (`$UCP_STREAMS_ML_URL`).
    pub ml_url: Option<Setting<String>>,
    /// What the operator should know of how these were given.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Resolves everything. `stdin` is read only for `--password-stdin`, its first line; `here` is the
    /// working directory.
    ///
    /// # Errors
    /// A usage [`Problem`] for a URL that names no server, a local one for a password or a certificate that
    /// cannot be read.
    pub fn resolve(
        globals: &Globals,
        env: &Env,
        stdin: impl Read,
        here: &Path,
    ) -> Result<Self, Problem> {
        let mut warnings = Vec::new();
        let mut target = target::find(globals, env)?;
        let mut password_origin = None;
        if let Target::Server(endpoint) = &mut target.value {
            if endpoint.password.is_some() {
                password_origin = Some(Origin::Url);
                if target.origin == Origin::Flag("--url") {
                    warnings.push(
                        "the password in --url is visible in the process list; use --password-file or $UCP_STREAMS_PASSWORD"
                            .to_owned(),
                    );
                }
            }
            tls::apply(globals, endpoint, target.origin)?;
            if let Some(user) = &globals.user {
                endpoint.username = Some(user.clone());
            }
            if let Some(found) = password::find(
                globals,
                env,
                stdin,
                password_origin.is_some(),
                &mut warnings,
            )? {
                endpoint.password = Some(found.value);
                password_origin = Some(found.origin);
            }
        }
        if target.value == Target::Ephemeral && asks_for_credentials(globals) {
            return Err(Problem::usage(
                "a private server has no users: --user and --password-… do not go with ephemeral:",
            ));
        }
        Ok(Self {
            target,
            password_origin,
            timeout: match globals.timeout {
                Some(timeout) => Setting::new(timeout, Origin::Flag("--timeout")),
                None => Setting::new(DEFAULT_TIMEOUT, Origin::Default),
            },
            topology: topology(globals, env, here),
            server_binary: env.path("UCP_STREAMS_SERVER"),
            ml_url: env.text("UCP_STREAMS_ML_URL"),
            warnings,
        })
    }

    /// The URL in the variable that a topology names for a handler, when it is set.
    pub fn handler_url(&self, variable: &str) -> Option<String> {
        match &self.ml_url {
            Some(url) if variable == "UCP_STREAMS_ML_URL" => Some(url.value.clone()),
            _ => std::env::var(variable).ok().filter(|url| !url.is_empty()),
        }
    }

    /// What `-v` says: one line a value, with its origin and without secrets.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = vec![match &self.target.value {
            Target::Server(endpoint) => format!("server {endpoint}, from {}", self.target.origin),
            Target::Ephemeral => format!("server ephemeral, from {}", self.target.origin),
        }];
        if let Some(origin) = self.password_origin {
            lines.push(format!("password from {origin}"));
        }
        if let Target::Server(endpoint) = &self.target.value {
            lines.extend(tls::describe(endpoint));
        }
        lines.push(format!(
            "timeout {}ms, from {}",
            self.timeout.value.as_millis(),
            self.timeout.origin
        ));
        lines.push(match &self.topology {
            Some(file) => format!(
                "topology {}, from {}",
                escaped(file.value.to_string_lossy().as_bytes()),
                file.origin
            ),
            None => "topology built in".to_owned(),
        });
        lines
    }
}

fn asks_for_credentials(globals: &Globals) -> bool {
    globals.user.is_some() || globals.password_file.is_some() || globals.password_stdin
}

fn topology(globals: &Globals, env: &Env, here: &Path) -> Option<Setting<PathBuf>> {
    if let Some(file) = &globals.topology {
        return Some(Setting::new(file.clone(), Origin::Flag("--topology")));
    }
    env.path("UCP_STREAMS_TOPOLOGY").or_else(|| {
        let file = here.join(TOPOLOGY_FILE);
        file.is_file().then(|| Setting::new(file, Origin::Here))
    })
}

#[cfg(test)]
mod tests;
