//! `groups`, and what was or would be done with one.

use super::info::{
    ages, alarmed, alerts_of, group_cell, group_state, lag_cell, live_of, lost_cell,
};
use super::init;
use crate::streams::groups::{Created, Deletion, Direction, Listed, Shift};
use crate::streams::inspect::{GroupReport, GroupState};
use crate::topology::AlertName;
use crate::view::{Cell, Column, Row, Tone};

impl Row for Listed {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE").wide(),
        Column::number("live", "LIVE"),
        Column::number("consumers", "CONSUMERS").wide(),
        Column::number("pending", "PENDING"),
        Column::number("oldest_pending_age_ms", "OLDEST").wide(),
        Column::number("oldest_pending_idle_ms", "IDLE").wide(),
        Column::number("lag", "LAG"),
        Column::number("undelivered_age_ms", "BEHIND").wide(),
        Column::number("lost", "LOST").wide(),
        Column::whole("last_delivered_id", "LAST DELIVERED").wide(),
        Column::text("alerts", "ALERTS").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let GroupReport {
            group,
            stream,
            state,
            is_extra,
            lag,
            last_delivered_id,
            undelivered_age_ms,
            pending,
            oldest_pending_age_ms,
            oldest_pending_idle_ms,
            lost,
            alerts,
            live,
            consumers,
            ..
        } = &self.0;
        let idle = oldest_pending_idle_ms.map_or(Cell::Nothing, Cell::Millis);
        let [behind, oldest] = ages(*undelivered_age_ms, *oldest_pending_age_ms, alerts);
        vec![
            group_cell(group, *is_extra),
            stream.into(),
            group_state(*state),
            live_of(*state, *live, consumers.len() as u64, alerts),
            match state {
                GroupState::Ready => consumers.len().into(),
                GroupState::Missing => Cell::Nothing,
            },
            alarmed(Cell::or_nothing(*pending), alerts, AlertName::MaxPending),
            oldest,
            alarmed(idle, alerts, AlertName::MaxIdle),
            lag_cell(*lag, alerts),
            behind,
            lost.map_or(Cell::Nothing, |lost| lost_cell(lost, alerts)),
            Cell::or_nothing(*last_delivered_id),
            alerts_of(alerts),
        ]
    }
}

impl Row for Created {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE"),
        Column::whole("start_id", "START"),
        Column::whole("last_delivered_id", "LAST DELIVERED"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            start_id,
            last_delivered_id,
        } = self;
        vec![
            group.into(),
            stream.into(),
            init::word(*state),
            (*start_id).into(),
            Cell::or_nothing(*last_delivered_id),
        ]
    }
}

impl Row for Shift {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("is_done", "DONE"),
        Column::whole("direction", "DIRECTION"),
        Column::whole("from_id", "FROM"),
        Column::whole("to_id", "TO"),
        Column::number("again", "DELIVERED AGAIN"),
        Column::number("skipped", "SKIPPED"),
        Column::number("stolen", "TAKEN FROM CONSUMERS"),
        Column::number("deliveries_max", "DELIVERIES LOST"),
        Column::number("holders", "HOLDERS"),
        Column::number("pending", "PENDING"),
        Column::number("live_consumers", "LIVE CONSUMERS"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            is_done,
            direction,
            from_id,
            to_id,
            again,
            skipped,
            stolen,
            deliveries_max,
            holders,
            pending,
            live_consumers,
        } = self;
        let direction = match direction {
            Direction::Back => Cell::Word(Tone::Warn, "back".to_owned()),
            Direction::Forward => Cell::Word(Tone::Warn, "forward".to_owned()),
            Direction::Stay => Cell::Word(Tone::Plain, "stay".to_owned()),
        };
        vec![
            group.into(),
            stream.into(),
            (*is_done).into(),
            direction,
            (*from_id).into(),
            (*to_id).into(),
            (*again).into(),
            (*skipped).into(),
            (*stolen).into(),
            Cell::or_nothing(*deliveries_max),
            holders.len().into(),
            (*pending).into(),
            live_consumers.len().into(),
        ]
    }
}

impl Row for Deletion {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("is_done", "DONE"),
        Column::number("pending", "PENDING"),
        Column::number("undelivered", "UNDELIVERED"),
        Column::whole("undelivered_id", "FIRST UNDELIVERED"),
        Column::whole("last_delivered_id", "LAST DELIVERED"),
        Column::number("live_consumers", "LIVE CONSUMERS"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            is_done,
            pending,
            undelivered,
            undelivered_id,
            last_delivered_id,
            live_consumers,
        } = self;
        vec![
            group.into(),
            stream.into(),
            (*is_done).into(),
            (*pending).into(),
            (*undelivered).into(),
            Cell::or_nothing(*undelivered_id),
            (*last_delivered_id).into(),
            live_consumers.len().into(),
        ]
    }
}
