//! `ucp-streams __complete WORD… =CURRENT`: what the completion scripts under `completions/` ask. The words of the
//! line, the last one up to the cursor; the answer is one candidate a line, its help behind a tab.
//!
//! An argument completes by its value's name: `STREAM`, `GROUP` and `CONSUMER` (and `--consumer`) with what is on
//! the server that the line is about. Whatever fails, and whatever is not known within [`BUDGET`], is left out without a word:
//! nobody has asked for anything yet. `CONTEXT` completes with the contexts there are, `--columns` with those of the
//! command's tables.

mod about;
mod columns;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, Command, FromArgMatches as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use tokio::time::{Instant, timeout_at};

use self::about::About;
use super::words::{Words, leaf};
use crate::cli::{Globals, bytes_of};
use crate::commands::shared::context::topology_of;
use crate::commands::tree;
use crate::model::Name;
use crate::settings::contexts::{Contexts, Places};
use crate::settings::{Env, ServerChoice, Settings};
use crate::topology::Topology;
use crate::wire::Dialer;

/// What the scripts put before the words.
const ASKED: &str = "__complete";
/// How long the server may take, connecting included, unless the environment says otherwise.
const BUDGET: Duration = Duration::from_millis(150);

/// The words to complete, when that is what `args` ask for.
pub(in crate::commands) fn asked(args: &[OsString]) -> Option<&[OsString]> {
    let (first, words) = args.get(1..)?.split_first()?;
    (first == ASKED).then_some(words)
}

/// The candidates for the last of `words`, as the scripts read them.
pub(in crate::commands) fn answer(words: &[OsString], env: &Env) -> Vec<u8> {
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    let current = last.to_string_lossy();
    let current = current.strip_prefix('=').unwrap_or(&current).to_owned();
    let mut words = before.to_vec();
    let line = Arc::new(Line {
        words: words.clone(),
        current: current.clone(),
        env: env.clone(),
        here: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    });
    words.push(current.clone().into());
    let mut tree = with_names(tree(), &line);
    let found = complete(&mut tree, words, before.len(), Some(&line.here)).unwrap_or_default();
    written(&found, &current)
}

/// Options are offered when one is begun, or when there is nothing else.
fn written(found: &[CompletionCandidate], current: &str) -> Vec<u8> {
    let is_option = |it: &&CompletionCandidate| it.get_value().to_string_lossy().starts_with('-');
    let only_values = !current.starts_with('-') && !found.iter().all(|it| is_option(&it));
    let mut out = Vec::new();
    for candidate in found.iter().filter(|it| !(only_values && is_option(it))) {
        let Some(value) = candidate.get_value().to_str().filter(|it| is_typeable(it)) else {
            continue;
        };
        out.extend_from_slice(value.as_bytes());
        if let Some(help) = candidate.get_help() {
            let help = help.to_string();
            out.push(b'\t');
            out.extend_from_slice(help.lines().next().unwrap_or_default().as_bytes());
        }
        out.push(b'\n');
    }
    out
}

fn is_typeable(value: &str) -> bool {
    crate::model::escaped(value.as_bytes()) == value
}

/// What an argument's value names on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Stream,
    Group,
    Consumer,
}

impl Wanted {
    /// By the value's name, which may be several: `GROUP|STREAM`.
    fn of(arg: &clap::Arg) -> Vec<Self> {
        if arg.get_id() == "consumer" {
            return vec![Self::Consumer];
        }
        let names = arg.get_value_names().and_then(<[_]>::first);
        let names = names.map(clap::builder::Str::as_str).unwrap_or_default();
        names.split('|').filter_map(Self::named).collect()
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "STREAM" => Some(Self::Stream),
            "GROUP" => Some(Self::Group),
            "CONSUMER" => Some(Self::Consumer),
            _ => None,
        }
    }
}

/// Whether the argument's value is the name of a context that there is.
fn is_context(arg: &clap::Arg) -> bool {
    let names = arg.get_value_names().and_then(<[_]>::first);
    names.is_some_and(|name| name == "CONTEXT")
}

/// `command` and all below it, its arguments completing from the server.
fn with_names(command: Command, line: &Arc<Line>) -> Command {
    let named = command.get_name().to_owned();
    let command = command.mut_args(|arg| {
        if let Some(words) = Words::of(&arg, &named) {
            let line = Arc::clone(line);
            let candidates = move |current: &OsStr| line.words(&words, current).unwrap_or_default();
            return arg.add(ArgValueCompleter::new(candidates));
        }
        if is_context(&arg) {
            let line = Arc::clone(line);
            let candidates = move |current: &OsStr| line.contexts(current);
            return arg.add(ArgValueCompleter::new(candidates));
        }
        if arg.get_id() == COLUMNS {
            let line = Arc::clone(line);
            let candidates = move |current: &OsStr| line.columns(current).unwrap_or_default();
            return arg.add(ArgValueCompleter::new(candidates));
        }
        let wanted = Wanted::of(&arg);
        if wanted.is_empty() {
            return arg;
        }
        let line = Arc::clone(line);
        let is_heir = arg.get_id() == HEIR;
        let candidates = move |current: &OsStr| line.candidates(&wanted, is_heir, current);
        arg.add(ArgValueCompleter::new(candidates))
    });
    command.mut_subcommands(|inner| with_names(inner, line))
}

/// The line as it is typed so far.
#[derive(Debug)]
struct Line {
    words: Vec<OsString>,
    /// The word that is completed.
    current: String,
    env: Env,
    here: PathBuf,
}

impl Line {
    fn candidates(
        &self,
        wanted: &[Wanted],
        is_heir: bool,
        current: &OsStr,
    ) -> Vec<CompletionCandidate> {
        let current = current.as_encoded_bytes();
        let mut names = self.names(wanted).unwrap_or_default();
        names.retain(|name| name.as_bytes().starts_with(current));
        if is_heir && let Some(leaving) = self.matches().and_then(|it| leaving(&it)) {
            names.retain(|name| *name != leaving);
        }
        names
            .iter()
            .filter_map(|name| std::str::from_utf8(name.as_bytes()).ok())
            .map(CompletionCandidate::new)
            .collect()
    }

    /// The line, parsed as far as it goes.
    fn matches(&self) -> Option<ArgMatches> {
        let tree = tree().ignore_errors(true);
        tree.try_get_matches_from(&self.words).ok()
    }

    /// What the line's flags and the environment say. A password is not read from standard input: that is the terminal.
    fn settings(&self, matches: &ArgMatches) -> Option<Settings> {
        let globals = Globals::from_arg_matches(matches).ok()?;
        Settings::resolve(&globals, &self.env, std::io::empty(), &self.here).ok()
    }

    /// What is known without a server.
    fn words(&self, words: &Words, current: &OsStr) -> Option<Vec<CompletionCandidate>> {
        let matches = self.matches()?;
        let all = words.all(leaf(&tree(), &matches).1, &self.topology(&matches));
        beginning_with(current, all)
    }

    /// The columns of what the command prints; `current` is what is behind the last comma.
    fn columns(&self, current: &OsStr) -> Option<Vec<CompletionCandidate>> {
        let matches = self.matches()?;
        let begun = self.current.strip_prefix("--columns=");
        let begun = begun.unwrap_or(&self.current);
        let all = columns::after(begun, &matches, &self.topology(&matches));
        beginning_with(current, all)
    }

    fn topology(&self, matches: &ArgMatches) -> Topology {
        let settings = self.settings(matches);
        let topology = settings.and_then(|it| topology_of(&it).ok());
        topology.unwrap_or_default()
    }

    /// The contexts of the operator's file.
    fn contexts(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else {
            return Vec::new();
        };
        let contexts = Contexts::read(&Places::of(&self.env)).unwrap_or_default();
        contexts
            .iter()
            .filter(|(name, _)| name.starts_with(current))
            .map(|(name, context)| {
                CompletionCandidate::new(name).help(Some(context.endpoint.to_string().into()))
            })
            .collect()
    }

    /// What the server has, then what the topology knows besides.
    fn names(&self, wanted: &[Wanted]) -> Option<Vec<Name>> {
        let budget = self.env.complete_within().unwrap_or(BUDGET);
        let deadline = Instant::now() + budget;
        let matches = self.matches()?;
        let settings = self.settings(&matches)?;
        let topology = topology_of(&settings).unwrap_or_default();
        let (stream, group) = said(&matches, wanted);
        let about = About {
            wanted,
            stream,
            group,
            topology,
        };
        let mut found = Vec::new();
        if let ServerChoice::Server(endpoint) = settings.target.value {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            let dialer = Dialer::new(endpoint, budget);
            // What was found in time counts.
            let _ = runtime.block_on(async {
                timeout_at(deadline, about.on_server(&dialer, &mut found)).await
            });
            runtime.shutdown_background();
        }
        for name in about.in_topology() {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        Some(found)
    }
}

/// Those of `all` that `current` begins.
fn beginning_with(current: &OsStr, mut all: Vec<String>) -> Option<Vec<CompletionCandidate>> {
    let current = current.to_str()?;
    all.retain(|word| word.starts_with(current));
    Some(all.into_iter().map(CompletionCandidate::new).collect())
}

/// Which columns to show.
const COLUMNS: &str = "columns";
/// Who is to get what a deleted consumer holds.
const HEIR: &str = "hand_over_to";

/// The consumer that the line deletes.
fn leaving(matches: &ArgMatches) -> Option<Name> {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let mut others = command.get_arguments().filter(|arg| arg.get_id() != HEIR);
    let arg = others.find(|arg| Wanted::of(arg) == [Wanted::Consumer])?;
    let value = matches.try_get_raw(arg.get_id().as_str()).ok()??.next()?;
    bytes_of(value.to_owned()).ok().map(Name::new)
}

/// What the line gives the arguments that name one of `wanted`, and nothing else.
fn values(matches: &ArgMatches, wanted: Wanted) -> Vec<Name> {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let arguments = command.get_arguments();
    let arguments = arguments.filter(|arg| Wanted::of(arg) == [wanted]);
    let raw = arguments.filter_map(|arg| matches.try_get_raw(arg.get_id().as_str()).ok()?);
    raw.flatten()
        .filter_map(|value| bytes_of(value.to_owned()).ok().map(Name::new))
        .collect()
}

/// The stream and the group that the line names. `GROUP|STREAM` is a stream when a group follows, or is wanted.
fn said(matches: &ArgMatches, wanted: &[Wanted]) -> (Option<Name>, Option<Name>) {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let value = |wanted: &[Wanted]| {
        let arguments = command.get_arguments();
        let mut arguments = arguments.filter(|arg| Wanted::of(arg) == wanted);
        arguments.find_map(|arg| {
            let value = matches.try_get_raw(arg.get_id().as_str()).ok()??.next()?;
            bytes_of(value.to_owned()).ok().map(Name::new)
        })
    };
    let (stream, group) = (value(&[Wanted::Stream]), value(&[Wanted::Group]));
    match (value(&[Wanted::Group, Wanted::Stream]), stream, group) {
        (Some(first), None, None) if wanted.contains(&Wanted::Consumer) => (None, Some(first)),
        (Some(first), None, group) => (Some(first), group),
        (Some(first), stream, None) => (stream, Some(first)),
        (_, stream, group) => (stream, group),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        // Nothing listens there: what is left is what the tool knows by itself.
        let env = Env::of(|name| {
            (name == "UCP_STREAMS_URL").then(|| "unix:///nowhere/redis.sock".into())
        });
        let out = String::from_utf8(answer(&words, &env)).expect("UTF-8");
        out.lines()
            .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn commands_options_and_values_come_from_the_tree() {
        assert!(answered(&["ucp-streams", "=pi"]).contains(&"ping".to_owned()));
        assert!(
            answered(&["ucp-streams", "="])
                .iter()
                .all(|it| !it.starts_with('-'))
        );
        assert_eq!(answered(&["ucp-streams", "ping", "=--colu"]), ["--columns"]);
        assert_eq!(answered(&["ucp-streams", "ping", "-o", "=nd"]), ["ndjson"]);
        assert_eq!(
            answered(&["ucp-streams", "ping", "=--output=nd"]),
            ["--output=ndjson"]
        );
        assert!(answered(&[]).is_empty());
    }

    #[test]
    fn the_topology_is_known_without_a_server() {
        assert_eq!(
            answered(&["ucp-streams", "init", "=event-"]),
            ["event-processors"]
        );
        assert_eq!(
            answered(&[
                "ucp-streams",
                "init",
                "event-processors",
                "--stream",
                "=events."
            ]),
            ["events.raw", "events.normalized"]
        );
    }

    #[test]
    fn words_of_commands_handlers_and_fields_are_known_without_a_server() {
        for (line, found) in [
            ("ucp-streams acl =wor", &["worker"][..]),
            ("ucp-streams acl worker =", &["run"]),
            ("ucp-streams acl groups =", &["create", "set-id", "delete"]),
            ("ucp-streams acl =man", &[]),
            ("ucp-streams man =ma", &["man"]),
            (
                "ucp-streams man dlq =",
                &["list", "show", "redrive", "purge"],
            ),
            (
                "ucp-streams worker run g --builtin =f",
                &["features", "forward:"],
            ),
            (
                "ucp-streams publish raw --event-type =p",
                &["purchase", "page_view"],
            ),
            ("ucp-streams ingest --event-type =w", &["whatsapp_message"]),
            (
                "ucp-streams publish merge-request --reason =",
                &["identifier_match", "manual_review"],
            ),
            ("ucp-streams publish raw --brand-id =", &[]),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let mut known = answered(&words);
            known.retain(|it| !it.starts_with('-'));
            assert_eq!(known, found, "{line}");
        }
    }

    #[test]
    fn columns_are_those_of_the_commands_own_table() {
        for (line, found) in [
            (
                "ucp-streams lag --columns =und",
                &["undelivered_id", "undelivered_age_ms"][..],
            ),
            ("ucp-streams lag =--columns=gr", &["--columns=group"]),
            (
                "ucp-streams lag --columns =group,la",
                &["group,lag", "group,last_delivered_id"],
            ),
            (
                "ucp-streams lag --columns =lag,la",
                &["lag,last_delivered_id"],
            ),
            (
                "ucp-streams groups set-id --columns =st",
                &["stream", "stolen"],
            ),
            ("ucp-streams ping --columns =round", &["round_trip_ms"]),
            (
                "ucp-streams info --columns =consumer,p",
                &["consumer,pending"],
            ),
            ("ucp-streams worker run --columns =back", &[]),
            (
                "ucp-streams worker run --dry-run --columns =backoff_c",
                &["backoff_cap_ms"],
            ),
            (
                "ucp-streams tail events.raw --columns =id,p",
                &["id,payload"],
            ),
            (
                "ucp-streams consume merge-processors --columns =re",
                &["reason", "requires_manual_review"],
            ),
            (
                "ucp-streams get mine --columns =",
                &["stream", "id", "time"],
            ),
            ("ucp-streams completions --columns =", &[]),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(answered(&words), found, "{line}");
        }
    }

    #[test]
    fn only_what_can_be_typed_is_offered() {
        let found = [
            CompletionCandidate::new("a\x1b[2J"),
            CompletionCandidate::new("b\nc"),
            CompletionCandidate::new("d"),
        ];
        assert_eq!(written(&found, ""), b"d\n");
    }
}
