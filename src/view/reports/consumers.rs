//! `consumers`, and the results of deleting them.

use crate::model::{Cell, Column, Row};
use crate::streams::consumers::{Member, Removal};

impl Row for Removal {
    const COLUMNS: &'static [Column] = &[
        Column::text("consumer", "CONSUMER"),
        Column::text("group", "GROUP").varying(),
        Column::text("stream", "STREAM").wide(),
        Column::whole("outcome", "OUTCOME"),
        Column::number("pending", "HELD"),
        Column::number("idle_ms", "IDLE"),
        Column::number("inactive_ms", "INACTIVE").wide(),
        Column::number("handed_over", "HANDED OVER"),
        Column::number("tombstones", "TOMBSTONES"),
    ];

    /// Consumers that were kept come first, then those with most pending entries.
    fn rank(&self) -> u64 {
        const AFTER: u64 = 1 << 62;
        let after = if self.outcome.is_done() { AFTER } else { 0 };
        after + (AFTER - self.member.pending.min(AFTER))
    }

    fn cells(&self) -> Vec<Cell> {
        let Self {
            member,
            outcome,
            handed_over,
            tombstones,
        } = self;
        let Member {
            consumer,
            group,
            stream,
            pending,
            idle_ms,
            inactive_ms,
        } = member;
        vec![
            consumer.into(),
            group.into(),
            stream.into(),
            (*outcome).into(),
            (*pending).into(),
            Cell::Millis(*idle_ms),
            match inactive_ms {
                Some(ms) => Cell::Millis(*ms),
                None => Cell::Unknown,
            },
            (*handed_over).into(),
            (*tombstones).into(),
        ]
    }
}
