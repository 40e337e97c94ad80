//! `init`.

use crate::streams::init::{InitRow, State};
use crate::view::{Cell, Column, Row, Tone};

impl Row for InitRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE"),
        Column::whole("start", "START"),
        Column::whole("last_delivered_id", "LAST DELIVERED"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            start,
            last_delivered_id,
        } = self;
        vec![
            group.into(),
            stream.into(),
            word(*state),
            start.to_string().into(),
            Cell::or_nothing(*last_delivered_id),
        ]
    }
}

pub(super) fn word(state: State) -> Cell {
    let (tone, word) = match state {
        State::Missing => (Tone::Warn, "missing"),
        State::Created => (Tone::Ok, "created"),
        State::Exists => (Tone::Plain, "exists"),
        State::Differs => (Tone::Warn, "differs"),
    };
    Cell::Word(tone, word.to_owned())
}
