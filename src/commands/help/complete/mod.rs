//! `ucp-streams __complete WORD… =CURRENT`: what the completion scripts under `completions/` ask. The words of the
//! line, the last one up to the cursor; the answer is one candidate a line, its help behind a tab.
//!
//! An argument completes by its value's name: `STREAM`, `GROUP` and `CONSUMER` (and `--consumer`) with what is on
//! the server that the line is about. Whatever fails, and whatever is not known in time, is left out without a word:
//! nobody has asked for anything yet. `CONTEXT` completes with the contexts there are, `--columns` with those of the
//! command's tables.

mod about;
mod columns;
mod line;
mod words;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use self::line::{COLUMNS, HEIR, Line};
use self::words::Words;
use crate::commands::tree;
use crate::settings::Env;

/// What the scripts put before the words.
const ASKED: &str = "__complete";

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

#[cfg(test)]
mod tests;
