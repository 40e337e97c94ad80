//! The arguments that choose pending entries, shared by the commands that change them.

use std::time::Duration;

use anyhow::Result;

use crate::cli;
use crate::model::{EntryId, Name};
use crate::streams::select::{Criteria, Which};
use crate::streams::target::Target;
use crate::topology::GroupSpec;
use crate::wire::Connection;

/// Entries by their ids, or by what they are like.
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct SelectArgs {
    /// Entries by id; without any, the oldest ones that are stale
    #[arg(value_name = "ID")]
    ids: Vec<EntryId>,

    /// Only entries idle (not delivered) for at least this long, such as 5m [default: the group's claim idle; for IDs any]
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration)]
    idle: Option<Duration>,

    /// Only entries that this consumer holds
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name(), conflicts_with = "ids")]
    consumer: Option<Name>,

    /// Only entries delivered at least this many times
    #[arg(long, value_name = "N", conflicts_with = "ids")]
    min_deliveries: Option<u64>,

    /// At most this many entries
    #[arg(long, value_name = "N", default_value = "1000", conflicts_with = "ids", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

impl SelectArgs {
    /// Makes sure that the consumer that was named is there.
    ///
    /// # Errors
    /// Not found, naming the consumers there are; what the server says.
    pub(in crate::commands) async fn require(
        &self,
        connection: &Connection,
        target: &Target,
    ) -> Result<()> {
        if let Some(consumer) = &self.consumer {
            target.require_consumer(connection, consumer).await?;
        }
        Ok(())
    }

    /// Which entries of the group, and for how long they must not have been delivered.
    pub(in crate::commands) fn resolve(self, spec: &GroupSpec) -> (Which, Duration) {
        if !self.ids.is_empty() {
            return (Which::Ids(self.ids), self.idle.unwrap_or_default());
        }
        let idle_min = self.idle.unwrap_or(spec.claim_idle);
        let filter = Criteria {
            consumer: self.consumer,
            idle_min,
            deliveries_min: self.min_deliveries.unwrap_or_default(),
            ..Criteria::default()
        };
        let which = Which::Matching {
            filter,
            count_max: self.count as usize,
        };
        (which, idle_min)
    }
}
