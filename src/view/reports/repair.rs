//! `claim`, `ack`, `requeue`, `dlq add`, `dlq redrive` and `dlq purge`: what became of each entry.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::pending::{deliveries_cell, pairs};
use crate::model::{EntryId, Name, is_fatal};
use crate::streams::repair::{Outcome, Repaired};
use crate::view::{Cell, Column, Row, Tone};

/// An entry, the stream its id is of, and what became of it.
#[derive(Debug)]
pub struct Changed {
    /// The stream.
    pub stream: Name,
    /// The entry.
    pub row: Repaired,
}

impl Serialize for Changed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { stream, row } = self;
        let Repaired {
            id,
            outcome,
            consumer,
            idle_ms,
            deliveries,
            new_id,
            detail,
            fields,
        } = row;
        let is_fatal = deliveries.is_some_and(is_fatal);
        let mut json = serializer.serialize_struct("Changed", 12)?;
        json.serialize_field("stream", stream)?;
        json.serialize_field("id", id)?;
        json.serialize_field("time", &id.time())?;
        json.serialize_field("outcome", outcome)?;
        json.serialize_field("consumer", consumer)?;
        json.serialize_field("idle_ms", idle_ms)?;
        json.serialize_field("deliveries", &deliveries.filter(|_| !is_fatal))?;
        json.serialize_field("is_fatal", &is_fatal)?;
        json.serialize_field("new_id", new_id)?;
        json.serialize_field("new_time", &new_id.and_then(EntryId::time))?;
        json.serialize_field("detail", detail)?;
        json.serialize_field("fields", fields)?;
        json.end()
    }
}

impl Row for Changed {
    const COLUMNS: &'static [Column] = &[
        Column::whole("id", "ID"),
        Column::whole("outcome", "OUTCOME"),
        Column::text("consumer", "WAS HELD BY"),
        Column::number("idle_ms", "IDLE"),
        Column::number("deliveries", "DELIVERIES"),
        Column::whole("new_id", "NEW ID"),
        Column::text("stream", "STREAM").wide(),
        Column::text("detail", "DETAIL").wide(),
        Column::text("fields", "FIELDS").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self { stream, row } = self;
        let Repaired {
            id,
            outcome,
            consumer,
            idle_ms,
            deliveries,
            new_id,
            detail,
            fields,
        } = row;
        vec![
            (*id).into(),
            Cell::Word(tone(*outcome), outcome.word().to_owned()),
            Cell::or_nothing(consumer.as_ref()),
            idle_ms.map_or(Cell::Nothing, Cell::Millis),
            deliveries_cell(*deliveries, deliveries.is_some_and(is_fatal)),
            Cell::or_nothing(*new_id),
            stream.into(),
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
