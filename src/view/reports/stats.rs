//! `stats`: the values or the fields, then entries over time, then the totals.

use serde::Serialize;

use crate::model::{Cell, Column, Problem, Row};
use crate::streams::stats::{FieldRow, StatsReport, TimelineRow, ValueRow};
use crate::view::{Report, Section};

/// Columns of the longest bar.
const BAR: u64 = 30;

/// The output of `stats`. People get all of it; line-based formats get the values, or the fields.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct StatsView<'a>(pub &'a StatsReport);

/// An interval of time with its bar.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct WithBar<'a> {
    #[serde(flatten)]
    row: &'a TimelineRow,
    bar: String,
}

impl Row for WithBar<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::whole("time", "FROM"),
        Column::number("entries", "ENTRIES"),
        Column::bytes("bytes", "BYTES"),
        Column::text("bar", ""),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self { row, bar } = self;
        vec![
            row.time.into(),
            row.entries.into(),
            Cell::Bytes(row.bytes),
            bar.as_str().into(),
        ]
    }
}

impl StatsView<'_> {
    fn bars(&self) -> Vec<WithBar<'_>> {
        let rows = &self.0.timeline;
        let most = rows.iter().map(|it| it.entries).max().unwrap_or_default();
        let bar = |row| WithBar {
            row,
            bar: bar(row.entries, most),
        };
        rows.iter().map(bar).collect()
    }
}

/// The bar for this many entries, when the longest bar stands for `most`; it is never empty unless there are no
/// entries.
fn bar(entries: u64, most: u64) -> String {
    let length = u128::from(entries) * u128::from(BAR) / u128::from(most.max(1));
    let length = usize::try_from(length).unwrap_or_default();
    "#".repeat(length.max(usize::from(entries > 0)))
}

impl Report for StatsView<'_> {
    const TABLES: &'static [&'static [Column]] = &[
        ValueRow::COLUMNS,
        FieldRow::COLUMNS,
        TimelineRow::COLUMNS,
        StatsReport::COLUMNS,
    ];
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let report = self.0;
        if let Some(values) = &report.values {
            section.whole(values)?;
        }
        if let Some(fields) = &report.fields {
            section.whole(fields)?;
        }
        if section.picks() {
            section.whole(&report.timeline)?;
            return section.object(report);
        }
        if section.for_people() {
            if !report.timeline.is_empty() {
                section.heading("over time");
                section.whole(&self.bars())?;
            }
            section.heading("in all");
            section.object(report)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_one_entry_shows() {
        for (entries, most, length) in [(0, 9, 0), (1, 1_000_000, 1), (5, 10, 15), (10, 10, 30)] {
            assert_eq!(bar(entries, most).len(), length, "{entries} of {most}");
        }
        assert_eq!(bar(0, 0), "");
    }
}
