//! `pending`: the summary, what entries have in common, then the entries.

use serde::Serialize;

use crate::model::{Cell, Column, Format, Problem, Row, narrowed};
use crate::streams::pending::{Cluster, HistogramRow, Holding, PendingReport, PendingRow};
use crate::view::{Cut, Options, Report, Section, human_count, report, rows, write_json};

/// A pending entry whose fields were requested.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
struct WithFields<'a>(&'a PendingRow);

impl Row for WithFields<'_> {
    // The age is in the id, and the fields take its room.
    const COLUMNS: &'static [Column] = &narrowed::<{ PendingRow::COLUMNS.len() }>(
        PendingRow::COLUMNS,
        &[
            "id",
            "consumer",
            "idle_ms",
            "deliveries",
            "in_flight_ms",
            "last_reason",
            "fields",
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }
}

/// One bar, with the histogram it belongs to.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Bar<'a> {
    by: &'static str,
    #[serde(flatten)]
    row: &'a HistogramRow,
}

impl Row for Bar<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::whole("by", "BY"),
        Column::whole("range", "RANGE"),
        Column::number("entries", "ENTRIES"),
        Column::number("share_percent", "SHARE"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self { by, row } = self;
        let mut cells = row.cells();
        cells.insert(0, (*by).into());
        cells
    }
}

/// The whole output of `pending`. A person gets all of it; line-based formats get the requested tables.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Pending<'a> {
    report: &'a PendingReport,
    #[serde(skip)]
    asked: PendingParts,
    /// Whether more entries follow.
    #[serde(skip)]
    is_begun: bool,
}

/// What was requested besides counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingParts {
    /// The entries, and their fields.
    Entries,
    /// The report without a request for certain parts: it lists as many entries as by default.
    Listed,
    /// None.
    Summary,
}

impl<'a> Pending<'a> {
    /// This report, with these parts requested.
    pub const fn new(report: &'a PendingReport, asked: PendingParts) -> Self {
        Self {
            report,
            asked,
            is_begun: false,
        }
    }

    fn bars(&self) -> Option<Vec<Bar<'a>>> {
        let idle = self.report.idle_histogram.as_ref()?;
        let deliveries = self.report.deliveries_histogram.as_ref()?;
        let of = |by, rows: &'a [HistogramRow]| rows.iter().map(move |row| Bar { by, row });
        Some(
            of("idle", idle)
                .chain(of("deliveries", deliveries))
                .collect(),
        )
    }

    /// Every table, the requested ones first; one of them is selected.
    fn tables(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        self.asked(section)?;
        section.list(&self.report.entries)?;
        section.list(&self.report.consumers)
    }

    /// The entries, or what they have in common, or the consumers that hold them.
    fn asked(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let bars = self.bars();
        if let Some(bars) = &bars {
            section.list(bars)?;
        }
        if let Some(clusters) = &self.report.clusters {
            section.list(clusters)?;
        }
        let has_counts = bars.is_some() || self.report.clusters.is_some();
        match self.asked {
            PendingParts::Entries => section.list(&self.report.entries),
            PendingParts::Listed if !has_counts => section.list(&self.report.entries),
            PendingParts::Summary if !has_counts => section.list(&self.report.consumers),
            _ => Ok(()),
        }
    }
}

impl Report for Pending<'_> {
    const TABLES: &'static [&'static [Column]] =
        &[PendingRow::COLUMNS, Holding::COLUMNS, Cluster::COLUMNS];
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        if section.picks() {
            return self.tables(section);
        }
        if section.for_people() {
            self.report.head(section)?;
            if !self.is_begun {
                self.report.tail(section);
            }
            return Ok(());
        }
        self.asked(section)
    }
}

/// The end of a report for people.
#[derive(Serialize)]
#[serde(transparent)]
struct Tail<'a>(&'a PendingReport);

impl Report for Tail<'_> {
    const TABLES: &'static [&'static [Column]] = &[];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        self.0.tail(section);
        Ok(())
    }
}

/// The end of a report's document, whose last key is its entries.
const DOCUMENT_END: &[u8] = b"]}\n";

/// A report whose entries come in pages, after the first ones.
#[derive(Debug)]
pub struct PendingPages {
    options: Options,
    is_document: bool,
}

impl PendingPages {
    /// Appends the beginning of the report; `None`, without writing anything, when it can only be shown as a whole.
    ///
    /// # Errors
    /// As [`report()`].
    pub fn begin(
        out: &mut Vec<u8>,
        begun: &PendingReport,
        options: &Options,
    ) -> Result<Option<Self>, Problem> {
        let picks = options.names || !options.columns.is_empty();
        let is_document = options.format == Format::Json;
        if picks || is_document && options.terminal {
            return Ok(None);
        }
        let whole = Pending::new(begun, PendingParts::Entries);
        let begun = Pending {
            is_begun: true,
            ..whole
        };
        report(out, &begun, options)?;
        if is_document {
            out.truncate(out.len() - DOCUMENT_END.len());
        }
        let options = Options {
            headers: false,
            ..options.clone()
        };
        Ok(Some(Self {
            options,
            is_document,
        }))
    }

    /// Appends the next entries.
    ///
    /// # Errors
    /// As [`rows`].
    pub fn page(&self, out: &mut Vec<u8>, page: &[PendingRow]) -> Result<(), Problem> {
        if self.is_document {
            for row in page {
                out.push(b',');
                write_json(out, row)?;
            }
            return Ok(());
        }
        let with_fields: Vec<WithFields<'_>> = page.iter().map(WithFields).collect();
        match self.options.format {
            Format::Table => rows(out, &with_fields, &self.options),
            _ => rows(out, page, &self.options),
        }
        .map(|_| ())
    }

    /// Appends the end of the report, which knows the number of entries.
    ///
    /// # Errors
    /// As [`report()`].
    pub fn end(&self, out: &mut Vec<u8>, ended: &PendingReport) -> Result<(), Problem> {
        if self.is_document {
            out.extend_from_slice(DOCUMENT_END);
            return Ok(());
        }
        // Totals are for people; scripts get rows.
        if !matches!(self.options.format, Format::Table | Format::Wide) {
            return Ok(());
        }
        out.push(b'\n');
        report(out, &Tail(ended), &self.options).map(|_| ())
    }
}

impl PendingReport {
    /// The consumers, what entries have in common, and the entries.
    fn head(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let holders: Vec<Holding> = self.holders().cloned().collect();
        if !holders.is_empty() {
            section.list(&holders)?;
        }
        for (title, rows) in [
            ("by idle time", &self.idle_histogram),
            ("by deliveries", &self.deliveries_histogram),
        ] {
            let rows = rows.iter().flatten().filter(|row| row.entries > 0);
            let rows: Vec<HistogramRow> = rows.cloned().collect();
            if !rows.is_empty() {
                section.heading(title);
                section.whole(&rows)?;
            }
        }
        if let Some(clusters) = &self.clusters {
            section.heading("by fields");
            section.whole(clusters)?;
        }
        if self.entries.is_empty() {
            return Ok(());
        }
        let shown = self.entries.len() as u64;
        let is_part = self.has_more || shown < self.matching;
        section.heading(if is_part {
            "entries, the oldest"
        } else {
            "entries"
        });
        if self.entries.iter().all(|row| row.is_trimmed.is_none()) {
            return section.part(&self.entries, self.left_out());
        }
        let rows: Vec<WithFields<'_>> = self.entries.iter().map(WithFields).collect();
        section.part(&rows, self.left_out())
    }

    /// The consumers that hold pending entries.
    fn holders(&self) -> impl Iterator<Item = &Holding> {
        self.consumers.iter().filter(|it| it.pending > 0)
    }

    /// How many entries are shown, and how many there are.
    fn tail(&self, section: &mut Section<'_>) {
        if let Some(cut) = self.left_out().filter(|_| !section.is_repeated()) {
            section.cut(cut);
        }
        let count = human_count(self.pending);
        section.heading(&format!(
            "{count} pending in group `{}` of stream `{}`",
            self.group, self.stream
        ));
    }

    /// The note about entries that are not shown.
    pub fn left_out(&self) -> Option<Cut> {
        let (all, is_least) = self.in_all();
        let cut = Cut::new(self.listed, all, is_least);
        cut.filter(|_| self.is_limited && self.listed > 0)
    }
}
