//! One group: how far behind it is, what it has pending, what it has lost, and how much room it has left.

use super::GroupState;
use super::pace::{Pace, Sight};
use super::rate::Rate;
use crate::model::{Cell, ConsumerInfo, EntryId, Lag, Name, OpenBreaker, Paused, Time, report};
use crate::streams::target::Target;
use crate::topology::{Alert, AlertName, Figures, GroupSpec, Level, Thresholds, Topology};

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
        /// Entries in its retry stream (`{STREAM}:retry:GROUP`) not delivered yet; not part of `lag`, and counted with it
        /// in alerts. `None` when the user may not look.
        pub retry_lag: Option<u64> => number("RETRIES BEHIND", sparse) by |it| it.retry_cell(it.retry_lag);
            gauge("ucp_streams_group_retry_lag"),
        /// Entries in its retry stream delivered and not acknowledged; not part of `pending`, and counted with it in
        /// alerts.
        pub retry_pending: Option<u64> => number("RETRIES PENDING", sparse) by |it| it.retry_cell(it.retry_pending);
            gauge("ucp_streams_group_retry_pending"),
        /// Time since the oldest entry of its retry stream was added; `None` also when it is empty.
        pub retry_age_ms: Option<u64> => millis("RETRY AGE", wide, sparse);
            seconds("ucp_streams_group_oldest_retry_age_seconds",
                "Time since the oldest entry of its retry stream was added"),
        /// Whether a live worker reads its retry stream; `None` also when that is empty.
        pub is_retry_read: Option<bool> => whole("RETRIES READ", wide, sparse),
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
            by |it| Cell::rate(it.delivered_per_minute),
        /// How many more of them were delivered than added per minute; below 0 the group falls behind.
        pub gained_per_minute: Option<f64> => number("GAIN/MIN", wide, sparse)
            by |it| Cell::rate(it.gained_per_minute),
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
        /// Whether the topology has the stream, but not this group. A temporary group of `replay` is none of these.
        pub is_extra: bool => whole("EXTRA", wide),
        /// Whether it is the temporary group of a `replay`, which deletes it at its end.
        #[serde(default)]
        pub is_temporary: bool => whole("TEMPORARY", wide),
        /// The open circuit breaker, if every attempt of the group's workers fails, so that they pause and try one
        /// entry at a time; `None` also when the user may not ask.
        pub circuit_breaker: Option<OpenBreaker> => text("BREAKER", wide) by Self::breaker_cell;
            gauge("ucp_streams_group_circuit_breaker_open",
                "1 while every attempt of its workers fails, and they try one entry at a time") from |it: &Self| {
                (it.state == GroupState::Ready).then_some(it.circuit_breaker.is_some())
            },
        /// Since when, until when, by whom and why the group is paused, so that its workers take nothing; `None` while it is
        /// not, and when the user may not ask.
        pub paused: Option<Paused> => text("PAUSED", sparse) by Self::paused_cell;
            gauge("ucp_streams_group_paused", "1 while it is paused, so that its workers take nothing") from |it: &Self| {
                (it.state == GroupState::Ready).then_some(it.paused.is_some())
            },
        /// Whether it was never read from, and is not at the start that the topology gives.
        #[serde(skip)]
        pub stands_elsewhere: bool,
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
    pub(super) at: Time,
    pub(super) entries_added: Option<u64>,
    pub(super) entries_read: Option<u64>,
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

    /// Adds that it is paused. Nobody is expected to live while it is.
    pub(super) fn add_pause(&mut self, paused: Option<Paused>, topology: &Topology) {
        self.paused = paused;
        if self.paused.is_some() {
            self.figures.live = None;
            self.judge(topology);
        }
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
}

impl GroupReport {
    /// Its consumers, those first that asked for entries last.
    pub fn consumers_by_idle(&self) -> Vec<ConsumerInfo> {
        let mut consumers = self.consumers.clone();
        // Among those that were seen at once, the one that holds least.
        consumers.sort_by_key(|it| (it.idle_ms, it.pending));
        consumers
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
