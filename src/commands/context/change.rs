//! `context add` and `context edit`, and the change that `context remove` makes. A context is described by the same
//! flags that connect a single command.

use std::path::Path;

use anyhow::Result;

use super::rows;
use crate::cli::{Globals, Impact};
use crate::console::Console;
use crate::exit::Exit;
use crate::model::{CommandLine, Problem};
use crate::settings::contexts::{ContextEdit, Contexts, Edit, Places, Selection};
use crate::settings::{endpoint_of_flags, readdress_of_flags};

/// Add a context from the connection flags
///
/// The connection is described by --url or --host, --user, --password-file, --tls-ca, --tls-cert, --tls-key,
/// --tls-server-name and --topology. The first context that you add is selected at once, unless it is a production
/// context.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, after_help = "\
Examples:
  ucp-streams context add staging --url redis://staging.internal:6379
  ucp-streams context add prod -u rediss://cache.internal:6380 --user ops \\
      --password-file ~/.secrets/redis --production")]
pub(super) struct AddArgs {
    /// The new context's name
    #[arg(value_parser = new_name)]
    name: String,

    #[command(flatten)]
    more: More,
}

/// Change a context with the connection flags
///
/// Settings that you do not give stay as they are. --host, --port and --db change only their part of the URL.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, after_help = "\
Examples:
  ucp-streams context edit staging --user ops \\
      --password-file ~/.secrets/staging
  ucp-streams context edit prod --production true --unset topology")]
pub(super) struct EditArgs {
    /// The context to change
    #[arg(value_name = "CONTEXT")]
    name: String,

    #[command(flatten)]
    more: More,

    /// Remove these settings from the context
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    unset: Vec<String>,
}

/// The settings of a context besides the connection flags.
#[derive(Debug, clap::Args)]
struct More {
    /// Mark the context's server as production: destructive commands then ask for the context's name
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    production: Option<bool>,
}

/// Checks a new name: it must need no quotes in a shell, and must not look like a flag.
fn new_name(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.@".contains(letter);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(is_plain) {
        return Err("a context's name consists of letters, digits and _ - . @".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn add(
    args: &AddArgs,
    globals: &Globals,
    places: &Places,
    here: &Path,
    console: &Console,
) -> Result<Exit> {
    let (contexts, selection) = super::read(places, console)?;
    let Some(url) = url(globals)? else {
        return Err(Problem::usage("a context needs a server")
            .hint(
                CommandLine::new("context add")
                    .arg(args.name.as_str())
                    .blank("--url redis://HOST:PORT")
                    .to_string(),
            )
            .into());
    };
    let change = change(globals, &args.more, here)?.set("url", Some(url));
    let is_first = contexts.iter().next().is_none() && selection.current.is_none();
    let contexts = contexts.edit(places, &args.name, Edit::Add, change)?;
    let context = contexts.get(&args.name)?;
    warn_of_password(globals, console);
    // A production server is not to be what a command without a server's name goes to.
    if is_first && !context.production {
        Selection::default()
            .switched_to(Some(args.name.clone()))
            .write(places)?;
        console.note(&rows::selected(&args.name, context));
    } else {
        console.note(&rows::added(&args.name, context));
    }
    Ok(Exit::Done)
}

pub(super) fn edit(
    args: &EditArgs,
    globals: &Globals,
    places: &Places,
    here: &Path,
    console: &Console,
) -> Result<Exit> {
    let (contexts, _) = super::read(places, console)?;
    let mut change = change(globals, &args.more, here)?
        .set("url", globals.url.as_deref())
        .readdress(readdress_of_flags(globals)?);
    for key in &args.unset {
        change = change.unset(key)?;
    }
    if change.is_empty() {
        return Err(Problem::usage("there is nothing to change")
            .hint("give connection flags such as --url or --user, --production, or --unset KEY")
            .into());
    }
    let contexts = contexts.edit(places, &args.name, Edit::Change, change)?;
    warn_of_password(globals, console);
    console.note(&rows::changed(&args.name, contexts.get(&args.name)?));
    Ok(Exit::Done)
}

pub(super) fn remove(contexts: Contexts, places: &Places, name: &str) -> Result<()> {
    contexts.edit(places, name, Edit::Remove, ContextEdit::default())?;
    Ok(())
}

fn change(globals: &Globals, more: &More, here: &Path) -> Result<ContextEdit, Problem> {
    if globals.password_stdin {
        return Err(Problem::usage("contexts do not store passwords")
            .hint("store it in a file, and name that file with --password-file"));
    }
    if globals.context.is_some() {
        return Err(Problem::usage(
            "--context selects the context to use; name the context to change as the argument",
        ));
    }
    ContextEdit::default()
        .set("user", globals.user.as_deref())
        .set("tls_server_name", globals.tls_server_name.as_deref())
        .set("production", more.production)
        .path("password_file", globals.password_file.as_deref(), here)?
        .path("tls_ca", globals.tls_ca.as_deref(), here)?
        .path("tls_cert", globals.tls_cert.as_deref(), here)?
        .path("tls_key", globals.tls_key.as_deref(), here)?
        .path("topology", globals.topology.as_deref(), here)
}

/// The value of `--url`, or a URL made of `--host`, `--port` and `--db`.
fn url(globals: &Globals) -> Result<Option<String>, Problem> {
    if let Some(url) = &globals.url {
        return Ok(Some(url.clone()));
    }
    let endpoint = endpoint_of_flags(globals)?;
    Ok(endpoint.map(|endpoint| endpoint.to_string()))
}

fn warn_of_password(globals: &Globals, console: &Console) {
    let has_password = globals
        .url
        .as_deref()
        .is_some_and(crate::settings::has_password);
    if has_password {
        console.warn(
            "the password in --url is visible in the process list and is now stored in the contexts' file; use --password-file instead",
        );
    }
}
