//! The list of groups: the furthest behind in time first.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::event::Look;
use super::history::{Histories, Way};
use super::lists::{Figure, ListColumn, Order, Row, RowKey, Rows, Sort};
use crate::model::{Cell, Column, Lag, Name, Tone};
use crate::streams::inspect::{GroupReport, GroupState, StreamReport};
use crate::streams::target::Target;

/// Rates are shown as soon as there are observations this many seconds apart.
pub const RATE_SECONDS_MIN: u64 = 5;

/// The columns, and how soon each goes where the screen is narrow.
const COLUMNS: &[(Column, u8)] = &[
    (Column::text("group", "GROUP"), 0),
    (Column::text("stream", "STREAM"), 11),
    (Column::millis("undelivered_age_ms", "BEHIND"), 1),
    (Column::number("lag", "LAG"), 1),
    (Column::whole("trend", "TREND"), 2),
    (Column::number("added_per_second", "IN/S"), 8),
    (Column::number("delivered_per_second", "OUT/S"), 6),
    (Column::millis("catch_up_ms", "DRAINS"), 5),
    (Column::number("pending", "PENDING"), 3),
    (Column::millis("oldest_pending_age_ms", "OLDEST"), 9),
    (Column::number("dead_letters", "DEAD"), 7),
    (Column::number("live", "LIVE"), 2),
    (Column::number("headroom", "ROOM"), 4),
    (RETRIES, 4),
    (LOST, 10),
    (PAUSED, 3),
];
/// Shown only where something was lost.
const LOST: Column = Column::number("lost", "LOST");
/// What waits in the retry stream; shown only where something does.
const RETRIES: Column = Column::number("retries", "RETRIES");
/// Shown only where a group is paused.
const PAUSED: Column = Column::whole("paused", "PAUSED");

/// The groups of a look.
pub(super) fn groups(look: &Look, histories: &Histories) -> Rows {
    let groups = look.streams.iter().flat_map(|stream| {
        let groups = stream.groups.iter();
        groups.map(move |group| (stream, group))
    });
    let mut groups: Vec<(&StreamReport, &GroupReport)> = groups.collect();
    groups.sort_by_cached_key(|(_, group)| furthest_behind(group));
    let mut times: HashMap<&Name, usize> = HashMap::new();
    for (_, group) in &groups {
        *times.entry(&group.group).or_default() += 1;
    }
    let has_lost = |it: &(&StreamReport, &GroupReport)| it.1.lost.and_then(Lag::at_least) > Some(0);
    let has_lost = groups.iter().any(has_lost);
    let retries = |it: &(&StreamReport, &GroupReport)| it.1.retries_waiting() > Some(0);
    let has_retries = groups.iter().any(retries);
    let has_paused = groups.iter().any(|(_, group)| group.paused.is_some());
    let is_shown = |it: &&(Column, u8)| match it.0.key {
        key if key == LOST.key => has_lost,
        key if key == RETRIES.key => has_retries,
        key if key == PAUSED.key => has_paused,
        _ => true,
    };
    let columns: Vec<&(Column, u8)> = COLUMNS.iter().filter(is_shown).collect();
    let row = |(stream, group): &(&StreamReport, &GroupReport)| {
        let reported = Reported::of(group);
        let cells = columns.iter().map(|(column, _)| match column.key {
            "group" if times[&group.group] > 1 => {
                let text = format!("{} on {}", group.group, group.stream);
                Figure::from(group.marked(Cell::Text(text)))
            }
            "trend" => trend(group, histories, look),
            "paused" => Figure::from(match group.paused {
                Some(_) => Cell::Word(Tone::Warn, "paused".to_owned()),
                None => Cell::Nothing,
            }),
            "added_per_second" => per_second(added(stream, group)),
            "delivered_per_second" => per_second(group.delivered_per_minute),
            "dead_letters" => Reported::of(*stream).cell("dead_letters"),
            "retries" => Figure::from(group.retries_cell()),
            // What has nothing to drain.
            "catch_up_ms" if group.catch_up_ms == Some(0) => Figure::from(Cell::Nothing),
            "headroom" if group.headroom_ms.is_some() => reported.cell("headroom_ms"),
            key => reported.cell(key),
        });
        Row {
            key: RowKey::Group(Target::from(*group)),
            cells: cells.collect(),
        }
    };
    Rows {
        items: groups.iter().map(row).collect(),
        columns: columns
            .iter()
            .map(|(it, rank)| ListColumn::of(it, *rank))
            .collect(),
        sort: Some(Sort {
            column: "undelivered_age_ms",
            is_descending: true,
        }),
        ..Rows::default()
    }
}

/// What is missing comes first, then what nobody knows, then the furthest behind.
fn furthest_behind(group: &GroupReport) -> impl Ord + use<> {
    let rank = match (group.state, group.lag) {
        (GroupState::Missing, _) => 0,
        (GroupState::Ready, Some(Lag::Unknown)) => 1,
        (GroupState::Ready, _) => 2,
    };
    let lag = group.lag.and_then(Lag::entries);
    let age_ms = group.undelivered_age_ms;
    let name = (
        group.group.as_bytes().to_vec(),
        group.stream.as_bytes().to_vec(),
    );
    (rank, Reverse(age_ms), Reverse(lag), name)
}

/// The cells of a report's row, by the keys of their columns.
pub(super) struct Reported {
    columns: &'static [Column],
    cells: Vec<Cell>,
}

impl Reported {
    pub(super) fn of<R: crate::model::Row>(row: &R) -> Self {
        Self {
            columns: R::COLUMNS,
            cells: row.cells(),
        }
    }

    pub(super) fn cell(&self, key: &str) -> Figure {
        let at = self.columns.iter().position(|it| it.key == key);
        let cell = at.and_then(|at| self.cells.get(at));
        Figure::from(cell.cloned().unwrap_or(Cell::Nothing))
    }
}

/// How many entries a minute are added for a group: over the same time as what it reads, else lately.
fn added(stream: &StreamReport, group: &GroupReport) -> Option<f64> {
    let paced = group.delivered_per_minute.zip(group.gained_per_minute);
    paced
        .map(|(delivered, gained)| (delivered - gained).max(0.0))
        .or(stream.rate_per_minute)
}

fn per_second(per_minute: Option<f64>) -> Figure {
    Figure::from(Cell::rate(per_minute.map(|it| it / 60.0)))
}

/// The picture of a lag and which way it goes. It is sorted by how it goes.
fn trend(group: &GroupReport, histories: &Histories, look: &Look) -> Figure {
    let target = Target::from(group);
    let way = histories.way(&target);
    let picture = histories.picture(&target, look.at);
    let (arrow, tone, order) = match way {
        None => (' ', Tone::Plain, Order::Nothing),
        Some(way @ Way::Growing) => (way.arrow(), Tone::Warn, Order::Number(2.0)),
        Some(way @ Way::Steady) => (way.arrow(), Tone::Plain, Order::Number(1.0)),
        Some(way @ Way::Shrinking) => (way.arrow(), Tone::Ok, Order::Number(0.0)),
    };
    Figure {
        text: format!("{picture} {arrow}"),
        tone,
        order,
    }
}
