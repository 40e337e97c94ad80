//! One group: how far behind it is, what it has pending, what it has lost, and how much room it has left.

use std::time::Duration;

use anyhow::Result;

use super::super::lag::{headroom, is_ahead, lag, lost, lost_in_all, lost_open};
use super::count::{ENTRIES_MAX, Range};
use super::live::Living;
use super::pace::{Pace, Sight, rate_cell};
use super::rate::Rate;
use super::{GroupState, Reference, Survey};
use crate::model::{
    Cell, ConsumerInfo, Entry, EntryId, GroupInfo, Lag, Losses, Name, OpenBreaker, PendingEntry,
    StreamInfo, Time, is_fatal, report,
};
use crate::streams::policy::Published;
use crate::streams::target::Target;
use crate::topology::{
    Alert, AlertName, Figures, GroupSpec, Level, Measure, Thresholds, Topology, losses_key,
};
use crate::wire::{
    Error, ErrorKind, PendingFilter, allowed, get, unless_other_type, xinfo_consumers,
    xpending_entries, xrange,
};

report! {
    /// The facts about a group. `None` means unknown, or, for a missing group, that there is no value.
    #[derive(Clone, Debug, Default, serde::Deserialize)]
    pub struct GroupReport ranked by rank_by_severity {
        /// The group.
        pub group: Name => text("GROUP") by Self::name_cell,
        /// Its stream.
        pub stream: Name => text("STREAM", wide),
        /// Whether it exists on the server.
        pub state: GroupState => whole("STATE", wide);
            gauge("ucp_streams_group_exists", "1 when it exists on the server") from |it: &Self| it.state == GroupState::Ready,
        /// Entries not delivered to the group yet.
        pub lag: Option<Lag> => number("LAG") by Self::lag_cell;
            gauge("redis_stream_group_lag");
            gauge("ucp_streams_group_lag_at_least", "The least that its lag can be") from |it: &Self| it.lag.and_then(Lag::at_least);
            gauge("ucp_streams_group_lag_at_most", "The most that its lag can be") from |it: &Self| it.lag.and_then(Lag::at_most);
            gauge("ucp_streams_group_lag_known", "1 when its lag is known exactly") from |it: &Self| it.lag.map(Lag::is_known),
        /// Age of the oldest undelivered entry that is still in the stream.
        pub undelivered_age_ms: Option<u64> => millis("BEHIND", wide)
            by |it| it.age_cell(it.undelivered_age_ms);
            seconds("ucp_streams_group_oldest_undelivered_age_seconds"),
        /// The last id delivered to the group.
        pub last_delivered_id: Option<EntryId> => whole("LAST DELIVERED", wide);
            gauge("redis_stream_group_last_delivered_id",
                "The time in the id that was delivered last, in milliseconds"),
        /// The oldest undelivered entry that is still in the stream; `None` also when there is none.
        pub undelivered_id: Option<EntryId> => whole("FIRST UNDELIVERED", wide),
        /// Entries delivered and not acknowledged.
        pub pending: Option<u64> => number("PENDING")
            by |it| it.alarmed(it.pending, AlertName::MaxPending);
            gauge("redis_stream_group_messages_pending"),
        /// The pending entry with the least id; `None` also when nothing is pending.
        pub oldest_pending_id: Option<EntryId> => whole("OLDEST PENDING", wide),
        /// Time since that entry was added.
        pub oldest_pending_age_ms: Option<u64> => millis("OLDEST", wide)
            by |it| it.age_cell(it.oldest_pending_age_ms);
            seconds("ucp_streams_group_oldest_pending_age_seconds",
                "Time since its oldest pending entry was added"),
        /// Time since that entry was last delivered.
        pub oldest_pending_idle_ms: Option<u64> => millis("IDLE") by Self::idle_cell;
            seconds("ucp_streams_group_oldest_pending_idle_seconds",
                "Time since its oldest pending entry was last delivered"),
        /// How often that entry was delivered.
        pub oldest_pending_deliveries: Option<u64> => number("DELIVERIES", wide)
            by Self::deliveries_cell;
            gauge("ucp_streams_group_oldest_pending_deliveries",
                "How often its oldest pending entry was delivered"),
        /// Whether that entry was given up for good (`XNACK … FATAL`); `None` also when there is no such entry.
        pub oldest_pending_is_fatal: Option<bool>,
        /// The consumer that holds that entry.
        pub oldest_pending_consumer: Option<Name> => text("HELD BY", wide),
        /// Whether that entry was trimmed, so that nobody can process it any more.
        pub oldest_pending_is_trimmed: Option<bool> => whole("TRIMMED", wide),
        /// Live consumers: active within the last minute, or within the claim idle of their workers if that is
        /// longer; `None` when the user may not ask.
        pub live: Option<u64> => number("LIVE") by Self::live_cell;
            gauge("ucp_streams_group_live_consumers"),
        /// Its consumers.
        pub consumers: Vec<ConsumerInfo> => number("CONSUMERS", wide) by Self::consumers_cell;
            gauge("redis_stream_group_consumers", "How many consumers it has") from |it: &Self| it.live.map(|_| it.consumers.len()),
        /// Entries that were trimmed or deleted before they were delivered, in total: those that workers recorded, and
        /// those that have been lost since.
        pub lost: Option<Lag> => number("LOST") by |it| it.lost_cell(it.lost);
            gauge("ucp_streams_group_lost");
            gauge("ucp_streams_group_lost_at_least", "The least that it can have lost") from |it: &Self| it.lost.and_then(Lag::at_least),
        /// How many of these were not accepted yet (`groups accept-loss`).
        pub lost_unaccepted: Option<Lag> => number("NOT ACCEPTED", wide)
            by |it| it.lost_cell(it.lost_unaccepted);
            gauge("ucp_streams_group_lost_not_accepted_at_least",
                "The least that it can have lost without `groups accept-loss`")
            from |it: &Self| it.lost_unaccepted.and_then(Lag::at_least),
        /// How many entries can be added before the group loses one; `None` when the stream has no limit.
        pub headroom: Option<Lag> => number("ROOM") by |it| it.alarmed(it.headroom, AlertName::MinRoom);
            gauge("ucp_streams_group_room");
            gauge("ucp_streams_group_room_at_least", "The least that its room can be") from |it: &Self| it.headroom.and_then(Lag::at_least),
        /// How long that takes at the stream's present rate; `None` when the rate is unknown or nothing was added
        /// lately.
        pub headroom_ms: Option<u64> => millis("FOR")
            by |it| it.alarmed(it.headroom_ms.map(Cell::Millis), AlertName::MinRoom);
            seconds("ucp_streams_group_room_seconds",
                "How long it takes at the present rate until the group loses an entry"),
        /// The window over which the rate was measured: the last minute or the last 15 minutes.
        pub rate_window_ms: Option<u64> => millis("OVER", wide),
        /// Entries delivered to the group per minute, between two observations; `None` when it was observed once (see
        /// `lag --over`), and when entries were lost meanwhile.
        pub delivered_per_minute: Option<f64> => number("READ/MIN", wide, sparse)
            by |it| rate_cell(it.delivered_per_minute),
        /// How many more of them were delivered than added per minute; below 0 the group falls behind.
        pub gained_per_minute: Option<f64> => number("GAIN/MIN", wide, sparse)
            by |it| rate_cell(it.gained_per_minute),
        /// How long it takes at this pace until all entries are delivered; `None` when the group gains nothing, when
        /// the lag is not known, and when the observations are less than 30 seconds apart.
        pub catch_up_ms: Option<u64> => millis("CAUGHT UP IN", wide, sparse) by Self::catch_up_cell,
        /// The time between the two observations.
        pub pace_window_ms: Option<u64> => millis("MEASURED", wide, sparse),
        /// The figures that are beyond a threshold of the topology, or may be beyond it because they are unknown.
        pub alerts: Vec<Alert> => text("ALERTS", wide) by Self::alerts_cell,
        /// The most severe level among the alerts; `None` when there is none.
        pub severity: Option<Level>,
        /// Whether the lag was counted, entry by entry.
        pub is_counted: bool => whole("COUNTED", wide),
        /// Whether the topology has the stream, but not this group.
        pub is_extra: bool => whole("EXTRA", wide),
        /// The open circuit breaker, if every attempt of the group's workers fails, so that they pause and try one
        /// entry at a time; `None` also when the user may not ask.
        pub circuit_breaker: Option<OpenBreaker> => text("BREAKER", wide) by Self::breaker_cell;
            gauge("ucp_streams_group_circuit_breaker_open",
                "1 while every attempt of its workers fails, and they try one entry at a time") from |it: &Self| {
                (it.state == GroupState::Ready).then_some(it.circuit_breaker.is_some())
            },
        /// When that was, and the server's counters then; `None` for a missing group.
        #[serde(skip)]
        pub counters: Option<CountersThen>,
        /// The figures that the alerts were decided from.
        #[serde(skip)]
        pub figures: Figures,
        /// The thresholds that the alerts were decided by.
        #[serde(skip)]
        pub thresholds: Thresholds,
    }
}

impl GroupReport {
    /// Sorts the worst groups first: missing groups, then by the severity of the alerts, and among equals by the lag.
    fn rank_by_severity(&self) -> u64 {
        const EACH: u64 = 1 << 60;
        let behind = || {
            let lag = self.figures.lag.and_then(Lag::entries);
            EACH - 1 - lag.unwrap_or_default().min(EACH - 1)
        };
        match self.severity {
            _ if self.state == GroupState::Missing => 0,
            Some(Level::Critical) => EACH + behind(),
            Some(Level::Warning) => 2 * EACH + behind(),
            None => 3 * EACH,
        }
    }
}

impl GroupReport {
    /// A group that the server does not have.
    pub(super) fn missing(group: Name, stream: Name) -> Self {
        Self {
            group,
            stream,
            state: GroupState::Missing,
            ..Self::default()
        }
    }
}

/// The time of an observation, and what the server had counted by then.
#[derive(Clone, Copy, Debug)]
pub struct CountersThen {
    at: Time,
    entries_added: Option<u64>,
    entries_read: Option<u64>,
}

impl GroupReport {
    /// Adds how fast the group reads and when it will have caught up, by what was seen of it `before`. Nothing is
    /// added where the group was not there, or was put back since.
    pub fn add_pace(&mut self, before: &Self) {
        let sights = before.sight().zip(self.sight());
        let pace = sights.and_then(|(before, now)| Pace::between(&before, &now));
        self.delivered_per_minute = pace.and_then(Pace::delivered_per_minute);
        self.gained_per_minute = pace.and_then(Pace::gained_per_minute);
        self.catch_up_ms = pace.and_then(|it| it.catch_up_ms);
        self.pace_window_ms = pace.map(|it| it.window_ms);
    }

    fn sight(&self) -> Option<Sight> {
        let CountersThen {
            at,
            entries_added,
            entries_read,
        } = self.counters?;
        Some(Sight {
            at,
            entries_added,
            entries_read,
            position: self.last_delivered_id?,
            lag: self.lag,
            lost: self.lost,
        })
    }
}

/// Adds to each group how fast it reads, by what was seen of the same group `before`.
pub fn add_paces(now: &mut [GroupReport], before: &[GroupReport]) {
    for group in now {
        let is_same = |it: &&GroupReport| it.group == group.group && it.stream == group.stream;
        if let Some(before) = before.iter().find(is_same) {
            group.add_pace(before);
        }
    }
}

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
    let (published, consumers, oldest, next, kept) = tokio::join!(
        Published::look(connection, stream, &group.name),
        connection.run(xinfo_consumers(stream, &group.name)),
        connection.run(xpending_entries(stream, &group.name, &one)),
        connection.run(xrange(stream, after, EntryId::MAX, 1)),
        connection.run(kept),
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
        consumers: consumers.unwrap_or_default(),
        ..of_info(around, &group, kept.as_ref()).await?
    };
    report.add_oldest(
        allowed(oldest)?.unwrap_or_default().pop(),
        around.info,
        moment,
    );
    report.add_next(allowed(next)?.unwrap_or_default().pop(), moment);
    report.figures = report.figures(around, &group, kept.as_ref());
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
    let room = around.maxlen.map(|maxlen| headroom(maxlen, most));
    Ok(GroupReport {
        state: GroupState::Ready,
        is_extra: around.is_extra(&group.name),
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
        let spec = self.survey.topology.groups_of(self.stream);
        let spec = { spec }.find(|spec| spec.name == *group);
        spec.map_or_else(
            || GroupSpec::new(group.clone(), self.stream.clone()).claim_idle,
            |spec| spec.claim_idle,
        )
    }

    /// Whether the topology has the stream, but no group of this name on it.
    fn is_extra(&self, group: &Name) -> bool {
        self.survey.topology.stream(self.stream).is_some()
            && !self
                .survey
                .topology
                .groups_of(self.stream)
                .any(|spec| spec.name == *group)
    }
}

impl GroupReport {
    /// A group of the topology that is missing on the server.
    pub(super) fn expected(spec: &GroupSpec) -> Self {
        let mut report = Self {
            figures: Figures {
                is_missing: true,
                ..Figures::default()
            },
            ..Self::missing(spec.name.clone(), spec.stream.clone())
        };
        report.judge_by(spec.alert);
        report
    }

    /// Adds how long its room lasts at the rate of its stream, and decides its alerts again.
    pub(super) fn add_rate(&mut self, rate: Option<Rate>, topology: &Topology) {
        let Some(rate) = rate.filter(|_| self.state == GroupState::Ready) else {
            return;
        };
        self.headroom_ms = self.headroom.and_then(|room| rate.time_left(room));
        self.rate_window_ms = Some(rate.window_ms);
        self.figures.room_ms = self.headroom_ms;
        self.judge(topology);
    }

    /// Decides its alerts again from its figures.
    pub fn judge(&mut self, topology: &Topology) {
        self.judge_by(topology.thresholds(&self.stream, &self.group));
    }

    pub(super) fn judge_by(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
        self.alerts = thresholds.alerts(&self.figures);
        self.severity = self.alerts.iter().map(|it| it.level).max();
    }

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

impl From<&GroupReport> for Target {
    fn from(group: &GroupReport) -> Self {
        Self {
            stream: group.stream.clone(),
            group: group.group.clone(),
        }
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
