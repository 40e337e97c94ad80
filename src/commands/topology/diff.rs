//! `topology diff`: how the server differs from the topology, or two servers from each other.

use anyhow::Result;

use crate::cli::{Impact, Limited, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::redis_cli::options_of_redis_cli;
use crate::exit::Exit;
use crate::findings::{Difference, Scope, differences, name_server, on_one_only};
use crate::model::{CommandLine, counted};
use crate::streams::inspect::{Detail, Wanted, observe};
use crate::wire::Dialer;

/// Say how the server differs from the topology
///
/// Compares everything that the topology decides: groups that are missing, not in the topology, paused, ahead of their
/// stream, or never read from and not at their start; streams that are longer than their MAXLEN; consumers that are gone;
/// retry streams that nobody reads; keys of another type; and figures beyond their thresholds. They are found by the rules
/// of `doctor`, each with the command to type next (-o wide). The exit code is 1 when there is drift, and 0 when there is none. A
/// temporary group of `replay`, and a stream that the first entry creates, are listed and are no drift.
///
/// With --against, the server of another context is compared with the same topology, and what only one of the two has is
/// listed, with the name of that one (ON).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Difference>(), after_help = "\
Examples:
  ucp-streams topology diff
  ucp-streams topology diff -o json --jq '.[] | select(.is_drift) | .next'
  ucp-streams topology diff --against staging")]
pub(super) struct Args {
    /// Compare with the server of this context
    #[arg(long, value_name = "CONTEXT")]
    against: Option<String>,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let dialer = context.dialer()?;
    let name = here(&dialer, context);
    let rows = match &args.against {
        None => look(&dialer, &name, context).await?,
        Some(other) => {
            let there = context.elsewhere(other)?.dialer()?;
            context.console.note(&format!(
                "compared: {name} at {}, and {other} at {}",
                dialer.endpoint(),
                there.endpoint()
            ));
            let (here, found) = (
                look(&dialer, &name, context).await?,
                look(&there, other, context).await?,
            );
            on_one_only(&here, &found, other)
        }
    };
    context.console.show(&rows, args.limit.rows())?;
    let drift = rows.iter().filter(|it| it.is_drift).count();
    let with = match &args.against {
        None => "the topology".to_owned(),
        Some(other) => other.clone(),
    };
    if drift == 0 {
        context
            .console
            .note(&format!("no drift: {name} agrees with {with}"));
        return Ok(Exit::Done);
    }
    let differences = counted(drift, "difference", "differences");
    context
        .console
        .note(&format!("{differences} between {name} and {with}"));
    if args.against.is_none() && rows.iter().any(Difference::is_missing_group) {
        let apply = CommandLine::new("topology apply");
        context
            .console
            .note(&format!("to create the groups that are missing: {apply}"));
    }
    Ok(Exit::Negative)
}

/// What the server at hand is called: by its context, or else by its address.
pub(super) fn here(dialer: &Dialer, context: &Context) -> String {
    let named = context.settings.context.clone();
    named.unwrap_or_else(|| dialer.endpoint().to_string())
}

/// How the server called `name` differs from the topology.
pub(super) async fn look(
    dialer: &Dialer,
    name: &str,
    context: &Context,
) -> Result<Vec<Difference>> {
    let topology = context.topology()?;
    let connection = dialer.connect().await?;
    let seen = observe(&connection, topology, Wanted::Topology, Detail::Details).await?;
    let scope = Scope {
        observation: &seen,
        topology,
    };
    let mut rows = differences(&scope, name);
    name_server(
        rows.iter_mut().filter_map(|it| it.next.as_mut()),
        &options_of_redis_cli(dialer.endpoint()),
    );
    Ok(rows)
}
