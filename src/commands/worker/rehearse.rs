//! `worker run --dry-run`: what each worker would do, by which numbers, and what it would create first.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::assign::{self, Job};
use super::{Context, RunArgs};
use crate::exit::Exit;
use crate::model::{Name, as_ms, counted};
use crate::streams::init::{State, plan_init};
use crate::streams::names::no_group;
use crate::topology::{Start, Workers};
use crate::view::{Cell, Column, Row, Tone};
use crate::worker::{Assignment, Mode, Policy};

/// Shows the assignments and ends; nothing is read from a group, and nothing is written.
///
/// # Errors
/// As [`assign::assignments`]; not found where the worker may not create a group that is missing.
pub(super) async fn rehearse(args: &RunArgs, context: &Context) -> Result<Exit> {
    let jobs = assign::assignments(args, context).await?;
    let connection = context.connect().await?;
    let specs: Vec<_> = jobs.iter().map(|job| job.spec.clone()).collect();
    let plan = plan_init(&connection, context.topology()?, &specs).await?;
    let states = plan.rows.iter().map(|row| row.state);
    let rows: Vec<_> = jobs.iter().zip(states).map(PlanRow::from).collect();
    context.console.show(&rows)?;
    context.rehearsed(&would(&rows, jobs.first().map(|job| &job.assignment)));
    let missing = rows.iter().find(|row| row.state == State::Missing);
    match missing {
        Some(row) if args.no_create => {
            Err(no_group(&connection, &row.stream, &row.group).await.into())
        }
        _ => Ok(Exit::Done),
    }
}

/// What the workers of these rows would do.
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
        Some(Mode::Once) => "handle what is there now and what is due",
        _ => "work until told to stop",
    };
    let consumer = first.map_or_else(String::new, |job| {
        format!(" as consumer `{}`", job.consumer)
    });
    format!("{}join {groups}{consumer}, and {end}", creating.concat())
}

/// A worker that would run.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct PlanRow {
    group: Name,
    stream: Name,
    state: State,
    start: Start,
    handler: String,
    workers: Workers,
    consumer: Name,
    dead_letter: Name,
    concurrency: usize,
    batch: usize,
    max_deliveries: u64,
    #[serde(rename = "claim_idle_ms", serialize_with = "as_ms")]
    claim_idle: Duration,
    #[serde(rename = "handler_timeout_ms", serialize_with = "as_ms")]
    handler_timeout: Duration,
    #[serde(rename = "backoff_base_ms", serialize_with = "as_ms")]
    backoff_base: Duration,
    #[serde(rename = "backoff_cap_ms", serialize_with = "as_ms")]
    backoff_cap: Duration,
    #[serde(rename = "grace_ms", serialize_with = "as_ms")]
    grace: Duration,
    rate: Option<u32>,
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
            claim_idle,
            handler_timeout,
            backoff_base: backoff.base,
            backoff_cap: backoff.cap,
            grace,
            rate,
        }
    }
}

impl Row for PlanRow {
    const COLUMNS: &'static [Column] = &[
        Column::whole("group", "GROUP"),
        Column::whole("stream", "STREAM"),
        Column::whole("state", "STATE"),
        Column::text("handler", "HANDLER"),
        Column::number("concurrency", "CONCURRENCY"),
        Column::number("max_deliveries", "DELIVERIES"),
        Column::number("claim_idle_ms", "CLAIM IDLE"),
        Column::number("handler_timeout_ms", "TIMEOUT"),
        Column::text("start", "START").wide(),
        Column::text("workers", "WORKERS").wide(),
        Column::text("consumer", "CONSUMER").wide(),
        Column::text("dead_letter", "DEAD LETTERS").wide(),
        Column::number("batch", "BATCH").wide(),
        Column::number("backoff_base_ms", "BACKOFF").wide(),
        Column::number("backoff_cap_ms", "BACKOFF CAP").wide(),
        Column::number("grace_ms", "GRACE").wide(),
        Column::number("rate", "RATE").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            start,
            handler,
            workers,
            consumer,
            dead_letter,
            concurrency,
            batch,
            max_deliveries,
            claim_idle,
            handler_timeout,
            backoff_base,
            backoff_cap,
            grace,
            rate,
        } = self;
        let state = match state {
            State::Missing => Cell::Word(Tone::Warn, "missing".to_owned()),
            _ => Cell::Word(Tone::Ok, "exists".to_owned()),
        };
        let millis =
            |of: &Duration| Cell::Millis(u64::try_from(of.as_millis()).unwrap_or(u64::MAX));
        vec![
            group.into(),
            stream.into(),
            state,
            handler.as_str().into(),
            (*concurrency as u64).into(),
            (*max_deliveries).into(),
            millis(claim_idle),
            millis(handler_timeout),
            start.word().into(),
            workers.word().into(),
            consumer.into(),
            dead_letter.into(),
            (*batch as u64).into(),
            millis(backoff_base),
            millis(backoff_cap),
            millis(grace),
            Cell::or_nothing(rate.map(|rate| rate.to_string())),
        ]
    }
}
