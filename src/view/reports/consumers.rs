//! `consumers`, and what was or would be done with them.

use crate::streams::consumers::{Fate, Member, Removal};
use crate::view::{Cell, Column, Row, Tone};

impl Row for Member {
    const COLUMNS: &'static [Column] = &[
        Column::text("consumer", "CONSUMER"),
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM").wide(),
        Column::number("pending", "PENDING"),
        Column::number("idle_ms", "IDLE"),
        Column::number("inactive_ms", "INACTIVE"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            consumer,
            group,
            stream,
            pending,
            idle_ms,
            inactive_ms,
        } = self;
        vec![
            consumer.into(),
            group.into(),
            stream.into(),
            (*pending).into(),
            Cell::Millis(*idle_ms),
            Cell::millis(*inactive_ms),
        ]
    }
}

impl Row for Removal {
    const COLUMNS: &'static [Column] = &[
        Column::text("consumer", "CONSUMER"),
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM").wide(),
        Column::whole("outcome", "OUTCOME"),
        Column::number("pending", "HELD"),
        Column::number("idle_ms", "IDLE"),
        Column::number("inactive_ms", "INACTIVE").wide(),
        Column::number("handed_over", "HANDED OVER"),
        Column::number("tombstones", "TOMBSTONES"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            member,
            outcome,
            handed_over,
            tombstones,
        } = self;
        let Member {
            consumer,
            group,
            stream,
            pending,
            idle_ms,
            inactive_ms,
        } = member;
        vec![
            consumer.into(),
            group.into(),
            stream.into(),
            fate(*outcome),
            (*pending).into(),
            Cell::Millis(*idle_ms),
            Cell::millis(*inactive_ms),
            (*handed_over).into(),
            (*tombstones).into(),
        ]
    }
}

fn fate(fate: Fate) -> Cell {
    let (tone, word) = match fate {
        Fate::Planned => (Tone::Plain, "planned"),
        Fate::Deleted => (Tone::Ok, "deleted"),
        Fate::Held => (Tone::Warn, "held"),
        Fate::Active => (Tone::Warn, "active"),
        Fate::Gone => (Tone::Warn, "gone"),
        Fate::NotTried => (Tone::Bad, "not tried"),
    };
    Cell::Word(tone, word.to_owned())
}
