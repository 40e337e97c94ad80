//! `dlq list` and `dlq show`.

use serde::Serialize;

use super::pending::{deliveries_cell, pairs};
use crate::model::{Lag, Problem, entries, escaped, shown_name};
use crate::streams::dead_letters::{DeadLetter, LostRange};
use crate::view::{Cell, Column, Report, Row, Section, Tone};

impl Row for DeadLetter {
    const COLUMNS: &'static [Column] = &[
        Column::whole("id", "ID"),
        Column::text("dead_letter", "DEAD-LETTER STREAM").wide(),
        Column::number("age_ms", "AGE").wide(),
        Column::text("stream", "STREAM").wide(),
        Column::text("group", "GROUP"),
        Column::whole("origin_id", "ORIGIN ID"),
        Column::text("consumer", "CONSUMER").wide(),
        Column::number("deliveries", "DELIVERIES"),
        Column::whole("time", "TIME").wide(),
        Column::whole("is_tombstone", "BODY").wide(),
        Column::number("lost", "LOST").wide(),
        Column::text("reason", "REASON"),
        Column::text("fields", "FIELDS").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            id,
            dead_letter,
            stream,
            group,
            origin_id,
            consumer,
            deliveries,
            is_fatal,
            time,
            age_ms,
            reason,
            is_tombstone,
            lost,
            fields,
        } = self;
        let body = Cell::Bool(*is_tombstone);
        vec![
            (*id).into(),
            dead_letter.into(),
            Cell::millis(*age_ms),
            Cell::or_nothing(stream.as_ref()),
            Cell::or_nothing(group.as_ref()),
            Cell::or_nothing(*origin_id),
            Cell::or_nothing(consumer.as_ref()),
            deliveries_cell(*deliveries, *is_fatal),
            (*time).into(),
            if *is_tombstone {
                body.shown_as(Tone::Bad, "trimmed")
            } else {
                body.shown_as(Tone::Plain, "present")
            },
            lost.map_or(Cell::Nothing, |lost| lost.entries.into()),
            match lost {
                Some(lost) => Cell::from(told(lost)),
                None => Cell::or_nothing(reason.clone()),
            },
            if fields.fields.is_empty() {
                Cell::Nothing
            } else {
                pairs(fields).into()
            },
        ]
    }
}

/// What was lost, in a line.
fn told(lost: &LostRange) -> String {
    let LostRange {
        entries: count,
        from_id,
        to_id,
    } = lost;
    let most = match count {
        Lag::AtMost(_) => "at most ",
        _ => "",
    };
    let count = entries(count.entries().unwrap_or_default());
    format!("{most}{count} after {from_id} and before {to_id} lost before delivery")
}

/// A dead letter alone: there is room for every column; its fields come below.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Alone<'a>(&'a DeadLetter);

impl Row for Alone<'_> {
    const COLUMNS: &'static [Column] = &{
        let mut columns = [Column::whole("id", "ID"); 13];
        let mut place = 0;
        while place < columns.len() {
            columns[place] = DeadLetter::COLUMNS[place];
            columns[place].wide_only = place == columns.len() - 1;
            place += 1;
        }
        columns
    };

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }
}

/// One dead letter with all it has.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct WholeLetter<'a>(pub &'a DeadLetter);

impl Report for WholeLetter<'_> {
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let letter = self.0;
        section.heading(&format!("{} in `{}`", letter.id, letter.dead_letter));
        section.object(&Alone(letter))?;
        section.heading(if letter.lost.is_some() {
            "fields: none, because the entries were trimmed or deleted before delivery; there is nothing to redrive"
        } else if letter.is_tombstone {
            "fields: none, because the body was trimmed"
        } else {
            "fields"
        });
        for (name, value) in &letter.fields.fields {
            let line = format!("  {}  {}", shown_name(name), escaped(value));
            section.line(Tone::Plain, &line);
        }
        Ok(())
    }
}
