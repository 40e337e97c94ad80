//! `claim`, `ack`, `requeue`, `dlq redrive` and `dlq purge`: what became of each entry.

use super::pending::pairs;
use crate::streams::repair::{Outcome, Repaired};
use crate::view::{Cell, Column, Row, Tone};

impl Row for Repaired {
    const COLUMNS: &'static [Column] = &[
        Column::whole("id", "ID"),
        Column::whole("outcome", "OUTCOME"),
        Column::text("consumer", "WAS HELD BY"),
        Column::number("idle_ms", "IDLE"),
        Column::number("deliveries", "DELIVERIES"),
        Column::whole("new_id", "NEW ID"),
        Column::text("detail", "DETAIL").wide(),
        Column::text("fields", "FIELDS").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            id,
            outcome,
            consumer,
            idle_ms,
            deliveries,
            new_id,
            detail,
            fields,
        } = self;
        vec![
            (*id).into(),
            Cell::Word(tone(*outcome), outcome.word().to_owned()),
            Cell::or_nothing(consumer.as_ref()),
            idle_ms.map_or(Cell::Nothing, Cell::Millis),
            Cell::or_nothing(*deliveries),
            Cell::or_nothing(*new_id),
            Cell::or_nothing(detail.clone()),
            Cell::or_nothing(fields.as_ref().map(pairs)),
        ]
    }
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Planned => Tone::Plain,
        Outcome::Tombstone | Outcome::Trimmed | Outcome::Unknown => Tone::Bad,
        done if done.is_done() => Tone::Ok,
        _ => Tone::Warn,
    }
}
