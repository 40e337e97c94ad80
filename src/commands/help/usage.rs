//! Shows what the argument parser reports: help and version on standard output, and mistakes as errors like any
//! other.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{DryRun, Globals, Impact, ImpactWith};
use crate::commands::help::other_tools;
use crate::commands::tree;
use crate::console::{Console, Terminal};
use crate::exit::Exit;
use crate::model::nearest;
use crate::model::{Format, Kind, Name, Problem};
use crate::settings::{DisplaySettings, Env};

/// Shows the result with which clap ended, and returns its exit code.
pub(in crate::commands) fn show(
    error: clap::Error,
    args: &[OsString],
    env: &Env,
    terminal: Terminal,
) -> Exit {
    let display = DisplaySettings::resolve(&globals(args), env, terminal.stdout, terminal.stderr);
    let console = Console::new(terminal, display);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            show_help(&error.render(), args, env, terminal)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            console.note(&error.render().to_string());
            Exit::Usage
        }
        _ => console.error(&explained(error, args).into()),
    }
}

/// Shows help on standard output.
pub(in crate::commands) fn show_help(
    help: &StyledStr,
    args: &[OsString],
    env: &Env,
    terminal: Terminal,
) -> Exit {
    let display = DisplaySettings::resolve(&globals(args), env, terminal.stdout, terminal.stderr);
    let text = if display.colour_stdout.value {
        help.ansi().to_string()
    } else {
        help.to_string()
    };
    let console = Console::new(terminal, display);
    match console.put(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) => console.error(&error),
    }
}

/// What is wrong, and the next step: what was probably meant, if that is known, or else the usage of the command.
fn explained(error: clap::Error, args: &[OsString]) -> Problem {
    let meant = habit(&error, args).map(str::to_owned);
    let meant = meant
        .or_else(|| other_tools::command_for(&error, args))
        .or_else(|| {
            let command = match error.kind() {
                ErrorKind::ArgumentConflict | ErrorKind::UnknownArgument => mistyped(args)?,
                _ => return None,
            };
            Some(format!("did you mean `{command}`?"))
        });
    let problem = problem(error);
    match meant {
        // What the parser suggests is near in letters only.
        Some(meant) => {
            Problem::usage(problem.message.lines().next().unwrap_or_default()).hint(meant)
        }
        None => problem,
    }
}

/// The hint for `--dry-run` beside this command, which does not have it.
pub(in crate::commands) fn no_rehearsal(command: &str) -> &'static str {
    if command == "top" {
        "leave out --dry-run: top shows each plan before it asks, and --read-only allows no changes"
    } else {
        "this command changes nothing on a server; leave out --dry-run"
    }
}

/// The hints for options that other tools have.
const HABITS: &[(&str, &str)] = &[
    ("--json", "JSON is printed with -o json"),
    (
        "--format",
        "the format of the output is given with -o, as in -o json",
    ),
    ("-p", "the server's port is given with --port"),
    ("-n", "the database's number is given with --db"),
    (
        "-a",
        "passwords are not accepted as arguments: set $UCP_STREAMS_PASSWORD, or use --password-file or --password-stdin",
    ),
    (
        "version",
        "the version is printed by `ucp-streams --version`",
    ),
];

/// The suggestion for a word that other tools know and this tool does not.
fn habit(error: &clap::Error, args: &[OsString]) -> Option<&'static str> {
    let unknown = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        // Taken for a value that may begin with a hyphen.
        ErrorKind::ValueValidation => ContextKind::InvalidValue,
        _ => return None,
    };
    let Some(ContextValue::String(word)) = error.get(unknown) else {
        return None;
    };
    if word == "--dry-run" {
        let tree = tree();
        let mut words = args.iter().skip(1).filter_map(|word| word.to_str());
        let command = words.find_map(|it| tree.find_subcommand(it));
        return Some(no_rehearsal(command.map_or("", clap::Command::get_name)));
    }
    let habit = HABITS.iter().find(|(habit, _)| habit == word);
    habit.map(|(_, here)| *here)
}

/// The subcommand that was probably meant, when a word that was parsed as an argument resembles one (`consumers prun
/// g`).
fn mistyped(args: &[OsString]) -> Option<String> {
    let tree = tree();
    let (mut command, mut path) = (&tree, vec![tree.get_name()]);
    let words = args.iter().skip(1).filter_map(|word| word.to_str());
    for word in words.filter(|word| !word.starts_with('-')) {
        if let Some(inner) = command.find_subcommand(word) {
            path.push(inner.get_name());
            command = inner;
        } else if let Some(near) = near(command, word) {
            path.push(near);
            return Some(path.join(" "));
        }
    }
    None
}

/// The subcommand that `word` resembles, for a command that also takes arguments of its own.
fn near<'c>(command: &'c clap::Command, word: &str) -> Option<&'c str> {
    if !command.is_args_conflicts_with_subcommands_set() {
        return None;
    }
    let names = command.get_subcommands().map(clap::Command::get_name);
    nearest(word, names.filter(|name| *name != "help"))
}

/// `error`, which says that `word` was not found; its next step is the subcommand of `command` that `word` resembles.
pub(in crate::commands) fn or_subcommand(
    error: anyhow::Error,
    command: &str,
    word: Option<&Name>,
) -> anyhow::Error {
    let word = word.map(ToString::to_string).unwrap_or_default();
    let Some(meant) = mistyped(&["", command, &word].map(OsString::from)) else {
        return error;
    };
    match error.downcast::<Problem>() {
        Ok(problem) if problem.kind == Kind::NotFound => {
            problem.hint(format!("did you mean `{meant}`?")).into()
        }
        Ok(problem) => problem.into(),
        Err(error) => error,
    }
}

/// The words that name the command of `tree` in `matches`, such as `worker run`, and whether it has `--dry-run`.
pub(in crate::commands) fn named(
    tree: &clap::Command,
    matches: &clap::ArgMatches,
) -> (String, bool) {
    let mut words = Vec::new();
    let mut matches = matches;
    let mut command = tree;
    while let Some((word, inner)) = matches.subcommand() {
        let below = command.find_subcommand(word);
        // What is not shown is another way to say what stands above it: `groups list`.
        if !below.is_some_and(clap::Command::is_hide_set) {
            words.push(word);
        }
        command = below.unwrap_or(command);
        matches = inner;
    }
    let can_rehearse = matches.try_contains_id(DryRun::ID).is_ok();
    (words.join(" "), can_rehearse)
}

/// What running the command in `tree` with these `words` changes, with the options that are given.
pub(in crate::commands) fn impact_of(
    tree: &clap::Command,
    words: &str,
    given: &clap::ArgMatches,
) -> Option<Impact> {
    let named = words
        .split(' ')
        .try_fold(tree, |it, word| it.find_subcommand(word))?;
    let with = named.get::<ImpactWith>();
    let is_with = |it: &&ImpactWith| matches!(given.try_get_one(it.option), Ok(Some(true)));
    let with = with.filter(is_with).map(|it| it.impact);
    with.or_else(|| named.get::<Impact>().copied())
}

/// The output settings, as far as they can be read from arguments that do not parse: whether they are JSON.
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

/// What clap proposes instead.
const TIPS: [ContextKind; 4] = [
    ContextKind::SuggestedSubcommand,
    ContextKind::SuggestedArg,
    ContextKind::SuggestedValue,
    ContextKind::Suggested,
];

/// `error` in clap's words, its tips below it, and how the command is used as the next step.
fn problem(error: clap::Error) -> Problem {
    // A command without a help flag: no line about that.
    let bare = clap::Command::new("").disable_help_flag(true);
    let mut error = error.with_cmd(&bare);
    let is_negative = is_negative(&error);
    if is_negative {
        // To pass it as an argument of its own is not what was meant.
        error.remove(ContextKind::Suggested);
    }
    let usage = error.remove(ContextKind::Usage);
    let with_tips = said(&error);
    for tip in TIPS {
        error.remove(tip);
    }
    let what = said(&error);
    let tips = with_tips.strip_prefix(&what).unwrap_or_default();
    let mut parts = vec![what.as_str()];
    if is_negative {
        parts.push("a value cannot be negative here");
    }
    parts.extend(Some(tips.trim_start_matches('\n')).filter(|it| !it.is_empty()));
    let usage = usage.map(|usage| usage.to_string());
    let hint = match usage.as_deref().and_then(|it| it.strip_prefix("Usage: ")) {
        Some(usage) => format!("usage: {usage} (see --help)"),
        None => "see --help".to_owned(),
    };
    Problem::usage(parts.join("\n")).hint(hint)
}

/// The text of `error`, which begins as every error of clap's does.
fn said(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.trim_end().to_owned()
}

/// Whether a negative number was taken for an option.
fn is_negative(error: &clap::Error) -> bool {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else {
        return false;
    };
    let digits = word.strip_prefix('-').unwrap_or_default();
    error.kind() == ErrorKind::UnknownArgument && digits.starts_with(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message about arguments that do not parse.
    fn mistake(args: &[&str]) -> Problem {
        let command = clap::Command::new("ucp-streams").arg(clap::Arg::new("WORD"));
        problem(command.try_get_matches_from(args).expect_err("a mistake"))
    }

    #[test]
    fn a_mistake_is_an_error_with_the_usage_as_the_next_step() {
        let problem = mistake(&["ucp-streams", "--x"]);
        assert_eq!(
            problem.message,
            "unexpected argument '--x' found\n  tip: to pass '--x' as a value, use '-- --x'"
        );
        assert_eq!(
            problem.hint.as_deref(),
            Some("usage: ucp-streams [WORD] (see --help)")
        );
    }

    #[test]
    fn what_was_typed_is_not_taken_for_the_parsers_words() {
        let problem = mistake(&["ucp-streams", "a", "b\n\nUsage: x\n\nFor more information"]);
        let what = "unexpected argument 'b\n\nUsage: x\n\nFor more information' found";
        assert_eq!(problem.message, what);
    }

    #[test]
    fn a_word_that_is_nearly_a_subcommand_is_seen_as_one() {
        for (line, meant) in [
            ("t consumers prun g1", Some("ucp-streams consumers prune")),
            (
                "t -u redis://h groups crate x",
                Some("ucp-streams groups create"),
            ),
            ("t groups events.raw x", None),
            ("t lag crate", None),
        ] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(mistyped(&args).as_deref(), meant, "{line}");
        }
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
        let said = mistake(&["ucp-streams", "-5"]);
        assert_eq!(
            said.message,
            "unexpected argument '-5' found\na value cannot be negative here"
        );
    }
}
