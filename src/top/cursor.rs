//! Where somebody is in a list: the row that is chosen, what it is sorted by, and what it is filtered by.

use super::lists::{Order, Row, RowKey, Rows, Sort};

/// A place in a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    /// The row, which stays chosen when others come and go.
    pub(super) chosen: Option<RowKey>,
    /// Where it was, for when it is gone.
    at: usize,
    /// `None` for the order of the list itself.
    pub(super) sort: Option<Sort>,
    /// Only rows with this in one of their texts.
    pub(super) filter: String,
}

impl Cursor {
    /// The rows that are shown, in their order, and which of them is chosen.
    pub(super) fn shown<'r>(&self, rows: &'r Rows) -> (Vec<&'r Row>, usize) {
        let wanted = self.filter.to_lowercase();
        let is_wanted = |it: &&Row| wanted.is_empty() || it.matches(&wanted);
        let mut shown: Vec<_> = rows.items.iter().filter(is_wanted).collect();
        if let Some(sort) = self.sort
            && let Some(at) = rows.columns.iter().position(|it| it.key == sort.column)
        {
            let order = |row: &Row| row.cells.get(at).map(|it| it.order.clone());
            shown.sort_by(|one, other| {
                let (one, other) = (order(one), order(other));
                Order::compare(one.as_ref(), other.as_ref(), sort.is_descending)
            });
        }
        let found = shown
            .iter()
            .position(|it| Some(&it.key) == self.chosen.as_ref());
        let at = found.unwrap_or(self.at).min(shown.len().saturating_sub(1));
        (shown, at)
    }

    /// The chosen row.
    pub(super) fn row<'r>(&self, rows: &'r Rows) -> Option<&'r Row> {
        let (shown, at) = self.shown(rows);
        shown.get(at).copied()
    }

    /// Chooses the row that is so many rows further down, or up.
    pub(super) fn moves(&mut self, rows: &Rows, by: isize) {
        let (shown, at) = self.shown(rows);
        let to = at
            .saturating_add_signed(by)
            .min(shown.len().saturating_sub(1));
        self.at = to;
        self.chosen = shown.get(to).map(|it| it.key.clone());
    }

    /// Keeps the chosen row by its name, so that it stays chosen when the order changes.
    pub(super) fn settles(&mut self, rows: &Rows) {
        self.moves(rows, 0);
    }

    /// Sorts by the column that is so many further to the right, or to the left.
    pub(super) fn turns(&mut self, rows: &Rows, by: isize) {
        let columns = rows.columns.len();
        if rows.is_text || columns == 0 {
            return;
        }
        let now = self.sort.or(rows.sort);
        let at = now.and_then(|now| rows.columns.iter().position(|it| it.key == now.column));
        let to = match at {
            Some(at) => (at + columns).saturating_add_signed(by) % columns,
            None => 0,
        };
        let column = &rows.columns[to];
        self.sort = Some(Sort {
            column: column.key,
            is_descending: column.is_number(),
        });
    }

    /// Turns the order around.
    pub(super) fn reverses(&mut self, rows: &Rows) {
        if let Some(sort) = self.sort.or(rows.sort) {
            self.sort = Some(Sort {
                is_descending: !sort.is_descending,
                ..sort
            });
        }
    }
}
