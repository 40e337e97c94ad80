//! `acl`.

use crate::streams::permissions::Permission;
use crate::view::{Cell, Column, Row};

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
