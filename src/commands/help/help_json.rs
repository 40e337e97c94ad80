//! `--help-json`: everything in the help, as one JSON document for scripts and other tools. It is handled before
//! parsing, so that it works without the arguments that a command requires.

use std::ffi::OsString;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Arg, Command, FromArgMatches as _};
use schemars::Schema;
use serde::Serialize;

use super::super::tree;
use super::describe::{Facts, joined, shown};
use crate::cli::Globals;
use crate::exit::Exit;
use crate::model::Format;
use crate::settings::Env;
use crate::view::write_json;

const FLAG: &str = "--help-json";

/// A request for the help as JSON: the words of a command, and how its help is to be shown.
#[derive(Debug)]
pub(in crate::commands) struct HelpRequest {
    path: Vec<String>,
    pub(in crate::commands) globals: Globals,
}

/// The request in `args`, if the flag is there.
pub(in crate::commands) fn asked(args: &[OsString]) -> Option<HelpRequest> {
    let ours = args.iter().take_while(|arg| *arg != "--");
    if !ours.into_iter().any(|arg| arg == FLAG) {
        return None;
    }
    // A command that there is not is told so, as anywhere.
    let strictly = tree().try_get_matches_from(args);
    if strictly.is_err_and(|error| error.kind() == ErrorKind::InvalidSubcommand) {
        return None;
    }
    let matches = tree().ignore_errors(true).try_get_matches_from(args).ok()?;
    let mut path = Vec::new();
    let mut at = &matches;
    while let Some((name, inner)) = at.subcommand() {
        path.push(name.to_owned());
        at = inner;
    }
    let mut globals = Globals::from_arg_matches(&matches).ok()?;
    globals.output = Some(Format::Json);
    Some(HelpRequest { path, globals })
}

/// The document of the command and all its subcommands.
///
/// # Errors
/// A bug: the document cannot be written to memory.
pub(in crate::commands) fn document(asked: &HelpRequest) -> Result<Vec<u8>> {
    let mut tree = tree();
    tree.build();
    let globals = tree.get_arguments().filter(|arg| arg.is_global_set());
    let mut commands = Vec::new();
    for (path, command) in shown(&tree) {
        if path[1..].starts_with(&asked.path) {
            commands.push(CommandHelp::of(&path, command));
        }
    }
    let help = Help {
        name: "ucp-streams",
        version: env!("CARGO_PKG_VERSION"),
        commands,
        global_options: globals.map(ArgumentHelp::of).collect(),
        exit_codes: Exit::ALL.map(|exit| ExitHelp {
            code: exit.code(),
            word: exit.word(),
            meaning: exit.meaning(),
        }),
        environment: Env::known()
            .iter()
            .map(|(name, meaning)| VariableHelp { name, meaning })
            .collect(),
    };
    let mut out = Vec::new();
    write_json(&mut out, &help)?;
    out.push(b'\n');
    Ok(out)
}

#[derive(Serialize)]
struct Help {
    name: &'static str,
    version: &'static str,
    commands: Vec<CommandHelp>,
    global_options: Vec<ArgumentHelp>,
    exit_codes: [ExitHelp; Exit::ALL.len()],
    environment: Vec<VariableHelp>,
}

#[derive(Serialize)]
struct ExitHelp {
    code: u8,
    word: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct VariableHelp {
    name: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct CommandHelp {
    /// The words after `ucp-streams`; empty for the tool itself.
    name: String,
    about: Option<String>,
    description: Option<String>,
    impact: Option<&'static str>,
    /// What it changes with one of its options, if that differs.
    impact_with: Option<ImpactWithOption>,
    arguments: Vec<ArgumentHelp>,
    options: Vec<ArgumentHelp>,
    notes: Vec<String>,
    examples: Vec<String>,
    /// The JSON Schema of what `-o json` prints.
    output: Option<Schema>,
    /// The schema of what `--dry-run` prints, if that differs.
    dry_run_output: Option<Schema>,
    /// What it prints with one of its options, if that differs.
    with_option: Option<WithOption>,
}

/// What a command changes with an option.
#[derive(Serialize)]
struct ImpactWithOption {
    option: String,
    impact: &'static str,
}

/// What a command prints with an option.
#[derive(Serialize)]
struct WithOption {
    option: String,
    output: Schema,
}

impl CommandHelp {
    fn of(path: &[String], command: &Command) -> Self {
        let facts = Facts::of(command);
        let text = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string);
        let own = |arg: &&Arg| {
            let is_help = matches!(arg.get_id().as_str(), "help" | "version");
            !arg.is_global_set() && !arg.is_hide_set() && !is_help
        };
        let all = || command.get_arguments().filter(own);
        Self {
            name: path[1..].join(" "),
            about: text(command.get_about()),
            description: text(command.get_long_about()),
            impact: facts.impact.map(crate::cli::Impact::word),
            impact_with: facts.impact_with.map(|it| ImpactWithOption {
                option: format!("--{}", it.option.replace('_', "-")),
                impact: it.impact.word(),
            }),
            arguments: all()
                .filter(|arg| arg.is_positional())
                .map(ArgumentHelp::of)
                .collect(),
            options: all()
                .filter(|arg| !arg.is_positional())
                .map(ArgumentHelp::of)
                .collect(),
            notes: facts.notes,
            examples: facts.examples.iter().map(|it| joined(it)).collect(),
            output: facts.prints.map(|it| it.schema()),
            dry_run_output: facts.plan.map(|it| it.schema()),
            with_option: facts.with.map(|it| WithOption {
                option: format!("--{}", it.option),
                output: it.prints.schema(),
            }),
        }
    }
}

#[derive(Serialize)]
struct ArgumentHelp {
    long: Option<String>,
    short: Option<String>,
    /// The name of its value; `None` for a flag.
    value: Option<String>,
    help: Option<String>,
    required: bool,
    /// Whether it takes more than one value.
    several: bool,
    default: Vec<String>,
    /// The only values that it accepts; empty when it accepts any.
    choices: Vec<String>,
}

impl ArgumentHelp {
    fn of(arg: &Arg) -> Self {
        let takes_values = arg
            .get_num_args()
            .is_none_or(|number| number.takes_values());
        let names = arg.get_value_names().filter(|_| takes_values);
        let hidden = |value: &clap::builder::PossibleValue| value.is_hide_set();
        let choices = arg.get_possible_values();
        let many = arg
            .get_num_args()
            .is_some_and(|number| number.max_values() > 1);
        Self {
            long: arg.get_long().map(|long| format!("--{long}")),
            short: arg.get_short().map(|short| format!("-{short}")),
            value: names.map(|names| names.join(" ")),
            help: arg.get_help().map(ToString::to_string),
            required: arg.is_required_set(),
            several: many || matches!(arg.get_action(), clap::ArgAction::Append),
            default: arg
                .get_default_values()
                .iter()
                .map(|value| value.to_string_lossy().into_owned())
                .filter(|_| takes_values)
                .collect(),
            choices: choices
                .iter()
                .filter(|value| takes_values && !hidden(value))
                .map(|value| value.get_name().to_owned())
                .collect(),
        }
    }
}
