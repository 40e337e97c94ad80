//! What the plans of this layer have in common as data: how many entries they affect, the oldest of them, and the
//! consumers that hold them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::repair::{Outcome, Repaired};
use super::target::Target;
use crate::model::{GroupInfo, Lag, Name, PlanFacts, PlanHolder, SeenGroup, is_fatal};

/// The group of `target` among the groups of its stream.
pub(super) fn seen(groups: &[GroupInfo], target: &Target) -> Option<SeenGroup> {
    let group = groups.iter().find(|it| it.name == target.group);
    group.map(SeenGroup::from)
}

/// The beginning of a plan about `target`.
pub(super) fn about(target: &Target, seen: Option<SeenGroup>, summary: String) -> PlanFacts {
    PlanFacts {
        stream: Some(target.stream.clone()),
        group: Some(target.group.clone()),
        seen,
        summary,
        other_groups: Some(Vec::new()),
        ..PlanFacts::default()
    }
}

/// `facts` with the number of planned `rows`, the oldest of them, and their holders.
pub(super) fn of_rows(facts: PlanFacts, rows: &[Repaired]) -> PlanFacts {
    let planned = || rows.iter().filter(|row| row.outcome == Outcome::Planned);
    let count = planned().count() as u64;
    PlanFacts {
        count,
        left_out: rows.len() as u64 - count,
        entries: Some(Lag::Known(count)),
        holders: holders(planned()),
        ..facts
    }
    .since(planned().map(|row| row.id).min())
}

/// The consumers that hold these entries, sorted by the number of entries, greatest first.
fn holders<'r>(rows: impl Iterator<Item = &'r Repaired>) -> Vec<PlanHolder> {
    let mut held: BTreeMap<Option<Name>, PlanHolder> = BTreeMap::new();
    for row in rows {
        let holder = held
            .entry(row.consumer.clone())
            .or_insert_with(|| PlanHolder {
                consumer: row.consumer.clone(),
                entries: 0,
                deliveries_max: None,
                idle_min_ms: None,
            });
        holder.entries += 1;
        let deliveries = row.deliveries.filter(|it| !is_fatal(*it));
        holder.deliveries_max = holder.deliveries_max.max(deliveries);
        let idle_ms = [holder.idle_min_ms, row.idle_ms];
        holder.idle_min_ms = idle_ms.into_iter().flatten().min();
    }
    most_first(held.into_values().collect())
}

/// `holders` sorted by the number of entries, greatest first.
pub(super) fn most_first(mut holders: Vec<PlanHolder>) -> Vec<PlanHolder> {
    holders.sort_by_key(|it| Reverse(it.entries));
    holders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryId;

    #[test]
    fn what_is_planned_is_counted_by_who_holds_it() {
        let row = |ms, outcome, consumer: Option<&str>, idle_ms, deliveries| Repaired {
            consumer: consumer.map(Name::from),
            idle_ms: Some(idle_ms),
            deliveries: Some(deliveries),
            ..Repaired::unseen(EntryId::new(ms, 0), outcome)
        };
        let rows = [
            row(7, Outcome::Planned, Some("a"), 500, 2),
            row(1, Outcome::Fresh, Some("a"), 1, 9),
            row(3, Outcome::Planned, None, 900, 1),
            row(5, Outcome::Planned, Some("b"), 700, 1),
            row(4, Outcome::Planned, Some("b"), 600, 4),
        ];
        let facts = of_rows(PlanFacts::default(), &rows);
        assert_eq!((facts.count, facts.left_out), (4, 1));
        assert_eq!(facts.entries, Some(Lag::Known(4)));
        assert_eq!(facts.oldest_id, Some(EntryId::new(3, 0)));
        let held: Vec<_> = facts
            .holders
            .iter()
            .map(|it| {
                let name = it.consumer.as_ref().map(ToString::to_string);
                (name, it.entries, it.deliveries_max, it.idle_min_ms)
            })
            .collect();
        let name = |it: &str| Some(it.to_owned());
        assert_eq!(
            held,
            [
                (name("b"), 2, Some(4), Some(600)),
                (None, 1, Some(1), Some(900)),
                (name("a"), 1, Some(2), Some(500)),
            ]
        );
    }
}
