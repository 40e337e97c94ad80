//! `man`: the manual, generated from the tree of commands; prints one page, or writes all of them into a directory.

mod handlers;
mod moving;
mod page;
mod runbook;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueHint;

use super::help::describe::shown;
use super::tree;
use crate::cli::Impact;
use crate::commands::shared::Context;
use crate::console::Console;
use crate::exit::Exit;
use crate::model::{Kind, Problem, escaped};
use crate::model::{did_you_mean, nearest};
use crate::server::own;

/// A page that is about no command: what `man` calls it, its name, and its text.
type Topic = (&'static str, &'static str, fn() -> Result<Vec<u8>>);

/// The pages that are about no command.
const TOPICS: [Topic; 3] = [
    (runbook::NAME, page::RUNBOOK, runbook::page),
    (handlers::NAME, page::HANDLERS, handlers::page),
    (moving::NAME, page::MOVING, moving::page),
];

/// What `man` calls the pages that are about no command.
pub(in crate::commands) fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(topic, ..)| *topic)
}

/// Print a manual page, or write all of them into a directory
///
/// The page is troff source: show it with `man -l -`. A package, and `make install`, install the pages with the tool.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams man worker run | man -l -
  ucp-streams man runbook | man -l -
  ucp-streams man handlers | man -l -
  ucp-streams man moving | man -l -
  ucp-streams man --out ~/.local/share/man/man1")]
pub(super) struct Args {
    /// The command that the page describes, `runbook`, what to type when something is wrong, `handlers`, how to write
    /// one, or `moving`, how to move to Kafka and back; without any, the page describes the tool itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write every page into this directory, which is created if it is missing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    out: Option<PathBuf>,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    print(&args, &context.console)
}

/// Reads no settings, so wrong connection settings cannot make it fail.
pub(super) fn print(args: &Args, console: &Console) -> Result<Exit> {
    let tree = tree();
    let pages = shown(&tree);
    if let Some(directory) = &args.out {
        for (path, command) in &pages {
            let file = directory.join(format!("{}.1", path.join("-")));
            write(directory, &file, &page::of(path, command, &pages)?)?;
        }
        for (_, name, text) in TOPICS {
            write(directory, &directory.join(format!("{name}.1")), &text()?)?;
        }
        let shown = escaped(directory.as_os_str().as_encoded_bytes());
        console.note(&format!(
            "{} pages written to {shown}",
            pages.len() + TOPICS.len()
        ));
        return Ok(Exit::Done);
    }
    let wanted = &args.command[..];
    if let Some((.., text)) = TOPICS.iter().find(|(topic, ..)| wanted == [*topic]) {
        console.put(&text()?)?;
        return Ok(Exit::Done);
    }
    let Some((path, command)) = pages.iter().find(|(path, _)| path[1..] == *wanted) else {
        return Err(no_page(wanted, &pages).into());
    };
    console.put(&page::of(path, command, &pages)?)?;
    Ok(Exit::Done)
}

fn write(directory: &Path, file: &Path, page: &[u8]) -> Result<(), Problem> {
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true);
    fs::create_dir_all(directory)
        .and_then(|()| own::open(&mut options, file)?.write_all(page))
        .map_err(|error| {
            if own::is_link(&error) {
                return own::link_refused(file)
                    .hint("remove it, or name another directory with --out");
            }
            let file = escaped(file.as_os_str().as_encoded_bytes());
            Problem::new(Kind::Local, format!("cannot write {file}: {error}"))
        })
}

fn no_page(wanted: &[String], pages: &page::Pages<'_>) -> Problem {
    let wanted = wanted.join(" ");
    let of_commands = pages.iter().map(|(path, _)| path[1..].join(" "));
    let known: Vec<String> = of_commands.chain(topics().map(str::to_owned)).collect();
    Problem::usage(format!(
        "there is no command `{}`{}",
        escaped(wanted.as_bytes()),
        did_you_mean(nearest(&wanted, known.iter().map(String::as_str)))
    ))
    .hint("`ucp-streams --help` lists them")
}
