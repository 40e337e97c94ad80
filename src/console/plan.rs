//! A plan on standard output.

use anyhow::Result;

use super::Console;
use crate::model::{Plan, Row};
use crate::view::PlanWriter;

impl Console {
    /// Whether a plan is shown as one document.
    pub fn shows_plans(&self) -> bool {
        PlanWriter::is_for(&self.options)
    }

    /// Shows a plan with its rows as one document, if the format is JSON and no columns are selected; otherwise
    /// nothing. Returns whether it did.
    ///
    /// # Errors
    /// As [`Console::show`].
    pub fn show_plan<R: Row>(&self, plan: Plan, rows: impl IntoIterator<Item = R>) -> Result<bool> {
        self.show_plan_reading(plan, rows.into_iter().map(Ok))
    }

    /// As [`Console::show_plan`], for rows that are read.
    ///
    /// # Errors
    /// As [`Console::show`], or when a row cannot be read.
    pub fn show_plan_reading<R: Row>(
        &self,
        plan: Plan,
        rows: impl IntoIterator<Item = Result<R>>,
    ) -> Result<bool> {
        let mut out = self.out();
        let writer = PlanWriter::begin::<R>(out.buffer(), plan, &self.options)?;
        let Some(mut writer) = writer else {
            return Ok(false);
        };
        for row in rows {
            writer.row(out.buffer(), &row?)?;
            out.settle()?;
        }
        writer.end(out.buffer());
        out.flush()?;
        Ok(true)
    }
}
