//! Which server to use: from flags, then a named context, the environment, the selected context, and the default.

use super::contexts::{Contexts, NamedContext, Selection};
use super::{Env, Origin, ServerChoice, Setting, tls};
use crate::cli::Globals;
use crate::model::{Problem, escaped};
use crate::wire::{Endpoint, Readdress, Transport};

const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// The server, and the context that it comes from.
pub(super) struct Resolved<'c> {
    pub(super) target: Setting<ServerChoice>,
    pub(super) context: Option<(&'c str, &'c NamedContext)>,
}

/// The server, from the first source that names one, with the database of `--db` instead of its own.
pub(super) fn find<'c>(
    globals: &'c Globals,
    env: &Env,
    contexts: &'c Contexts,
    selection: &'c Selection,
) -> Result<Resolved<'c>, Problem> {
    let mut found = named(globals, env, contexts, selection)?;
    if let Some(db) = globals.db {
        let ServerChoice::Server(endpoint) = &mut found.target.value else {
            let origin = found.target.origin;
            return Err(Problem::usage(format!(
                "--db requires an existing server, and {origin} asks for a private one"
            )));
        };
        endpoint.db = db;
    }
    Ok(found)
}

fn named<'c>(
    globals: &'c Globals,
    env: &Env,
    contexts: &'c Contexts,
    selection: &'c Selection,
) -> Result<Resolved<'c>, Problem> {
    let from = |target| {
        Ok(Resolved {
            target,
            context: None,
        })
    };
    if let Some(url) = &globals.url {
        return from(parse(url, Origin::Flag("--url"))?);
    }
    if let Some(target) = from_parts(globals)? {
        return from(target);
    }
    if let Some(name) = &globals.context {
        return Ok(of_context(
            name,
            contexts.get(name)?,
            Origin::Flag("--context"),
        ));
    }
    if let Some(url) = env.text("UCP_STREAMS_URL") {
        return from(parse(&url.value, url.origin)?);
    }
    if let Some(name) = &selection.current {
        let context = contexts.get(name).map_err(|problem| Problem {
            message: format!("the selected context no longer exists: {}", problem.message),
            ..problem
        })?;
        return Ok(of_context(name, context, Origin::Context));
    }
    if let Some(url) = env.text("REDIS_URL") {
        return from(parse(&url.value, url.origin)?);
    }
    from(parse(DEFAULT_URL, Origin::Default)?)
}

fn of_context<'c>(name: &'c str, context: &'c NamedContext, origin: Origin) -> Resolved<'c> {
    Resolved {
        target: Setting::new(ServerChoice::Server(context.endpoint.clone()), origin),
        context: Some((name, context)),
    }
}

fn from_parts(globals: &Globals) -> Result<Option<Setting<ServerChoice>>, Problem> {
    let flag = match globals {
        Globals { host: Some(_), .. } => "--host",
        Globals { port: Some(_), .. } => "--port",
        _ => return Ok(None),
    };
    let target = ServerChoice::Server(of_parts(globals)?);
    Ok(Some(Setting::new(target, Origin::Flag(flag))))
}

/// The server given by `--host`, `--port` and `--db`, if any of them is there. Since there is no scheme, flags about
/// TLS turn TLS on.
///
/// # Errors
/// A usage [`Problem`] when the host is not valid.
pub fn endpoint_of_flags(globals: &Globals) -> Result<Option<Endpoint>, Problem> {
    if globals.host.is_none() && globals.port.is_none() && globals.db.is_none() {
        return Ok(None);
    }
    Ok(Some(Endpoint {
        db: globals.db.unwrap_or(0),
        ..of_parts(globals)?
    }))
}

/// The changes that `--host`, `--port` and `--db` make to a known server.
///
/// # Errors
/// A usage [`Problem`] when the host is not valid.
pub fn readdress_of_flags(globals: &Globals) -> Result<Readdress, Problem> {
    Ok(Readdress {
        host: globals.host.as_deref().map(bare_host).transpose()?,
        port: globals.port,
        db: globals.db,
    })
}

fn of_parts(globals: &Globals) -> Result<Endpoint, Problem> {
    let mut endpoint = Endpoint::new(Transport::Tcp {
        host: bare_host(globals.host.as_deref().unwrap_or(Endpoint::DEFAULT_HOST))?,
        port: globals.port.unwrap_or(Endpoint::DEFAULT_PORT),
    });
    endpoint.tls = tls::is_asked_for(globals);
    Ok(endpoint)
}

/// The host that `--host` names, without the brackets that an IPv6 address may have.
fn bare_host(host: &str) -> Result<String, Problem> {
    if host.is_empty() || host.contains(['/', '@', '?', '#']) {
        return Err(Problem::usage(format!(
            "--host takes a name or an address, not `{}`",
            escaped(host.as_bytes())
        ))
        .hint("give a URL with --url instead"));
    }
    let host = host.trim_matches(['[', ']']);
    // As it stands in a URL, or as people write it.
    let zone = host.split_once("%25").filter(|(_, zone)| !zone.is_empty());
    Ok(match zone {
        Some((address, zone)) => format!("{address}%{zone}"),
        None => host.to_owned(),
    })
}

fn parse(url: &str, origin: Origin) -> Result<Setting<ServerChoice>, Problem> {
    if matches!(url, "ephemeral:" | "ephemeral") {
        return Ok(Setting::new(ServerChoice::Ephemeral, origin));
    }
    let endpoint = Endpoint::parse(url).map_err(|error| {
        Problem::usage(format!("the server's URL, from {origin}: {error}"))
            .hint("for example redis://127.0.0.1:6379/0 or unix:///run/redis.sock")
    })?;
    Ok(Setting::new(ServerChoice::Server(endpoint), origin))
}
