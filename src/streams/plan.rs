//! What the plans of this layer have in common as data: how many entries they affect, the oldest of them, and the
//! consumers that hold them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::repaired::Subject;
use super::target::Target;
use crate::model::{EntryId, GroupInfo, Lag, Name, PlanFacts, PlanHolder, SeenGroup, is_fatal};

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

/// How many entries are planned, the oldest of them, and the consumers that hold them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: u64,
    oldest: Option<EntryId>,
    held: BTreeMap<Option<Name>, PlanHolder>,
}

impl Tally {
    pub(super) fn add(&mut self, subject: &Subject) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(subject.id, |it| it.min(subject.id)));
        if !self.held.contains_key(&subject.consumer) {
            let holder = PlanHolder {
                consumer: subject.consumer.clone(),
                entries: 0,
                deliveries_max: None,
                idle_min_ms: None,
            };
            self.held.insert(subject.consumer.clone(), holder);
        }
        let Some(holder) = self.held.get_mut(&subject.consumer) else {
            return;
        };
        holder.entries += 1;
        let deliveries = subject.deliveries.filter(|it| !is_fatal(*it));
        holder.deliveries_max = holder.deliveries_max.max(deliveries);
        let idle_ms = [holder.idle_min_ms, subject.idle_ms];
        holder.idle_min_ms = idle_ms.into_iter().flatten().min();
    }

    /// The consumers by name; first those of no consumer.
    pub(super) fn by_name(&self) -> impl Iterator<Item = &PlanHolder> {
        self.held.values()
    }

    /// `facts` with what was counted.
    pub(super) fn facts(&self, facts: PlanFacts) -> PlanFacts {
        PlanFacts {
            count: self.count,
            entries: Some(Lag::Known(self.count)),
            holders: most_first(self.held.values().cloned().collect()),
            ..facts
        }
        .since(self.oldest)
    }
}

/// `holders` sorted by the number of entries, greatest first.
pub(super) fn most_first(mut holders: Vec<PlanHolder>) -> Vec<PlanHolder> {
    holders.sort_by_key(|it| Reverse(it.entries));
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_is_counted_by_who_holds_it() {
        let subject = |ms, consumer: Option<&str>, idle_ms, deliveries| Subject {
            id: EntryId::new(ms, 0),
            consumer: consumer.map(Name::from),
            idle_ms: Some(idle_ms),
            deliveries: Some(deliveries),
        };
        let mut tally = Tally::default();
        for planned in [
            subject(7, Some("a"), 500, 2),
            subject(3, None, 900, 1),
            subject(5, Some("b"), 700, 1),
            subject(4, Some("b"), 600, 4),
        ] {
            tally.add(&planned);
        }
        let facts = tally.facts(PlanFacts::default());
        assert_eq!(facts.count, 4);
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
