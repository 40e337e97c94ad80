//! `context`: named connections. All subcommands except `check` work without a server and even with broken connection
//! settings, because they are what repairs those.

mod change;
pub(super) mod dev;
mod rows;

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

use super::ping;
use super::shared::Context;
use crate::cli::{Globals, Impact, Limited, Prints};
use crate::console::Console;
use crate::exit::Exit;
use crate::model::{Limit, Problem};
use crate::settings::Env;
use crate::settings::contexts::{Contexts, Places, Selection};
use crate::streams::ping::Ping;
pub(super) use rows::{ContextRow, Details};

/// Manage named connections and select the one to use
///
/// Contexts are kept in ~/.config/ucp-streams/config.toml, which you may edit by hand. Which of them is selected is
/// stored in a separate file. A server named with --url, --host, --context or $UCP_STREAMS_URL takes precedence over
/// the selected context. Destructive commands on the server of a production context ask for the context's name,
/// however the server was named; a script confirms with --context NAME --yes. A tunnel or forwarded port has a
/// different address, so add a production context for it as well.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(change::AddArgs),
    Edit(change::EditArgs),
    List(ListArgs),
    Use(UseArgs),
    Previous(PreviousArgs),
    Show(ShowArgs),
    Remove(RemoveArgs),
    Check(CheckArgs),
}

/// List the contexts
#[derive(Debug, clap::Args)]
#[command(add = Prints::list::<ContextRow>(), after_help = "\
Examples:
  ucp-streams context list
  ucp-streams context list --names")]
struct ListArgs {
    #[command(flatten)]
    limit: Limited,
}

/// Select the context to use from now on
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, after_help = "\
Examples:
  ucp-streams context use staging
  ucp-streams context use prod && ucp-streams ping")]
struct UseArgs {
    /// The context to use
    #[arg(value_name = "CONTEXT")]
    name: String,
}

/// Select the context that was selected before
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, after_help = "\
Examples:
  ucp-streams context previous
  ucp-streams context previous && ucp-streams context show")]
struct PreviousArgs {}

/// Show a context's settings, without secrets
#[derive(Debug, clap::Args)]
#[command(add = Prints::one::<Details>(), after_help = "\
Examples:
  ucp-streams context show
  ucp-streams context show prod -o json")]
struct ShowArgs {
    /// The context to show [default: the selected one]
    #[arg(value_name = "CONTEXT")]
    name: Option<String>,
}

/// Remove a context
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, after_help = "\
Examples:
  ucp-streams context remove staging
  ucp-streams context remove prod && ucp-streams context list")]
struct RemoveArgs {
    /// The context to remove
    #[arg(value_name = "CONTEXT")]
    name: String,
}

/// Connect with a context and show which server answers
///
/// Reads the context's files, verifies certificates and authenticates, as any command would, and reports what is
/// wrong.
#[derive(Debug, clap::Args)]
#[command(add = Prints::one::<Ping>(), after_help = "\
Examples:
  ucp-streams context check
  ucp-streams context check prod -o json")]
struct CheckArgs {
    /// The context to check [default: the connection that would be used now]
    #[arg(value_name = "CONTEXT")]
    name: Option<String>,
}

impl Args {
    /// Treats the name of the context to check as if it had been given with `--context`.
    ///
    /// # Errors
    /// A usage error when the flags already name a server.
    pub(super) fn name_into(&self, globals: &mut Globals) -> Result<(), Problem> {
        let Command::Check(CheckArgs { name: Some(name) }) = &self.command else {
            return Ok(());
        };
        let is_named = globals.url.is_some()
            || globals.context.is_some()
            || globals.host.is_some()
            || globals.port.is_some()
            || globals.db.is_some();
        if is_named {
            return Err(Problem::usage(
                "the server is named twice: by the context to check, and by a flag",
            ));
        }
        globals.context = Some(name.clone());
        Ok(())
    }
}

/// Runs the subcommands that need no connection; `None` for the subcommand that needs one.
pub(super) fn without_server(
    args: &Args,
    globals: &Globals,
    env: &Env,
    here: &Path,
    console: &Console,
) -> Option<Result<Exit>> {
    let places = Places::of(env);
    let outcome = match &args.command {
        Command::Add(args) => change::add(args, globals, &places, here, console),
        Command::Edit(args) => change::edit(args, globals, &places, here, console),
        Command::List(args) => list(&places, args.limit.rows(), console),
        Command::Use(args) => select(&places, &args.name, console),
        Command::Previous(PreviousArgs {}) => previous(&places, console),
        Command::Show(args) => show(&places, args.name.as_deref(), console),
        Command::Remove(args) => remove(&places, &args.name, console),
        Command::Check(_) => return None,
    };
    Some(outcome)
}

/// Runs the subcommand that needs a connection.
pub(super) async fn run(_: Args, context: &Context) -> Result<Exit> {
    ping::answer(context).await
}

/// Reads the contexts and which of them is selected. Warns about files that other users can read.
fn read(places: &Places, console: &Console) -> Result<(Contexts, Selection)> {
    let contexts = Contexts::read(places)?;
    if let Some(warning) = contexts.exposure() {
        console.warn(&warning);
    }
    Ok((contexts, Selection::read(places)?))
}

fn list(places: &Places, limit: Limit, console: &Console) -> Result<Exit> {
    let (contexts, selection) = read(places, console)?;
    let rows: Vec<_> = contexts
        .iter()
        .map(|(name, context)| ContextRow::new(name, context, &selection))
        .collect();
    console.show(&rows, limit)?;
    if rows.is_empty() {
        console.note(
            "there are no contexts; create one with `ucp-streams context add NAME --url URL`",
        );
    }
    Ok(Exit::Done)
}

fn select(places: &Places, name: &str, console: &Console) -> Result<Exit> {
    let (contexts, selection) = read(places, console)?;
    let context = contexts.get(name)?;
    selection.switched_to(Some(name.to_owned())).write(places)?;
    console.note(&rows::selected(name, context));
    Ok(Exit::Done)
}

fn previous(places: &Places, console: &Console) -> Result<Exit> {
    let selection = Selection::read(places)?;
    let Some(name) = selection.previous else {
        return Err(Problem::not_found("no context was selected before")
            .hint("select one with `ucp-streams context use NAME`")
            .into());
    };
    select(places, &name, console)
}

fn show(places: &Places, name: Option<&str>, console: &Console) -> Result<Exit> {
    let (contexts, selection) = read(places, console)?;
    let Some(name) = name.or(selection.current.as_deref()) else {
        return Err(Problem::not_found("no context is selected")
            .hint("name one: ucp-streams context show NAME; `context list` lists the contexts")
            .into());
    };
    console.show_one(&Details::new(name, contexts.get(name)?, &selection))?;
    Ok(Exit::Done)
}

fn remove(places: &Places, name: &str, console: &Console) -> Result<Exit> {
    let (contexts, selection) = read(places, console)?;
    let was_selected = selection.current.as_deref() == Some(name);
    change::remove(contexts, places, name)?;
    let left = selection.clone().without(name);
    if left != selection {
        left.write(places)?;
    }
    console.note(&rows::removed(name, was_selected));
    Ok(Exit::Done)
}
