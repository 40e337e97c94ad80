//! `memory`: the streams, then the totals.

use serde::Serialize;

use crate::model::{Column, Problem, Row as _};
use crate::streams::memory::{MemoryReport, StreamMemory};
use crate::view::{Report, Section};

/// The output of `memory`. People get all of it; line-based formats get the streams.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MemoryView<'a>(pub &'a MemoryReport);

impl Report for MemoryView<'_> {
    const TABLES: &'static [&'static [Column]] = &[StreamMemory::COLUMNS, MemoryReport::COLUMNS];
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let report = self.0;
        section.list(&report.streams)?;
        if section.for_people() || section.picks() {
            section.heading("in all");
            section.object(report)?;
        }
        Ok(())
    }
}
