//! `lag`.

use super::info::{
    ages, alarmed, alerts_of, group_cell, group_state, lag_cell, live_of, lost_cell, room_for,
};
use crate::streams::backlog::GroupLag;
use crate::streams::inspect::GroupState;
use crate::topology::AlertName;
use crate::view::{Cell, Column, Row};

impl Row for GroupLag {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE").wide(),
        Column::number("lag", "LAG"),
        Column::whole("is_counted", "COUNTED").wide(),
        Column::whole("undelivered_id", "FIRST UNDELIVERED").wide(),
        Column::number("undelivered_age_ms", "BEHIND"),
        Column::number("pending", "PENDING"),
        Column::whole("oldest_pending_id", "OLDEST PENDING").wide(),
        Column::number("oldest_pending_age_ms", "OLDEST"),
        Column::whole("last_delivered_id", "LAST DELIVERED").wide(),
        Column::number("lost", "LOST").wide(),
        Column::number("lost_unaccepted", "NOT ACCEPTED").wide(),
        Column::number("headroom", "ROOM").wide(),
        Column::number("headroom_ms", "FOR").wide(),
        Column::number("rate_window_ms", "OVER").wide(),
        Column::number("live", "LIVE"),
        Column::number("consumers", "CONSUMERS").wide(),
        Column::text("alerts", "ALERTS").wide(),
        Column::whole("is_extra", "EXTRA").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            is_extra,
            lag,
            is_counted,
            undelivered_id,
            undelivered_age_ms,
            pending,
            oldest_pending_id,
            oldest_pending_age_ms,
            last_delivered_id,
            lost,
            lost_unaccepted,
            headroom,
            headroom_ms,
            rate_window_ms,
            alerts,
            live,
            consumers,
            ..
        } = self;
        let [behind, oldest] = ages(*undelivered_age_ms, *oldest_pending_age_ms, alerts);
        vec![
            group_cell(group, *is_extra),
            stream.into(),
            group_state(*state),
            lag_cell(*lag, alerts),
            (*is_counted).into(),
            Cell::or_nothing(*undelivered_id),
            behind,
            alarmed(Cell::or_nothing(*pending), alerts, AlertName::MaxPending),
            Cell::or_nothing(*oldest_pending_id),
            // How long it rests has no column of its own here.
            match oldest {
                Cell::Millis(_) => alarmed(oldest, alerts, AlertName::MaxIdle),
                marked => marked,
            },
            Cell::or_nothing(*last_delivered_id),
            lost.map_or(Cell::Nothing, |lost| lost_cell(lost, alerts)),
            lost_unaccepted.map_or(Cell::Nothing, |lost| lost_cell(lost, alerts)),
            alarmed(Cell::or_nothing(*headroom), alerts, AlertName::MinRoom),
            room_for(*headroom_ms, alerts),
            rate_window_ms.map_or(Cell::Nothing, Cell::Millis),
            live_of(*state, *live, *consumers, alerts),
            match state {
                GroupState::Ready => (*consumers).into(),
                GroupState::Missing => Cell::Nothing,
            },
            alerts_of(alerts),
            (*is_extra).into(),
        ]
    }
}
