//! Invalid entries: how many there are, and what is wrong with the first of them.

use std::fmt::Write as _;

use super::place::{Place, Unit};
use crate::model::with_commas;
use crate::topology::validate::Invalid;

/// How many invalid entries are described; the rest are only counted.
const TOLD_MAX: usize = 10;

/// The invalid entries of an input.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    /// The number of entries.
    pub count: u64,
    unit: Unit,
    first: Vec<String>,
}

impl Rejections {
    /// No invalid entries yet.
    pub fn new(unit: Unit) -> Self {
        Self {
            unit,
            ..Self::default()
        }
    }

    /// Adds the invalid entry at `place`.
    pub fn add(&mut self, place: Place, invalid: &[Invalid]) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            let texts = invalid.iter().map(|it| format!("{place}: {it}"));
            self.first.push(texts.collect::<Vec<_>>().join("\n"));
        }
    }

    /// Adds the invalid entries of a later part of the input.
    pub fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.unit = later.unit;
        let room = TOLD_MAX - self.first.len().min(TOLD_MAX);
        self.first.extend(later.first.into_iter().take(room));
    }

    /// The message about all invalid entries: `3 lines are not valid …`, then the first ones with what is wrong with
    /// each.
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
                let _ = write!(
                    text,
                    "\nand {} more {}",
                    with_commas(more),
                    self.unit.noun(more)
                );
            }
        }
        text
    }
}
