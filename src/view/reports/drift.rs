//! `topology check`.

use crate::streams::drift::{DriftRow, State};
use crate::view::{Cell, Column, Row, Tone};

impl Row for DriftRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::whole("state", "STATE"),
        Column::whole("last_delivered_id", "LAST DELIVERED"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            state,
            last_delivered_id,
        } = self;
        vec![
            group.into(),
            stream.into(),
            word(*state),
            Cell::or_nothing(*last_delivered_id),
        ]
    }
}

fn word(state: State) -> Cell {
    let (tone, word) = match state {
        State::Ok => (Tone::Ok, "ok"),
        State::Missing => (Tone::Bad, "missing"),
        State::Differs => (Tone::Warn, "differs"),
        State::Extra => (Tone::Plain, "extra"),
        State::Ahead => (Tone::Bad, "ahead"),
        State::Unchecked => (Tone::Plain, "unchecked"),
    };
    Cell::Word(tone, word.to_owned())
}
