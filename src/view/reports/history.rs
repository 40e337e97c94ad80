//! `history`: a line of blocks for each figure on a screen, the samples elsewhere.

use serde::Serialize;

use crate::findings::Severity;
use crate::model::{
    Cell, Column, Lag, LagExtent, Problem, Row as _, Time, Tone, counted, format_duration_short,
    report,
};
use crate::recording::{Episode, Gap, HistoryRow};
use crate::view::{Report, Section, to_the_second};

/// The heights of a figure.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The indent of what was found below its severity.
const MARGIN: &str = "          ";
/// How many gaps are named one by one.
const GAPS_SHOWN: usize = 5;
/// How wide a table is beside the blocks.
const BESIDE: usize = 46;
/// How many columns of blocks there are at least, and at most.
const COLUMNS: std::ops::RangeInclusive<usize> = 20..=100;

/// The samples of a time.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct HistoryView<'a> {
    rows: &'a [HistoryRow],
    #[serde(skip)]
    about: About<'a>,
}

/// What else is shown on a screen.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// What was found wrong.
    pub episodes: &'a [Episode],
    /// When nothing could be observed, and why.
    pub gaps: &'a [Gap],
    /// How many samples there are.
    pub samples: u64,
    /// How wide the screen is.
    pub width: Option<u16>,
}

report! {
    /// How a figure went.
    #[derive(Clone, Debug)]
    struct FigureRow {
        /// The figure.
        figure: &'static str => whole("FIGURE"),
        /// Its last value.
        last: Option<Lag> => number("LAST") by |it| it.cell(it.last),
        /// Its least value.
        min: Option<Lag> => number("MIN") by |it| it.cell(it.min),
        /// Its greatest value.
        max: Option<Lag> => number("MAX") by |it| it.cell(it.max),
        /// Its greatest value in each column, as a height.
        history: String => whole("HISTORY"),
        /// Whether it is a time.
        is_time: bool,
    }
}

impl FigureRow {
    fn cell(&self, value: Option<Lag>) -> Cell {
        match value {
            None => Cell::Unknown,
            Some(Lag::Known(ms)) if self.is_time => Cell::Millis(ms),
            Some(count) => count.into(),
        }
    }
}

/// A figure: its name, whether it is a time, and its last, least and greatest value in a row.
struct Figure {
    name: &'static str,
    is_time: bool,
    of: fn(&HistoryRow) -> [Option<Lag>; 3],
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are not negative, and small"
)]
const fn whole(rate: Option<f64>) -> Option<u64> {
    match rate {
        Some(rate) => Some(rate.round() as u64),
        None => None,
    }
}

/// Values that are known exactly where they are known.
fn known(values: [Option<u64>; 3]) -> [Option<Lag>; 3] {
    values.map(|it| it.map(Lag::Known))
}

const LAG: Figure = Figure {
    name: "lag",
    is_time: false,
    of: |it| [it.lag, it.lag_min, it.lag_max],
};
const PENDING: Figure = Figure {
    name: "pending",
    is_time: false,
    of: |it| known([it.pending, it.pending_min, it.pending_max]),
};
const DEAD: Figure = Figure {
    name: "dead",
    is_time: false,
    of: |it| known([it.dead_letters, it.dead_letters_min, it.dead_letters_max]),
};
const ADDED: Figure = Figure {
    name: "added/min",
    is_time: false,
    of: |it| {
        let rates = [
            it.added_per_minute,
            it.added_per_minute,
            it.added_per_minute_max,
        ];
        known(rates.map(whole))
    },
};
const LENGTH: Figure = Figure {
    name: "length",
    is_time: false,
    of: |it| known([it.length, it.length_min, it.length_max]),
};

/// The figures of a group.
const OF_GROUP: [Figure; 8] = [
    LAG,
    Figure {
        name: "behind",
        is_time: true,
        of: |it| {
            let age = it.undelivered_age_ms;
            known([age, age, it.undelivered_age_ms_max])
        },
    },
    PENDING,
    Figure {
        name: "idle",
        is_time: true,
        of: |it| {
            let idle = it.oldest_pending_idle_ms;
            known([idle, idle, it.oldest_pending_idle_ms_max])
        },
    },
    Figure {
        name: "live",
        is_time: false,
        of: |it| known([it.live, it.live_min, it.live_max]),
    },
    ADDED,
    Figure {
        name: "read/min",
        is_time: false,
        of: |it| {
            let [last, least, greatest] = [
                it.delivered_per_minute,
                it.delivered_per_minute_min,
                it.delivered_per_minute_max,
            ];
            known([whole(last), whole(least), whole(greatest)])
        },
    },
    DEAD,
];
/// Those of a group where all groups are shown.
const OF_EACH_GROUP: [Figure; 3] = [LAG, PENDING, DEAD];
/// The figures of a stream.
const OF_STREAM: [Figure; 3] = [LENGTH, ADDED, DEAD];

impl<'a> HistoryView<'a> {
    /// These rows, which are sorted by subject and time.
    pub const fn new(rows: &'a [HistoryRow], about: About<'a>) -> Self {
        Self { rows, about }
    }

    /// How many columns of blocks fit on a screen of this width.
    pub fn columns(width: Option<u16>) -> usize {
        let width = width.map_or(usize::from(u8::MAX), usize::from);
        width
            .saturating_sub(BESIDE)
            .clamp(*COLUMNS.start(), *COLUMNS.end())
    }

    /// The rows of each subject.
    fn subjects(&self) -> impl Iterator<Item = &'a [HistoryRow]> {
        self.rows
            .chunk_by(|one, next| (&one.group, &one.stream) == (&next.group, &next.stream))
    }

    fn figure(&self, figure: &Figure, rows: &[HistoryRow]) -> FigureRow {
        let values: Vec<[Option<Lag>; 3]> = rows.iter().map(figure.of).collect();
        let (mut minima, mut maxima) = (LagExtent::default(), LagExtent::default());
        for [_, min, max] in &values {
            minima.add(*min);
            maxima.add(*max);
        }
        let last = rows.iter().rev().find(|it| it.samples > it.failed);
        FigureRow {
            figure: figure.name,
            last: last.and_then(|it| (figure.of)(it)[0]),
            min: minima.least(),
            max: maxima.greatest(),
            history: self.blocks(rows, &values),
            is_time: figure.is_time,
        }
    }

    /// The greatest value in each column; a column without a sample is empty, and one in which it is unknown has a `?`. What
    /// is only a bound is as high as the bound.
    fn blocks(&self, rows: &[HistoryRow], values: &[[Option<Lag>; 3]]) -> String {
        let columns = Self::columns(self.about.width);
        let (from, to) = (self.about.from.ms, self.about.to.ms);
        let span = u128::from(to.saturating_sub(from).max(1)) + 1;
        let mut greatest: Vec<Option<Option<u64>>> = vec![None; columns];
        for (row, [_, _, max]) in rows.iter().zip(values) {
            let place = u128::from(row.at.ms.saturating_sub(from)) * columns as u128 / span;
            let place = usize::try_from(place).unwrap_or(columns).min(columns - 1);
            greatest[place] = greatest[place].max(max.map(Lag::entries));
        }
        let top = greatest
            .iter()
            .flatten()
            .flatten()
            .max()
            .copied()
            .unwrap_or(0);
        let block = |value: Option<u64>| {
            let Some(value) = value else { return '?' };
            let height = u128::from(value) * 7 / u128::from(top.max(1));
            // What is not nothing can be seen.
            let height = usize::try_from(height)
                .unwrap_or(7)
                .max(usize::from(value > 0));
            BLOCKS[height.min(7)]
        };
        let blocks = greatest.into_iter().map(|it| it.map_or(' ', block));
        blocks.collect::<String>().trim_end().to_owned()
    }

    fn gaps(&self, section: &mut Section<'_>) {
        let gaps = self.about.gaps;
        for gap in gaps.iter().take(GAPS_SHOWN) {
            let line = if gap.from == gap.to {
                format!("could not look at {}: {}", gap.from, gap.error)
            } else {
                format!(
                    "could not look from {} to {}: {}",
                    gap.from, gap.to, gap.error
                )
            };
            section.line(Tone::Warn, &line);
        }
        section.cut_after(gaps.len().min(GAPS_SHOWN), gaps.len());
    }
}

impl Report for HistoryView<'_> {
    const TABLES: &'static [&'static [Column]] = &[HistoryRow::COLUMNS];
    const NDJSON_HAS_ROWS: bool = true;

    fn sections(&self, section: &mut Section<'_>) -> Result<(), Problem> {
        if !section.for_people() {
            return section.list(self.rows);
        }
        let (from, to) = (self.about.from, self.about.to);
        let column_ms = to.ms.saturating_sub(from.ms) / Self::columns(self.about.width) as u64;
        let line = format!(
            "{} to {}: {}; a block is {}",
            to_the_second(from),
            to_the_second(to),
            counted(self.about.samples, "sample", "samples"),
            format_duration_short(std::time::Duration::from_millis(column_ms.max(1))),
        );
        section.line(Tone::Dim, &line);
        self.gaps(section);
        let is_one = self.subjects().nth(1).is_none();
        for rows in self.subjects() {
            let Some(first) = rows.first() else { continue };
            let title = match &first.group {
                Some(group) => format!("{group} on {}", first.stream),
                None => first.stream.to_string(),
            };
            section.heading(&title);
            let figures: &[Figure] = match first.group {
                Some(_) if is_one => &OF_GROUP,
                Some(_) => &OF_EACH_GROUP,
                None => &OF_STREAM,
            };
            let figures = figures.iter().map(|it| self.figure(it, rows));
            section.whole(&figures.collect::<Vec<_>>())?;
        }
        if !self.about.episodes.is_empty() {
            section.heading("found wrong");
            let shown = section.shown_of(self.about.episodes.len());
            for episode in self.about.episodes.iter().take(shown) {
                let line = format!(
                    "{:<9} {}: {}",
                    episode.severity.word(),
                    lasted(episode),
                    episode.subject()
                );
                section.line(tone(episode), &line);
                section.line_under(
                    Tone::Plain,
                    &format!("{MARGIN}{}", episode.summary),
                    MARGIN.len(),
                );
            }
            section.cut_after(shown, self.about.episodes.len());
        }
        Ok(())
    }
}

/// From when to when it lasted.
fn lasted(episode: &Episode) -> String {
    let from = to_the_second(episode.began_at);
    let since = match episode.not_at {
        Some(_) => format!("since {from}"),
        None => format!("at least since {from}"),
    };
    match episode.ended_at {
        None => since,
        Some(ended) => format!("{since}, until {}", to_the_second(ended)),
    }
}

const fn tone(episode: &Episode) -> Tone {
    match episode.severity {
        Severity::Ok => Tone::Ok,
        Severity::Unknown | Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}
