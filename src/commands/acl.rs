//! `acl`: prints the permissions that a command needs.

use anyhow::Result;

use super::shared::Context;
use super::shared::redis_cli::address_of_redis_cli;
use super::tree;
use crate::cli::{Impact, Prints, name};
use crate::console::Console;
use crate::exit::Exit;
use crate::model::{CommandLine, Format, Limit, Name, Problem, escaped};
use crate::model::{did_you_mean, nearest};
use crate::settings::ServerChoice;
use crate::streams::permissions::{Besides, Permission, TRIMS, commands, permission, publishes};
use crate::topology::GroupSpec;
use crate::view::Rules;

/// Print the least-privilege ACL rule that a command needs
///
/// Give the rule to ACL SETUSER, together with the user's name, `on` and a password. The rule covers the streams and
/// groups that you name, or else those of the topology. Without a command, the rules of all commands are printed.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Permission>(), after_help = "\
Examples:
  ucp-streams acl publish raw
  ucp-streams acl publish --stream orders --idempotency-field number
  ucp-streams acl archive --then-trim
  ucp-streams acl worker run --group event-processors
  redis-cli ACL SETUSER viewer on '>secret' $(ucp-streams acl info --names)")]
pub(super) struct Args {
    /// The command, as you would type it
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Streams that the user may work on
    #[arg(long = "stream", value_name = "STREAM", value_parser = name())]
    streams: Vec<Name>,

    /// Groups that the user may work on, together with their streams
    #[arg(long = "group", value_name = "GROUP", value_parser = name())]
    groups: Vec<Name>,

    /// The field of `publish --idempotency-field`, which needs additional permissions
    #[arg(long, value_name = "FIELD", value_parser = name())]
    idempotency_field: Option<Name>,

    /// The rule of `archive --then-trim`, which trims the stream, too
    #[arg(long)]
    then_trim: bool,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let spec = |group| topology.group(group, None);
    let groups = args
        .groups
        .iter()
        .map(spec)
        .collect::<Result<Vec<GroupSpec>, _>>()?;
    let command = args.command.join(" ");
    let once = args.idempotency_field.as_ref();
    if once.is_some() && !publishes(&command) {
        return Err(
            Problem::usage("--idempotency-field applies only to the rules of `publish`")
                .hint("name the command: ucp-streams acl publish raw --idempotency-field event_id")
                .into(),
        );
    }
    if args.then_trim && command != TRIMS {
        let text = "--then-trim applies only to the rule of `archive`";
        return Err(Problem::usage(text)
            .hint("name the command: ucp-streams acl archive --then-trim")
            .into());
    }
    let besides = Besides {
        once,
        then_trim: args.then_trim,
    };
    let rule = |command: &str| permission(command, topology, &args.streams, &groups, besides);
    if args.command.is_empty() {
        let rules: Vec<Permission> = commands().filter_map(rule).collect();
        show(&rules, &context.console)?;
        return Ok(Exit::Done);
    }
    match rule(&command) {
        Some(rule) => {
            tell_how(&rule, context);
            show(&[rule], &context.console)?;
        }
        None => return Err(without(&args.command).into()),
    }
    Ok(Exit::Done)
}

/// Says how an administrator gives it to the user that the settings name, beside what that user may do already.
fn tell_how(rule: &Permission, context: &Context) {
    let options = context.console.options();
    let ServerChoice::Server(endpoint) = &context.settings.target.value else {
        return;
    };
    let Some(user) = endpoint.username.as_deref() else {
        return;
    };
    // Such a name ends a word of a selector, or the selector.
    let is_end = |it: &u8| it.is_ascii_whitespace() || *it == b')';
    let has_end = rule.keys.iter().any(|it| it.as_bytes().iter().any(is_end));
    if !options.terminal || options.names || has_end {
        return;
    }
    let command = format!("{} ACL", address_of_redis_cli(endpoint));
    let line = CommandLine::of_program("redis-cli", command).arg("SETUSER");
    let line = line.arg(user).arg(rule.selector());
    context.console.note(&format!(
        "an administrator adds it to what `{}` may do already with: {line}",
        escaped(user.as_bytes())
    ));
}

/// Scripts get whole lines. A rule is wider than a screen, so people get it in several lines below its command.
fn show(rules: &[Permission], console: &Console) -> Result<()> {
    let options = console.options();
    let is_chosen = options.names || !options.columns.is_empty();
    if matches!(options.format, Format::Table | Format::Wide) && !is_chosen {
        return console.show_report(&Rules(rules), Limit::All);
    }
    console.show(rules, Limit::All)
}

/// Why there is no rule for a command: it needs no server, it has subcommands, or it does not exist.
fn without(words: &[String]) -> Problem {
    let tree = tree();
    let mut found = &tree;
    for word in words {
        let Some(inner) = found.find_subcommand(word) else {
            let known = found.get_subcommands().map(clap::Command::get_name);
            let near = did_you_mean(nearest(word, known));
            let word = escaped(word.as_bytes());
            return Problem::usage(format!("there is no command `{word}`{near}"))
                .hint("`ucp-streams acl` lists the commands that have a rule");
        };
        found = inner;
    }
    let command = escaped(words.join(" ").as_bytes());
    let inner: Vec<_> = found
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    if inner.is_empty() {
        Problem::usage(format!(
            "`{command}` needs no server, so it needs no permission"
        ))
    } else {
        Problem::usage(format!("`{command}` has subcommands: {}", inner.join(", ")))
            .hint(format!("name one: ucp-streams acl {command} {}", inner[0]))
    }
}
