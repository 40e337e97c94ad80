//! `ingest`.

use crate::streams::ingest::{Ingested, WouldIngest};
use crate::view::{Cell, Column, Row};

impl Row for Ingested {
    const COLUMNS: &'static [Column] = &[
        Column::whole("raw_id", "RAW ID"),
        Column::whole("normalized_id", "NORMALIZED ID"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            raw_id,
            normalized_id,
        } = self;
        vec![(*raw_id).into(), (*normalized_id).into()]
    }
}

impl Row for WouldIngest {
    const COLUMNS: &'static [Column] = &[
        Column::number("events", "EVENTS"),
        Column::text("raw", "RAW"),
        Column::text("normalized", "NORMALIZED"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            events,
            raw,
            normalized,
        } = self;
        vec![(*events).into(), raw.into(), normalized.into()]
    }
}
