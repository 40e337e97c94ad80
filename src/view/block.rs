//! One object, a line a column: for a single one, and for lists too wide for a screen.

use super::{Cell, Column, Options, Shown as _, Tone};

/// Appends one line a column: its header, and its value, all values in one column.
pub(super) fn block(out: &mut Vec<u8>, columns: &[Column], cells: &[Cell], options: &Options) {
    let headers = columns.iter().map(|column| column.header.len());
    let widest = headers.max().unwrap_or(0);
    for (column, cell) in columns.iter().zip(cells) {
        if options.headers {
            let label = format!("{:<widest$}", column.header.to_lowercase());
            out.extend_from_slice(options.theme.paint(Tone::Dim, &label).as_bytes());
            out.extend_from_slice(b"  ");
        }
        let value = options.theme.paint(cell.tone(), &cell.human()).into_owned();
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    }
}
