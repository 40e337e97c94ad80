//! Counts the undelivered entries of a group one by one, for `--exact`.

use anyhow::Result;

use super::GroupReport;
use crate::model::{EntryId, Lag, Name};
use crate::topology::Topology;
use crate::wire::{Lane, Scan, Stop};

/// Counts the entries that were not delivered to the group, up to `count_max`; beyond it the count is a lower bound.
/// Reads the entries themselves, in pages, because no server can count a range.
///
/// # Errors
/// Errors of the server.
pub async fn count(
    lane: &mut Lane,
    topology: &Topology,
    group: &mut GroupReport,
    count_max: usize,
) -> Result<()> {
    let Some(position) = group.last_delivered_id.filter(|_| !group.figures.is_ahead) else {
        return Ok(());
    };
    let counted = between(lane, &group.stream, position, EntryId::MAX, count_max).await?;
    group.is_counted = true;
    group.lag = Some(counted);
    group.figures.lag = Some(firmer(counted, group.figures.lag));
    group.judge(topology);
    Ok(())
}

/// Combines a count with an earlier figure: a count that stopped early must not replace a better one.
fn firmer(counted: Lag, before: Option<Lag>) -> Lag {
    match (counted, before) {
        (Lag::AtLeast(entries), Some(known @ (Lag::Known(least) | Lag::AtLeast(least))))
            if least >= entries =>
        {
            known
        }
        (counted, _) => counted,
    }
}

/// Counts the entries of `stream` after `after` and up to `to`; beyond `count_max` the count is a lower bound.
///
/// # Errors
/// Errors of the server.
pub(in crate::streams) async fn between(
    lane: &mut Lane,
    stream: &Name,
    after: EntryId,
    to: EntryId,
    count_max: usize,
) -> Result<Lag> {
    let mut entries = 0_usize;
    if let Some(start) = after.next() {
        let range = Scan {
            start,
            end: to,
            count_max: count_max.saturating_add(1),
            ..Scan::ALL
        };
        lane.scan(stream, range, |_, _| {
            entries += 1;
            Ok::<(), Stop>(())
        })
        .await
        .map_err(Stop::into_error)?;
    }
    Ok(if entries > count_max {
        Lag::AtLeast(count_max as u64)
    } else {
        Lag::Known(entries as u64)
    })
}
