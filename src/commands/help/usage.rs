//! What the argument parser has to say: help and version to standard output, mistakes as errors like any other.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::cli::Globals;
use crate::console::{Console, Terminal};
use crate::exit::Exit;
use crate::model::{Format, Problem};
use crate::settings::{Env, Look};

/// Shows what clap ended with and returns the exit it means.
pub(in crate::commands) fn show(
    error: &clap::Error,
    args: &[OsString],
    env: &Env,
    terminal: Terminal,
) -> Exit {
    let look = Look::resolve(&globals(args), env, terminal.stdout, terminal.stderr);
    let colour = look.colour_stdout;
    let console = Console::new(terminal, look);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let text = if colour {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            match console.put(text.as_bytes()) {
                Ok(()) => Exit::Done,
                Err(error) => console.error(&error),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            console.note(&error.render().to_string());
            Exit::Usage
        }
        _ => console.error(&problem(&error.render().to_string()).into()),
    }
}

/// The words that name the command of `matches`, as `worker run`.
pub(in crate::commands) fn named(matches: &clap::ArgMatches) -> String {
    let mut words = Vec::new();
    let mut matches = matches;
    while let Some((word, inner)) = matches.subcommand() {
        words.push(word);
        matches = inner;
    }
    words.join(" ")
}

/// How to show things, as far as arguments that do not parse say it: JSON or not.
fn globals(args: &[OsString]) -> Globals {
    let words: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
    let json = words.iter().enumerate().any(|(at, word)| {
        let value = match &**word {
            "-o" | "--output" => words.get(at + 1).map(AsRef::as_ref),
            word => word
                .strip_prefix("--output=")
                .or_else(|| word.strip_prefix("-o")),
        };
        value.is_some_and(is_json)
    });
    Globals {
        output: json.then_some(Format::Json),
        ..Globals::default()
    }
}

fn is_json(word: &str) -> bool {
    matches!(word, "json" | "ndjson")
}

/// `error: WHAT\n\nUsage: HOW\n\nFor more …` as what and the next step.
fn problem(rendered: &str) -> Problem {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let mut parts = text
        .split("\n\n")
        .map(str::trim_end)
        .filter(|part| !part.starts_with("For more information"));
    let what = parts.next().unwrap_or_default();
    let mut said = vec![what];
    let is_negative = is_negative(what);
    if is_negative {
        said.push("a value cannot be negative here");
    }
    let mut usage = None;
    for part in parts {
        match part.strip_prefix("Usage: ") {
            Some(line) => usage = Some(line),
            // To pass it as an argument of its own is not what was meant.
            None if is_negative && part.trim_start().starts_with("tip: to pass") => {}
            None => said.push(part),
        }
    }
    let problem = Problem::usage(said.join("\n"));
    match usage {
        Some(line) => problem.hint(format!("usage: {line} (--help says more)")),
        None => problem.hint("--help says more"),
    }
}

/// Whether a number below zero was taken for an option.
fn is_negative(what: &str) -> bool {
    what.strip_prefix("unexpected argument '-")
        .is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_an_error_with_the_usage_as_the_next_step() {
        let problem = problem(
            "error: unexpected argument '--x' found\n\n  tip: to pass '--x' as a value, use '-- --x'\n\nUsage: ucp-streams ping\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(
            problem.message,
            "unexpected argument '--x' found\n  tip: to pass '--x' as a value, use '-- --x'"
        );
        assert_eq!(
            problem.hint.as_deref(),
            Some("usage: ucp-streams ping (--help says more)")
        );
    }

    #[test]
    fn json_is_seen_in_arguments_that_do_not_parse() {
        for (args, json) in [
            (&["t", "nonsense", "-o", "json"][..], true),
            (&["t", "--output=ndjson", "nonsense"], true),
            (&["t", "-ojson", "--what"], true),
            (&["t", "-o", "table", "--what"], false),
            (&["t"], false),
        ] {
            let args: Vec<OsString> = args.iter().map(Into::into).collect();
            let found = globals(&args).output.is_some_and(Format::is_json);
            assert_eq!(found, json, "{args:?}");
        }
    }

    #[test]
    fn a_negative_number_is_not_suggested_as_an_argument() {
        let said = problem(
            "error: unexpected argument '-5' found\n\n  tip: to pass '-5' as a value, use '-- -5'\n\nUsage: ucp-streams ping\n",
        );
        assert_eq!(
            said.message,
            "unexpected argument '-5' found\na value cannot be negative here"
        );
    }
}
