//! `dlq list` and `dlq show`.

use serde::Serialize;

use crate::model::{Cell, Column, CommandLine, Name, Problem, Row, Tone, narrowed};
use crate::streams::dead_letters::DeadLetter;
use crate::view::{Report, Section};

/// A single dead letter: there is room for every column, and its fields are shown below.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub(super) struct Alone<'a>(pub(super) &'a DeadLetter);

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
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }
}

/// One dead letter with everything about it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct WholeLetter<'a> {
    /// The dead letter.
    pub letter: &'a DeadLetter,
    /// The stream whose dead letter it is.
    #[serde(skip)]
    pub stream: &'a Name,
}

impl Report for WholeLetter<'_> {
    const TABLES: &'static [&'static [Column]] = &[DeadLetter::COLUMNS];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let letter = self.letter;
        section.heading(&format!("{} in `{}`", letter.id, letter.dead_letter));
        section.object(&Alone(letter))?;
        section.heading("reason");
        for line in letter.reason.as_deref().unwrap_or("not said").lines() {
            section.line(Tone::Plain, &format!("  {line}"));
        }
        section.heading(if letter.lost.is_some() {
            "fields: none, because the entries were trimmed or deleted before delivery; there is nothing to redrive"
        } else if letter.is_tombstone {
            "fields: none, because the body was trimmed"
        } else {
            "fields"
        });
        section.fields(&letter.fields.fields);
        section.heading("next");
        let line = |command| {
            CommandLine::new(command)
                .arg(self.stream)
                .arg(letter.id.to_string())
        };
        if !letter.is_tombstone {
            section.line(
                Tone::Plain,
                &format!("  to try it again: {}", line("dlq redrive")),
            );
        }
        section.line(
            Tone::Plain,
            &format!("  to delete it:    {}", line("dlq purge")),
        );
        Ok(())
    }
}
