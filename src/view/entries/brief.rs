//! An entry in one line of a screen. What is too long ends with `…`; the longest values are shortened first.

use unicode_width::UnicodeWidthChar as _;

use super::{Options, Tone, shown_time};
use crate::model::{EntryId, Format, escaped, shown_field, shown_name};

/// The width that every value keeps, even if other fields need it.
const LEAST: usize = 6;
/// The width that fields get even if the screen has none left.
const ROOM: usize = 14;
/// On a screen narrower than this, the date is not shown, because the id contains it.
const NARROW: u16 = 100;
/// The sign for what is left out.
const MORE: char = '…';
/// The width of that sign after other fields.
const SIGN: usize = 2;

/// A field in its shown form, before it is shortened.
struct Piece {
    name: String,
    value: String,
    /// Whether the value continues.
    is_cut: bool,
}

impl Piece {
    /// A field; no more of its value is looked at than a screen can show.
    fn new(name: &[u8], value: &[u8], most: usize) -> Self {
        // A character has at most four bytes.
        let seen = &value[..value.len().min(most.saturating_mul(4))];
        let (seen, is_cut) = match std::str::from_utf8(seen) {
            Err(error) if seen.len() < value.len() && error.error_len().is_none() => {
                (&seen[..error.valid_up_to()], true)
            }
            _ => (seen, seen.len() < value.len()),
        };
        Self {
            name: shown_field(name).into_owned(),
            value: escaped(seen),
            is_cut,
        }
    }

    /// The width of its name and the sign after it.
    fn named(&self) -> usize {
        columns(&self.name) + 1
    }

    /// The width of its value.
    fn value(&self) -> usize {
        columns(&self.value) + usize::from(self.is_cut)
    }

    /// Appends it in at most `most` columns of the screen.
    fn push(&self, out: &mut Vec<u8>, most: usize, options: &Options) {
        let dim = |name: &str| options.theme.paint(Tone::Dim, name).into_owned();
        let named = self.named();
        let room = most.saturating_sub(named);
        let has_value = self.is_cut || !self.value.is_empty();
        if named > most || room == 0 && has_value {
            let name = cut(&self.name, most, true);
            return out.extend_from_slice(dim(&name).as_bytes());
        }
        let value = cut(&self.value, room, self.is_cut);
        out.extend_from_slice(dim(&self.name).as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
    }
}

/// The number of columns that a terminal gives to a text, character by character.
fn columns(text: &str) -> usize {
    text.chars().map(|it| it.width().unwrap_or(0)).sum()
}

/// `text` in at most `most` columns, with `…` at its end if it was shortened.
fn cut(text: &str, most: usize, goes_on: bool) -> String {
    if !goes_on && columns(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = MORE.width().unwrap_or(1);
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > most {
            break;
        }
        kept.push(character);
    }
    kept.push(MORE);
    kept
}

/// Appends an entry's line: its id, its time, its stream in a column of this width if there are several streams, and
/// its fields.
pub(super) fn line<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    (id, stream): (EntryId, Option<(&[u8], usize)>),
    fields: &[(A, B)],
    options: &Options,
) {
    let mut used = 0;
    let mut column = |tone, text: &str| {
        used += columns(text) + 2;
        out.extend_from_slice(options.theme.paint(tone, text).as_bytes());
        out.extend_from_slice(b"  ");
    };
    column(Tone::Id, &id.to_string());
    let is_narrow = options.width.is_some_and(|width| width < NARROW);
    column(Tone::Dim, &day_and_time(id, is_narrow));
    if let Some((name, width)) = stream {
        let name = cut(&shown_name(name), width, false);
        column(Tone::Heading, &format!("{name:<width$}"));
    }
    let room = options.width.map_or(usize::MAX, |width| {
        usize::from(width).saturating_sub(used).max(ROOM)
    });
    push_fields(out, fields, room, options);
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// `01-31 09:00:00`; in the short form only the time.
fn day_and_time(id: EntryId, is_short: bool) -> String {
    let time = shown_time(id);
    match (time.get(5..10), time.get(11..19)) {
        (_, Some(time)) if is_short => time.to_owned(),
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => time,
    }
}

/// The fields of an entry in one line of `room` columns, as its line on a screen has them.
pub fn fields_in_a_line<A: AsRef<[u8]>, B: AsRef<[u8]>>(fields: &[(A, B)], room: usize) -> String {
    let mut out = Vec::new();
    push_fields(&mut out, fields, room, &Options::new(Format::Table));
    String::from_utf8_lossy(&out).into_owned()
}

fn push_fields<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    fields: &[(A, B)],
    room: usize,
    options: &Options,
) {
    // Each takes three columns at least: `a= `.
    let most = fields.len().min(room / 3 + 1);
    let piece = |(name, value): &(A, B)| Piece::new(name.as_ref(), value.as_ref(), room);
    let mut pieces: Vec<Piece> = fields[..most].iter().map(piece).collect();
    let all = needed(&pieces, LEAST) <= room && pieces.len() == fields.len();
    let room = if all { room } else { room.saturating_sub(SIGN) };
    while pieces.len() > 1 && needed(&pieces, LEAST) > room {
        pieces.pop();
    }
    let value_most = share(&pieces, room);
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        let width = piece.named() + piece.value().min(value_most);
        piece.push(out, width.min(room), options);
    }
    if !all && pieces.len() < fields.len() {
        out.extend_from_slice(b" ");
        out.extend_from_slice(MORE.to_string().as_bytes());
    }
}

/// The total width of the fields when their values are at most this wide.
fn needed(pieces: &[Piece], value_most: usize) -> usize {
    let each = |piece: &Piece| piece.named() + piece.value().min(value_most);
    pieces.iter().map(each).sum::<usize>() + pieces.len().saturating_sub(1)
}

/// The greatest width of a value with which all fields fit, but never less than `LEAST`.
fn share(pieces: &[Piece], room: usize) -> usize {
    let names: usize = pieces.iter().map(Piece::named).sum();
    let mut left = room.saturating_sub(names + pieces.len().saturating_sub(1));
    let mut values: Vec<usize> = pieces.iter().map(Piece::value).collect();
    values.sort_unstable();
    let mut count = values.len();
    for value in values {
        if value > left / count.max(1) {
            return (left / count).max(LEAST);
        }
        left -= value;
        count -= 1;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(fields: &[(&str, &str)], width: u16) -> String {
        let options = Options {
            width: Some(width),
            ..Options::new(Format::Table)
        };
        let mut out = Vec::new();
        line(
            &mut out,
            (EntryId::new(1_706_691_600_123, 0), None),
            fields,
            &options,
        );
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn the_longest_values_are_shortened_first_and_nothing_silently() {
        let fields = [
            ("brand_id", "aurora"),
            (
                "payload",
                r#"{"total":12.5,"currency":"EUR","items":[1,2,3]}"#,
            ),
            ("timestamp", "2024-01-31T09:00:00Z"),
        ];
        assert_eq!(
            shown(&fields, 200),
            "1706691600123-0  01-31 09:00:00  brand_id=aurora payload={\"total\":12.5,\"currency\":\"EUR\",\"items\":[1,2,3]} timestamp=2024-01-31T09:00:00Z\n"
        );
        assert_eq!(
            shown(&fields, 80),
            "1706691600123-0  09:00:00  brand_id=aurora payload={\"total\"… timestamp=2024-01-…\n"
        );
        assert_eq!(
            shown(&fields, 50),
            "1706691600123-0  09:00:00  brand_id=aurora …\n"
        );
        let many: Vec<(&str, &str)> = vec![("a", "1"); 500];
        let line = shown(&many, 80);
        assert!(line.ends_with(" a=1 …\n"), "{line}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(
            fields in prop::collection::vec(("\\PC{0,20}", "\\PC{0,60}"), 0..12),
            width in 50_u16..160,
        ) {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let line = shown(&fields, width);
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert!(columns(line.trim_end()) <= usize::from(width), "{}", line);
        }
    }
}
