//! The arguments that select pending entries, shared by the commands that change them.

use std::time::Duration;

use anyhow::Result;

use super::context::Context;
use super::group::OpenGroup;
use crate::cli::{self, DryRun};
use crate::model::{EntryId, Name, Problem};
use crate::streams::policy::Patience;
use crate::streams::select::{Criteria, PendingSelector};
use crate::streams::target::Target;
use crate::wire::Connection;

/// Which entries, by their ids or by conditions.
#[derive(Debug, Default, clap::Args)]
pub(in crate::commands) struct WhichArgs {
    /// Ids of the entries; without any, those that match
    #[arg(value_name = "ID")]
    ids: Vec<EntryId>,

    /// Only entries pending for this consumer
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name(), conflicts_with = "ids")]
    consumer: Option<Name>,

    /// Only entries delivered at least this many times
    #[arg(long, value_name = "N", conflicts_with = "ids")]
    min_deliveries: Option<u64>,

    /// At most this many entries, the oldest [default: all]
    #[arg(long, value_name = "N", conflicts_with = "ids", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
}

impl WhichArgs {
    /// Whether entries were named.
    pub(in crate::commands) const fn is_named(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Makes sure that the consumer is there that was named.
    ///
    /// # Errors
    /// Not found; the error lists the existing ones. Errors of the server.
    pub(in crate::commands) async fn require_consumer(
        &self,
        connection: &Connection,
        target: &Target,
    ) -> Result<()> {
        if let Some(consumer) = &self.consumer {
            target.require_consumer(connection, consumer).await?;
        }
        Ok(())
    }

    /// These entries; of those that match, the ones that have been idle for `idle_min`.
    pub(in crate::commands) fn selector(self, idle_min: Duration) -> PendingSelector {
        if self.is_named() {
            return PendingSelector::Ids(self.ids);
        }
        PendingSelector::Matching {
            filter: Criteria {
                consumer: self.consumer,
                idle_min,
                deliveries_min: self.min_deliveries.unwrap_or_default(),
                ..Criteria::default()
            },
            count_max: self.count.map_or(usize::MAX, |count| count as usize),
        }
    }
}

/// Selects entries that are stale.
#[derive(Debug, Default, clap::Args)]
pub(in crate::commands) struct SelectArgs {
    /// Only entries idle (not delivered) for at least this long, such as 5m [default: the group's claim idle; with
    /// IDs, the longest claim idle of the live workers, or none]
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration)]
    idle: Option<Duration>,

    #[command(flatten)]
    which: WhichArgs,

    /// Include entries that a live worker may have in flight (delivered within its claim idle); these are then
    /// handled twice
    #[arg(long)]
    force: bool,
}

/// Which entries are selected, and for how long they must have been idle.
pub(in crate::commands) struct Selection {
    pub(in crate::commands) which: PendingSelector,
    pub(in crate::commands) idle_min: Duration,
    /// Why an entry that was named may be too fresh.
    pub(in crate::commands) why_fresh: Option<String>,
    /// The worker that may still be handling the selected entries; only in a dry run.
    pub(in crate::commands) refusal: Option<Problem>,
}

impl SelectArgs {
    /// The arguments that select the stale entries of a consumer.
    pub(in crate::commands) fn of_consumer(consumer: Name) -> Self {
        let which = WhichArgs {
            consumer: Some(consumer),
            ..WhichArgs::default()
        };
        Self {
            which,
            ..Self::default()
        }
    }

    /// Whether --force was given.
    pub(in crate::commands) const fn is_forced(&self) -> bool {
        self.force
    }

    /// The arguments that select one entry.
    pub(in crate::commands) fn of_entry(id: EntryId) -> Self {
        let which = WhichArgs {
            ids: vec![id],
            ..WhichArgs::default()
        };
        Self {
            which,
            ..Self::default()
        }
    }

    /// The selected entries of the group. Unless --force is given, none of them may still be in flight in a live
    /// worker.
    ///
    /// # Errors
    /// Not found when the named consumer does not exist; the error lists the existing ones. Refused when a live
    /// worker has a longer claim idle than the given one. Errors of the server.
    pub(in crate::commands) async fn resolve(
        self,
        group: &OpenGroup<'_>,
        dry_run: DryRun,
        context: &Context,
    ) -> Result<Selection> {
        let (connection, target) = (&group.connection, &group.target);
        self.which.require_consumer(connection, target).await?;
        let patience = Patience::of(connection, target).await?;
        if !patience.is_known && !self.force {
            context.console.warn(
                "this user may not read the claim idle of the group's workers: some of these entries may still be in flight",
            );
        }
        let asked = self.idle.filter(|_| !self.force);
        let checked = asked.map_or(Ok(()), |idle| patience.require(target, idle));
        let refusal = context.refusal_of(dry_run, checked)?;
        let least = if self.force {
            Duration::ZERO
        } else {
            patience.least()
        };
        let why_fresh = patience.why_fresh().filter(|_| !self.force);
        Ok(Selection {
            refusal,
            ..self.after(group.spec.claim_idle, least, why_fresh)
        })
    }

    /// The selection for a group with this `claim_idle` in the topology, whose live workers have published at most
    /// `least`.
    fn after(self, claim_idle: Duration, least: Duration, why_fresh: Option<String>) -> Selection {
        let idle_min = self.idle.unwrap_or_else(|| {
            if self.which.is_named() {
                least
            } else {
                claim_idle.max(least)
            }
        });
        Selection {
            which: self.which.selector(idle_min),
            idle_min,
            why_fresh,
            refusal: None,
        }
    }
}
