//! `acl`.

use serde::Serialize;

use crate::model::Problem;
use crate::streams::permissions::Permission;
use crate::view::{Cell, Column, Report, Row, Section};

/// Rules for people: each under the command that it is for, its words in lines.
#[derive(Debug, Serialize)]
pub struct Rules<'a>(pub &'a [Permission]);

impl Report for Rules<'_> {
    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        for rule in self.0 {
            section.heading(&rule.command);
            section.words(&rule.words());
        }
        Ok(())
    }
}

impl Row for Permission {
    const COLUMNS: &'static [Column] = &[
        Column::whole("rule", "RULE"),
        Column::text("command", "COMMAND").wide(),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            command,
            allowed: _,
            keys: _,
            rule,
        } = self;
        vec![rule.as_str().into(), command.as_str().into()]
    }
}
