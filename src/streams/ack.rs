//! Acknowledges entries without handling them, unless they changed since they were looked at.

use std::collections::BTreeMap;

use super::course::{BATCH, Course};
use super::repair::{Applied, Chosen, Outcome, Repaired};
use crate::model::{Consent, Name, PendingEntry};
use crate::wire::{Connection, Holder, Lease, acknowledge};

/// Acknowledges `chosen`, and deletes them if they are in the group's retry stream. An entry that was delivered again since it was looked at is skipped.
pub async fn apply_ack(
    connection: &Connection,
    chosen: Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let mut by_consumer: BTreeMap<&Name, Vec<&PendingEntry>> = BTreeMap::new();
    for entry in &chosen.entries {
        by_consumer.entry(&entry.consumer).or_default().push(entry);
    }
    let mut applied = Applied::default();
    let home = chosen.target.home();
    for (consumer, entries) in by_consumer {
        let holder = Holder {
            stream: &chosen.target.stream,
            group: &chosen.target.group,
            consumer,
            fence: None,
            home: home.as_ref(),
        };
        for batch in entries.chunks(BATCH) {
            if course.is_over() || applied.error.is_some() {
                let rows = batch.iter().map(|it| Repaired::seen(it, Outcome::NotTried));
                applied.rows.extend(rows);
                applied.is_stopped |= applied.error.is_none();
                continue;
            }
            let from = applied.rows.len();
            ack_batch(connection, holder, batch, &mut applied).await;
            applied.passed(&mut course, from);
        }
    }
    applied.rows.sort_by_key(|row| row.id);
    applied.rows.extend(chosen.left_out);
    applied
}

async fn ack_batch(
    connection: &Connection,
    holder: Holder<'_>,
    batch: &[&PendingEntry],
    applied: &mut Applied,
) {
    let row = |entry: &PendingEntry, outcome| Repaired::seen(entry, outcome);
    let leases: Vec<Lease> = batch.iter().map(|it| (it.id, it.deliveries)).collect();
    match connection.call(acknowledge(holder, &leases)).await {
        Ok(outcomes) => {
            let outcome = |held| {
                if held {
                    Outcome::Acknowledged
                } else {
                    Outcome::Moved
                }
            };
            let pairs = batch.iter().zip(outcomes);
            applied
                .rows
                .extend(pairs.map(|(entry, held)| row(entry, outcome(held))));
        }
        Err(error) => applied.fail(batch.iter().map(|it| row(it, Outcome::NotTried)), error),
    }
}
