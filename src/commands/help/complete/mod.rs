//! `ucp-streams __complete WORD… =CURRENT`, which the completion scripts in `completions/` call. Its arguments are
//! the words of the line, the last one up to the cursor; it prints one candidate per line, followed by a tab and its
//! help.
//!
//! An argument is completed by the name of its value: `STREAM`, `GROUP` and `CONSUMER` (and `--consumer`) with names
//! from the server that the line refers to, `CONTEXT` with the existing contexts, and `--columns` with the columns of
//! the command's tables. Whatever fails or takes too long is left out silently, because the user has not run anything
//! yet. A name that would be taken for an option is not offered, nor one that cannot be typed.
//!
//! zsh, fish, PowerShell and elvish quote what they insert by themselves; for bash this module does it ([`bash`]).

mod about;
mod bash;
mod columns;
mod line;
mod parsed;
mod words;

pub(in crate::commands) use parsed::leaf;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use self::line::{COLUMNS, HEIR, Line};
use self::words::Words;
use crate::commands::tree;
use crate::settings::Env;

/// The first argument in the scripts' calls.
const ASKED: &str = "__complete";
/// The first argument in the calls of the bash script.
const ASKED_BY_BASH: &str = "__complete-bash";

/// A request from a script.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) enum CompletionRequest<'a> {
    /// The words, the last one with a `=` in front.
    Words(&'a [OsString]),
    /// The line, the text that is replaced, and the character after the cursor.
    Bash(&'a [OsString]),
}

/// The request in `args`, if they are one.
pub(in crate::commands) fn asked(args: &[OsString]) -> Option<CompletionRequest<'_>> {
    let (first, words) = args.get(1..)?.split_first()?;
    if first == ASKED_BY_BASH {
        return Some(CompletionRequest::Bash(words));
    }
    (first == ASKED).then_some(CompletionRequest::Words(words))
}

/// The candidates, in the form that the scripts read.
pub(in crate::commands) fn answer(asked: CompletionRequest<'_>, env: &Env) -> Vec<u8> {
    match asked {
        CompletionRequest::Words(words) => for_words(words, env),
        CompletionRequest::Bash(line) => for_bash(line, env).unwrap_or_default(),
    }
}

/// The candidates for the last of `words`, with their help.
fn for_words(words: &[OsString], env: &Env) -> Vec<u8> {
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    let current = last.to_string_lossy();
    let current = current.strip_prefix('=').unwrap_or(&current);
    let mut out = String::new();
    for (value, help) in offered(&found(before.to_vec(), current, env), current) {
        out.push_str(&value);
        if let Some(help) = help {
            out.push('\t');
            out.push_str(&help);
        }
        out.push('\n');
    }
    out.into_bytes()
}

/// The candidates in the form in which bash inserts them.
fn for_bash(asked: &[OsString], env: &Env) -> Option<Vec<u8>> {
    let [line, text, next] = asked else {
        return None;
    };
    let typed = bash::Typed::of(line.to_str()?, text.to_str()?, next.to_str()?)?;
    let words = typed.words.iter().map(OsString::from).collect();
    let found = found(words, &typed.current, env);
    let mut out = String::new();
    for (value, _) in offered(&found, &typed.current) {
        if let Some(inserted) = typed.inserted(&value) {
            out.push_str(&inserted);
            out.push('\n');
        }
    }
    Some(out.into_bytes())
}

/// The candidates for `current` after the words `before`.
fn found(before: Vec<OsString>, current: &str, env: &Env) -> Vec<CompletionCandidate> {
    let line = Arc::new(Line {
        words: before.clone(),
        current: current.to_owned(),
        env: env.clone(),
        here: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
    });
    let at = before.len();
    let mut words = before;
    words.push(current.into());
    complete(&mut with_names(tree(), &line), words, at, Some(&line.here)).unwrap_or_default()
}

/// The values with the first line of their help. Options are offered when one has been begun, or when there are no
/// other candidates.
fn offered(found: &[CompletionCandidate], current: &str) -> Vec<(String, Option<String>)> {
    let is_option = |it: &&CompletionCandidate| it.get_value().to_string_lossy().starts_with('-');
    let only_values = !current.starts_with('-') && !found.iter().all(|it| is_option(&it));
    let found = found.iter().filter(|it| !(only_values && is_option(it)));
    found
        .filter_map(|candidate| {
            let value = candidate
                .get_value()
                .to_str()
                .filter(|it| is_typeable(it))?;
            let help = candidate.get_help().map(ToString::to_string);
            let help = help.map(|it| it.lines().next().unwrap_or_default().to_owned());
            Some((value.to_owned(), help))
        })
        .collect()
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
    /// Determined by the value's name, which may be an alternative: `GROUP|STREAM`.
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

/// Whether the argument's value is the name of an existing context.
fn is_context(arg: &clap::Arg) -> bool {
    let names = arg.get_value_names().and_then(<[_]>::first);
    names.is_some_and(|name| name == "CONTEXT")
}

/// `command` and all its subcommands, with arguments that complete from the server.
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
