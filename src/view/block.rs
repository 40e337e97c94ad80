//! One object with one line per column: for a single object, and for lists that are too wide for a screen.

use super::{Cell, Column, Options, Shown as _, Tone};
use crate::model::Change;

/// The space between a header and its value.
const GAP: &str = "  ";

/// Appends one line for each column: its header, and its value, with all values aligned. A value that is too long for
/// the screen continues below itself.
pub(super) fn block(out: &mut Vec<u8>, columns: &[Column], cells: &[Cell], options: &Options) {
    let headers = columns.iter().map(|column| column.header.len());
    let widest = headers.max().unwrap_or(0);
    for (column, cell) in columns.iter().zip(cells) {
        // A script that asks for a column gets it.
        let says_nothing = column.is_sparse && options.columns.is_empty();
        if says_nothing && matches!(cell.itself(), Cell::Unknown | Cell::Nothing) {
            continue;
        }
        let (mut value, change) = (cell.human(), cell.change());
        value.push_str(change.mark().trim_end());
        let mut value = options.theme.paint(cell.tone(), &value).into_owned();
        if change != Change::None {
            value = options.theme.highlight(&value).into_owned();
        }
        let line = if options.headers {
            let label = format!("{:<widest$}", column.header.to_lowercase());
            let label = options.theme.paint(Tone::Dim, &label);
            options.fitted(format!("{label}{GAP}{value}"), widest + GAP.len())
        } else {
            options.fitted(value, 0)
        };
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Format;

    #[test]
    fn a_column_that_says_nothing_is_left_out_also_where_looks_are_compared() {
        let columns = [
            Column::text("name", "NAME"),
            Column::number("pace", "PACE").sparse(),
        ];
        let compared = |cell: Cell| Cell::Compared(Change::None, Box::new(cell));
        let name = || Cell::from("a".to_owned());
        for cells in [
            [name(), Cell::Nothing],
            [compared(name()), compared(Cell::Nothing)],
        ] {
            let mut out = Vec::new();
            block(&mut out, &columns, &cells, &Options::new(Format::Table));
            assert_eq!(String::from_utf8_lossy(&out), "name  a\n");
        }
    }
}
