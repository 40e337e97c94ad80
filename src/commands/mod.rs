//! One file per subcommand: its arguments with their help and examples, and `run`, which resolves them, calls one
//! operation and hands the report to the console. This file lists the commands; `launch` runs the one that was given.

mod ack;
mod acl;
mod archive;
mod audit;
mod bridge;
mod check;
mod claim;
mod completions;
mod consume;
mod consumers;
mod context;
mod copy;
mod demo;
mod dev;
mod dlq;
mod doctor;
mod explain;
mod get;
mod groups;
mod help;
mod history;
mod info;
mod ingest;
mod init;
mod lag;
mod launch;
mod man;
mod memory;
mod metrics;
mod pause;
mod pending;
mod ping;
mod publish;
mod read;
mod record;
mod replay;
mod requeue;
mod restore;
mod resume;
mod retry;
mod serve;
mod shared;
mod snapshot;
mod stats;
mod tail;
mod top;
mod topology;
mod trace;
mod trial;
mod trim;
mod undo;
mod wait;
mod worker;

pub use launch::run;

use std::ffi::OsString;

use anyhow::Result;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cli::{DryRun, Globals};
use crate::console::Console;
use crate::exit::Exit;
use help::describe;
use shared::Context;

/// Operate an event pipeline on Redis Streams: set it up, publish, look, repair, run the workers
#[derive(Debug, Parser)]
#[command(
    name = "ucp-streams",
    version,
    arg_required_else_help = true,
    subcommand_required = true
)]
struct Root {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    dry_run: DryRun,
}

/// A command line: the options before and after the command, and the command.
#[derive(Debug)]
struct Cli {
    root: Root,
    command: Command,
}

impl Cli {
    /// What [`tree`], or a part of it, made of the arguments.
    fn from_arg_matches(mut matches: clap::ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            root: Root::from_arg_matches_mut(&mut matches)?,
            command: Command::from_arg_matches_mut(&mut matches)?,
        })
    }
}

/// Declares the commands, each under its heading in the help: the module that has its `Args` and its `run`, its variant
/// name, and its own name where a module cannot have it.
macro_rules! commands {
    ($($heading:literal: $($module:ident $name:ident $(as $word:literal)?),+;)+) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($($name(Box<$module::Args>),)+)+
        }

        impl Command {
            async fn run(self, context: &Context) -> Result<Exit> {
                match self {
                    $($(Self::$name(args) => $module::run(*args, context).await,)+)+
                }
            }
        }

        /// Adds the commands that are wanted, by name, to the tree.
        fn with_commands(mut tree: clap::Command, is_wanted: impl Fn(&str) -> bool) -> clap::Command {
            $($(if is_wanted(commands!(@word $module $($word)?)) {
                let command = clap::Command::new(commands!(@word $module $($word)?));
                tree = tree.subcommand(<$module::Args as clap::Args>::augment_args(command));
            })+)+
            tree
        }

        /// The commands in the order of the help, each exactly once.
        const HEADINGS: &[(&str, &[&str])] = &[$(($heading, &[$(commands!(@word $module $($word)?)),+])),+];
    };
    (@word $module:ident) => { stringify!($module) };
    (@word $module:ident $word:literal) => { $word };
}

commands! {
    "Set up": demo Demo, dev Dev, init Init, topology Topology, completions Completions, man Man;
    "Publish": publish Publish, ingest Ingest;
    "Look": check Check, doctor Doctor, info Info, lag Lag, pending Pending, tail Tail, read Read,
        get Get, stats Stats, memory Memory, metrics Metrics, serve Serve, top Top, record Record, history History, wait Wait, explain Explain, trace Trace;
    "Repair": claim Claim, requeue Requeue, retry Retry, ack Ack, pause Pause, resume Resume, dlq Dlq, snapshot Snapshot, undo Undo, audit Audit;
    "Work": worker Worker, consume Consume, trial Try as "try", replay Replay, bridge Bridge;
    "Keep": archive Archive, restore Restore, copy Copy, groups Groups, consumers Consumers, trim Trim;
    "Connect": context Context, ping Ping, acl Acl;
}

impl Command {
    /// Whether its results are printed on standard output. Workers and bridges report in their logs instead.
    fn shows_outcome(&self) -> bool {
        !matches!(self, Self::Worker(_) | Self::Bridge(_))
    }

    /// Whether it prints until it is told to stop.
    const fn follows(&self) -> bool {
        matches!(self, Self::Tail(args) if args.follow)
    }

    /// Runs a command that concerns this tool alone, so that wrong connection settings cannot make it fail. `None`
    /// for the other commands.
    fn without_settings(&self, console: &Console) -> Option<Result<Exit>> {
        match self {
            Self::Completions(args) => Some(completions::print(args, console)),
            Self::Man(args) => Some(man::print(args, console)),
            _ => None,
        }
    }
}

/// The whole tree of commands, from which completions and manual pages are made.
pub fn tree() -> clap::Command {
    describe::described(with_commands(Root::command(), |_| true))
}

/// The tree with only those commands whose names are among `args`. Arguments that it takes mean the same to the whole
/// tree, which takes longer to build than most commands take to run.
fn tree_of(args: &[OsString]) -> clap::Command {
    describe::described(with_commands(Root::command(), |name| {
        args.iter().any(|it| it == name)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Impact, Limited, Prints};

    /// Every command that can be run, with its path.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_subcommands().next().is_none() && !command.is_hide_set() {
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
    fn a_part_of_the_tree_reads_a_command_as_the_whole_does() {
        for command in tree().get_subcommands() {
            let name = command.get_name();
            assert!(Command::has_subcommand(name), "{name}");
            let part = tree_of(&["ucp-streams".into(), name.into()]);
            let found: Vec<_> = part.get_subcommands().collect();
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(
                found[0].clone().render_long_help().to_string(),
                command.clone().render_long_help().to_string()
            );
        }
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
    fn every_list_can_be_limited() {
        // Rules are words rather than rows, and workers are few.
        const WHOLE: [&str; 3] = ["acl", "run", "to-kafka"];
        for (path, command) in describe::shown(&tree()) {
            let prints = command.get::<Prints>();
            let is_list = prints.is_some_and(|it| it.is_list() && !it.has_entries);
            let has_limit = command.get_arguments().any(|it| it.get_id() == Limited::ID);
            let name = path.last().map_or("", String::as_str);
            assert!(
                !is_list || has_limit || WHOLE.contains(&name),
                "{}: a command that prints a list flattens Limited",
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
