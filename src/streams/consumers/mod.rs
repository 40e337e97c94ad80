//! Lists a group's consumers, and deletes those without pending entries. XGROUP DELCONSUMER silently drops the
//! pending entries of a consumer, so it is called only by scripts that check for them first.

mod facts;
mod removal;

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

pub use removal::{Removals, Removed, apply_removal};

use super::policy::{self, Patience};
use super::target::Target;
use crate::model::{ConsumerInfo, Name, Problem, entries, report, states};
use crate::wire::{Connection, PendingFilter, xpending_entries};

/// The number of ids that a refusal lists.
const LISTED_MAX: usize = 12;

report! {
    /// A consumer and the group it belongs to.
    #[derive(Clone, Debug)]
    pub struct Member ranked by rank_by_holding {
        /// The consumer.
        pub consumer: Name => text("CONSUMER"),
        /// Its group.
        pub group: Name => text("GROUP", varying),
        /// The group's stream.
        pub stream: Name => text("STREAM", wide),
        /// Entries delivered to it and not acknowledged.
        pub pending: u64 => number("PENDING"),
        /// Milliseconds since it last asked for entries (on servers before 7.2, since it last received some).
        pub idle_ms: u64 => millis("IDLE"),
        /// Milliseconds since it last received or claimed an entry; `None` before 7.2, or when it never received or
        /// claimed an entry.
        pub inactive_ms: Option<u64> => millis("INACTIVE", unknown, sparse),
    }
}

impl Member {
    /// Sorts by the number of pending entries, most first.
    const fn rank_by_holding(&self) -> u64 {
        u64::MAX - self.pending
    }

    /// A consumer from the server's reply, with its group.
    pub fn new(stream: &Name, group: &Name, info: &ConsumerInfo) -> Self {
        let ConsumerInfo {
            name,
            pending,
            idle_ms,
            inactive_ms,
        } = info.clone();
        Self {
            consumer: name,
            group: group.clone(),
            stream: stream.clone(),
            pending,
            idle_ms,
            inactive_ms,
        }
    }
}

/// The group's consumers.
///
/// # Errors
/// Not found when the group does not exist; errors of the server.
pub async fn list(connection: &Connection, target: &Target) -> Result<Vec<Member>> {
    let consumers = target.consumers(connection).await?;
    let of = |it| Member::new(&target.stream, &target.group, it);
    Ok(consumers.iter().map(of).collect())
}

states! {
    /// What happened to a consumer.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fate {
        /// The consumer would be deleted; nothing was changed yet.
        Planned = "planned" in Plain,
        /// The consumer was deleted.
        Deleted = "deleted" in Ok,
        /// The consumer has pending entries, so it was kept.
        Held = "held" in Warn,
        /// The consumer became active after it was looked up, so it was kept.
        Active = "active" in Warn,
        /// Another client had already deleted it.
        Gone = "gone" in Warn,
        /// An error came first: the consumer was kept, or the result is unknown.
        NotTried = "not tried" in Bad,
    }
}

impl Fate {
    /// Whether this is the result that was asked for.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Planned | Self::Deleted)
    }
}

/// A consumer of the plan, and what happened to it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Removal {
    /// The consumer.
    #[serde(flatten)]
    pub member: Member,
    /// What happened to it.
    pub outcome: Fate,
    /// Entries that were handed over.
    pub handed_over: u64,
    /// Entries without a body, for which tombstones were written to the dead-letter stream.
    pub tombstones: u64,
}

impl Removal {
    fn new(member: Member, outcome: Fate) -> Self {
        Self {
            member,
            outcome,
            handed_over: 0,
            tombstones: 0,
        }
    }
}

/// The consumer that gets the pending entries of deleted consumers.
#[derive(Clone, Debug)]
pub struct Heir {
    /// The consumer, which exists.
    pub to: Name,
    /// The stream for tombstones of entries without a body.
    pub dead_letter: Name,
    /// Whether the heir also gets entries that a live worker may have in flight.
    pub takes_live_work: bool,
}

/// Consumers to delete.
#[derive(Debug)]
pub struct RemovalPlan {
    /// Each consumer that was looked at, with what would happen to it.
    pub rows: Vec<Removal>,
    target: Target,
    heir: Option<Heir>,
    /// `None` for a consumer that was named.
    rest: Option<Rest>,
    refusal: Option<Problem>,
}

/// The required idle time, and when consumers were listed. Listing takes longer the more consumers a group has, so it
/// is done once, and again only when the list has become too old.
#[derive(Clone, Copy, Debug)]
struct Rest {
    least: Duration,
    seen: Instant,
}

impl Rest {
    fn is_of(self, idle_ms: u64) -> bool {
        u128::from(idle_ms) >= self.least.as_millis()
    }
}

/// Checks whether `consumer` can be deleted: it has no pending entries, or there is an heir. [`RemovalPlan::check`]
/// says what prevents it.
///
/// # Errors
/// Not found when the consumer or the heir does not exist; errors of the server.
pub async fn plan_delete(
    connection: &Connection,
    target: Target,
    consumer: &Name,
    heir: Option<Heir>,
) -> Result<RemovalPlan> {
    let found = target.require_consumer(connection, consumer).await?;
    if let Some(heir) = &heir {
        require_heir(connection, &target, consumer, heir).await?;
    }
    let (fate, refusal) = match &heir {
        _ if found.pending == 0 => (Fate::Planned, None),
        None => (Fate::Held, Some(holds(connection, &target, &found).await?)),
        Some(heir) if heir.takes_live_work => (Fate::Planned, None),
        Some(_) => {
            let lives = policy::must_be_dead(connection, &target, &found).await?;
            (Fate::Planned, lives.err())
        }
    };
    let member = Member::new(&target.stream, &target.group, &found);
    Ok(RemovalPlan {
        refusal,
        rows: vec![Removal::new(member, fate)],
        target,
        heir,
        rest: None,
    })
}

async fn require_heir(
    connection: &Connection,
    target: &Target,
    consumer: &Name,
    heir: &Heir,
) -> Result<()> {
    if heir.to == *consumer {
        let same = format!("consumer `{consumer}` cannot hand over to itself");
        return Err(Problem::usage(same)
            .hint("name another with --hand-over-to")
            .into());
    }
    target.require_consumer(connection, &heir.to).await?;
    Ok(())
}

/// The refusal to delete a consumer that has pending entries.
async fn holds(connection: &Connection, target: &Target, info: &ConsumerInfo) -> Result<Problem> {
    let own = PendingFilter {
        consumer: Some(&info.name),
        count_max: LISTED_MAX,
        ..PendingFilter::default()
    };
    let rows = connection
        .run(xpending_entries(&target.stream, &target.group, &own))
        .await?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let more = if info.pending > ids.len() as u64 {
        " …"
    } else {
        ""
    };
    Ok(Problem::refused(format!(
        "consumer `{}` of {target} has {} pending, which would be lost: {}{more}",
        info.name,
        entries(info.pending),
        ids.join(", ")
    ))
    .hint("hand them over first with --hand-over-to CONSUMER"))
}

/// Finds the group's consumers that have been idle for at least `idle_min`. Those with pending entries are kept
/// unless there is an heir, which is always kept. [`RemovalPlan::check`] reports when there is an heir and a live
/// worker has a longer claim idle.
///
/// # Errors
/// Not found when the group or the heir does not exist; errors of the server.
pub async fn plan_prune(
    connection: &Connection,
    target: Target,
    idle_min: Duration,
    heir: Option<Heir>,
) -> Result<RemovalPlan> {
    let rest = Rest {
        least: idle_min,
        seen: Instant::now(),
    };
    let consumers = target.consumers(connection).await?;
    let mut refusal = None;
    if let Some(heir) = &heir {
        target.one_of(&consumers, &heir.to)?;
        if !heir.takes_live_work {
            let patience = Patience::towards(connection, &target, &consumers).await?;
            refusal = patience.require(&target, idle_min).err();
        }
    }
    let is_heir = |it: &Member| heir.as_ref().is_some_and(|heir| heir.to == it.consumer);
    let member = |it| Member::new(&target.stream, &target.group, it);
    let members = consumers
        .iter()
        .filter(|it| rest.is_of(it.idle_ms))
        .map(member);
    let row = |member: Member| {
        let outcome = if member.pending > 0 && heir.is_none() {
            Fate::Held
        } else {
            Fate::Planned
        };
        Removal::new(member, outcome)
    };
    let rows = members.filter(|it| !is_heir(it)).map(row).collect();
    Ok(RemovalPlan {
        rows,
        target,
        heir,
        refusal,
        rest: Some(rest),
    })
}
