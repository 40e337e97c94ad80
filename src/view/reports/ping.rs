//! `ping`.

use crate::streams::ping::Ping;
use crate::view::{Cell, Column, Row};

impl Row for Ping {
    const COLUMNS: &'static [Column] = &[
        Column::text("address", "ADDRESS"),
        Column::text("server", "SERVER"),
        Column::text("version", "VERSION"),
        Column::text("mode", "MODE"),
        Column::text("role", "ROLE"),
        Column::number("round_trip_ms", "ROUND TRIP MS"),
        Column::text("features", "FEATURES"),
        Column::whole("append_only", "APPEND ONLY"),
        Column::whole("last_save", "LAST SAVE"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            address,
            server,
            version,
            mode,
            role,
            round_trip_ms,
            features,
            append_only,
            last_save,
        } = self;
        let features = features.as_ref().map(|names| match names.join(" ") {
            none if none.is_empty() => Cell::Nothing,
            names => names.into(),
        });
        vec![
            address.as_str().into(),
            server.clone().into(),
            version.clone().into(),
            mode.clone().into(),
            role.clone().into(),
            format!("{round_trip_ms:.3}").into(),
            features.unwrap_or(Cell::Unknown),
            (*append_only).into(),
            (*last_save).into(),
        ]
    }
}
