//! A plan as one JSON document, whose rows are written one by one.

use serde::Serialize;

use super::json::write_json;
use super::pretty::indent_json;
use super::{Options, Row};
use crate::model::{Format, Plan, PlanDocument, Problem};

/// The end of the document, whose last key is its rows.
const DOCUMENT_END: &[u8] = b"]}";

/// Writes a plan and its rows. Memory does not grow with the rows, unless the output is indented for a person.
#[derive(Debug)]
pub struct PlanWriter {
    /// The whole output, if it is indented at the end.
    held: Option<Vec<u8>>,
    has_rows: bool,
}

impl PlanWriter {
    /// Whether a plan is written as one document. In any format but JSON, and when columns are selected, only its
    /// rows are written.
    pub fn is_for(options: &Options) -> bool {
        options.format == Format::Json && !options.names && options.columns.is_empty()
    }

    /// Begins the document of `plan`; `None`, without writing anything, if the format has no document.
    ///
    /// # Errors
    /// A bug, when it cannot be written as JSON.
    pub fn begin<R: Row>(
        out: &mut Vec<u8>,
        plan: Plan,
        options: &Options,
    ) -> Result<Option<Self>, Problem> {
        if !Self::is_for(options) {
            return Ok(None);
        }
        let mut writer = Self {
            held: options.terminal.then(Vec::new),
            has_rows: false,
        };
        let rows: Vec<R> = Vec::new();
        writer.put(out, &PlanDocument { plan, rows })?;
        let begun = writer.held.as_mut().unwrap_or(out);
        begun.truncate(begun.len() - DOCUMENT_END.len());
        Ok(Some(writer))
    }

    /// Appends the next row.
    ///
    /// # Errors
    /// A bug, when it cannot be written as JSON.
    pub fn row<R: Row>(&mut self, out: &mut Vec<u8>, row: &R) -> Result<(), Problem> {
        if std::mem::replace(&mut self.has_rows, true) {
            self.held.as_mut().unwrap_or(out).push(b',');
        }
        self.put(out, row)
    }

    /// Ends the document.
    pub fn end(mut self, out: &mut Vec<u8>) {
        let text = self.held.as_mut().unwrap_or(out);
        text.extend_from_slice(DOCUMENT_END);
        if let Some(held) = &self.held {
            indent_json(out, held, 0);
        }
        out.push(b'\n');
    }

    fn put(&mut self, out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Problem> {
        write_json(self.held.as_mut().unwrap_or(out), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Impact, PlanFacts, report};

    report! {
        struct Item {
            id: u64 => number("ID"),
        }
    }

    fn plan() -> Plan {
        Plan {
            operation: "ack".to_owned(),
            impact: Impact::Destructive,
            server: "unix:///s".to_owned(),
            facts: PlanFacts::default(),
            command: None,
        }
    }

    fn shown(options: &Options) -> Option<String> {
        let mut out = Vec::new();
        let mut writer = PlanWriter::begin::<Item>(&mut out, plan(), options).expect("begins")?;
        for id in [1, 2, 3] {
            writer.row(&mut out, &Item { id }).expect("writes");
        }
        writer.end(&mut out);
        Some(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn rows_make_the_document_that_would_be_written_at_once() {
        let rows = [1, 2, 3].map(|id| Item { id }).into();
        let mut whole = Vec::new();
        write_json(&mut whole, &PlanDocument { plan: plan(), rows }).expect("writes");
        whole.push(b'\n');
        let whole = String::from_utf8(whole).expect("UTF-8");
        assert_eq!(shown(&Options::new(Format::Json)), Some(whole.clone()));
        let indented = shown(&Options {
            terminal: true,
            ..Options::new(Format::Json)
        });
        let indented: serde_json::Value =
            serde_json::from_str(&indented.expect("a document")).expect("JSON");
        assert_eq!(Ok(indented), serde_json::from_str(&whole).map_err(|_| ()));
    }

    #[test]
    fn other_formats_and_picked_columns_have_the_rows_alone() {
        for format in [Format::Ndjson, Format::Csv, Format::Plain, Format::Table] {
            assert_eq!(shown(&Options::new(format)), None);
        }
        let picked = Options {
            columns: vec!["id".into()],
            ..Options::new(Format::Json)
        };
        assert_eq!(shown(&picked), None);
    }
}
