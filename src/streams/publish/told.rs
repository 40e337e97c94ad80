//! Entries that are not valid: how many, and what is wrong with the first of them.

use std::fmt::{self, Write as _};

use crate::topology::validate::Invalid;

/// Entries whose faults are told; of the rest only the number.
const TOLD_MAX: usize = 10;

/// What an input is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of a file.
    #[default]
    Line,
    /// Entries, where they have no line each.
    Entry,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun(1))
    }
}

impl Unit {
    /// What so many of it are called.
    pub fn noun(self, count: u64) -> &'static str {
        match (count, self) {
            (1, Self::Line) => "line",
            (1, Self::Entry) => "entry",
            (_, Self::Line) => "lines",
            (_, Self::Entry) => "entries",
        }
    }

    /// So many of it: `1 line`, `2 entries`.
    pub fn count(self, count: u64) -> String {
        format!("{count} {}", self.noun(count))
    }
}

/// What is not valid.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// How many entries.
    pub count: u64,
    unit: Unit,
    first: Vec<String>,
}

impl Told {
    /// Nothing yet.
    pub fn new(unit: Unit) -> Self {
        Self {
            unit,
            ..Self::default()
        }
    }

    /// The entry with this number is not valid.
    pub fn add(&mut self, number: u64, invalid: &[Invalid]) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push(self.one(number, invalid));
        }
    }

    fn one(&self, number: u64, invalid: &[Invalid]) -> String {
        let unit = self.unit;
        let texts = invalid.iter().map(|it| format!("{unit} {number}: {it}"));
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Adds what was found further on.
    pub fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.unit = later.unit;
        let room = TOLD_MAX - self.first.len().min(TOLD_MAX);
        self.first.extend(later.first.into_iter().take(room));
    }

    /// All of it: `3 lines are not valid …`, and the first with what is wrong with each.
    pub fn text(&self, what: &str) -> String {
        let verb = if self.count == 1 { "is" } else { "are" };
        let mut text = format!("{} {verb} {what}", self.unit.count(self.count));
        for one in &self.first {
            text.push('\n');
            text.push_str(one);
        }
        match self.count.saturating_sub(TOLD_MAX as u64) {
            0 => {}
            more => {
                let _ = write!(text, "\nand {more} more {}", self.unit.noun(more));
            }
        }
        text
    }
}
