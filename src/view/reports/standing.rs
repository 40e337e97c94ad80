//! `explain` and `trace`: entries, and the standing of each with the groups of its stream.

use serde::Serialize;

use super::super::{Report, Section, human_count, human_millis};
use super::dead_letters::Alone;
use crate::model::{Cell, Column, Problem, Row, Time, Tone, counted, entries, narrowed};
use crate::streams::dead_letters::DeadLetter;
use crate::streams::search::{SearchEnd, Searched, SearchedFor};
use crate::streams::standing::{
    CopyRow, EntryReport, EntryState, ExplainReport, GroupStanding, JournalRow,
};
use crate::streams::trace::{Hop, HopState, TraceReport};

/// The standing of one entry with a group, below a heading that names the entry.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
struct OfOne<'a>(&'a GroupStanding);

impl Row for OfOne<'_> {
    const COLUMNS: &'static [Column] = &narrowed::<{ GroupStanding::COLUMNS.len() }>(
        GroupStanding::COLUMNS,
        &[
            "group",
            "standing",
            "certainty",
            "consumer",
            "deliveries",
            "idle_ms",
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }
}

impl Report for ExplainReport {
    const TABLES: &'static [&'static [Column]] = &[
        EntryReport::COLUMNS,
        GroupStanding::COLUMNS,
        JournalRow::COLUMNS,
        DeadLetter::COLUMNS,
        CopyRow::COLUMNS,
        Searched::COLUMNS,
    ];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let is_picked = section.picks();
        if section.for_people() {
            let EntryReport {
                id, stream, state, ..
            } = &self.entry;
            let head = format!("{id} of `{stream}`: {}", state.word());
            section.line(tone(*state), &head);
        }
        section.object(&self.entry)?;
        if is_picked || !self.groups.is_empty() {
            section.heading("groups");
            if section.for_people() {
                // A wide table has every column.
                let rows: Vec<OfOne<'_>> = self.groups.iter().map(OfOne).collect();
                section.whole(&rows)?;
            } else {
                section.whole(&self.groups)?;
            }
            group_lines(section, &self.groups);
        }
        if let Some(letter) = &self.provenance {
            section.heading("the record of this dead letter");
            section.object(&Alone(letter))?;
        }
        if is_picked || !self.journal.is_empty() {
            section.heading("what workers recorded about it");
            section.list(&self.journal)?;
        }
        if is_picked || !self.dead_letters.is_empty() {
            section.heading("its dead letters");
            section.list(&self.dead_letters)?;
        }
        if is_picked || !self.copies.is_empty() {
            section.heading("its copies");
            section.list(&self.copies)?;
        }
        if section.for_people() {
            searched_lines(section, &self.searched, None);
            if let Some(next) = &self.next {
                section.heading("next");
                section.line(Tone::Plain, &format!("  {next}"));
            }
            return Ok(());
        }
        section.whole(&self.searched)
    }
}

impl Report for TraceReport {
    const TABLES: &'static [&'static [Column]] = &[
        Hop::COLUMNS,
        GroupStanding::COLUMNS,
        JournalRow::COLUMNS,
        Searched::COLUMNS,
    ];

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        let is_picked = section.picks();
        if section.for_people() {
            section.line(Tone::Plain, &self.head());
        }
        section.list(&self.hops)?;
        if is_picked || !self.groups.is_empty() {
            section.heading("groups");
            section.list(&self.groups)?;
            group_lines(section, &self.groups);
        }
        if is_picked || !self.journal.is_empty() {
            section.heading("what workers recorded about them");
            section.list(&self.journal)?;
        }
        if section.for_people() {
            searched_lines(section, &self.searched, self.since);
            if let Some(next) = &self.next {
                section.heading("next");
                section.line(Tone::Plain, &format!("  {next}"));
            }
            return Ok(());
        }
        section.whole(&self.searched)
    }
}

impl TraceReport {
    /// How many entries were found, and the time from the first to the last one that is not a dead letter.
    fn head(&self) -> String {
        let least = if self.has_more { "at least " } else { "" };
        let found = entries(self.hops.len());
        let on_its_way = self
            .hops
            .iter()
            .filter(|it| it.state != HopState::DeadLetter);
        let total_ms = on_its_way.map(|it| it.total_ms).max().unwrap_or_default();
        let span = human_millis(total_ms);
        format!(
            "{}={}: {least}{found} within {span}",
            self.field, self.value
        )
    }
}

const fn tone(state: EntryState) -> Tone {
    match state {
        EntryState::Present => Tone::Ok,
        EntryState::Absent => Tone::Warn,
        EntryState::Trimmed | EntryState::Deleted | EntryState::Gone => Tone::Bad,
    }
}

/// The facts on which each standing is based, and the commands to type next.
fn group_lines(section: &mut Section<'_>, groups: &[GroupStanding]) {
    const LINES_MAX: usize = 10;
    let has_several = groups.iter().any(|it| it.id != groups[0].id);
    for row in groups.iter().take(LINES_MAX) {
        let whose = if has_several {
            format!("{} {} of {}", row.stream, row.id, row.group)
        } else {
            row.group.to_string()
        };
        let line = format!("  {whose}: {}", row.evidence);
        section.line(Tone::Dim, &line);
        let is_told = row.reason.as_deref();
        if let Some(reason) = is_told.filter(|it| !row.evidence.contains(it.trim())) {
            let last = reason.lines().rev().find(|it| !it.trim().is_empty());
            section.line(Tone::Dim, &format!("    why: {}", last.unwrap_or_default()));
        }
        if let Some(next) = &row.next {
            section.line(Tone::Plain, &format!("    next: {next}"));
        }
    }
}

/// The searches that were made, and how far each went.
fn searched_lines(section: &mut Section<'_>, searched: &[Searched], since: Option<Time>) {
    section.heading("looked at");
    let is_empty = |it: &&Searched| it.looked_at == 0 && it.is_whole();
    for it in searched.iter().filter(|it| !is_empty(it)) {
        let tone = match it.end {
            SearchEnd::Whole => Tone::Dim,
            _ => Tone::Warn,
        };
        section.line(tone, &format!("  {}", searched_text(it, since)));
    }
    let mut empty: Vec<String> = Vec::new();
    for it in searched.iter().filter(is_empty) {
        let name = format!("`{}`", it.stream);
        if !empty.contains(&name) {
            empty.push(name);
        }
    }
    if !empty.is_empty() {
        let empty = empty.join(", ");
        section.line(
            Tone::Dim,
            &format!("  no entries{} of {empty}", since_text(since)),
        );
    }
}

/// The text ` since 2026-…`, unless the whole stream was read.
fn since_text(since: Option<Time>) -> String {
    since.map_or_else(String::new, |it| format!(" since {it}"))
}

/// How far a stream was searched, in words; the search ended at entries of this time.
pub fn searched_text(searched: &Searched, since: Option<Time>) -> String {
    let Searched {
        stream,
        searched_for,
        looked_at,
        found,
        reached_id,
        end,
    } = searched;
    let wanted = match searched_for {
        SearchedFor::Entries => counted(*found, "match", "matches"),
        SearchedFor::DeadLetters => counted(*found, "dead letter", "dead letters"),
        SearchedFor::Copies => counted(*found, "copy", "copies"),
        SearchedFor::Journal => counted(*found, "record", "records"),
    };
    let count = match looked_at {
        0 | 1 => entries(*looked_at),
        _ => format!("{} entries", human_count(*looked_at)),
    };
    let reached = reached_id.map(|id| format!(" (up to {id})"));
    let reached = reached.unwrap_or_default();
    match end {
        SearchEnd::Whole => {
            let since = match searched_for {
                SearchedFor::Entries => since_text(since),
                _ => String::new(),
            };
            format!("{count} of `{stream}`, all there are{since}: {wanted}")
        }
        SearchEnd::Limit => {
            format!("{count} of `{stream}`{reached}: {wanted}; --count N searches more")
        }
        SearchEnd::Enough => {
            format!("{count} of `{stream}`{reached}: {wanted}, and there are more")
        }
        SearchEnd::Stopped => {
            format!("{count} of `{stream}`{reached}, then the search was stopped: {wanted}")
        }
        SearchEnd::NotAStream => format!("nothing of `{stream}`: the key is not a stream"),
        SearchEnd::Denied => format!("nothing of `{stream}`: the user may not read it"),
    }
}
