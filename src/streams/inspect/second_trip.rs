//! The second round trip, about one group: what is pending, who lives, what comes next, and what was lost.

use std::time::Duration;

use anyhow::Result;

use super::super::lag::{headroom, is_ahead, lag, lost, lost_in_all, lost_open};
use super::count::{ENTRIES_MAX, Range};
use super::group::{CountersThen, GroupReport};
use super::live::Living;
use super::{GroupState, Reference, Survey, retries};
use crate::model::{
    Entry, EntryId, GroupInfo, Lag, Losses, Name, PendingEntry, StreamInfo, Time, is_fatal,
};
use crate::streams::init::stands_elsewhere;
use crate::streams::policy::Published;
use crate::topology::{Figures, GroupSpec, Measure, is_temporary, losses_key};
use crate::wire::{
    Error, ErrorKind, PendingFilter, allowed, get, unless_other_type, xinfo_consumers,
    xpending_entries, xrange,
};

/// The facts about its stream that a group's figures depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamContext<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) stream: &'a Name,
    pub(super) info: &'a StreamInfo,
    pub(super) maxlen: Option<u64>,
    /// Entries in its dead-letter stream; `None` when that was not looked at.
    pub(super) dead_letters: Option<u64>,
}

/// Asks for what `XINFO GROUPS` does not say, in one round trip. A group that is deleted in the meantime is reported
/// as missing.
pub(super) async fn report(around: StreamContext<'_>, group: GroupInfo) -> Result<GroupReport> {
    let (connection, stream) = (around.survey.connection, around.stream);
    let moment = around.survey.moment;
    let one = PendingFilter {
        count_max: 1,
        ..PendingFilter::default()
    };
    let after = group.last_delivered_id.next().unwrap_or(EntryId::MAX);
    let kept = get(&losses_key(stream, &group.name));
    let (published, consumers, oldest, next, kept, retries) = tokio::join!(
        Published::look(connection, stream, &group.name),
        connection.run(xinfo_consumers(stream, &group.name)),
        connection.run(xpending_entries(stream, &group.name, &one)),
        connection.run(xrange(stream, after, EntryId::MAX, 1)),
        connection.run(kept),
        retries::look(connection, stream, &group.name),
    );
    if is_gone(&consumers) || is_gone(&oldest) {
        return Ok(GroupReport::missing(group.name, stream.clone()));
    }
    let kept = unless_other_type(kept)?.flatten();
    let kept = kept.and_then(|it| Losses::of_value(&it));
    let consumers = allowed(consumers)?;
    let published = published?.unwrap_or_default();
    let claim_idle = around.claim_idle(&group.name);
    let living = consumers
        .as_ref()
        .map(|consumers| Living::of(consumers, &published, claim_idle));
    let mut report = GroupReport {
        live: living.map(|it| it.live),
        consumers: consumers.clone().unwrap_or_default(),
        ..of_info(around, &group, kept.as_ref()).await?
    };
    report.add_oldest(
        allowed(oldest)?.unwrap_or_default().pop(),
        around.info,
        moment,
    );
    report.add_next(allowed(next)?.unwrap_or_default().pop(), moment);
    report.figures = report.figures(around, &group, kept.as_ref());
    let consumers = consumers.as_deref();
    report.add_retries(retries?, &published, consumers, moment.now);
    let age_ms = report.figures.age_ms;
    report.figures.live = living.and_then(|it| it.where_due(age_ms));
    report.judge(around.survey.topology);
    Ok(report)
}

fn is_gone<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(error) if matches!(error.kind, ErrorKind::NoGroup | ErrorKind::NoKey))
}

/// The facts from `XINFO`; the lag is counted when they are not enough.
async fn of_info(
    around: StreamContext<'_>,
    group: &GroupInfo,
    kept: Option<&Losses>,
) -> Result<GroupReport, Error> {
    let counters = around.survey.moment.counting.of(kept);
    let lost = lost(around.info, group, counters, kept);
    let stated = lag(around.info, group, counters);
    let counted = match stated {
        Lag::Known(_) => None,
        _ => counted(around, group, stated).await?,
    };
    // As much as it can be at most, which is what a lower bound takes nothing from.
    let most = match counted {
        Some(Lag::Known(entries)) => Lag::Known(entries),
        _ => at_most(stated, around.info, group),
    };
    let maxlen = around.maxlen.filter(|_| !is_temporary(&group.name));
    let room = maxlen.map(|maxlen| headroom(maxlen, most));
    Ok(GroupReport {
        state: GroupState::Ready,
        is_extra: around.is_extra(&group.name),
        is_temporary: is_temporary(&group.name),
        stands_elsewhere: around.stands_elsewhere(group),
        lag: Some(counted.unwrap_or(stated)),
        is_counted: counted.is_some(),
        last_delivered_id: Some(group.last_delivered_id),
        pending: Some(group.pending),
        lost: Some(lost_in_all(lost, kept)),
        lost_unaccepted: Some(lost_open(lost, kept)),
        headroom: room,
        counters: Some(CountersThen {
            at: around.survey.moment.now,
            entries_added: around.info.entries_added,
            entries_read: group.entries_read,
        }),
        ..GroupReport::missing(group.name.clone(), around.stream.clone())
    })
}

/// The lag, counted up to one more than its threshold; `None` when the count says less than `stated` does.
async fn counted(
    around: StreamContext<'_>,
    group: &GroupInfo,
    stated: Lag,
) -> Result<Option<Lag>, Error> {
    if is_ahead(around.info, group) {
        return Ok(None);
    }
    let thresholds = around
        .survey
        .topology
        .thresholds(around.stream, &group.name);
    let threshold = thresholds.of(Measure::MaxLag);
    let enough = threshold.map_or(ENTRIES_MAX, |it| it.critical.saturating_add(1));
    let range = Range {
        stream: around.stream,
        after: group.last_delivered_id,
        to: around.info.last_generated_id,
        entry_bytes: around.info.entry_bytes(),
    };
    let count_max = enough.min(ENTRIES_MAX);
    let counted = around
        .survey
        .counter
        .count(around.survey.connection, range, count_max)
        .await?;
    let is_within = |most| threshold.is_none_or(|it| most <= it.first());
    Ok(match (counted, stated) {
        (Lag::Unknown, _) => None,
        (Lag::AtLeast(_), Lag::AtMost(most)) if is_within(most) => None,
        (counted, _) => Some(counted),
    })
}

/// An unknown lag is at most the length of the stream; the lag of a group that is ahead is zero.
fn at_most(stated: Lag, stream: &StreamInfo, group: &GroupInfo) -> Lag {
    match stated {
        Lag::Unknown if !is_ahead(stream, group) => Lag::AtMost(stream.length),
        stated => stated,
    }
}

impl StreamContext<'_> {
    /// The claim idle in the topology for a group of this name on the stream, or the default.
    fn claim_idle(&self, group: &Name) -> Duration {
        self.spec(group).map_or_else(
            || GroupSpec::new(group.clone(), self.stream.clone()).claim_idle,
            |spec| spec.claim_idle,
        )
    }

    /// Whether the topology has the stream, but no group of this name on it, and the group is no replay's.
    fn is_extra(&self, group: &Name) -> bool {
        self.survey.topology.stream(self.stream).is_some()
            && self.spec(group).is_none()
            && !is_temporary(group)
    }

    /// Whether the topology has the group, which was never read from and is not at its start there.
    fn stands_elsewhere(&self, group: &GroupInfo) -> bool {
        let spec = self.spec(&group.name);
        spec.is_some_and(|spec| stands_elsewhere(spec.start, group))
    }

    /// The group of this name on the stream in the topology.
    fn spec(&self, group: &Name) -> Option<&GroupSpec> {
        let mut specs = self.survey.topology.groups_of(self.stream);
        specs.find(|spec| spec.name == *group)
    }
}

impl GroupReport {
    /// The figures that its alerts are decided from.
    fn figures(
        &self,
        around: StreamContext<'_>,
        group: &GroupInfo,
        kept: Option<&Losses>,
    ) -> Figures {
        Figures {
            is_missing: false,
            is_ahead: is_ahead(around.info, group),
            lag: self.lag,
            pending: self.pending,
            idle_ms: self.oldest_pending_idle_ms,
            age_ms: self.undelivered_age_ms.max(self.oldest_pending_age_ms),
            lost: certain_loss(self.lost_unaccepted, kept),
            room: self.headroom,
            room_ms: self.headroom_ms,
            live: None,
            dead_letters: around.dead_letters,
        }
    }

    fn add_oldest(&mut self, oldest: Option<PendingEntry>, stream: &StreamInfo, moment: Reference) {
        let Some(oldest) = oldest else { return };
        let first = stream.first.as_ref().map(|entry| entry.id);
        self.oldest_pending_id = Some(oldest.id);
        self.oldest_pending_age_ms = age(oldest.id, moment.now);
        self.oldest_pending_idle_ms = oldest.idle_ms;
        self.oldest_pending_is_fatal = Some(is_fatal(oldest.deliveries));
        self.oldest_pending_deliveries = Some(oldest.deliveries).filter(|it| !is_fatal(*it));
        self.oldest_pending_is_trimmed = Some(first.is_none_or(|first| oldest.id < first));
        self.oldest_pending_consumer = Some(oldest.consumer).filter(|name| !name.is_empty());
    }

    fn add_next(&mut self, next: Option<Entry>, moment: Reference) {
        // Nothing is after the greatest id: asked for what is, the server can only be asked for that.
        let Some(next) = next.filter(|it| Some(it.id) > self.last_delivered_id) else {
            return;
        };
        self.undelivered_id = Some(next.id);
        self.undelivered_age_ms = age(next.id, moment.now);
    }
}

/// The losses that are certain and were not accepted. Some of the recorded losses may have been deleted on purpose, but
/// all of them were removed before they were delivered.
fn certain_loss(unaccepted: Option<Lag>, kept: Option<&Losses>) -> Option<Lag> {
    match unaccepted {
        Some(Lag::AtMost(_)) if kept.is_some_and(|it| it.open() > 0) => Some(Lag::AtLeast(1)),
        unaccepted => unaccepted,
    }
}

/// Time since an entry was added, by its id; `None` for an id ahead of the clock.
pub(super) fn age(id: EntryId, now: Time) -> Option<u64> {
    now.ms.checked_sub(id.ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_ahead_of_the_clock_has_no_age() {
        assert_eq!(age(EntryId::new(5, 0), Time::from_ms(7)), Some(2));
        assert_eq!(age(EntryId::new(9, 0), Time::from_ms(7)), None);
    }
}
