//! A group's consumers: listed, and deleted once they hold nothing. XGROUP DELCONSUMER drops what a consumer holds
//! without a word, so nothing here calls it but scripts that look first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::claim::hand_over;
use super::policy::{self, Patience};
use super::repair::failed;
use super::target::Target;
use crate::model::{Consent, ConsumerInfo, Kind, Name, Problem, entries, report, states};
use crate::wire::{
    Connection, Holder, PendingFilter, Pruned, delete_consumer, prune_consumers, xpending_entries,
};

/// Consumers that one script call deletes.
const BATCH: usize = 100;
/// A list of consumers that is older is read again before any is deleted: somebody was asked in between, perhaps.
const LIST_AGE_MAX: Duration = Duration::from_secs(5);
/// Ids that a refusal lists.
const LISTED_MAX: usize = 12;

report! {
    /// A consumer and the group it belongs to.
    #[derive(Clone, Debug)]
    pub struct Member ranked by rank_by_holding {
        /// The consumer.
        pub consumer: Name => text("CONSUMER"),
        /// Its group.
        pub group: Name => text("GROUP"),
        /// The group's stream.
        pub stream: Name => text("STREAM", wide),
        /// Entries delivered to it and not acknowledged.
        pub pending: u64 => number("PENDING"),
        /// Milliseconds since it last tried to do something.
        pub idle_ms: u64 => millis("IDLE"),
        /// Milliseconds since it last got or claimed something; `None` before 7.2 or when it never did.
        pub inactive_ms: Option<u64> => millis("INACTIVE", unknown),
    }
}

impl Member {
    /// Who holds most stands first.
    const fn rank_by_holding(&self) -> u64 {
        u64::MAX - self.pending
    }

    /// What the server says of it, with its group.
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
/// Not found when the group is gone; what the server says.
pub async fn list(connection: &Connection, target: &Target) -> Result<Vec<Member>> {
    let consumers = target.consumers(connection).await?;
    let of = |it| Member::new(&target.stream, &target.group, it);
    Ok(consumers.iter().map(of).collect())
}

states! {
    /// What becomes of a consumer.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fate {
        /// It would be deleted: nothing was changed yet.
        Planned = "planned" in Plain,
        /// It is deleted.
        Deleted = "deleted" in Ok,
        /// It holds entries and stays.
        Held = "held" in Warn,
        /// It was seen since it was looked at, and stays.
        Active = "active" in Warn,
        /// Somebody else deleted it.
        Gone = "gone" in Warn,
        /// An error came first: it stays, or what became of it is unknown.
        NotTried = "not tried" in Bad,
    }
}

impl Fate {
    /// Whether it is what was asked for.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Planned | Self::Deleted)
    }
}

/// A consumer that was looked at, and what became of it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Removal {
    /// The consumer.
    #[serde(flatten)]
    pub member: Member,
    /// What became of it.
    pub outcome: Fate,
    /// Entries that were handed over.
    pub handed_over: u64,
    /// Entries whose bodies were gone; tombstones in the dead-letter stream say so.
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

/// Who gets what the deleted consumers hold.
#[derive(Clone, Debug)]
pub struct Heir {
    /// The consumer, which is there.
    pub to: Name,
    /// The stream for tombstones of entries whose bodies are gone.
    pub dead_letter: Name,
    /// Whether it gets also what a worker that lives may still be at work on.
    pub takes_live_work: bool,
}

/// Consumers to delete.
#[derive(Debug)]
pub struct RemovalPlan {
    /// Each that was looked at, with what would become of it.
    pub rows: Vec<Removal>,
    target: Target,
    heir: Option<Heir>,
    /// `None` for one that was named.
    rest: Option<Rest>,
}

/// How long each must have rested, and when that was looked at. A group's consumers are listed as a whole, which takes the
/// longer the more there are: so once, and once more where the list has grown old.
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

impl RemovalPlan {
    /// Those that would be deleted.
    pub fn planned(&self) -> impl Iterator<Item = &Member> {
        let planned = self.rows.iter().filter(|it| it.outcome == Fate::Planned);
        planned.map(|it| &it.member)
    }

    /// Entries that would be handed over.
    pub fn entries(&self) -> u64 {
        self.planned().map(|it| it.pending).sum()
    }
}

/// Looks whether `consumer` can be deleted: it holds nothing, or there is an heir.
///
/// # Errors
/// Not found when it or the heir is not there; refused, with the first ids, when it holds entries and there is no heir,
/// and where it lives and may be at work on them; what the server says.
pub async fn plan_delete(
    connection: &Connection,
    target: Target,
    consumer: &Name,
    heir: Option<Heir>,
) -> Result<RemovalPlan> {
    let found = target.require_consumer(connection, consumer).await?;
    if let Some(heir) = &heir {
        require_heir(connection, &target, consumer, heir).await?;
        if found.pending > 0 && !heir.takes_live_work {
            policy::must_be_dead(connection, &target, &found).await?;
        }
    }
    if found.pending > 0 && heir.is_none() {
        return Err(holds(connection, &target, &found).await?.into());
    }
    let member = Member::new(&target.stream, &target.group, &found);
    Ok(RemovalPlan {
        rows: vec![Removal::new(member, Fate::Planned)],
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

/// Why a consumer that holds entries is not deleted.
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

/// Looks for the group's consumers that were not seen for at least `idle_min`. Those that hold entries are left, unless
/// there is an heir, who is left in any case.
///
/// # Errors
/// Not found when the group or the heir is not there; refused when there is an heir and a worker that lives has a longer
/// claim idle; what the server says.
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
    if let Some(heir) = &heir {
        target.one_of(&consumers, &heir.to)?;
        if !heir.takes_live_work {
            let patience = Patience::towards(connection, &target, &consumers).await?;
            patience.require(&target, idle_min)?;
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
        rest: Some(rest),
    })
}

/// What became of the plan; the error that came in between, if one did.
#[derive(Debug)]
pub struct Removed {
    /// Each consumer that was looked at.
    pub rows: Vec<Removal>,
    /// What ended it early.
    pub error: Option<anyhow::Error>,
}

/// Hands over what the planned consumers hold, and deletes those that hold nothing then.
pub async fn apply_removal(connection: &Connection, plan: RemovalPlan, _: Consent) -> Removed {
    let RemovalPlan {
        mut rows,
        target,
        heir,
        rest,
    } = plan;
    let planned = rows.iter_mut().filter(|it| it.outcome == Fate::Planned);
    let mut planned: Vec<&mut Removal> = planned.collect();
    let outcome = async {
        for row in &mut planned {
            if let Some(heir) = heir.as_ref().filter(|_| row.member.pending > 0) {
                let idle_min = rest.map_or(Duration::ZERO, |it| it.least);
                row.hand_over(connection, &target, heir, idle_min).await?;
            }
        }
        match rest {
            Some(rest) => prune(connection, &target, rest, &mut planned).await,
            None => delete(connection, &target, &mut planned).await,
        }
    };
    let error = outcome.await.err();
    for row in &mut rows {
        if row.outcome == Fate::Planned {
            row.outcome = Fate::NotTried;
        }
    }
    Removed { rows, error }
}

impl Removal {
    async fn hand_over(
        &mut self,
        connection: &Connection,
        target: &Target,
        heir: &Heir,
        idle_min: Duration,
    ) -> Result<()> {
        let from = &self.member.consumer;
        let handed = hand_over(connection, target, from, heir, idle_min).await;
        self.handed_over = handed.entries;
        self.tombstones = handed.tombstones;
        handed.error.map_or(Ok(()), Err)
    }
}

async fn prune(
    connection: &Connection,
    target: &Target,
    rest: Rest,
    rows: &mut [&mut Removal],
) -> Result<()> {
    if rest.seen.elapsed() > LIST_AGE_MAX {
        look_again(connection, target, rest, rows).await?;
    }
    let planned = rows.iter_mut().filter(|it| it.outcome == Fate::Planned);
    let mut planned: Vec<_> = planned.collect();
    for batch in planned.chunks_mut(BATCH) {
        let names: Vec<Name> = batch.iter().map(|it| it.member.consumer.clone()).collect();
        let call = prune_consumers(&target.stream, &target.group, &names);
        let outcomes = connection.call(call).await.map_err(failed)?;
        for (row, outcome) in batch.iter_mut().zip(outcomes) {
            row.outcome = match outcome {
                Pruned::Done => Fate::Deleted,
                Pruned::Held => Fate::Held,
            };
        }
    }
    Ok(())
}

/// Leaves out who was seen, or deleted, since the rows were made.
async fn look_again(
    connection: &Connection,
    target: &Target,
    rest: Rest,
    rows: &mut [&mut Removal],
) -> Result<()> {
    let consumers = target.consumers(connection).await?;
    let idle: HashMap<&Name, u64> = consumers.iter().map(|it| (&it.name, it.idle_ms)).collect();
    for row in rows {
        match idle.get(&row.member.consumer) {
            None => row.outcome = Fate::Gone,
            // A consumer whose entries were just handed over has done nothing itself.
            Some(&idle_ms) if !rest.is_of(idle_ms) => row.outcome = Fate::Active,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn delete(connection: &Connection, target: &Target, rows: &mut [&mut Removal]) -> Result<()> {
    for row in rows {
        let consumer = &row.member.consumer;
        let holder = Holder {
            stream: &target.stream,
            group: &target.group,
            consumer,
            fence: None,
        };
        let deleted = connection.call(delete_consumer(holder)).await;
        row.outcome = match deleted.map_err(failed)? {
            Ok(()) => Fate::Deleted,
            Err(id) => {
                let kind = match row.handed_over + row.tombstones {
                    0 => Kind::Refused,
                    _ => Kind::Partial,
                };
                let what = format!(
                    "consumer `{consumer}` of {target} received entries in the meantime, from {id} on: it was not deleted"
                );
                row.outcome = Fate::Held;
                return Err(Problem::new(kind, what)
                    .hint("stop its process, then repeat the command")
                    .into());
            }
        };
    }
    Ok(())
}
