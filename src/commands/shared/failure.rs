//! Adds the next step to errors of the server. An operation that knows a better one has already given it, in a
//! [`Problem`]; the other errors are explained here by their kind.

use anyhow::Error;

use super::context::Context;
use crate::exit::{Exit, kind_of};
use crate::model::{Kind, Problem, escaped};
use crate::settings::ServerChoice;
use crate::streams::inspect::{Denied, GroupReport};
use crate::streams::memory::Refused;
use crate::streams::permissions::key_rule;
use crate::streams::server::{replica, still_loading, unfit};
use crate::wire::{self, Denial, ErrorKind};

/// `error` with the next step. When the kind of server may be the reason, the server is asked what it is; this takes
/// one more round trip, and only after a failure.
pub(in crate::commands) async fn explained(error: Error, context: &Context) -> Error {
    let problem = error.downcast_ref::<Problem>();
    let problem = problem.or_else(|| error.chain().find_map(|it| it.downcast_ref()));
    if let Some(problem) = problem {
        return match problem.kind {
            Kind::NotFound => unless_loading(corrected(error, context), context).await,
            _ => error,
        };
    }
    let Some(failed) = error
        .chain()
        .find_map(|it| it.downcast_ref::<wire::Error>())
    else {
        return error;
    };
    if may_be_age(failed.kind)
        && let Ok(connection) = context.connect().await
        && let Some(problem) = unfit(&connection).await
    {
        return error.context(problem);
    }
    let replica = of_replica(failed.kind, context).await;
    // One line: what was to be done, and what failed.
    let problem = Problem::new(kind_of(failed.kind), format!("{error:#}"));
    let problem = match replica.or_else(|| next_step(failed, context)) {
        Some(step) => problem.hint(step),
        None => problem,
    };
    problem.into()
}

/// The error with the corrected command line as its next step, when a word of the command line was mistyped.
fn corrected(error: Error, context: &Context) -> Error {
    let with_line = |problem: Problem| {
        let Some((given, meant)) = &problem.mistyped else {
            return problem;
        };
        let line = context.typed.corrected(given, meant);
        let hint = match &problem.hint {
            Some(hint) => format!("`{line}`, or {hint}"),
            None => format!("`{line}`"),
        };
        problem.hint(hint)
    };
    match error.downcast::<Problem>() {
        Ok(problem) => with_line(problem).into(),
        Err(error) => error,
    }
}

/// The hint that something that seems to be missing may not have been copied to a replica yet.
async fn unless_loading(error: Error, context: &Context) -> Error {
    if matches!(context.settings.target.value, ServerChoice::Server(_))
        && let Ok(connection) = context.connect().await
        && let Some(problem) = still_loading(&connection).await
    {
        return error.context(problem);
    }
    error
}

/// The next step when a command failed because the server is a replica.
async fn of_replica(kind: ErrorKind, context: &Context) -> Option<String> {
    if !matches!(kind, ErrorKind::ReadOnly | ErrorKind::NotReady) {
        return None;
    }
    let replica = replica(&context.connect().await.ok()?).await?;
    let primary = escaped(replica.primary.as_bytes());
    let next = replica.next_step();
    match kind {
        ErrorKind::ReadOnly => Some(format!(
            "this server is a replica of {primary}, and writes must go to that primary; {}",
            replica.instead()
        )),
        _ if replica.is_loading => Some(format!(
            "this server is a replica that is still loading the data of {primary}; {next}"
        )),
        _ => Some(format!("this server is a replica of {primary}; {next}")),
    }
}

/// Warns about each stream that the user may not read, with the missing ACL rule, because the output is then
/// incomplete.
pub(in crate::commands) fn told_of_denied(denied: &[Denied], context: &Context) -> Exit {
    for Denied { stream, error } in denied {
        let step = permission_step(error, context);
        let text = format!("cannot read stream `{stream}`: {error}\n{step}");
        context.console.warn(&text);
    }
    if denied.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    }
}

/// Refusals that are named.
const REFUSED_MAX: usize = 10;

/// Warns about each command or key that the user may not access, with the ACL rule that is missing; `beyond` more were
/// refused and are not listed. Figures that need them are unknown.
pub(in crate::commands) fn told_of_refused(
    refused: &[Refused],
    beyond: u64,
    context: &Context,
) -> Exit {
    for Refused { stream, error } in refused.iter().take(REFUSED_MAX) {
        let what = match stream {
            Some(stream) => format!("cannot read stream `{stream}`: {error}"),
            None => format!("{error}; figures that need it are shown as unknown"),
        };
        let text = match next_step(error, context) {
            Some(step) => format!("{what}\n{step}"),
            None => what,
        };
        context.console.warn(&text);
    }
    let unnamed = refused.len().saturating_sub(REFUSED_MAX) as u64 + beyond;
    if unnamed > 0 {
        let text = format!(
            "{unnamed} more queries were refused, and figures that need them are shown as unknown"
        );
        context.console.warn(&text);
    }
    Exit::of_parts(!refused.is_empty(), false)
}

/// Warns about the groups that are paused, and those whose circuit breaker is open.
pub(in crate::commands) fn warn_of_what_holds<'g>(
    groups: impl IntoIterator<Item = &'g GroupReport>,
    context: &Context,
) {
    for GroupReport {
        group,
        stream,
        circuit_breaker,
        paused,
        ..
    } in groups
    {
        if let Some(paused) = paused {
            let told = paused.told();
            context.console.warn(&format!(
                "group `{group}` on `{stream}` is paused {told}\nits workers take nothing; `resume` ends it"
            ));
        }
        if let Some(open) = circuit_breaker {
            let (consumer, reason) = (
                escaped(open.consumer.as_bytes()),
                escaped(open.reason.as_bytes()),
            );
            context.console.warn(&format!(
                "group `{group}` on `{stream}`: the circuit breaker of worker {consumer} has been open since {}, \
                    because every attempt fails: {reason}\nits workers try one entry at a time, do not count \
                    deliveries against the other entries, and resume by themselves when an attempt succeeds",
                open.since
            ));
        }
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
    let asks_who = matches!(context.command.as_str(), "ping" | "context check");
    let step = match error.kind {
        ErrorKind::Closed if asks_who => {
            "the server may be restarting, or the address may be that of a proxy; see the server's log, and run the \
                command again"
        }
        ErrorKind::UnknownCommand if asks_who => {
            "the server does not have this command, or has renamed it"
        }
        ErrorKind::Protocol if asks_who => {
            "check that it is a Redis or Valkey server; -v shows which address is used"
        }
        ErrorKind::Server if asks_who => {
            "this is the server's own error message; -v shows which address is used"
        }
        ErrorKind::Connect => {
            "start a private server with `ucp-streams dev start`, or name another server with --url or $UCP_STREAMS_URL"
        }
        ErrorKind::Timeout => {
            "the server may be busy, stopped, loading its data (see its log), or unreachable from here; a larger \
                --timeout waits longer"
        }
        ErrorKind::Closed => {
            "check with `ucp-streams ping` that the server is back, then run the command again"
        }
        ErrorKind::Auth => return Some(password_step(context)),
        ErrorKind::NoPerm => return Some(permission_step(error, context)),
        ErrorKind::Tls => "check the names in the certificate and the authority that issued it",
        ErrorKind::WrongType => {
            "the key is not a stream; check its name, or look up its type with TYPE"
        }
        ErrorKind::NoGroup => {
            "create it with `ucp-streams init`, or list the existing groups with `ucp-streams info`"
        }
        ErrorKind::NoKey => "list the existing streams with `ucp-streams info`",
        ErrorKind::ReadOnly => "this server is a replica; name its primary with --url",
        ErrorKind::NotReady => "the server is busy or loading its data; try again in a moment",
        ErrorKind::OutOfMemory => {
            "the server is at its memory limit: shorten streams, or raise maxmemory"
        }
        ErrorKind::WritesRefused => {
            "the server refuses writes because of a problem with its disk or its replicas; see its log"
        }
        ErrorKind::TooManyClients => {
            "the server has reached its limit of clients: close some connections, or raise maxclients"
        }
        ErrorKind::Cluster => {
            "this tool does not follow slots from node to node: name the node that holds this slot with --url"
        }
        ErrorKind::CrossSlot => {
            "a cluster can change several keys together only in one hash slot: give their names the same {hash tag}"
        }
        ErrorKind::UnknownCommand => {
            "the server does not have this command, or has renamed it; `ucp-streams ping` shows which server it is"
        }
        ErrorKind::NoDatabase => {
            "give the number of an existing database, with --db or at the end of the URL; 0 always exists"
        }
        ErrorKind::Protocol => {
            "check that it is a Redis or Valkey server; `ucp-streams -v ping` shows which address is used"
        }
        ErrorKind::Server => {
            "this is the server's own error message; `ucp-streams -v ping` shows which server it is"
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
        ServerChoice::Server(endpoint) => endpoint.username.as_deref().unwrap_or("default"),
        ServerChoice::Ephemeral => "default",
    }
}

/// The missing rule, in the form that `ACL SETUSER` takes.
fn permission_step(error: &wire::Error, context: &Context) -> String {
    let denial = error.denial().unwrap_or(Denial::Unnamed);
    lacking(denial, user_of(context), &context.command)
}

/// As [`permission_step`], for the command that these words name.
fn lacking(denial: Denial, user: &str, command: &str) -> String {
    let rule = |rule: String| {
        format!("the user lacks permission; grant it with: ACL SETUSER {user} {rule}")
    };
    let lacks = match denial {
        Denial::Command(name) => rule(format!("+{name}")),
        Denial::Key { key, is_read } => rule(key_rule(is_read, &key)),
        Denial::Unnamed => {
            "the user lacks permission for a key or a command that this operation uses".to_owned()
        }
    };
    format!("{lacks}; `ucp-streams acl {command}` prints every permission it needs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_rule_that_is_missing() {
        let key = |is_read| Denial::Key {
            key: "events.raw".into(),
            is_read,
        };
        for (denial, step) in [
            (
                Denial::Command("xinfo|stream".to_owned()),
                "the user lacks permission; grant it with: ACL SETUSER bob +xinfo|stream",
            ),
            (
                key(true),
                "the user lacks permission; grant it with: ACL SETUSER bob %R~events.raw",
            ),
            (
                key(false),
                "the user lacks permission; grant it with: ACL SETUSER bob ~events.raw",
            ),
            (
                Denial::Unnamed,
                "the user lacks permission for a key or a command that this operation uses",
            ),
        ] {
            let all = "`ucp-streams acl worker run` prints every permission it needs";
            assert_eq!(
                lacking(denial, "bob", "worker run"),
                format!("{step}; {all}")
            );
        }
    }
}
