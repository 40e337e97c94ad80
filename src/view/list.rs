//! A list on a screen: which of its rows are shown, in which order, and the note about the others.

use std::fmt;

use super::{Cell, Options, human_count};

/// Rows that were left out of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    shown: u64,
    all: u64,
    /// Whether there may be more than `all`.
    is_least: bool,
}

impl Cut {
    /// The note that only `shown` of `all` rows are shown; `None` when all are. With `is_least` there may be more than
    /// `all`.
    pub const fn new(shown: u64, all: u64, is_least: bool) -> Option<Self> {
        if shown < all || is_least {
            Some(Self {
                shown,
                all,
                is_least,
            })
        } else {
            None
        }
    }
}

impl Cut {
    /// What is said of it on this screen. One that is drawn again and again shows no more than what fits.
    pub(super) fn text(&self, options: &Options) -> String {
        match &options.changes {
            Some(_) => self.counts(),
            None => self.to_string(),
        }
    }

    /// How many more there are than are shown, and whether there may be yet more.
    pub(super) const fn more(&self) -> (u64, bool) {
        (self.all - self.shown, self.is_least)
    }

    fn counts(&self) -> String {
        let least = if self.is_least { "at least " } else { "" };
        let (shown, all) = (human_count(self.shown), human_count(self.all));
        format!("{shown} of {least}{all} shown")
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; --limit 0 shows all", self.counts())
    }
}

/// The rows of a list that are shown. Memory grows with the limit, not with the list.
#[derive(Debug)]
pub(super) struct Shortlist {
    rows_max: Option<usize>,
    /// The rows of least rank so far, if the screen shows rows by rank.
    kept: Vec<(u64, Vec<Cell>)>,
    is_ranked: bool,
    seen: u64,
    unseen: u64,
    is_least: bool,
}

impl Shortlist {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            rows_max: options.rows_max,
            is_ranked: options.rows_max.is_some() && options.on_screen(),
            kept: Vec::new(),
            seen: 0,
            unseen: 0,
            is_least: false,
        }
    }

    /// Whether rows are kept until all of them have been seen.
    pub(super) const fn is_ranked(&self) -> bool {
        self.is_ranked
    }

    /// How many of the next `count` rows are shown, if rows are shown in their own order.
    pub(super) fn take(&mut self, count: usize) -> usize {
        let room = self.rows_max.map_or(usize::MAX, |max| {
            max.saturating_sub(usize::try_from(self.seen).unwrap_or(usize::MAX))
        });
        self.seen += count as u64;
        count.min(room)
    }

    /// Keeps a row if it is among the first rows by `rank`. Rows of equal rank keep their order.
    pub(super) fn keep(&mut self, rank: u64, cells: impl FnOnce() -> Vec<Cell>) {
        self.seen += 1;
        let place = self.kept.partition_point(|(kept, _)| *kept <= rank);
        let max = self.rows_max.unwrap_or(usize::MAX);
        if place < max {
            self.kept.insert(place, (rank, cells()));
            self.kept.truncate(max);
        }
    }

    /// The rows that were kept.
    pub(super) fn kept(&mut self) -> Vec<Vec<Cell>> {
        let kept = std::mem::take(&mut self.kept);
        kept.into_iter().map(|(_, cells)| cells).collect()
    }

    /// Records that there are `count` more rows that were not read; with `is_least` there may be even more.
    pub(super) fn leave_out(&mut self, count: u64, is_least: bool) {
        self.unseen += count;
        self.is_least |= is_least;
    }

    /// The note about rows that are not shown.
    pub(super) fn cut(&self) -> Option<Cut> {
        let max = self.rows_max.map_or(u64::MAX, |max| max as u64);
        Cut::new(self.seen.min(max), self.seen + self.unseen, self.is_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Format;

    fn list(rows_max: Option<usize>, terminal: bool) -> Shortlist {
        Shortlist::new(&Options {
            rows_max,
            terminal,
            ..Options::new(Format::Table)
        })
    }

    #[test]
    fn the_first_by_rank_stay_in_the_order_they_came_in() {
        let mut list = list(Some(3), true);
        for (rank, name) in [(2, "a"), (1, "b"), (2, "c"), (0, "d"), (1, "e"), (1, "f")] {
            list.keep(rank, || vec![name.into()]);
        }
        let kept: Vec<Cell> = list.kept().concat();
        assert_eq!(kept, ["d", "b", "e"].map(Cell::from));
        let cut = list.cut().expect("three are left out");
        assert_eq!(cut.to_string(), "3 of 6 shown; --limit 0 shows all");
    }

    #[test]
    fn rows_nobody_looked_at_are_counted_too() {
        let mut list = list(Some(2), false);
        assert!(!list.is_ranked());
        assert_eq!((list.take(1), list.take(4), list.take(4)), (1, 1, 0));
        list.leave_out(1_000, true);
        let cut = list.cut().expect("many are left out").to_string();
        assert_eq!(cut, "2 of at least 1,009 shown; --limit 0 shows all");
    }

    #[test]
    fn a_whole_list_has_nothing_said_of_it() {
        let mut list = list(None, true);
        assert_eq!(list.take(600), 600);
        assert_eq!(list.cut(), None);
    }
}
