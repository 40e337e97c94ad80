//! The one place that resolves flags, environment and defaults, and keeps each value's origin. It is also the only
//! one that reads the environment. From disk it reads only the contexts and the password file.

pub mod contexts;
mod display;
mod env;
mod guard;
mod kafka;
mod operator;
mod password;
mod proxy;
mod s3;
mod target;
mod tls;

use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use display::{DisplaySettings, PagerChoice};
pub use env::Env;
pub use guard::{Listening, ProductionGuard, Protected};
pub use operator::Operator;
pub use proxy::ProxyVariables;
pub use s3::S3Variables;
pub use target::{endpoint_of_flags, readdress_of_flags};

use crate::cli::{Globals, KafkaArgs};
use crate::kafka::Cluster;
use crate::model::{Problem, escaped};
use crate::wire::Endpoint;
use contexts::{Contexts, NamedContext, Places, Selection};

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
    /// The context that is used.
    Context,
    /// The topology file in the working directory.
    Here,
    /// Whether standard output is a terminal.
    Terminal,
    /// The value was not set.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Env(variable) => write!(f, "${variable}"),
            Self::Url => f.write_str("the URL"),
            Self::Context => f.write_str("the selected context"),
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

/// The server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerChoice {
    /// This server, with its credentials.
    Server(Endpoint),
    /// A private server for this one command (`ephemeral:`).
    Ephemeral,
}

/// Everything that a command needs to know besides its own arguments and how to show things (see
/// [`DisplaySettings`]).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server.
    pub target: Setting<ServerChoice>,
    /// The name of the used context, if there is one.
    pub context: Option<String>,
    /// Where contexts are kept.
    pub places: Places,
    /// The guard of production servers.
    pub guard: ProductionGuard,
    /// Where the user name came from, if there is one.
    pub user_origin: Option<Origin>,
    /// Where the password came from, if there is one.
    pub password_origin: Option<Origin>,
    /// The lines about TLS for `-v`.
    tls: Vec<String>,
    /// The time limit for a connection and for a reply.
    pub timeout: Setting<Duration>,
    /// The topology file, when there is one.
    pub topology: Option<Setting<PathBuf>>,
    /// The directory of the recording that commands look back into (`$UCP_STREAMS_RECORD`).
    pub record: Option<Setting<PathBuf>>,
    /// The server binary to start private servers with (`$UCP_STREAMS_SERVER`).
    pub server_binary: Option<Setting<PathBuf>>,
    /// Who runs this, for the audit.
    pub operator: Operator,
    /// Warnings about how these settings were given.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Resolves everything. `stdin` is read only for `--password-stdin`, and only its first line; `here` is the
    /// working directory.
    ///
    /// # Errors
    /// A usage [`Problem`] for a URL that names no server, a local one for a password or a certificate that cannot be
    /// read.
    pub fn resolve(
        globals: &Globals,
        env: &Env,
        stdin: impl Read,
        here: &Path,
    ) -> Result<Self, Problem> {
        let places = Places::of(env);
        let contexts = Contexts::read(&places)?;
        let selection = Selection::read(&places)?;
        let mut warnings = Vec::from_iter(contexts.exposure());
        let target::Resolved {
            mut target,
            context,
        } = target::find(globals, env, &contexts, &selection)?;
        let (mut user_origin, mut password_origin, mut tls_lines) = (None, None, Vec::new());
        if let ServerChoice::Server(endpoint) = &mut target.value {
            tls::apply(globals, endpoint)?;
            tls_lines = tls::describe(endpoint, globals);
            user_origin = endpoint.username.as_ref().map(|_| match context {
                Some(_) => Origin::Context,
                None => Origin::Url,
            });
            if let Some(user) = &globals.user {
                endpoint.username = Some(user.clone());
                user_origin = Some(Origin::Flag("--user"));
            }
            warnings.extend(password_in_argv(endpoint, target.origin));
            let file = context.and_then(|(_, context)| context.password_file.as_deref());
            let found = password::find(globals, env, stdin, endpoint, file, &mut warnings)?;
            if let Some(found) = found {
                password_origin = Some(found.origin);
                endpoint.password = Some(found.value);
            }
        }
        if target.value == ServerChoice::Ephemeral && asks_for_credentials(globals) {
            return Err(Problem::usage(
                "a private server has no users: --user and --password-… cannot be used with ephemeral:",
            ));
        }
        Ok(Self {
            guard: ProductionGuard::new(
                server_of(&target.value),
                &contexts,
                globals.context.as_deref(),
            ),
            context: context.map(|(name, _)| name.to_owned()),
            topology: topology(globals, env, context.map(|(_, context)| context), here),
            places,
            target,
            user_origin,
            password_origin,
            tls: tls_lines,
            timeout: match globals.timeout {
                Some(timeout) => Setting::new(timeout, Origin::Flag("--timeout")),
                None => Setting::new(DEFAULT_TIMEOUT, Origin::Default),
            },
            record: env.path("UCP_STREAMS_RECORD"),
            server_binary: env.path("UCP_STREAMS_SERVER"),
            operator: Operator::of(env),
            warnings,
        })
    }

    /// The settings for the server of the context `name`, with that context's credentials and no others.
    ///
    /// # Errors
    /// Usage when there is no such context, local for a file of it that cannot be read.
    pub fn of_context(&self, name: &str) -> Result<Self, Problem> {
        let globals = Globals {
            context: Some(name.to_owned()),
            ..Globals::default()
        };
        let env = Env::read().without_password();
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let settings = Self::resolve(&globals, &env, std::io::empty(), &here)?;
        Ok(Self {
            timeout: self.timeout,
            ..settings
        })
    }

    /// The URL in the environment variable that a topology names for a handler, if it is set.
    pub fn handler_url(variable: &str) -> Option<String> {
        std::env::var(variable).ok().filter(|url| !url.is_empty())
    }

    /// The environment's variables for HTTP proxies.
    pub fn proxy_variables() -> ProxyVariables {
        ProxyVariables::read(|variable| std::env::var(variable).ok())
    }

    /// The environment's variables for S3.
    pub fn s3_variables() -> S3Variables {
        S3Variables::read(|variable| std::env::var(variable).ok())
    }

    /// The Kafka cluster that `args` and the environment name, and warnings about how it was given.
    ///
    /// # Errors
    /// Usage when no brokers are named or credentials are incomplete; local for a file that cannot be read.
    pub fn kafka_cluster(args: &KafkaArgs) -> Result<(Cluster, Vec<String>), Problem> {
        kafka::resolve(args, &Env::read())
    }

    /// Whether the environment names Kafka brokers.
    pub fn names_kafka() -> bool {
        Env::read().has("UCP_STREAMS_KAFKA")
    }

    /// Where to look for programs that are named without a directory: `$PATH`.
    pub fn search_path() -> Option<OsString> {
        std::env::var_os("PATH")
    }

    /// The server, without its password.
    pub fn server_shown(&self) -> String {
        match &self.target.value {
            ServerChoice::Server(endpoint) => endpoint.to_string(),
            ServerChoice::Ephemeral => "ephemeral:".to_owned(),
        }
    }

    /// The output of `-v`: one line per value, with its origin and without secrets.
    pub fn describe(&self) -> Vec<String> {
        let context = self.context.as_deref().map_or_else(String::new, |name| {
            format!(" (context {})", escaped(name.as_bytes()))
        });
        let origin = format!("{}{context}", self.target.origin);
        let mut lines = vec![match &self.target.value {
            ServerChoice::Server(endpoint) => format!("server {endpoint}, from {origin}"),
            ServerChoice::Ephemeral => format!("server ephemeral, from {origin}"),
        }];
        if let (ServerChoice::Server(endpoint), Some(origin)) =
            (&self.target.value, self.user_origin)
        {
            let user = endpoint.username.as_deref().unwrap_or_default();
            lines.push(format!("user {}, from {origin}", escaped(user.as_bytes())));
        }
        if let Some(origin) = self.password_origin {
            lines.push(format!("password from {origin}"));
        }
        lines.extend(self.tls.iter().cloned());
        lines.push(self.describe_production());
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
        lines.extend(self.record.as_ref().map(|directory| {
            let shown = escaped(directory.value.as_os_str().as_encoded_bytes());
            format!("recording {shown}, from {}", directory.origin)
        }));
        lines.extend(self.server_binary.as_ref().map(|binary| {
            let file = escaped(binary.value.as_os_str().as_encoded_bytes());
            format!("private servers {file}, from {}", binary.origin)
        }));
        lines
    }

    /// Which contexts guard their addresses. Whether the server is at one of them is looked up only when it matters.
    fn describe_production(&self) -> String {
        let names: Vec<String> = self
            .guard
            .names()
            .map(|it| escaped(it.as_bytes()))
            .collect();
        let file = self.places.config.as_deref();
        let file = file.map(|file| escaped(file.as_os_str().as_encoded_bytes()));
        match (names.is_empty(), file) {
            (false, Some(file)) => format!("production {}, from {file}", names.join(", ")),
            _ => "production none, from the default".to_owned(),
        }
    }
}

/// Whether this URL holds a password.
pub fn has_password(url: &str) -> bool {
    Endpoint::parse(url).is_ok_and(|endpoint| endpoint.password.is_some())
}

fn asks_for_credentials(globals: &Globals) -> bool {
    globals.user.is_some() || globals.password_file.is_some() || globals.password_stdin
}

fn server_of(target: &ServerChoice) -> Option<&Endpoint> {
    match target {
        ServerChoice::Server(endpoint) => Some(endpoint),
        ServerChoice::Ephemeral => None,
    }
}

fn password_in_argv(endpoint: &Endpoint, origin: Origin) -> Option<String> {
    (endpoint.password.is_some() && origin == Origin::Flag("--url")).then(|| {
        "the password in --url is visible in the process list; use --password-file or $UCP_STREAMS_PASSWORD"
            .to_owned()
    })
}

fn topology(
    globals: &Globals,
    env: &Env,
    context: Option<&NamedContext>,
    here: &Path,
) -> Option<Setting<PathBuf>> {
    if let Some(file) = &globals.topology {
        return Some(Setting::new(file.clone(), Origin::Flag("--topology")));
    }
    let of_context = || {
        let file = context?.topology.clone()?;
        Some(Setting::new(file, Origin::Context))
    };
    let of_here = || {
        let file = here.join(TOPOLOGY_FILE);
        file.is_file().then(|| Setting::new(file, Origin::Here))
    };
    let of_env = env.path("UCP_STREAMS_TOPOLOGY");
    of_env.or_else(of_context).or_else(of_here)
}

#[cfg(test)]
mod tests;
