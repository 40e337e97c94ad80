//! The way from the arguments to the exit code: what is handled before parsing, then the settings, the command, and its
//! errors.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::help::{complete, help_json, layout, usage};
use super::shared::typed::Typed;
use super::shared::{Context, failure, panics};
use super::{Cli, Command, context, tree};
use crate::cli::{DryRun, Globals, Impact, Watched, with_interval_joined};
use crate::console::{Console, Terminal, is_filter, serve_filter};
use crate::exit::{Exit, OutputClosed, classify};
use crate::model::{Format, Problem, suggest_with};
use crate::settings::{DisplaySettings, Env, ServerChoice, Settings};

/// A command line that was parsed.
struct Line {
    cli: Cli,
    /// The words that name the command, such as `worker run`.
    command: String,
    /// The whole line, so that it can be shown for typing again.
    typed: Typed,
    /// Whether the command has `--dry-run`.
    can_rehearse: bool,
    /// Whether it looks again and again.
    is_repeated: bool,
    /// What running it changes.
    impact: Option<Impact>,
}

impl Line {
    /// Refuses `--dry-run` before a command that does not have it. When it comes after the command, the parser
    /// refuses it.
    fn check(&self) -> Result<(), Problem> {
        if self.can_rehearse || !self.cli.root.dry_run.or(DryRun::default()) {
            return Ok(());
        }
        let command = &self.command;
        let hint = usage::no_rehearsal(command);
        Err(Problem::usage(format!("`{command}` has no --dry-run")).hint(hint))
    }

    /// Whether the command's output may go to a pager: the command changes nothing, shows the present state, and ends.
    fn pages(&self) -> bool {
        let changes = matches!(self.impact, Some(Impact::Write | Impact::Destructive));
        !changes && !self.is_repeated && !self.cli.command.follows()
    }

    /// Refuses to start a command that changes the server when its result could not be shown. A command that changes
    /// nothing notices a closed output when it writes.
    fn require_output(&self, console: &Console) -> Result<(), Problem> {
        let changes = matches!(self.impact, Some(Impact::Write | Impact::Destructive));
        if changes && self.cli.command.shows_outcome() {
            return console.require_output();
        }
        Ok(())
    }
}

/// Parses `args`, runs the command they name and returns its exit code (see [`crate::exit`]).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if is_filter(&args) {
        return serve_filter();
    }
    let args = with_interval_joined(args);
    let env = Env::read();
    let terminal = Terminal::detect();
    if let Some(asked) = complete::asked(&args) {
        let console = Console::new(
            terminal,
            DisplaySettings::resolve(&Globals::default(), &env, false, false),
        );
        // A shell that went away needs no candidates.
        let _ = console.put(&complete::answer(asked, &env));
        return ExitCode::SUCCESS;
    }
    if let Some(asked) = help_json::asked(&args) {
        return ExitCode::from(help(&asked, &env, terminal).code());
    }
    if let Some(help) = layout::of_globals(&args) {
        return ExitCode::from(usage::show_help(&help, &args, &env, terminal).code());
    }
    let (is_check, exit) = match parse(&args) {
        Ok(line) => (line.command == CHECK, execute(line, &env, terminal)),
        Err(error) => (
            names_check(&args),
            usage::show(error, &args, &env, terminal),
        ),
    };
    let exit = if is_check { exit.as_verdict() } else { exit };
    ExitCode::from(exit.code())
}

/// The command that ends as a monitoring plugin does, even when its arguments are wrong.
const CHECK: &str = "check";

/// Whether arguments that do not parse are those of [`CHECK`].
fn names_check(args: &[OsString]) -> bool {
    let matches = tree().ignore_errors(true).try_get_matches_from(args);
    matches.is_ok_and(|it| it.subcommand_name() == Some(CHECK))
}

fn help(asked: &help_json::HelpRequest, env: &Env, terminal: Terminal) -> Exit {
    let display = DisplaySettings::resolve(&asked.globals, env, terminal.stdout, terminal.stderr);
    let mut console = Console::new(terminal, display);
    let filtered = reshaped(&mut console, &asked.globals);
    let shown = filtered
        .and_then(|()| help_json::document(asked))
        .and_then(|document| console.put(&document));
    match shown {
        Ok(()) => Exit::Done,
        Err(error) => console.error(&error),
    }
}

/// Puts the filter of `--jq` or `--template` in front of standard output.
fn reshaped(console: &mut Console, globals: &Globals) -> anyhow::Result<()> {
    let format = console.options().format;
    if globals.csv_safe && format != Format::Csv {
        let format = format.word();
        let what = format!("--csv-safe requires -o csv, but the output format is {format}");
        return Err(Problem::usage(what).hint("use -o csv").into());
    }
    match (&globals.jq, &globals.template) {
        (Some(expression), _) => console.filter_with(expression),
        (None, Some(template)) => console.show_by(template),
        (None, None) => Ok(()),
    }
}

/// What the whole tree makes of the arguments.
fn whole_matches(
    tree: &mut clap::Command,
    args: &[OsString],
) -> Result<clap::ArgMatches, clap::Error> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    tree.try_get_matches_from_mut(args)
        .or_else(|error| match error.kind() {
            // The layout is for help texts alone, and takes longer than all the parsing.
            DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand => {
                layout::laid_out(super::tree()).try_get_matches_from(args)
            }
            _ => Err(error),
        })
}

fn parse(args: &[OsString]) -> Result<Line, clap::Error> {
    let mut part = super::tree_of(args);
    let (tree, matches) = match part.try_get_matches_from_mut(args) {
        Ok(matches) => (part, matches),
        // What is wrong with them, only the whole tree can say.
        Err(_) => {
            let mut whole = tree();
            let matches = whole_matches(&mut whole, args)?;
            (whole, matches)
        }
    };
    let (command, can_rehearse) = usage::named(&tree, &matches);
    let (typed, is_repeated, impact) = {
        let (leaf, given) = complete::leaf(&tree, &matches);
        let impact = usage::impact_of(&tree, &command, given);
        let is_repeated = matches!(given.try_contains_id(Watched::ID), Ok(true));
        (Typed::of(&command, leaf, given), is_repeated, impact)
    };
    let mut tree = tree;
    let cli = Cli::from_arg_matches(matches).map_err(|error| error.format(&mut tree))?;
    Ok(Line {
        cli,
        command,
        typed,
        can_rehearse,
        is_repeated,
        impact,
    })
}

/// Runs a parsed command to its end. A panic is reported as a bug of this tool.
fn execute(line: Line, env: &Env, terminal: Terminal) -> Exit {
    let globals = &line.cli.root.globals;
    let display = DisplaySettings::resolve(globals, env, terminal.stdout, terminal.stderr);
    let mut console = Console::new(terminal, display);
    let checked = reshaped(&mut console, globals)
        .and_then(|()| Ok(line.check()?))
        .and_then(|()| Ok(line.require_output(&console)?));
    if let Err(error) = checked {
        return console.error(&error);
    }
    let console = Arc::new(console);
    panics::report_to(&console);
    if line.pages() {
        console.page();
    }
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let exit = in_runtime(line, env, Arc::clone(&console))
            .unwrap_or_else(|error| console.error(&error));
        match console.note_unshown() {
            1.. if exit == Exit::Done => Exit::Partial,
            _ => exit,
        }
    }));
    console.end_paging();
    ended.unwrap_or(Exit::Bug)
}

fn in_runtime(line: Line, env: &Env, console: Arc<Console>) -> Result<Exit> {
    let mut cli = line.cli;
    if let Some(outcome) = cli.command.without_settings(&console) {
        return outcome;
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    if let Command::Context(args) = &cli.command {
        let globals = &mut cli.root.globals;
        if let Some(outcome) = context::without_server(args, globals, env, &here, &console) {
            return outcome;
        }
        args.name_into(globals)?;
    }
    let settings = Settings::resolve(&cli.root.globals, env, console.terminal().input(), &here)?;
    for warning in &settings.warnings {
        console.warn(warning);
    }
    for line in settings
        .describe()
        .into_iter()
        .chain(console.display().describe())
    {
        console.detail(1, &line);
    }
    if settings.target.value != ServerChoice::Ephemeral {
        suggest_with(line.typed.server_options());
    }
    let context = Context::new(
        settings,
        console,
        (line.command, line.typed, line.impact),
        cli.root.dry_run,
    );
    context.require_named_topology()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let outcome = runtime.block_on(async {
        match Box::pin(run_while_read(cli.command, &context, line.impact)).await {
            Ok(exit) => Ok(exit),
            Err(error) => Err(failure::explained(error, &context).await),
        }
    });
    // Not awaited: a thread that waits for input that never comes must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Runs a command to its end. When nobody reads its output any more, a command that changes nothing is cancelled at
/// once, and one that changes something ends at a point where it can report what it did.
async fn run_while_read(
    command: Command,
    context: &Context,
    impact: Option<Impact>,
) -> Result<Exit> {
    if impact != Some(Impact::Read) {
        let ended = Box::pin(command.run(context)).await;
        let exit = ended.as_ref().map_or_else(classify, |exit| *exit);
        context.warn_each(context.audit_ends(exit).await);
        return ended;
    }
    tokio::select! {
        biased;
        outcome = Box::pin(command.run(context)) => outcome,
        () = context.console.reader_gone() => Err(OutputClosed.into()),
    }
}
