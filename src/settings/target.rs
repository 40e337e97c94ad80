//! Which server: flags, then the environment, then the default.

use super::{Env, Origin, Setting, Target};
use crate::cli::Globals;
use crate::model::{Problem, escaped};
use crate::wire::{Endpoint, Transport};

const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// The server, from the first that names one.
pub(super) fn find(globals: &Globals, env: &Env) -> Result<Setting<Target>, Problem> {
    if let Some(url) = &globals.url {
        return parse(url, Origin::Flag("--url"));
    }
    if let Some(target) = from_parts(globals)? {
        return Ok(target);
    }
    for variable in ["UCP_STREAMS_URL", "REDIS_URL"] {
        if let Some(url) = env.text(variable) {
            return parse(&url.value, url.origin);
        }
    }
    parse(DEFAULT_URL, Origin::Default)
}

fn from_parts(globals: &Globals) -> Result<Option<Setting<Target>>, Problem> {
    let flag = match globals {
        Globals { host: Some(_), .. } => "--host",
        Globals { port: Some(_), .. } => "--port",
        Globals { db: Some(_), .. } => "--db",
        _ => return Ok(None),
    };
    let host = globals.host.as_deref().unwrap_or("127.0.0.1");
    if host.is_empty() || host.contains(['/', '@']) {
        return Err(Problem::usage(format!(
            "--host takes a name or an address, not `{}`",
            escaped(host.as_bytes())
        ))
        .hint("give a URL with --url instead"));
    }
    let mut endpoint = Endpoint::new(Transport::Tcp {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: globals.port.unwrap_or(6379),
    });
    endpoint.db = globals.db.unwrap_or(0);
    Ok(Some(Setting::new(
        Target::Server(endpoint),
        Origin::Flag(flag),
    )))
}

fn parse(url: &str, origin: Origin) -> Result<Setting<Target>, Problem> {
    if matches!(url, "ephemeral:" | "ephemeral") {
        return Ok(Setting::new(Target::Ephemeral, origin));
    }
    let endpoint = Endpoint::parse(url).map_err(|error| {
        Problem::usage(format!("the server's URL, from {origin}: {error}"))
            .hint("for example redis://127.0.0.1:6379/0 or unix:///run/redis.sock")
    })?;
    Ok(Setting::new(Target::Server(endpoint), origin))
}
