//! Errors of the server with the next step to take. An operation that knows better has said so already, as a
//! [`Problem`]; what is left is explained here by its kind.

use anyhow::Error;

use super::context::Context;
use crate::exit::{Exit, kind_of};
use crate::model::Problem;
use crate::settings::Target;
use crate::streams::inspect::Denied;
use crate::streams::server::too_old;
use crate::wire::{self, ErrorKind};

/// `error` with the next step. Asks the server for its age where that may be the reason: a round trip that only
/// failures pay for.
pub(in crate::commands) async fn explained(error: Error, context: &Context) -> Error {
    let is_explained = error.downcast_ref::<Problem>().is_some()
        || error.chain().any(<dyn std::error::Error>::is::<Problem>);
    if is_explained {
        return error;
    }
    let Some(failed) = error
        .chain()
        .find_map(|it| it.downcast_ref::<wire::Error>())
    else {
        return error;
    };
    if may_be_age(failed.kind)
        && let Ok(connection) = context.connect().await
        && let Some(problem) = too_old(&connection).await
    {
        return error.context(problem);
    }
    // One line: what was to be done, and what failed.
    let problem = Problem::new(kind_of(failed.kind), format!("{error:#}"));
    let problem = match next_step(failed, context) {
        Some(step) => problem.hint(step),
        None => problem,
    };
    problem.into()
}

/// Warns of each stream that the user may not look at, with the rule that is missing: what was shown is not all.
pub(in crate::commands) fn told_of_denied(denied: &[Denied], context: &Context) -> Exit {
    for Denied { stream, error } in denied {
        let step = permission_step(error, user_of(context));
        let text = format!("cannot look at stream `{stream}`: {error}\n{step}");
        context.console.warn(&text);
    }
    if denied.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    }
}

fn may_be_age(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownCommand | ErrorKind::Protocol | ErrorKind::Server
    )
}

fn next_step(error: &wire::Error, context: &Context) -> Option<String> {
    if let Some(step) = error.next_step {
        return Some(step.to_owned());
    }
    let step = match error.kind {
        ErrorKind::Connect => {
            "start a server of your own with `ucp-streams dev start`, or name another with --url or $UCP_STREAMS_URL"
        }
        ErrorKind::Timeout => {
            "it may be busy, stopped, or loading its data (see its log), or not to be reached from here; --timeout waits longer"
        }
        ErrorKind::Closed => {
            "see with `ucp-streams ping` whether the server is back, then run it again"
        }
        ErrorKind::Auth => return Some(password_step(context)),
        ErrorKind::NoPerm => return Some(permission_step(error, user_of(context))),
        ErrorKind::Tls => "check the certificate's names and its authority",
        ErrorKind::WrongType => {
            "the key holds something else; check its name, or see what it is with TYPE"
        }
        ErrorKind::NoGroup => {
            "create it with `ucp-streams init`, or see the groups there are with `ucp-streams info`"
        }
        ErrorKind::NoKey => "see the streams there are with `ucp-streams info`",
        ErrorKind::ReadOnly => "this server is a replica; name its primary with --url",
        ErrorKind::NotReady => "the server is busy or loading its data; try again in a moment",
        ErrorKind::OutOfMemory => {
            "the server is at its memory limit: make room (shorter streams) or raise maxmemory"
        }
        ErrorKind::WritesRefused => {
            "the server refuses writes until its disk or its replicas are well again; see its log"
        }
        ErrorKind::TooManyClients => {
            "the server has no room for another client: stop some, or raise maxclients"
        }
        ErrorKind::Cluster => {
            "clusters are not supported yet; name a server that is not part of one"
        }
        ErrorKind::CrossSlot => {
            "a cluster changes only keys of one hash slot together: give their names the same {hash tag}"
        }
        ErrorKind::UnknownCommand => {
            "the server lacks or has renamed this command; `ucp-streams ping` says what it is"
        }
        ErrorKind::NoDatabase => {
            "name one that it has, with --db or at the end of the URL: 0 is always there"
        }
        ErrorKind::Protocol => {
            "is that a Redis or Valkey server? `ucp-streams -v ping` says which address is used"
        }
        ErrorKind::Server => {
            "these are the server's own words; `ucp-streams -v ping` says which server it is"
        }
        _ => return None,
    };
    Some(step.to_owned())
}

fn password_step(context: &Context) -> String {
    match context.settings.password_origin {
        Some(origin) => format!("the password came from {origin}; check it, and the user (--user)"),
        None => "give a password with $UCP_STREAMS_PASSWORD, --password-file or --password-stdin"
            .to_owned(),
    }
}

fn user_of(context: &Context) -> &str {
    match &context.settings.target.value {
        Target::Server(endpoint) => endpoint.username.as_deref().unwrap_or("default"),
        Target::Ephemeral => "default",
    }
}

const ALL: &str = "`ucp-streams acl COMMAND` prints all that a command needs";

/// The rule that is missing, as `ACL SETUSER` takes it.
fn permission_step(error: &wire::Error, user: &str) -> String {
    let words: Vec<&str> = error.command.split(' ').collect();
    let is_command =
        |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_uppercase());
    let named = words.iter().take_while(|word| is_command(word)).count();
    if named == 0 {
        // A script of this tool: the server's text says what in it was refused.
        return format!("ACL SETUSER {user} +eval +evalsha, and what the message names; {ALL}");
    }
    let command = words[..named].join("|").to_lowercase();
    let key = words[named..].join(" ");
    let rule = if error.is_key_denied() && !key.is_empty() {
        format!("~{key}")
    } else {
        format!("+{command}")
    };
    format!("the user lacks a rule: ACL SETUSER {user} {rule}; {ALL}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_rule_that_is_missing() {
        for (command, text, step) in [
            (
                "XINFO STREAM events.raw",
                "NOPERM User bob has no permissions to run the 'xinfo|stream' command",
                "the user lacks a rule: ACL SETUSER bob +xinfo|stream",
            ),
            (
                "XADD events.raw",
                "NOPERM No permissions to access a key",
                "the user lacks a rule: ACL SETUSER bob ~events.raw",
            ),
            (
                "ingest events.raw",
                "NOPERM this user may not run xadd on events.raw; nothing was changed",
                "ACL SETUSER bob +eval +evalsha, and what the message names",
            ),
        ] {
            let error = wire::Error::new(ErrorKind::NoPerm, command, text);
            assert_eq!(permission_step(&error, "bob"), format!("{step}; {ALL}"));
        }
    }
}
