//! `worker run --dry-run`: what each worker would do, its settings, and what it would create first.

use anyhow::Result;

use super::assign::{self, Job};
use super::{Context, RunArgs};
use crate::exit::Exit;
use crate::model::{Cell, Limit, Name, Tone, counted, report, whole_ms};
use crate::streams::init::{State, plan_init};
use crate::streams::names::no_group;
use crate::topology::{Start, Workers};
use crate::worker::{Assignment, Mode, Policy};

/// Shows the assignments; reads nothing from a group, and writes nothing.
///
/// # Errors
/// As [`assign::assignments`]; not found when a group is missing and the worker may not create it.
pub(super) async fn rehearse(args: &RunArgs, context: &Context) -> Result<Exit> {
    let jobs = assign::assignments(args, context).await?;
    let connection = context.connect().await?;
    let specs: Vec<_> = jobs.iter().map(|job| job.spec.clone()).collect();
    let plan = plan_init(&connection, context.topology()?, &specs).await?;
    let states = plan.rows.iter().map(|row| row.state);
    let rows: Vec<_> = jobs.iter().zip(states).map(PlanRow::from).collect();
    context.console.show(&rows, Limit::All)?;
    context.rehearsed(&would(&rows, jobs.first().map(|job| &job.assignment)));
    let missing = rows.iter().find(|row| row.state == State::Missing);
    match missing {
        Some(row) if args.no_create => {
            Err(no_group(&connection, &row.stream, &row.group).await.into())
        }
        _ => Ok(Exit::Done),
    }
}

/// Describes what these workers would do.
fn would(rows: &[PlanRow], first: Option<&Assignment>) -> String {
    let creating = rows.iter().filter(|row| row.state == State::Missing);
    let creating: Vec<String> = creating
        .map(|row| {
            format!(
                "create `{}` of `{}` at {}, ",
                row.group, row.stream, row.start
            )
        })
        .collect();
    let groups = counted(rows.len(), "group", "groups");
    let end = match first.map(|job| job.mode) {
        Some(Mode::Once) => "handle the entries that are there now and due",
        _ => "work until told to stop",
    };
    let consumer = first.map_or_else(String::new, |job| {
        format!(" as consumer `{}`", job.consumer)
    });
    format!("{}join {groups}{consumer}, and {end}", creating.concat())
}

report! {
    /// A worker that would run.
    #[derive(Debug)]
    pub(in crate::commands) struct PlanRow {
        group: Name => whole("GROUP"),
        stream: Name => whole("STREAM"),
        state: State => whole("STATE") by Self::state_cell,
        start: Start => text("START", wide),
        handler: String => text("HANDLER"),
        workers: Workers => text("WORKERS", wide),
        consumer: Name => text("CONSUMER", wide),
        dead_letter: Name => text("DEAD LETTERS", wide),
        concurrency: usize => number("CONCURRENCY"),
        batch: usize => number("BATCH", wide),
        max_deliveries: u64 => number("DELIVERIES"),
        claim_idle_ms: u64 => millis("CLAIM IDLE"),
        handler_timeout_ms: u64 => millis("TIMEOUT"),
        backoff_base_ms: u64 => millis("BACKOFF", wide),
        backoff_cap_ms: u64 => millis("BACKOFF CAP", wide),
        grace_ms: u64 => millis("GRACE", wide),
        rate: Option<u32> => number("RATE", wide),
    }
}

impl PlanRow {
    fn state_cell(&self) -> Cell {
        match self.state {
            State::Missing => Cell::Word(Tone::Warn, "missing".to_owned()),
            _ => Cell::Word(Tone::Ok, "exists".to_owned()),
        }
    }
}

impl From<(&Job, State)> for PlanRow {
    fn from((job, state): (&Job, State)) -> Self {
        let Assignment {
            consumer,
            dead_letter,
            policy,
            ..
        } = &job.assignment;
        let Policy {
            concurrency,
            batch,
            is_batch_fixed: _,
            max_deliveries,
            claim_idle,
            handler_timeout,
            backoff,
            grace,
            rate,
        } = *policy;
        Self {
            group: job.spec.name.clone(),
            stream: job.spec.stream.clone(),
            state,
            start: job.spec.start,
            handler: job.handler.clone(),
            workers: job.spec.workers,
            consumer: consumer.clone(),
            dead_letter: dead_letter.clone(),
            concurrency,
            batch,
            max_deliveries,
            claim_idle_ms: whole_ms(claim_idle),
            handler_timeout_ms: whole_ms(handler_timeout),
            backoff_base_ms: whole_ms(backoff.base),
            backoff_cap_ms: whole_ms(backoff.cap),
            grace_ms: whole_ms(grace),
            rate,
        }
    }
}
