//! One file per subcommand: its arguments with help and examples, and `run`, which resolves them, calls one
//! operation and hands the report to the console.

mod ack;
mod acl;
mod claim;
mod completions;
mod consume;
mod consumers;
mod context;
mod demo;
mod dev;
mod dlq;
mod get;
mod groups;
mod help;
mod info;
mod ingest;
mod init;
mod lag;
mod man;
mod pending;
mod ping;
mod publish;
mod read;
mod requeue;
mod shared;
mod tail;
mod topology;
mod worker;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cli::{DryRun, Globals};
use crate::console::{Console, Terminal};
use crate::exit::Exit;
use crate::model::Problem;
use crate::settings::{Env, Look, Settings};
use help::{complete, describe, help_json, usage};
use shared::{Context, failure, panics};

/// Operate an event pipeline on Redis Streams: set it up, publish, look, repair, run the workers
#[derive(Debug, Parser)]
#[command(name = "ucp-streams", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(subcommand)]
    command: Command,
}

/// A line that was understood.
struct Line {
    cli: Cli,
    /// The words that name the command, as `worker run`.
    command: String,
    /// Whether the command has `--dry-run`.
    can_rehearse: bool,
}

impl Line {
    /// Refuses `--dry-run` before a command that has none. After it, the parser does.
    fn check(&self) -> Result<(), Problem> {
        if self.can_rehearse || !self.cli.dry_run.or(DryRun::default()) {
            return Ok(());
        }
        let command = &self.command;
        Err(Problem::usage(format!("`{command}` has no --dry-run")).hint(usage::NO_REHEARSAL))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Context(context::Args),
    Demo(demo::Args),
    Dev(dev::Args),
    Ping(ping::Args),
    Init(init::Args),
    Publish(Box<publish::Args>),
    Ingest(Box<ingest::Args>),
    Tail(tail::Args),
    Read(read::Args),
    Get(get::Args),
    Info(info::Args),
    Lag(lag::Args),
    Pending(pending::Args),
    Claim(claim::Args),
    Requeue(requeue::Args),
    Dlq(dlq::Args),
    Ack(ack::Args),
    Worker(worker::Args),
    Consume(consume::Args),
    Groups(groups::Args),
    Consumers(consumers::Args),
    Topology(topology::Args),
    Acl(acl::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Context(args) => context::run(args, context).await,
            Self::Demo(args) => demo::run(args, context).await,
            Self::Dev(args) => dev::run(&args, context),
            Self::Ping(args) => ping::run(args, context).await,
            Self::Init(args) => init::run(args, context).await,
            Self::Publish(args) => publish::run(*args, context).await,
            Self::Ingest(args) => ingest::run(*args, context).await,
            Self::Tail(args) => tail::run(args, context).await,
            Self::Read(args) => read::run(args, context).await,
            Self::Get(args) => get::run(args, context).await,
            Self::Info(args) => info::run(args, context).await,
            Self::Lag(args) => lag::run(args, context).await,
            Self::Pending(args) => pending::run(args, context).await,
            Self::Claim(args) => claim::run(args, context).await,
            Self::Requeue(args) => requeue::run(args, context).await,
            Self::Dlq(args) => dlq::run(args, context).await,
            Self::Ack(args) => ack::run(args, context).await,
            Self::Worker(args) => worker::run(args, context).await,
            Self::Consume(args) => consume::run(args, context).await,
            Self::Groups(args) => groups::run(args, context).await,
            Self::Consumers(args) => consumers::run(args, context).await,
            Self::Topology(args) => topology::run(args, context).await,
            Self::Acl(args) => acl::run(&args, context),
            Self::Completions(args) => completions::run(&args, &context.console),
            Self::Man(args) => man::run(&args, &context.console),
        }
    }

    /// The outcome of a command that is about this tool alone: what is wrong with the way to a server is not its
    /// business. `None` for the others.
    fn without_settings(&self, console: &Console) -> Option<Result<Exit>> {
        match self {
            Self::Completions(args) => Some(completions::run(args, console)),
            Self::Man(args) => Some(man::run(args, console)),
            _ => None,
        }
    }
}

/// The whole tree of commands: what completions and man pages are made from.
pub fn tree() -> clap::Command {
    describe::described(Cli::command())
}

/// Parses `args`, runs the command they name and returns its exit code (see [`crate::exit`]).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let env = Env::read();
    let terminal = Terminal::detect();
    if let Some(words) = complete::asked(&args) {
        let console = Console::new(
            terminal,
            Look::resolve(&Globals::default(), &env, false, false),
        );
        // A shell that went away needs no candidates.
        let _ = console.put(&complete::answer(words, &env));
        return ExitCode::SUCCESS;
    }
    if let Some(asked) = help_json::asked(&args) {
        return ExitCode::from(help(&asked, &env, terminal).code());
    }
    let exit = match parse(&args) {
        Ok(line) => execute(line, &env, terminal),
        Err(error) => usage::show(&error, &args, &env, terminal),
    };
    ExitCode::from(exit.code())
}

fn help(asked: &help_json::Asked, env: &Env, terminal: Terminal) -> Exit {
    let look = Look::resolve(&asked.globals, env, terminal.stdout, terminal.stderr);
    let mut console = Console::new(terminal, look);
    let filtered = reshaped(&mut console, &asked.globals);
    let shown = filtered
        .map_err(Into::into)
        .and_then(|()| help_json::document(asked))
        .and_then(|document| console.put(&document));
    match shown {
        Ok(()) => Exit::Done,
        Err(error) => console.error(&error),
    }
}

/// Puts before standard output what `--jq` or `--template` says.
fn reshaped(console: &mut Console, globals: &Globals) -> Result<(), Problem> {
    match (&globals.jq, &globals.template) {
        (Some(expression), _) => console.filter_with(expression),
        (None, Some(template)) => console.show_by(template),
        (None, None) => Ok(()),
    }
}

fn parse(args: &[OsString]) -> Result<Line, clap::Error> {
    let mut tree = describe::concise(tree());
    let mut matches = tree.try_get_matches_from_mut(args)?;
    let (command, can_rehearse) = usage::named(&matches);
    let cli = Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree))?;
    Ok(Line {
        cli,
        command,
        can_rehearse,
    })
}

/// Runs a parsed command to its end; a panic in it is reported as the bug it is.
fn execute(line: Line, env: &Env, terminal: Terminal) -> Exit {
    let globals = &line.cli.globals;
    let look = Look::resolve(globals, env, terminal.stdout, terminal.stderr);
    let mut console = Console::new(terminal, look);
    if let Err(problem) = reshaped(&mut console, globals).and_then(|()| line.check()) {
        return console.error(&problem.into());
    }
    let console = Arc::new(console);
    panics::report_to(&console);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        in_runtime(line, env, Arc::clone(&console)).unwrap_or_else(|error| console.error(&error))
    }));
    ended.unwrap_or(Exit::Bug)
}

fn in_runtime(line: Line, env: &Env, console: Arc<Console>) -> Result<Exit> {
    let mut cli = line.cli;
    if let Some(outcome) = cli.command.without_settings(&console) {
        return outcome;
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    if let Command::Context(args) = &cli.command {
        let globals = &mut cli.globals;
        if let Some(outcome) = context::without_server(args, globals, env, &here, &console) {
            return outcome;
        }
        args.name_into(globals)?;
    }
    let settings = Settings::resolve(&cli.globals, env, std::io::stdin(), &here)?;
    for warning in &settings.warnings {
        console.warn(warning);
    }
    for line in settings
        .describe()
        .into_iter()
        .chain(console.look().describe())
    {
        console.detail(1, &line);
    }
    console.protect(settings.guard.clone());
    let context = Context::new(settings, console, line.command, cli.dry_run);
    context.require_named_topology()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let outcome = runtime.block_on(async {
        match cli.command.run(&context).await {
            Ok(exit) => Ok(exit),
            Err(error) => Err(failure::explained(error, &context).await),
        }
    });
    // Not awaited: a thread that waits for input that never comes must not keep the process.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Impact;

    /// Every command that can be run, with its path.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_subcommands().next().is_none() {
            found.push((path.trim().to_owned(), command.clone()));
        }
        for inner in command.get_subcommands() {
            leaves(inner, &path, found);
        }
    }

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }

    #[test]
    fn every_command_says_its_impact() {
        for (path, command) in describe::shown(&tree()) {
            let is_leaf = command.get_subcommands().next().is_none();
            assert!(
                command.get::<Impact>().is_some() || !is_leaf,
                "{}: a command that can be run says #[command(add = Impact::…)]",
                path.join(" ")
            );
        }
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_examples() {
        let mut found = Vec::new();
        leaves(&tree(), "", &mut found);
        for (path, command) in found {
            assert!(command.get_about().is_some(), "{path} has no help");
            let after = command.get_after_help().map(ToString::to_string);
            let examples = after
                .unwrap_or_default()
                .matches("\n  ucp-streams ")
                .count();
            assert!(examples >= 2, "{path} has {examples} examples");
        }
    }
}
