//! `doctor`: everything that is wrong, why it matters, and what to type next.

use anyhow::Result;
use clap::builder::PossibleValuesParser;

use super::shared::Context;
use super::shared::past::Past;
use super::shared::recorded::RecordedIn;
use super::shared::redis_cli::options_of_redis_cli;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::findings::{DoctorReport, RULES, RuleReport, Scope};
use crate::streams::inspect::{Detail, Wanted, observe};
use crate::view::Report as _;

/// Find problems, and say why they matter and what to type next
///
/// Checks the server, every stream of the topology, every group on these streams and the tool's own keys by the rules
/// below: those of `check`, and further ones that read more. The worst findings come first. The command changes
/// nothing, and it is cheap for the server, however long a stream or a pending entries list is. Whatever the user may
/// not read, other than the audit stream, is reported as a finding too, so a report without findings means that
/// everything else was checked.
///
/// With a recording that `record` or `serve` writes, in --record DIR or $UCP_STREAMS_RECORD, each finding says since when
/// it is there and which way its figure goes, and a group is found whose position is below the recorded one.
///
/// The exit code is 0 when there is no finding, and 1 when there is one. --explain says what a rule finds, why it
/// matters, and what to do; without the name of a rule it explains all of them.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<DoctorReport>(DoctorReport::TABLES), after_help = help())]
pub(super) struct Args {
    /// Explain a rule, or list all
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = ALL, value_parser = rules(), hide_possible_values = true)]
    explain: Option<String>,

    #[command(flatten)]
    recorded: RecordedIn,

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
    let mut seen = observe(&connection, topology, Wanted::Topology, Detail::Details).await?;
    let past = Past::of(&args.recorded, context);
    seen.remembered = past.as_ref().map(Past::remembered).unwrap_or_default();
    let scope = Scope {
        observation: &seen,
        topology,
    };
    let redis_cli = options_of_redis_cli(context.dialer()?.endpoint());
    let mut report = DoctorReport::reaching(&scope, &redis_cli);
    if let Some(past) = past {
        past.tell(&mut report.findings, &seen.streams);
    }
    let is_healthy = report.findings.is_empty();
    if !(is_healthy && context.console.is_quiet()) {
        context.console.show_report(&report, args.limit.rows())?;
        if context.tells_last_change() {
            let details = seen.details.as_ref();
            context.tell_last_change(details.map_or(&[], |it| &it.audit));
        }
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
