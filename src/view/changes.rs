//! What has changed in a report since it was last shown. Rows are compared by what they are called, cell by cell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Cell, Column, Shown as _};
use crate::model::Change;

/// How many rows of a report are compared.
const ROWS_MAX: usize = 10_000;
/// How many rows that are gone are named.
const GONE_MAX: usize = 5;
/// How much more than the time between two looks an age may have grown and be nothing new: both are rounded.
const SLACK_MS: u64 = 1_500;
/// The columns that tell rows apart besides the first one.
const NAMING: [&str; 3] = ["stream", "group", "rule"];

/// What was shown, and what is shown now. All who show a part of the report share it.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Ledger>>);

#[derive(Debug, Default)]
struct Ledger {
    /// `None` before anything was shown.
    before: Option<Noted>,
    now: Noted,
    /// The time from the one to the other.
    passed_ms: u64,
}

/// The rows of a report.
#[derive(Debug, Default)]
struct Noted {
    rows: HashMap<RowName, Vec<Cell>>,
    /// Their names in order, with what a person calls them.
    order: Vec<(RowName, String)>,
    lists: HashMap<&'static str, usize>,
    /// Lists that have more rows than were looked at: of what is not in them nothing is known.
    parts: Vec<(&'static str, usize)>,
    /// Whether there were more of them than are compared.
    is_cut: bool,
}

/// The kind of a list, which of its kind it is in the report, the names in its row, and which of the rows with these names it is.
type RowName = (&'static str, usize, Vec<String>, usize);

impl Changes {
    /// Begins to note what is shown, so long after what it is compared with. What was noted and not kept is forgotten.
    pub fn begin(&self, passed_ms: u64) {
        let mut ledger = self.ledger();
        ledger.now = Noted::default();
        ledger.passed_ms = passed_ms;
    }

    /// Begins to note the same report once more.
    pub fn again(&self) {
        self.ledger().now = Noted::default();
    }

    /// What was noted is what the next is compared with.
    pub fn keep(&self) {
        let mut ledger = self.ledger();
        ledger.before = Some(std::mem::take(&mut ledger.now));
    }

    /// The rows that are not there any more, in a line.
    pub fn gone(&self) -> Option<String> {
        let ledger = self.ledger();
        let before = ledger.before.as_ref().filter(|_| !ledger.now.is_cut)?;
        let is_gone = |(name, _): &&(RowName, String)| {
            !ledger.now.rows.contains_key(name) && !ledger.now.parts.contains(&(name.0, name.1))
        };
        let gone: Vec<&str> = before
            .order
            .iter()
            .filter(is_gone)
            .map(|it| it.1.as_str())
            .collect();
        let named = gone
            .iter()
            .take(GONE_MAX)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        match gone.len() {
            0 => None,
            count if count > GONE_MAX => {
                Some(format!("gone: {named} and {} more", count - GONE_MAX))
            }
            _ => Some(format!("gone: {named}")),
        }
    }

    /// The next list with rows of this kind.
    pub(super) fn list(&self, kind: &'static str) -> List {
        let mut ledger = self.ledger();
        let place = ledger.now.lists.entry(kind).or_default();
        *place += 1;
        List {
            kind,
            place: *place,
            changes: self.clone(),
        }
    }

    /// The only list of this kind.
    pub(super) fn first(&self, kind: &'static str) -> List {
        List {
            kind,
            place: 0,
            changes: self.clone(),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list whose rows are compared.
#[derive(Debug)]
pub(super) struct List {
    kind: &'static str,
    place: usize,
    changes: Changes,
}

impl List {
    /// It has more rows than are looked at.
    pub(super) fn is_part(&self) {
        let mut ledger = self.changes.ledger();
        ledger.now.parts.push((self.kind, self.place));
    }

    /// The cells of a row, each with how it differs from the time before.
    pub(super) fn row(&self, columns: &[Column], cells: Vec<Cell>) -> Vec<Cell> {
        let naming = columns.iter().zip(&cells).enumerate();
        let naming =
            naming.filter(|(place, (column, _))| *place == 0 || NAMING.contains(&column.key));
        let names = naming.map(|(_, (_, cell))| cell.raw()).collect();
        self.compared(names, label(columns, &cells), cells)
    }

    /// The cells of what these names name and a person calls `label`.
    pub(super) fn compared(
        &self,
        names: Vec<String>,
        label: String,
        cells: Vec<Cell>,
    ) -> Vec<Cell> {
        let mut ledger = self.changes.ledger();
        let passed_ms = ledger.passed_ms;
        let mut name = (self.kind, self.place, names, 0);
        while ledger.now.rows.contains_key(&name) {
            name.3 += 1;
        }
        let compared = match &ledger.before {
            None => cells.iter().map(|_| Change::None).collect(),
            Some(before) => match before.rows.get(&name) {
                Some(before) => changes(before, &cells, passed_ms),
                None if before.is_cut || before.parts.contains(&(name.0, name.1)) => {
                    cells.iter().map(|_| Change::None).collect()
                }
                None => new(cells.len()),
            },
        };
        let noted = cells.clone();
        if ledger.now.rows.len() < ROWS_MAX {
            ledger.now.order.push((name.clone(), label));
            ledger.now.rows.insert(name, noted);
        } else {
            ledger.now.is_cut = true;
        }
        cells
            .into_iter()
            .zip::<Vec<Change>>(compared)
            .map(|(cell, change)| Cell::Compared(change, Box::new(cell)))
            .collect()
    }
}

/// What a person calls a row: its first cell, or, where that only says how bad it is, the names behind it.
fn label(columns: &[Column], cells: &[Cell]) -> String {
    if columns.first().is_none_or(|first| first.key != "severity") {
        return cells.first().map(Cell::human).unwrap_or_default();
    }
    let naming = columns.iter().zip(cells);
    let naming = naming.filter(|(column, _)| NAMING.contains(&column.key));
    let words = naming.map(|(_, cell)| cell.human());
    words.filter(|it| it != "-").collect::<Vec<_>>().join(" ")
}

/// Of a new row only the name is marked.
fn new(count: usize) -> Vec<Change> {
    let rest = std::iter::repeat_n(Change::None, count.saturating_sub(1));
    std::iter::once(Change::New).chain(rest).collect()
}

fn changes(before: &[Cell], now: &[Cell], passed_ms: u64) -> Vec<Change> {
    let mut before = before.iter();
    now.iter()
        .map(|now| match before.next() {
            Some(before) => change(before, now, passed_ms),
            None => Change::None,
        })
        .collect()
}

/// How a cell differs from the one before. What a person reads as the same is the same, and an age that has only grown by the
/// time that has passed is nothing new.
fn change(before: &Cell, now: &Cell, passed_ms: u64) -> Change {
    if before == now {
        return Change::None;
    }
    let (was, is) = (number(before), number(now));
    if let (Some(Number::Millis(was)), Some(Number::Millis(is))) = (was, is)
        && is >= was
        && is - was <= passed_ms.saturating_add(SLACK_MS)
        && is_over(before) == is_over(now)
    {
        return Change::None;
    }
    if before.human() == now.human() {
        return Change::None;
    }
    match (was, is) {
        (Some(was), Some(is)) if std::mem::discriminant(&was) == std::mem::discriminant(&is) => {
            match was.value().cmp(&is.value()) {
                std::cmp::Ordering::Less => Change::Up,
                std::cmp::Ordering::Greater => Change::Down,
                std::cmp::Ordering::Equal => Change::Other,
            }
        }
        _ => Change::Other,
    }
}

/// A number, of which only one of the same kind can be more or less.
#[derive(Clone, Copy)]
enum Number {
    Exact(u64),
    AtMost(u64),
    AtLeast(u64),
    About(u64),
    Millis(u64),
    Tenths(i64),
}

impl Number {
    fn value(self) -> i128 {
        match self {
            Self::Exact(value)
            | Self::AtMost(value)
            | Self::AtLeast(value)
            | Self::About(value)
            | Self::Millis(value) => value.into(),
            Self::Tenths(value) => value.into(),
        }
    }
}

fn number(cell: &Cell) -> Option<Number> {
    match cell {
        Cell::Count(value) | Cell::Part(value, _) | Cell::Bytes(value) => {
            Some(Number::Exact(*value))
        }
        Cell::AtMost(value) => Some(Number::AtMost(*value)),
        Cell::AtLeast(value) => Some(Number::AtLeast(*value)),
        Cell::About(value) => Some(Number::About(*value)),
        Cell::Millis(value) => Some(Number::Millis(*value)),
        Cell::Tenths(value) => Some(Number::Tenths(*value)),
        Cell::Marked(_, None, cell)
        | Cell::Noted(_, _, cell)
        | Cell::Over(_, cell)
        | Cell::Compared(_, cell) => number(cell),
        _ => None,
    }
}

const fn is_over(cell: &Cell) -> bool {
    matches!(cell, Cell::Over(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tone;

    const COLUMNS: [Column; 3] = [
        Column::text("group", "GROUP"),
        Column::text("stream", "STREAM"),
        Column::number("lag", "LAG"),
    ];

    fn shown(changes: &Changes, rows: &[(&str, &str, Cell)]) -> Vec<Vec<Change>> {
        changes.begin(2_000);
        let list = changes.list("groups");
        let row = |(group, stream, lag): &(&str, &str, Cell)| {
            let cells = vec![(*group).into(), (*stream).into(), lag.clone()];
            list.row(&COLUMNS, cells).iter().map(Cell::change).collect()
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn what_is_gone_is_called_by_its_name() {
        let columns = [
            Column::text("severity", "SEVERITY"),
            Column::text("rule", "RULE"),
            Column::text("group", "GROUP"),
        ];
        let changes = Changes::default();
        changes.begin(0);
        let row = ["WARNING", "lag", "billing"].map(Cell::from);
        changes.list("findings").row(&columns, row.to_vec());
        changes.keep();
        changes.begin(2_000);
        assert_eq!(changes.gone().as_deref(), Some("gone: lag billing"));
    }

    #[test]
    fn a_rate_goes_up_and_down() {
        let rate = |it| Cell::rate(Some(it));
        assert_eq!(change(&rate(-1.5), &rate(2.0), 0), Change::Up);
        assert_eq!(change(&rate(1.5), &rate(-2.0), 0), Change::Down);
    }

    #[test]
    fn rows_are_compared_by_their_names() {
        use Change::{Down, New, None, Up};
        let changes = Changes::default();
        let first = shown(
            &changes,
            &[("a", "s", Cell::Count(5)), ("a", "t", Cell::Count(7))],
        );
        assert_eq!(first, [[None; 3]; 2], "there is nothing to compare with");
        assert_eq!(changes.gone(), Option::None);
        changes.keep();
        // In another order, one with less, one with more, and one that is new.
        let second = [
            ("b", "s", Cell::Count(1)),
            ("a", "t", Cell::Count(6)),
            ("a", "s", Cell::Count(9)),
        ];
        let marks = [[New, None, None], [None, None, Down], [None, None, Up]];
        assert_eq!(shown(&changes, &second), marks);
        assert_eq!(
            shown(&changes, &second),
            marks,
            "what was not kept is forgotten"
        );
        changes.keep();
        shown(&changes, &[("a", "t", Cell::Count(6))]);
        assert_eq!(changes.gone().as_deref(), Some("gone: b, a"));
        changes.keep();
        shown(&changes, &[("a", "t", Cell::Count(6))]);
        assert_eq!(changes.gone(), Option::None, "it is said once");
    }

    #[test]
    fn rows_with_the_same_name_are_told_apart_by_their_order() {
        let changes = Changes::default();
        let rows = [("a", "s", Cell::Count(5)), ("a", "s", Cell::Count(7))];
        shown(&changes, &rows);
        changes.keep();
        assert_eq!(shown(&changes, &rows), [[Change::None; 3]; 2]);
    }

    #[test]
    fn what_was_not_looked_at_is_neither_new_nor_gone() {
        let changes = Changes::default();
        let columns = [Column::text("group", "GROUP")];
        let shown = |names: &[&str]| -> Vec<Change> {
            changes.begin(0);
            let list = changes.list("groups");
            list.is_part();
            let row = |name: &&str| list.row(&columns, vec![(*name).into()])[0].change();
            names.iter().map(row).collect()
        };
        shown(&["a", "b"]);
        changes.keep();
        assert_eq!(shown(&["b", "c"]), [Change::None; 2]);
        assert_eq!(changes.gone(), Option::None);
    }

    #[test]
    fn many_that_are_gone_are_counted() {
        let changes = Changes::default();
        let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
        let rows: Vec<_> = names
            .iter()
            .map(|it| (it.as_str(), "s", Cell::Nothing))
            .collect();
        shown(&changes, &rows);
        changes.keep();
        shown(&changes, &rows[8..]);
        assert_eq!(
            changes.gone().as_deref(),
            Some("gone: 0, 1, 2, 3, 4 and 3 more")
        );
    }

    #[test]
    fn memory_has_a_limit_beyond_which_nothing_is_claimed() {
        let changes = Changes::default();
        let names: Vec<String> = (0..=ROWS_MAX).map(|n| n.to_string()).collect();
        let rows: Vec<_> = names
            .iter()
            .map(|it| (it.as_str(), "s", Cell::Nothing))
            .collect();
        shown(&changes, &rows);
        changes.keep();
        assert_eq!(shown(&changes, &rows[ROWS_MAX..]), [[Change::None; 3]]);
    }

    #[test]
    fn what_a_person_reads_decides_and_time_that_passes_is_nothing_new() {
        use Change::{Down, None, Other, Up};
        let over = |cell: Cell| cell.over(Tone::Bad);
        for (before, now, is) in [
            (Cell::Count(1), Cell::Count(1), None),
            (Cell::Count(1), Cell::Count(2), Up),
            (Cell::Count(1), over(Cell::Count(2)), Up),
            (over(Cell::Count(2)), Cell::Count(2), Other),
            (Cell::Count(1), Cell::AtLeast(2), Other),
            (Cell::AtLeast(3), Cell::AtLeast(2), Down),
            (Cell::Unknown, Cell::Count(2), Other),
            (Cell::Count(2), Cell::Unknown, Other),
            (Cell::Bytes(10_000_000), Cell::Bytes(10_000_001), None),
            (Cell::Bytes(10_000_000), Cell::Bytes(20_000_000), Up),
            (Cell::Part(1, 2), Cell::Part(2, 2), Up),
            (Cell::Part(1, 2), Cell::Part(1, 3), Other),
            (Cell::Millis(5_000), Cell::Millis(7_000), None),
            (Cell::Millis(5_000), Cell::Millis(60_000), Up),
            (Cell::Millis(5_000), Cell::Millis(2_000), Down),
            (Cell::Millis(5_000), over(Cell::Millis(7_000)), Up),
            (Cell::from("ready"), Cell::from("missing"), Other),
        ] {
            assert_eq!(change(&before, &now, 2_000), is, "{before:?} then {now:?}");
        }
    }
}
