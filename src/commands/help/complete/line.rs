//! The line typed so far: what it says, and the candidates for its last word.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches as _};
use clap_complete::engine::CompletionCandidate;
use tokio::time::{Instant, timeout_at};

use super::about::About;
use super::parsed::leaf;
use super::words::Words;
use super::{Wanted, columns};
use crate::cli::{Globals, to_name};
use crate::commands::shared::context::topology_of;
use crate::commands::tree;
use crate::model::Name;
use crate::settings::contexts::{Contexts, Places};
use crate::settings::{Env, ServerChoice, Settings};
use crate::topology::Topology;
use crate::wire::Dialer;

/// How long the server may take, including connecting, unless the environment says otherwise.
const BUDGET: Duration = Duration::from_millis(150);

/// The line typed so far.
#[derive(Debug)]
pub(super) struct Line {
    /// The words before the one that is completed.
    pub(super) words: Vec<OsString>,
    /// The word that is completed.
    pub(super) current: String,
    /// The shell's environment.
    pub(super) env: Env,
    /// The working directory.
    pub(super) here: PathBuf,
}

impl Line {
    /// The names that the server and the topology have, except the consumer that the command deletes.
    pub(super) fn candidates(
        &self,
        wanted: &[Wanted],
        is_heir: bool,
        current: &OsStr,
    ) -> Vec<CompletionCandidate> {
        let current = current.as_encoded_bytes();
        let mut names = self.names(wanted).unwrap_or_default();
        names.retain(|name| name.completed().as_bytes().starts_with(current));
        if !self.takes_dashes() {
            names.retain(|name| !name.as_bytes().starts_with(b"-"));
        }
        if is_heir && let Some(leaving) = self.matches().and_then(|it| leaving(&it)) {
            names.retain(|name| *name != leaving);
        }
        names
            .iter()
            .map(|name| CompletionCandidate::new(name.completed()))
            .collect()
    }

    /// Whether a word that begins with `-` is a value at this place and not an option: `--stream=-x`, or any word after
    /// `--`.
    fn takes_dashes(&self) -> bool {
        let is_given = self.current.starts_with("--") && self.current.contains('=');
        is_given || self.words.iter().any(|word| word == "--")
    }

    /// The line, parsed as far as possible.
    fn matches(&self) -> Option<ArgMatches> {
        let tree = tree().ignore_errors(true);
        tree.try_get_matches_from(&self.words).ok()
    }

    /// The settings from the line's flags and the environment. No password is read from standard input, which is the
    /// terminal.
    fn settings(&self, matches: &ArgMatches) -> Option<Settings> {
        let globals = Globals::from_arg_matches(matches).ok()?;
        Settings::resolve(&globals, &self.env, std::io::empty(), &self.here).ok()
    }

    /// The candidates that need no server.
    pub(super) fn words(&self, words: &Words, current: &OsStr) -> Option<Vec<CompletionCandidate>> {
        let matches = self.matches()?;
        let all = words.all(leaf(&tree(), &matches).1, &self.topology(&matches));
        beginning_with(current, all)
    }

    /// The columns of what the command prints that may follow those in `current`.
    pub(super) fn columns(&self, current: &OsStr) -> Option<Vec<CompletionCandidate>> {
        let matches = self.matches()?;
        let begun = self.current.strip_prefix("--columns=");
        let begun = begun.unwrap_or(&self.current);
        let before = begun.rfind(',').map_or(0, |comma| comma + 1);
        let all = columns::after(begun, &matches, &self.topology(&matches));
        let all = all
            .into_iter()
            .map(|it| format!("{}{it}", &begun[..before]));
        beginning_with(current, all.collect())
    }

    fn topology(&self, matches: &ArgMatches) -> Topology {
        let settings = self.settings(matches);
        let topology = settings.and_then(|it| topology_of(&it).ok());
        topology.unwrap_or_default()
    }

    /// The contexts in the operator's file.
    pub(super) fn contexts(&self, current: &OsStr) -> Vec<CompletionCandidate> {
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

    /// The names on the server, followed by those that only the topology has.
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

/// The values in `all` that begin with `current`.
fn beginning_with(current: &OsStr, mut all: Vec<String>) -> Option<Vec<CompletionCandidate>> {
    let current = current.to_str()?;
    all.retain(|word| word.starts_with(current));
    Some(all.into_iter().map(CompletionCandidate::new).collect())
}

/// The option for the columns to show.
pub(super) const COLUMNS: &str = "columns";
/// The option for the consumer that gets the entries of a deleted one.
pub(super) const HEIR: &str = "hand_over_to";

/// The consumer that the command deletes.
fn leaving(matches: &ArgMatches) -> Option<Name> {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let mut others = command.get_arguments().filter(|arg| arg.get_id() != HEIR);
    let arg = others.find(|arg| Wanted::of(arg) == [Wanted::Consumer])?;
    let value = matches.try_get_raw(arg.get_id().as_str()).ok()??.next()?;
    to_name(value.to_owned()).ok()
}

/// The stream and the group on the line. `GROUP|STREAM` is a stream when a group follows it, or when a group is being
/// completed.
fn said(matches: &ArgMatches, wanted: &[Wanted]) -> (Option<Name>, Option<Name>) {
    let tree = tree();
    let (command, matches) = leaf(&tree, matches);
    let value = |wanted: &[Wanted]| {
        let arguments = command.get_arguments();
        let mut arguments = arguments.filter(|arg| Wanted::of(arg) == wanted);
        arguments.find_map(|arg| {
            let value = matches.try_get_raw(arg.get_id().as_str()).ok()??.next()?;
            to_name(value.to_owned()).ok()
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
