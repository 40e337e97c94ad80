//! Turns flags and topology into the assignment of each worker.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::handlers::HandlerArgs;
use super::{Context, PolicyArgs, RunArgs};
use crate::commands::shared::group::find;
use crate::model::{EntryId, Kind, Name, Problem};
use crate::topology::{
    GroupSpec, Handler as Spec, HttpTarget, OnGroupLost, Start, Topology, Workers, retry_home,
};
use crate::wire::GroupStart;
use crate::worker::handler::Handler;
use crate::worker::{Assignment, Mode, Policy, Portion, consumer_name};

/// How many entries an in-process handler is given at a time.
const INLINE_BATCH: usize = 500;
/// How many entries are read at a time where those of one key wait for each other, so that other keys need not.
const KEYED_BATCH: usize = 500;
/// How long a worker tries to reach the server when it starts.
const CONNECT_FOR: Duration = Duration::from_secs(30);

/// A worker's assignment, and how it is described in a line.
pub(super) struct Job {
    pub(super) assignment: Assignment,
    /// The group's declaration in the topology.
    pub(super) spec: GroupSpec,
    /// The handler, described in a line.
    pub(super) handler: String,
}

impl Job {
    /// Says in a line that the worker starts.
    pub(super) fn say_start(&self, server: &str) {
        let Assignment {
            stream,
            group,
            consumer,
            ..
        } = &self.assignment;
        // A program's arguments are shown by --dry-run; a log may be read by many.
        let words = match self.handler.split(' ').next() {
            Some("exec" | "pipe") => 2,
            _ => usize::MAX,
        };
        let handler: Vec<&str> = self.handler.split(' ').take(words).collect();
        tracing::info!(
            %group, %stream, handler = handler.join(" "), %consumer, %server,
            version = env!("CARGO_PKG_VERSION"), "worker starts"
        );
    }
}

/// One job for each group on the command line.
///
/// # Errors
/// An unknown group, numbers outside their limits, or a group without a handler.
pub(super) async fn assignments(args: &RunArgs, context: &Context) -> Result<Vec<Job>> {
    let topology = context.topology()?;
    let groups = groups(args, context).await?;
    let consumer = args.consumer.clone().unwrap_or_else(consumer_name);
    let mut jobs = Vec::new();
    for group in groups {
        let timeout = args.policy.handler_timeout.unwrap_or(group.handler_timeout);
        match args.handler.handler(&group, topology, timeout)? {
            Some(handler) => jobs.push(Job {
                handler: args.handler.line(&group)?,
                assignment: assignment(args, &group, handler, &consumer, topology, context)?,
                spec: group,
            }),
            None if args.all => context.console.warn(&format!(
                "group `{}` gets no worker: the environment variable {} is not set",
                group.name,
                url_variable(&group)
            )),
            None => return Err(needs_url(&group).into()),
        }
    }
    Ok(jobs)
}

/// The error that a group's handler has no URL to post to.
pub(in crate::commands) fn needs_url(group: &GroupSpec) -> Problem {
    Problem::usage(format!(
        "group `{}` requires a URL: the environment variable {} is not set",
        group.name,
        url_variable(group)
    ))
    .hint("set it, name the URL in the topology, or give `worker run` --http URL")
}

fn url_variable(group: &GroupSpec) -> String {
    match &group.handler {
        Some(Spec::Http(spec)) => match &spec.target {
            HttpTarget::Env(variable) => format!("${variable}"),
            HttpTarget::Url(_) => spec.target.to_string(),
        },
        _ => "its URL".to_owned(),
    }
}

/// The groups to work for. The server is asked only about a group that the topology does not name, because a worker
/// may start before its server does.
async fn groups(args: &RunArgs, context: &Context) -> Result<Vec<GroupSpec>> {
    let topology = context.topology()?;
    if args.all {
        let on_stream = |group: &&GroupSpec| {
            args.stream
                .as_ref()
                .is_none_or(|stream| group.stream == *stream)
        };
        return Ok(topology.groups.iter().filter(on_stream).cloned().collect());
    }
    let mut groups = Vec::new();
    for name in &args.groups {
        groups.push(match topology.group(name, args.stream.as_ref()) {
            Ok(spec) => spec,
            Err(problem) if problem.kind == Kind::NotFound => {
                let connection = context.connect().await?;
                find(name, None, &connection, context).await?.spec
            }
            Err(problem) => return Err(problem.into()),
        });
    }
    Ok(groups)
}

/// The assignment of a worker that handles only the entries that its `consumer` already holds, with the handler and
/// the numbers of the topology.
///
/// # Errors
/// A group without a handler, or with a handler whose URL is not set.
pub(in crate::commands) fn of_given(
    group: &GroupSpec,
    consumer: &Name,
    context: &Context,
) -> Result<Assignment> {
    let topology = context.topology()?;
    let handler = HandlerArgs::default().handler(group, topology, group.handler_timeout)?;
    let handler = handler.ok_or_else(|| needs_url(group))?;
    let mut policy = Policy::from(group);
    if handler.is_inline() {
        policy.batch = INLINE_BATCH;
    }
    policy.check()?;
    Ok(Assignment {
        mode: Mode::Preclaimed,
        may_create: false,
        connect_for: context.settings.timeout.value,
        ..of_group(group, handler, consumer, topology, policy)
    })
}

/// The assignment of the only worker of a replay's group, which handles a part of the stream.
pub(in crate::commands) fn of_portion(
    group: &GroupSpec,
    handler: Arc<Handler>,
    topology: &Topology,
    policy: Policy,
    portion: Portion,
) -> Assignment {
    Assignment {
        mode: Mode::Portion,
        may_create: false,
        is_single: true,
        on_group_lost: OnGroupLost::Stop,
        portion: Some(Arc::new(portion)),
        ..of_group(group, handler, &consumer_name(), topology, policy)
    }
}

/// The least time after which another bridge may take what one has pending: that of the lease, which is what counts.
const BRIDGE_IDLE: Duration = Duration::from_secs(15);
/// Deliveries of an entry that fails no handler: only ends of bridges count.
const UNLIMITED: u64 = u32::MAX as u64;

/// The assignment of the bridge of this group, which is the only one at a time, whatever the topology says.
///
/// # Errors
/// A topology that cannot be read.
pub(in crate::commands) fn of_bridge(
    stream: &Name,
    group: &Name,
    handler: Arc<Handler>,
    context: &Context,
) -> Result<Assignment> {
    let topology = context.topology()?;
    let spec = match topology.group(group, Some(stream)) {
        Ok(spec) => spec,
        Err(_) => GroupSpec::new(group.clone(), stream.clone()),
    };
    let mut policy = Policy::from(&spec);
    policy.batch = INLINE_BATCH;
    policy.is_batch_fixed = true;
    policy.claim_idle = BRIDGE_IDLE;
    policy.max_deliveries = UNLIMITED;
    // It fails no entry, so that there is nothing to wait for.
    policy.backoff.base = Duration::from_millis(1);
    policy.backoff.cap = policy.backoff.base;
    policy.check()?;
    Ok(Assignment {
        is_single: true,
        ..of_group(&spec, handler, &consumer_name(), topology, policy)
    })
}

/// The assignment of a worker of the group, which runs until it is told to stop.
fn of_group(
    group: &GroupSpec,
    handler: Arc<Handler>,
    consumer: &Name,
    topology: &Topology,
    policy: Policy,
) -> Assignment {
    Assignment {
        stream: group.stream.clone(),
        home: retry_home(&group.stream, &group.name),
        group: group.name.clone(),
        consumer: consumer.clone(),
        dead_letter: topology.stream_or_default(&group.stream).dead_letter,
        policy,
        given: Vec::new(),
        handler,
        is_single: group.workers == Workers::One,
        may_create: true,
        start: match group.start {
            Start::Oldest => GroupStart::After(EntryId::MIN),
            Start::Newest => GroupStart::New,
        },
        on_group_lost: group.on_group_lost,
        mode: Mode::Forever,
        max_messages: None,
        connect_for: CONNECT_FOR,
        key: None,
        portion: None,
        journal: None,
        recorded_for: group.journal,
        pulse: None,
    }
}

fn assignment(
    args: &RunArgs,
    group: &GroupSpec,
    handler: Arc<Handler>,
    consumer: &Name,
    topology: &Topology,
    context: &Context,
) -> Result<Assignment, Problem> {
    let mut policy = policy(&args.policy, group, handler.is_inline());
    if args.key.is_some() && !policy.is_batch_fixed {
        policy.batch = policy.batch.max(KEYED_BATCH);
    }
    policy.check()?;
    let connect_for = if args.once {
        context.settings.timeout.value
    } else {
        CONNECT_FOR
    };
    Ok(Assignment {
        may_create: !args.no_create,
        mode: if args.once { Mode::Once } else { Mode::Forever },
        max_messages: args.max_messages,
        key: args.key.clone(),
        connect_for: args.connect_for.unwrap_or(connect_for),
        ..of_group(group, handler, consumer, topology, policy)
    })
}

/// The numbers of a group's worker, from the flags or else the topology.
pub(in crate::commands) fn policy(args: &PolicyArgs, group: &GroupSpec, is_inline: bool) -> Policy {
    let mut policy = Policy::from(group);
    policy.concurrency = args.concurrency;
    policy.is_batch_fixed = args.batch.is_some();
    policy.batch = args.batch.unwrap_or(if is_inline {
        INLINE_BATCH
    } else {
        args.concurrency
    });
    policy.claim_idle = args.claim_idle.unwrap_or(policy.claim_idle);
    policy.handler_timeout = args.handler_timeout.unwrap_or(policy.handler_timeout);
    policy.max_deliveries = args.max_deliveries.unwrap_or(policy.max_deliveries);
    policy.backoff.base = args.backoff_base.unwrap_or(policy.backoff.base);
    policy.backoff.cap = args.backoff_cap.unwrap_or(policy.backoff.cap);
    policy.rate = args.rate;
    policy.grace = args.grace.unwrap_or(policy.grace);
    policy
}
