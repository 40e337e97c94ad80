//! The text of a cell: a person gets `12,345`, and a script `12345`.

use super::json::json_made_safe;
use crate::model::{Body, Cell, Change, Tone, escaped, shown_field};
use crate::model::{human_bytes, human_count, human_millis};

/// A cell's text. Safe to print.
pub(super) trait Shown {
    /// For a person.
    fn human(&self) -> String;
    /// For a script: plain numbers.
    fn raw(&self) -> String;
    /// Its tone for people.
    fn tone(&self) -> Tone;
}

impl Shown for Cell {
    fn human(&self) -> String {
        match self {
            Self::Count(count) => human_count(*count),
            Self::AtMost(count) => format!("<={}", human_count(*count)),
            Self::AtLeast(count) => format!(">={}", human_count(*count)),
            Self::About(count) => format!("~{}", human_count(*count)),
            Self::Tenths(tenths) => tenths_of(*tenths, human_count),
            Self::Part(part, whole) => format!("{}/{}", human_count(*part), human_count(*whole)),
            Self::Millis(ms) => human_millis(*ms),
            Self::Bytes(bytes) => human_bytes(*bytes),
            Self::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Self::Nothing => "-".to_owned(),
            Self::Marked(_, Some(word), _) => (*word).to_owned(),
            Self::Compared(Change::New, cell) => format!("{}{}", Change::NEW, cell.human()),
            Self::Marked(_, None, cell) | Self::Compared(_, cell) => cell.human(),
            Self::Noted(_, remark, cell) => format!("{} ({remark})", cell.human()),
            Self::Brief(line, _) => escaped(line.as_bytes()),
            Self::Over(_, cell) => format!("{}!", cell.human()),
            other => other.raw(),
        }
    }

    fn raw(&self) -> String {
        match self {
            Self::Text(text) | Self::Word(_, text) => escaped(text.as_bytes()),
            Self::Name(name) => name.to_string(),
            Self::Id(id) => id.to_string(),
            Self::Count(number) | Self::Millis(number) | Self::Bytes(number) => number.to_string(),
            Self::Part(part, _) => part.to_string(),
            Self::AtMost(count) => format!("<={count}"),
            Self::AtLeast(count) => format!(">={count}"),
            Self::About(count) => format!("~{count}"),
            Self::Tenths(tenths) => tenths_of(*tenths, |whole| whole.to_string()),
            Self::Time(time) => time.to_string(),
            Self::Fields(body) => pairs(body),
            Self::Bool(yes) => yes.to_string(),
            Self::Unknown => "?".to_owned(),
            Self::Nothing => String::new(),
            Self::Marked(_, _, cell)
            | Self::Noted(_, _, cell)
            | Self::Over(_, cell)
            | Self::Compared(_, cell)
            | Self::Brief(_, cell) => cell.raw(),
        }
    }

    fn tone(&self) -> Tone {
        match self {
            Self::Word(tone, _)
            | Self::Marked(tone, _, _)
            | Self::Noted(tone, _, _)
            | Self::Over(tone, _) => *tone,
            Self::Id(_) => Tone::Id,
            Self::Unknown | Self::Nothing => Tone::Dim,
            Self::Brief(_, cell) | Self::Compared(_, cell) => cell.tone(),
            _ => Tone::Plain,
        }
    }
}

/// A number in tenths, its whole part written by `whole`.
fn tenths_of(tenths: i64, whole: impl Fn(u64) -> String) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    format!("{sign}{}.{}", whole(tenths / 10), tenths % 10)
}

/// `name=value name=value`, or JSON when pairs were requested, which a format without JSON refuses.
fn pairs(body: &Body) -> String {
    if body.in_pairs {
        let json = serde_json::to_string(body).unwrap_or_default();
        let mut safe = Vec::with_capacity(json.len());
        json_made_safe(&mut safe, &json);
        return String::from_utf8_lossy(&safe).into_owned();
    }
    let pair =
        |(name, value): &(Vec<u8>, Vec<u8>)| format!("{}={}", shown_field(name), escaped(value));
    body.fields.iter().map(pair).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryId, Lag};

    #[test]
    fn people_and_scripts_get_their_own_text() {
        for (cell, human, raw) in [
            (Cell::from(12_345_u64), "12,345", "12345"),
            (Cell::from(Lag::AtMost(1200)), "<=1,200", "<=1200"),
            (Cell::from(Lag::AtLeast(1200)), ">=1,200", ">=1200"),
            (Cell::from(Lag::Unknown), "?", "?"),
            (Cell::About(1200), "~1,200", "~1200"),
            (Cell::rate(Some(1234.56)), "1,234.6", "1234.6"),
            (Cell::rate(Some(-0.3)), "-0.3", "-0.3"),
            (Cell::rate(None), "-", ""),
            (Cell::from(1200_u64).over(Tone::Bad), "1,200!", "1200"),
            (Cell::from("g").noted(Tone::Warn, "extra"), "g (extra)", "g"),
            (Cell::Unknown, "?", "?"),
            (Cell::from(None::<EntryId>), "-", ""),
            (Cell::Millis(200_000), "3m 20s", "200000"),
            (Cell::Bytes(2048), "2.0 KiB", "2048"),
            (Cell::from(true), "yes", "true"),
            (Cell::Nothing.shown_as(Tone::Warn, "missing"), "missing", ""),
            (Cell::Count(1200).toned(Tone::Bad), "1,200", "1200"),
            (Cell::from("a\tb\x1b[2J"), "a\\tb\\x1b[2J", "a\\tb\\x1b[2J"),
        ] {
            assert_eq!(
                (cell.human(), cell.raw()),
                (human.to_owned(), raw.to_owned())
            );
        }
    }
}
