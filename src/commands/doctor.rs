//! `doctor`: all that is wrong, why, and what to type.

use anyhow::Result;
use clap::builder::PossibleValuesParser;

use super::shared::Context;
use super::shared::redis_cli::options_of_redis_cli;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::findings::{DoctorReport, RULES, RuleReport, Scope, name_server};
use crate::streams::inspect::{Detail, Wanted, observe};
use crate::view::Report as _;

/// Find what is wrong, why it matters and what to type next
///
/// Looks at the server, at every stream of the topology, at every group on them and at the tool's own keys, and holds what
/// it sees against rules: those of `check`, and others that need a closer look. The worst findings come first. It changes
/// nothing, and costs the server little, whatever the length of a stream or of a pending entries list. What the user may
/// not look at is a finding, too: silence means that everything was looked at.
///
/// The exit code is 0 when nothing is found, and 1 when anything is. --explain says what a rule finds, why it matters, and
/// what to do; without a name it lists all rules.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<DoctorReport>(DoctorReport::TABLES), after_help = help())]
pub(super) struct Args {
    /// Explain a rule, or list all
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = ALL, value_parser = rules(), hide_possible_values = true)]
    explain: Option<String>,

    #[command(flatten)]
    limit: Limited,
}

/// Explains every rule.
const ALL: &str = "all";

fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().map(|it| it.id).chain([ALL]))
}

/// The examples, and the rules.
fn help() -> String {
    let width = RULES.iter().map(|it| it.id.len()).max().unwrap_or_default();
    let rules = RULES
        .iter()
        .map(|it| format!("  {:<width$}  {}", it.id, it.about.finds));
    let rules: Vec<String> = rules.collect();
    format!(
        "\
Examples:
  ucp-streams doctor
  ucp-streams doctor -o json --jq '.findings[].next'
  ucp-streams doctor --explain ghosts

Rules:
{}",
        rules.join("\n")
    )
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if let Some(rule) = &args.explain {
        return explain(rule, &args, context);
    }
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let seen = observe(&connection, topology, Wanted::Topology, Detail::Details).await?;
    let mut report = DoctorReport::new(&Scope {
        observation: &seen,
        topology,
    });
    name_server(
        &mut report.findings,
        &options_of_redis_cli(context.dialer()?.endpoint()),
    );
    let is_healthy = report.findings.is_empty();
    if !(is_healthy && context.console.is_quiet()) {
        context.console.show_report(&report, args.limit.rows())?;
    }
    Ok(if is_healthy {
        Exit::Done
    } else {
        Exit::Negative
    })
}

fn explain(rule: &str, args: &Args, context: &Context) -> Result<Exit> {
    let wanted = RULES.iter().filter(|it| rule == ALL || it.id == rule);
    let rows: Vec<RuleReport> = wanted.map(RuleReport::from).collect();
    match &rows[..] {
        [row] => context.console.show_whole(row)?,
        _ => context.console.show(&rows, args.limit.rows())?,
    }
    Ok(Exit::Done)
}
