//! `lag`.

use super::info::{alarmed, alerts_of, group_state, lag_of};
use crate::streams::backlog::GroupLag;
use crate::topology::Over;
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
        Column::text("alerts", "ALERTS").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            lag,
            is_counted,
            undelivered_id,
            undelivered_age_ms,
            pending,
            oldest_pending_id,
            oldest_pending_age_ms,
            last_delivered_id,
            alerts,
        } = self;
        let oldest = oldest_pending_age_ms.map_or(Cell::Nothing, Cell::Millis);
        vec![
            group.into(),
            stream.into(),
            group_state(*state),
            alarmed(lag_of(*lag), alerts, Over::MaxLag),
            (*is_counted).into(),
            Cell::or_nothing(*undelivered_id),
            undelivered_age_ms.map_or(Cell::Nothing, Cell::Millis),
            alarmed(Cell::or_nothing(*pending), alerts, Over::MaxPending),
            Cell::or_nothing(*oldest_pending_id),
            // How long it rests has no column of its own here.
            alarmed(oldest, alerts, Over::MaxIdle),
            Cell::or_nothing(*last_delivered_id),
            alerts_of(alerts),
        ]
    }
}
