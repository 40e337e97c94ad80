//! The rows of the other lists, from their reports; and text as a list of its lines.

use std::collections::HashMap;

use unicode_width::UnicodeWidthStr as _;

use super::event::Look;
use super::groups::Reported;
use super::lists::{Figure, ListColumn, Order, Row, RowKey, Rows};
use super::view::Answer;
use crate::findings::Finding;
use crate::model::{Cell, Column, Entry, EntryId, Format, Name, Tone, with_commas};
use crate::view::{EntryStyle, EntryWriter, Options};

/// A column that is picked from a report, and how soon it goes where the screen is narrow.
type Picked = (&'static str, u8);

const FINDINGS: &[Picked] = &[("severity", 0), ("summary", 1), ("rule", 3), ("next", 2)];
const STREAMS: &[Picked] = &[
    ("stream", 0),
    ("state", 6),
    ("length", 1),
    ("maxlen", 2),
    ("rate_per_minute", 3),
    ("first_age_ms", 5),
    ("last_age_ms", 4),
    ("bytes", 4),
    ("dead_letters", 1),
    ("slowest_group", 8),
    ("headroom", 7),
    ("headroom_ms", 2),
];
const CONSUMERS: &[Picked] = &[
    ("consumer", 0),
    ("pending", 1),
    ("idle_ms", 2),
    ("inactive_ms", 3),
];
const PENDING: &[Picked] = &[
    ("id", 0),
    ("consumer", 2),
    ("idle_ms", 1),
    ("deliveries", 1),
    ("age_ms", 3),
    ("in_flight_ms", 5),
    ("last_reason", 4),
];
const LETTERS: &[Picked] = &[
    ("id", 0),
    ("age_ms", 1),
    ("group", 3),
    ("deliveries", 2),
    ("reason", 1),
    ("fields", 4),
];
/// How much of a text a row has at most, in characters.
const TEXT_MAX: usize = 400;

/// The findings of a look, the worst first.
pub(super) fn findings(look: &Look) -> Rows {
    let found = &look.doctor.findings;
    let mut rows = listed(found, FINDINGS, |_| RowKey::Nothing);
    let subject = ListColumn::of(&Column::text("subject", "ABOUT"), 0);
    rows.columns.insert(1, subject);
    for (row, (key, finding)) in rows.items.iter_mut().zip(keyed(found)) {
        row.key = key;
        row.cells
            .insert(1, Figure::from(Cell::Text(finding.subject())));
    }
    rows
}

/// The findings with their keys.
fn keyed(found: &[Finding]) -> impl Iterator<Item = (RowKey, &Finding)> {
    let mut times: HashMap<_, usize> = HashMap::with_capacity(found.len());
    found.iter().map(move |it| {
        let same = times.entry((&it.rule, &it.stream, &it.group)).or_default();
        let place = *same;
        *same += 1;
        let (stream, group) = (it.stream.clone(), it.group.clone());
        (
            RowKey::Finding(it.rule.to_string(), stream, group, place),
            it,
        )
    })
}

/// The finding with this key.
pub(super) fn finding<'l>(look: &'l Look, key: &RowKey) -> Option<&'l Finding> {
    let RowKey::Finding(rule, stream, group, place) = key else {
        return None;
    };
    let found = look.doctor.findings.iter();
    let mut same =
        found.filter(|it| it.rule == **rule && it.stream == *stream && it.group == *group);
    same.nth(*place)
}

/// The streams of a look.
pub(super) fn streams(look: &Look) -> Rows {
    listed(&look.streams, STREAMS, |it| {
        RowKey::Stream(it.stream.clone())
    })
}

/// All that is known of a finding.
pub(super) fn of_finding(finding: &Finding, width: usize) -> Rows {
    let mut lines = vec![
        format!(
            "{} {}: {}",
            finding.severity.word(),
            finding.rule,
            finding.subject()
        ),
        String::new(),
        finding.summary.clone(),
        finding.why.to_string(),
    ];
    if !finding.evidence.is_empty() {
        lines.push(String::new());
    }
    for evidence in &finding.evidence {
        lines.push(format!(
            "{} = {} ({})",
            evidence.figure, evidence.value, evidence.source
        ));
    }
    if !finding.next.is_empty() {
        lines.extend([String::new(), format!("→ {}", finding.next)]);
    }
    text(lines.iter().map(String::as_str), width)
}

/// What the server said.
pub(super) fn answered(answer: &Answer, stream: &Name, width: usize) -> Rows {
    match answer {
        Answer::Consumers(members) => listed(members, CONSUMERS, |it| {
            RowKey::Consumer(it.consumer.clone())
        }),
        Answer::Pending(report) => Rows {
            beyond: beyond(report.entries.len(), report.in_all().0, report.has_more),
            ..listed(&report.entries, PENDING, |it| {
                RowKey::Entry(stream.clone(), it.id)
            })
        },
        Answer::Letters(letters, has_more) => Rows {
            beyond: has_more.then(|| "the oldest; there are more".to_owned()),
            ..listed(letters, LETTERS, |it| {
                RowKey::Entry(it.dead_letter.clone(), it.id)
            })
        },
        Answer::Newest(entries) => newest(entries, stream),
        Answer::Entry(entry) => of_entry(entry, stream, width),
    }
}

fn beyond(shown: usize, all: u64, has_more: bool) -> Option<String> {
    has_more.then(|| format!("the oldest {shown} of {}", with_commas(all)))
}

fn newest(entries: &[(EntryId, String)], stream: &Name) -> Rows {
    const COLUMNS: [Column; 2] = [Column::whole("id", "ID"), Column::text("fields", "FIELDS")];
    let row = |(id, fields): &(EntryId, String)| Row {
        key: RowKey::Entry(stream.clone(), *id),
        cells: vec![
            Cell::from(*id).into(),
            short(Cell::Text(fields.clone()).into()),
        ],
    };
    Rows {
        columns: COLUMNS
            .iter()
            .zip(0..)
            .map(|(it, rank)| ListColumn::of(it, rank))
            .collect(),
        items: entries.iter().map(row).collect(),
        ..Rows::default()
    }
}

/// An entry as `get` prints it.
fn of_entry(entry: &Entry, stream: &Name, width: usize) -> Rows {
    let options = Options {
        terminal: true,
        ..Options::new(Format::Table)
    };
    let mut writer = EntryWriter::new(&options, EntryStyle::default());
    let mut out = Vec::new();
    writer.item(&mut out, stream.as_bytes(), entry.id, &entry.fields);
    writer.end(&mut out);
    text(String::from_utf8_lossy(&out).lines(), width)
}

/// Lines of text as rows, broken where they are wider than the screen.
pub(super) fn text<'t>(lines: impl Iterator<Item = &'t str>, width: usize) -> Rows {
    let lines = lines.flat_map(|line| broken(line, width.max(1)));
    let row = |(place, line): (usize, String)| Row {
        key: RowKey::Line(place),
        cells: vec![Figure {
            order: Order::Text(line.to_lowercase()),
            text: line,
            tone: Tone::Plain,
        }],
    };
    Rows {
        columns: vec![ListColumn::of(&Column::text("text", ""), 0)],
        items: lines.enumerate().map(row).collect(),
        is_text: true,
        ..Rows::default()
    }
}

fn broken(line: &str, width: usize) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut columns = 0;
    for character in line.chars() {
        let wide = character.to_string().width();
        if columns + wide > width && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            columns = 0;
        }
        part.push(character);
        columns += wide;
    }
    parts.push(part);
    parts
}

/// The picked columns of a report. Those that are sparse and have no value are left out.
fn listed<R: crate::model::Row>(
    items: &[R],
    picked: &[Picked],
    key: impl Fn(&R) -> RowKey,
) -> Rows {
    let reported: Vec<Reported> = items.iter().map(Reported::of).collect();
    let columns = picked.iter().filter_map(|(key, rank)| {
        let column = R::COLUMNS.iter().find(|it| it.key == *key)?;
        let has_value = |it: &Reported| it.cell(key).order != Order::Nothing;
        let is_shown = !column.is_sparse || reported.iter().any(has_value);
        is_shown.then(|| ListColumn::of(column, *rank))
    });
    let columns: Vec<ListColumn> = columns.collect();
    let row = |(item, reported): (&R, &Reported)| Row {
        key: key(item),
        cells: columns
            .iter()
            .map(|it| short(reported.cell(it.key)))
            .collect(),
    };
    Rows {
        items: items.iter().zip(&reported).map(row).collect(),
        columns,
        ..Rows::default()
    }
}

fn short(mut figure: Figure) -> Figure {
    if let Some((at, _)) = figure.text.char_indices().nth(TEXT_MAX) {
        figure.text.truncate(at);
        figure.text.push('…');
    }
    figure
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_broken_at_the_edge_of_the_screen() {
        let lines = |text: &str, width| {
            let rows = super::text(text.lines(), width);
            rows.items
                .iter()
                .map(|it| it.cells[0].text.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("abcdef\n\ng", 4), ["abcd", "ef", "", "g"]);
        assert_eq!(lines("日本語", 4), ["日本", "語"]);
        assert_eq!(lines("日", 1), ["日"]);
    }
}
