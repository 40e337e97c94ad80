//! `acl`.

use serde::Serialize;

use crate::model::{Column, Problem, Row};
use crate::streams::permissions::Permission;
use crate::view::{Report, Section};

/// Rules for people: each below its command, with its words in several lines.
#[derive(Debug, Serialize)]
pub struct Rules<'a>(pub &'a [Permission]);

impl Report for Rules<'_> {
    const TABLES: &'static [&'static [Column]] = &[Permission::COLUMNS];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        for rule in self.0 {
            section.heading(&rule.command);
            section.words(&rule.words());
        }
        Ok(())
    }
}
