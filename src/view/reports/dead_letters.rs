//! `dlq list` and `dlq show`.

use serde::Serialize;

use crate::model::{Cell, Column, Problem, Row, Tone, escaped, narrowed, shown_name};
use crate::streams::dead_letters::DeadLetter;
use crate::view::{Report, Section};

/// A dead letter alone: there is room for every column; its fields come below.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
struct Alone<'a>(&'a DeadLetter);

impl Row for Alone<'_> {
    const COLUMNS: &'static [Column] = &narrowed::<{ DeadLetter::COLUMNS.len() }>(
        DeadLetter::COLUMNS,
        &[
            "id",
            "dead_letter",
            "age_ms",
            "stream",
            "group",
            "origin_id",
            "consumer",
            "deliveries",
            "time",
            "is_tombstone",
            "lost",
            "reason",
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }
}

/// One dead letter with all it has.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct WholeLetter<'a>(pub &'a DeadLetter);

impl Report for WholeLetter<'_> {
    const TABLES: &'static [&'static [Column]] = &[DeadLetter::COLUMNS];

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
