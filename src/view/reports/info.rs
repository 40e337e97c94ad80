//! `info`: streams, then groups, then consumers.

use serde::Serialize;

use super::pending::deliveries_cell;
use crate::model::{Lag, Name, OpenBreaker, Problem};
use crate::streams::consumers::Member;
use crate::streams::inspect::{GroupReport, GroupState, StreamReport, StreamState};
use crate::topology::{Alert, AlertName, Level};
use crate::view::{Cell, Column, Report, Row, Section, Tone};

impl Row for StreamReport {
    const COLUMNS: &'static [Column] = &[
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE"),
        Column::number("length", "LENGTH"),
        Column::number("maxlen", "MAXLEN"),
        Column::whole("first_id", "FIRST ID").wide(),
        Column::whole("first_time", "FIRST TIME").wide(),
        Column::number("first_age_ms", "FIRST"),
        Column::whole("last_id", "LAST ID").wide(),
        Column::whole("last_time", "LAST TIME").wide(),
        Column::number("last_age_ms", "LAST"),
        Column::number("entries_added", "ADDED").wide(),
        Column::number("rate_per_minute", "PER MIN").wide(),
        Column::number("rate_window_ms", "OVER").wide(),
        Column::number("bytes", "BYTES"),
        Column::number("dead_letters", "DEAD"),
        Column::text("slowest_group", "SLOWEST GROUP").wide(),
        Column::number("headroom", "ROOM").wide(),
        Column::number("headroom_ms", "ROOM FOR").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            stream,
            state,
            length,
            maxlen,
            first_id,
            first_time,
            first_age_ms,
            last_id,
            last_time,
            last_age_ms,
            entries_added,
            rate_per_minute,
            rate_window_ms,
            bytes,
            dead_letters,
            slowest_group,
            headroom,
            headroom_ms,
            groups: _,
        } = self;
        // What a missing stream lacks is absent, not unknown.
        let known = |cell: Cell| match state {
            StreamState::Ready => cell,
            _ => Cell::Nothing,
        };
        vec![
            stream.into(),
            state_of(*state),
            known((*length).into()),
            Cell::or_nothing(*maxlen),
            Cell::or_nothing(*first_id),
            Cell::or_nothing(*first_time),
            first_age_ms.map_or(Cell::Nothing, Cell::Millis),
            Cell::or_nothing(*last_id),
            Cell::or_nothing(*last_time),
            last_age_ms.map_or(Cell::Nothing, Cell::Millis),
            known((*entries_added).into()),
            rate_per_minute.map_or(Cell::Nothing, |rate| format!("{rate:.1}").into()),
            rate_window_ms.map_or(Cell::Nothing, Cell::Millis),
            known(Cell::bytes(*bytes)),
            match dead_letters {
                Some(0) => 0_u64.into(),
                Some(count) => Cell::Count(*count).toned(Tone::Warn),
                None => Cell::Unknown,
            },
            Cell::or_nothing(slowest_group.as_ref()),
            Cell::or_nothing(*headroom),
            headroom_ms.map_or(Cell::Nothing, Cell::Millis),
        ]
    }
}

fn state_of(state: StreamState) -> Cell {
    let tone = match state {
        StreamState::Ready => Tone::Ok,
        StreamState::Missing => Tone::Warn,
        StreamState::OtherType => Tone::Bad,
    };
    Cell::Word(tone, state.word().to_owned())
}

impl Row for GroupReport {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM").wide(),
        Column::whole("state", "STATE").wide(),
        Column::number("lag", "LAG"),
        Column::number("undelivered_age_ms", "BEHIND").wide(),
        Column::whole("last_delivered_id", "LAST DELIVERED").wide(),
        Column::whole("undelivered_id", "FIRST UNDELIVERED").wide(),
        Column::number("pending", "PENDING"),
        Column::whole("oldest_pending_id", "OLDEST PENDING").wide(),
        Column::number("oldest_pending_age_ms", "OLDEST").wide(),
        Column::number("oldest_pending_idle_ms", "IDLE"),
        Column::number("oldest_pending_deliveries", "DELIVERIES").wide(),
        Column::text("oldest_pending_consumer", "HELD BY").wide(),
        Column::whole("oldest_pending_is_trimmed", "TRIMMED").wide(),
        Column::number("live", "LIVE"),
        Column::number("consumers", "CONSUMERS").wide(),
        Column::number("lost", "LOST"),
        Column::number("lost_unaccepted", "NOT ACCEPTED").wide(),
        Column::number("headroom", "ROOM"),
        Column::number("headroom_ms", "FOR"),
        Column::number("rate_window_ms", "OVER").wide(),
        Column::text("alerts", "ALERTS").wide(),
        Column::whole("is_counted", "COUNTED").wide(),
        Column::whole("is_extra", "EXTRA").wide(),
        Column::text("circuit_breaker", "BREAKER").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            is_extra,
            lag,
            is_counted,
            last_delivered_id,
            undelivered_id,
            undelivered_age_ms,
            pending,
            oldest_pending_id,
            oldest_pending_age_ms,
            oldest_pending_idle_ms,
            oldest_pending_deliveries,
            oldest_pending_is_fatal,
            oldest_pending_consumer,
            oldest_pending_is_trimmed,
            lost,
            lost_unaccepted,
            headroom,
            headroom_ms,
            rate_window_ms,
            alerts,
            severity: _,
            figures: _,
            circuit_breaker,
            live,
            consumers,
        } = self;
        let idle = oldest_pending_idle_ms.map_or(Cell::Nothing, Cell::Millis);
        let idle = match oldest_pending_is_trimmed {
            Some(true) => idle.shown_as(Tone::Bad, "trimmed"),
            _ => alarmed(idle, alerts, AlertName::MaxIdle),
        };
        let [behind, oldest] = ages(*undelivered_age_ms, *oldest_pending_age_ms, alerts);
        vec![
            group_cell(group, *is_extra),
            stream.into(),
            group_state(*state),
            lag_cell(*lag, alerts),
            behind,
            Cell::or_nothing(*last_delivered_id),
            Cell::or_nothing(*undelivered_id),
            alarmed(Cell::or_nothing(*pending), alerts, AlertName::MaxPending),
            Cell::or_nothing(*oldest_pending_id),
            oldest,
            idle,
            deliveries_cell(
                *oldest_pending_deliveries,
                oldest_pending_is_fatal.unwrap_or_default(),
            ),
            Cell::or_nothing(oldest_pending_consumer.as_ref()),
            Cell::or_nothing(*oldest_pending_is_trimmed),
            live_of(*state, *live, consumers.len() as u64, alerts),
            match state {
                GroupState::Ready => consumers.len().into(),
                GroupState::Missing => Cell::Nothing,
            },
            lost.map_or(Cell::Nothing, |lost| lost_cell(lost, alerts)),
            lost_unaccepted.map_or(Cell::Nothing, |lost| lost_cell(lost, alerts)),
            alarmed(Cell::or_nothing(*headroom), alerts, AlertName::MinRoom),
            room_for(*headroom_ms, alerts),
            rate_window_ms.map_or(Cell::Nothing, Cell::Millis),
            alerts_of(alerts),
            (*is_counted).into(),
            (*is_extra).into(),
            breaker_of(circuit_breaker.as_ref()),
        ]
    }
}

/// A group's name; one that the topology does not name says so.
pub(super) fn group_cell(group: &Name, is_extra: bool) -> Cell {
    let cell = Cell::from(group);
    if is_extra {
        cell.noted(Tone::Warn, "extra")
    } else {
        cell
    }
}

/// The cell stands out, with and without colour, when its threshold is among `alerts`.
pub(super) fn alarmed(cell: Cell, alerts: &[Alert], name: AlertName) -> Cell {
    match alerts.iter().find(|alert| alert.name == name) {
        Some(alert) => cell.over(tone_of(alert.level)),
        None => cell,
    }
}

/// How many of a group's consumers live.
pub(super) fn live_of(
    state: GroupState,
    live: Option<u64>,
    consumers: u64,
    alerts: &[Alert],
) -> Cell {
    match (state, live) {
        (GroupState::Missing, _) => Cell::Nothing,
        (GroupState::Ready, None) => Cell::Unknown,
        (GroupState::Ready, Some(live)) => {
            alarmed(Cell::Part(live, consumers), alerts, AlertName::MinLive)
        }
    }
}

/// The ages of the oldest undelivered and of the oldest unacknowledged entry: the greater one is what is too old.
pub(super) fn ages(
    undelivered_ms: Option<u64>,
    oldest_pending_ms: Option<u64>,
    alerts: &[Alert],
) -> [Cell; 2] {
    let greatest = undelivered_ms.max(oldest_pending_ms);
    [undelivered_ms, oldest_pending_ms].map(|age_ms| match age_ms {
        None => Cell::Nothing,
        Some(ms) if age_ms == greatest => alarmed(Cell::Millis(ms), alerts, AlertName::MaxAge),
        Some(ms) => Cell::Millis(ms),
    })
}

/// For how long the room lasts.
pub(super) fn room_for(headroom_ms: Option<u64>, alerts: &[Alert]) -> Cell {
    let lasts = |ms| alarmed(Cell::Millis(ms), alerts, AlertName::MinRoom);
    headroom_ms.map_or(Cell::Nothing, lasts)
}

/// A group's lag: over its threshold, or unknown where that may hide that it is.
pub(super) fn lag_cell(lag: Option<Lag>, alerts: &[Alert]) -> Cell {
    let cell = lag_of(lag);
    let is = |name| alerts.iter().any(|alert| alert.name == name);
    if is(AlertName::Ahead) {
        return cell.shown_as(Tone::Bad, "ahead!");
    }
    if is(AlertName::MaxLag) {
        alarmed(cell, alerts, AlertName::MaxLag)
    } else {
        alarmed(cell, alerts, AlertName::LagUnknown)
    }
}

const fn tone_of(level: Level) -> Tone {
    match level {
        Level::Warning => Tone::Warn,
        Level::Critical => Tone::Bad,
    }
}

/// The thresholds by name.
pub(super) fn alerts_of(alerts: &[Alert]) -> Cell {
    let words: Vec<&str> = alerts.iter().map(|alert| alert.name.word()).collect();
    if words.is_empty() {
        return Cell::Nothing;
    }
    Cell::from(words.join(" "))
}

/// Why everything fails, where it does.
pub(super) fn breaker_of(breaker: Option<&OpenBreaker>) -> Cell {
    breaker.map_or(Cell::Nothing, |open| {
        Cell::from(open.reason.as_str()).toned(Tone::Bad)
    })
}

/// Known losses stand out.
pub(super) fn lost_cell(lost: Lag, alerts: &[Alert]) -> Cell {
    match lost {
        _ if alerts.iter().any(|it| it.name == AlertName::Lost) => {
            alarmed(lost.into(), alerts, AlertName::Lost)
        }
        Lag::Known(entries) | Lag::AtLeast(entries) if entries > 0 => {
            Cell::from(lost).toned(Tone::Bad)
        }
        other => other.into(),
    }
}

/// A group without a lag is one that is not there.
pub(super) fn lag_of(lag: Option<Lag>) -> Cell {
    lag.map_or_else(|| Cell::Nothing.shown_as(Tone::Warn, "missing"), Into::into)
}

pub(super) fn group_state(state: GroupState) -> Cell {
    match state {
        GroupState::Ready => Cell::Word(Tone::Ok, "ready".to_owned()),
        GroupState::Missing => Cell::Word(Tone::Warn, "missing".to_owned()),
    }
}

/// All that `info` has to say.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Info<'a> {
    streams: &'a [StreamReport],
    #[serde(skip)]
    with_consumers: bool,
}

impl<'a> Info<'a> {
    /// Of these streams; consumers, of which there can be many, in a list of their own if asked for.
    pub const fn new(streams: &'a [StreamReport], with_consumers: bool) -> Self {
        Self {
            streams,
            with_consumers,
        }
    }
}

impl Report for Info<'_> {
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        section.list(self.streams)?;
        let groups: Vec<&GroupReport> = self.streams.iter().flat_map(|it| &it.groups).collect();
        if !groups.is_empty() || section.picks() {
            section.heading("groups");
            section.list(&groups)?;
        }
        let consumers: Vec<Member> = groups
            .iter()
            .flat_map(|group| {
                let of = |it| Member::new(&group.stream, &group.group, it);
                group.consumers.iter().map(of)
            })
            .collect();
        if self.with_consumers && !consumers.is_empty() || section.picks() {
            section.heading("consumers");
            section.list(&consumers)?;
        }
        Ok(())
    }
}

impl<R: Row> Row for &R {
    const COLUMNS: &'static [Column] = R::COLUMNS;

    fn cells(&self) -> Vec<Cell> {
        (**self).cells()
    }
}
