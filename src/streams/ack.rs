//! Acknowledges entries without handling them, unless they changed since they were looked at.

use std::collections::BTreeMap;

use super::chosen::Chosen;
use super::course::{BATCH, Course};
use super::repair::Applied;
use super::repaired::{Outcome, Subject};
use super::target::Target;
use crate::model::{Consent, Name};
use crate::wire::{Connection, Holder, Lease, acknowledge};

/// Acknowledges `chosen`, and deletes them if they are in the group's retry stream. An entry that was delivered again since it was looked at is skipped.
pub async fn apply_ack(
    connection: &Connection,
    target: &Target,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let home = target.home();
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let mut by_consumer: BTreeMap<Name, Vec<&Subject>> = BTreeMap::new();
            for entry in batch {
                by_consumer.entry(entry.owner()).or_default().push(entry);
            }
            for (consumer, entries) in by_consumer {
                if applied.error.is_some() {
                    let not_tried = entries.iter().map(|it| it.row(Outcome::NotTried));
                    applied.rows.extend(not_tried);
                    continue;
                }
                let holder = Holder {
                    stream: &target.stream,
                    group: &target.group,
                    consumer: &consumer,
                    fence: None,
                    home: home.as_ref(),
                };
                acknowledge_all(connection, holder, &entries, applied).await;
            }
            applied.rows.sort_by_key(|row| row.id);
        },
    )
    .await
}

async fn acknowledge_all(
    connection: &Connection,
    holder: Holder<'_>,
    entries: &[&Subject],
    applied: &mut Applied,
) {
    let lease = |it: &&Subject| (it.id, it.deliveries.unwrap_or_default());
    let leases: Vec<Lease> = entries.iter().map(lease).collect();
    let outcomes = match connection.call(acknowledge(holder, &leases)).await {
        Ok(outcomes) => outcomes,
        Err(error) => return applied.fail(entries.iter().copied(), error),
    };
    let rows = entries.iter().zip(outcomes).map(|(entry, held)| {
        entry.row(if held {
            Outcome::Acknowledged
        } else {
            Outcome::Moved
        })
    });
    applied.rows.extend(rows);
}
