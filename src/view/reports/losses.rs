//! `groups accept-loss`.

use super::info::lost_cell;
use crate::streams::losses::Acceptance;
use crate::view::{Cell, Column, Row};

impl Row for Acceptance {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("is_done", "DONE"),
        Column::number("lost", "LOST"),
        Column::number("lost_unaccepted", "NOT ACCEPTED"),
        Column::whole("from_id", "LAST: AFTER"),
        Column::whole("to_id", "BEFORE"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            is_done,
            lost,
            lost_unaccepted,
            from_id,
            to_id,
        } = self;
        vec![
            group.into(),
            stream.into(),
            (*is_done).into(),
            lost_cell(*lost, &[]),
            lost_cell(*lost_unaccepted, &[]),
            Cell::or_nothing(*from_id),
            Cell::or_nothing(*to_id),
        ]
    }
}
