//! Writes entries straight from their bytes into a buffer, in every format. This is a hot path: no value tree, and no
//! allocation for an ordinary entry.
//!
//! As JSON: `{"stream","id","time","fields":{…}}`, with the fields in order. The value of a repeated field is the
//! array of its values, at the place of the first one. Bytes that are not UTF-8 are `{"base64":…}`, and a name that
//! is not UTF-8 or has the prefix `base64:` becomes the key `base64:…`. With pairs, `fields` is `[[name, value], …]`,
//! which loses nothing.

mod brief;
mod gap;
mod repeats;

pub use brief::fields_in_a_line;

use std::cell::Cell;

use repeats::{are_together, grouped, has_repeats};

use super::json::{json_bytes, json_key};
use super::pretty::{indent_json, is_json};
use super::text::{push_escaped, push_field, push_id, push_line, push_name};
use super::{Options, Tone};
use crate::model::{EntryId, Format, Name, escaped, shown_name};
use crate::streams::tail::Gap;

/// Field names are aligned up to this width.
const NAME_WIDTH: usize = 24;
/// Columns before and behind them.
const MARGIN: usize = 4;

/// What entries need besides [`Options`].
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryStyle {
    /// Whether entries of several streams are shown together, so that line formats and tables name the stream of
    /// each.
    pub several_streams: bool,
    /// JSON fields as `[[name, value], …]`.
    pub pairs: bool,
    /// On a screen, each entry is one line with a stream column of this width; `None` for one line per field.
    pub lines: Option<usize>,
}

/// Writes entries one by one. `--columns` keeps only the fields it names; in plain and csv these are columns, and
/// `stream`, `id` and `time` are those of the entry. `--names` writes only ids.
#[derive(Debug)]
pub struct EntryWriter {
    options: Options,
    style: EntryStyle,
    fields: Vec<Name>,
    /// Indexes of those fields that no entry has had so far.
    unseen: Vec<usize>,
    begun: bool,
    /// The number of entries whose fields were shown in another order than they have.
    regrouped: Cell<u64>,
}

/// The columns of plain and csv that are not fields.
const OWN: [&[u8]; 3] = [b"stream", b"id", b"time"];

impl EntryWriter {
    /// A writer for `options`.
    pub fn new(options: &Options, style: EntryStyle) -> Self {
        let writer = Self {
            options: options.clone(),
            style,
            fields: Vec::new(),
            unseen: Vec::new(),
            begun: false,
            regrouped: Cell::new(0),
        };
        writer.only(options.columns.clone())
    }

    /// The same writer, as if `--columns` had named these fields.
    #[must_use]
    pub fn only(mut self, fields: Vec<Name>) -> Self {
        self.fields = fields;
        let is_field = |place: &usize| !OWN.contains(&self.fields[*place].as_bytes());
        self.unseen = (0..self.fields.len()).filter(is_field).collect();
        self
    }

    /// The same writer, which keeps only these fields. In formats with columns, the id and, for several streams, the
    /// stream come first.
    #[must_use]
    pub fn only_fields(self, mut fields: Vec<Name>) -> Self {
        let has_columns = matches!(self.options.format, Format::Plain | Format::Csv);
        let own = [
            ("id", has_columns),
            ("stream", has_columns && self.style.several_streams),
        ];
        for (name, _) in own.iter().filter(|(_, is_shown)| *is_shown) {
            if !fields.iter().any(|field| field == *name) {
                fields.insert(0, Name::from(*name));
            }
        }
        self.only(fields)
    }

    /// The wanted fields that no entry had; empty when there were no entries.
    pub fn unseen(&self) -> impl Iterator<Item = &Name> {
        let unseen = self.unseen.iter().filter(|_| self.begun);
        unseen.map(|place| &self.fields[*place])
    }

    /// The number of entries whose fields were shown in a different order, because JSON has the values of a repeated
    /// field together.
    pub fn regrouped(&self) -> u64 {
        self.regrouped.get()
    }

    /// Appends the record of missing entries; `false` when the format has no place for one.
    pub fn gap(&mut self, out: &mut Vec<u8>, stream: &[u8], gap: &Gap) -> bool {
        match self.options.format {
            Format::Csv => return false,
            _ if self.options.names => return false,
            Format::Plain if !self.fields.is_empty() => return false,
            Format::Plain => gap::line(out, stream, gap),
            Format::Table | Format::Wide => gap::words(out, stream, gap, self.options.theme),
            Format::Json => {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
                gap::json(out, stream, gap);
            }
            Format::Ndjson => {
                gap::json(out, stream, gap);
                out.push(b'\n');
            }
        }
        self.begun = true;
        true
    }

    /// Appends one entry.
    pub fn item<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &mut self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        if !self.unseen.is_empty() {
            let wanted = &self.fields;
            let has = |wanted: &[u8]| fields.iter().any(|(name, _)| name.as_ref() == wanted);
            self.unseen.retain(|place| !has(wanted[*place].as_bytes()));
        }
        match self.options.format {
            Format::Json => {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
                self.json(out, stream, id, fields);
            }
            Format::Ndjson => {
                self.json(out, stream, id, fields);
                out.push(b'\n');
            }
            _ if self.options.names => {
                push_id(out, id);
                out.push(b'\n');
            }
            Format::Table if self.style.lines.is_some() && self.options.terminal => {
                self.brief(out, stream, id, fields);
            }
            Format::Table | Format::Wide => self.block(out, stream, id, fields),
            Format::Plain if self.fields.is_empty() => self.line(out, stream, id, fields),
            Format::Plain | Format::Csv => self.columns(out, stream, id, fields),
        }
        self.begun = true;
    }

    /// Appends the end of the list. A JSON array is closed even when there was no entry.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.options.format == Format::Json {
            out.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" });
        }
    }

    fn keeps(&self, name: &[u8]) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| field.as_bytes() == name)
    }

    fn json<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        if self.options.names {
            out.push(b'"');
            push_id(out, id);
            out.push(b'"');
            return;
        }
        out.extend_from_slice(b"{\"stream\":");
        json_bytes(out, stream);
        out.extend_from_slice(b",\"id\":\"");
        push_id(out, id);
        out.extend_from_slice(b"\",\"time\":");
        json_time(out, id);
        out.extend_from_slice(b",\"fields\":");
        if self.style.pairs {
            self.json_pairs(out, fields);
        } else if has_repeats(fields) {
            self.json_repeated(out, fields);
        } else {
            self.json_fields(out, fields);
        }
        out.push(b'}');
    }

    fn json_fields<A: AsRef<[u8]>, B: AsRef<[u8]>>(&self, out: &mut Vec<u8>, fields: &[(A, B)]) {
        let mut before = b'{';
        for (name, value) in fields {
            if self.keeps(name.as_ref()) {
                out.push(before);
                before = b',';
                json_key(out, name.as_ref());
                out.push(b':');
                json_bytes(out, value.as_ref());
            }
        }
        close(out, before, b'{', b'}');
    }

    fn json_pairs<A: AsRef<[u8]>, B: AsRef<[u8]>>(&self, out: &mut Vec<u8>, fields: &[(A, B)]) {
        let mut before = b'[';
        for (name, value) in fields {
            if self.keeps(name.as_ref()) {
                out.push(before);
                before = b',';
                out.push(b'[');
                json_bytes(out, name.as_ref());
                out.push(b',');
                json_bytes(out, value.as_ref());
                out.push(b']');
            }
        }
        close(out, before, b'[', b']');
    }

    /// As `json_fields`, for the rare entry with a repeated field.
    fn json_repeated<A: AsRef<[u8]>, B: AsRef<[u8]>>(&self, out: &mut Vec<u8>, fields: &[(A, B)]) {
        if !are_together(fields) {
            self.regrouped.set(self.regrouped.get() + 1);
        }
        let mut before = b'{';
        for (name, values) in grouped(fields) {
            if !self.keeps(name) {
                continue;
            }
            out.push(before);
            before = b',';
            json_key(out, name);
            out.push(b':');
            if let [value] = values[..] {
                json_bytes(out, value);
                continue;
            }
            for (place, value) in values.iter().enumerate() {
                out.push(if place == 0 { b'[' } else { b',' });
                json_bytes(out, value);
            }
            out.push(b']');
        }
        close(out, before, b'{', b'}');
    }

    fn brief<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        let width = self.style.lines.filter(|_| self.style.several_streams);
        let stream = width.map(|width| (stream, width));
        let kept = fields.iter().filter(|(name, _)| self.keeps(name.as_ref()));
        let kept: Vec<_> = kept.map(|(name, value)| (name, value)).collect();
        brief::line(out, (id, stream), &kept, &self.options);
    }

    fn block<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        let paint = |tone, text: &str| self.options.theme.paint(tone, text).into_owned();
        out.extend_from_slice(paint(Tone::Id, &id.to_string()).as_bytes());
        out.extend_from_slice(b"  ");
        let time = shown_time(id);
        out.extend_from_slice(paint(Tone::Dim, &time).as_bytes());
        if self.style.several_streams {
            out.extend_from_slice(b"  ");
            out.extend_from_slice(paint(Tone::Heading, &shown_name(stream)).as_bytes());
        }
        out.push(b'\n');
        let kept = fields.iter().filter(|(name, _)| self.keeps(name.as_ref()));
        let kept: Vec<_> = kept.map(|(name, value)| (name, value)).collect();
        push_fields(out, &kept, &self.options);
    }

    /// `id TAB field=value …`, after the stream when there are several.
    fn line<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        if self.style.several_streams {
            push_name(out, stream);
            out.push(b'\t');
        }
        push_id(out, id);
        for (name, value) in fields {
            out.push(b'\t');
            push_field(out, name.as_ref());
            out.push(b'=');
            push_escaped(out, value.as_ref());
        }
        out.push(b'\n');
    }

    /// The selected columns; without a selection the stream, id, time and all fields as JSON.
    fn columns<A: AsRef<[u8]>, B: AsRef<[u8]>>(
        &self,
        out: &mut Vec<u8>,
        stream: &[u8],
        id: EntryId,
        fields: &[(A, B)],
    ) {
        let separated = self.options.separated();
        let usual: [&[u8]; 4] = [b"stream", b"id", b"time", b"fields"];
        let chosen: Vec<&[u8]> = if self.fields.is_empty() {
            usual.to_vec()
        } else {
            self.fields.iter().map(Name::as_bytes).collect()
        };
        if self.options.headers && !self.begun {
            push_line(
                out,
                separated,
                chosen.iter().map(|name| shown_name(name).into_owned()),
            );
        }
        let value_of = |column: &[u8]| match column {
            b"stream" => shown_name(stream).into_owned(),
            b"id" => id.to_string(),
            b"time" => shown_time(id),
            b"fields" if self.fields.is_empty() => self.fields_cell(fields),
            name => fields
                .iter()
                .find(|(field, _)| field.as_ref() == name)
                .map(|(_, value)| escaped(value.as_ref()))
                .unwrap_or_default(),
        };
        push_line(out, separated, chosen.iter().map(|column| value_of(column)));
    }

    /// All fields as JSON.
    fn fields_cell<A: AsRef<[u8]>, B: AsRef<[u8]>>(&self, fields: &[(A, B)]) -> String {
        let mut json = Vec::new();
        if self.style.pairs {
            self.json_pairs(&mut json, fields);
        } else {
            self.json_repeated(&mut json, fields);
        }
        String::from_utf8(json).unwrap_or_default()
    }
}

/// Appends fields, one per line, with names and values aligned; on a terminal JSON is indented, and a value that is too
/// long for the screen continues below itself.
pub(super) fn push_fields<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    fields: &[(A, B)],
    options: &Options,
) {
    let widths = fields
        .iter()
        .map(|(name, _)| shown_name(name.as_ref()).chars().count());
    let width = widths
        .filter(|width| *width <= NAME_WIDTH)
        .max()
        .unwrap_or(0);
    for (name, value) in fields {
        let name = format!("{:<width$}", shown_name(name.as_ref()));
        let mut line = b"  ".to_vec();
        line.extend_from_slice(options.theme.paint(Tone::Dim, &name).as_bytes());
        line.extend_from_slice(b"  ");
        let mut indent = width + MARGIN;
        if options.terminal && is_json(value.as_ref()) {
            indent_json(&mut line, value.as_ref(), 2);
            indent = 0;
        } else {
            push_escaped(&mut line, value.as_ref());
        }
        match String::from_utf8(line) {
            Ok(line) => out.extend_from_slice(options.fitted(line, indent).as_bytes()),
            Err(line) => out.extend_from_slice(line.as_bytes()),
        }
        out.push(b'\n');
    }
}

/// The time of an id as JSON.
fn json_time(out: &mut Vec<u8>, id: EntryId) {
    match id.time() {
        Some(time) => {
            out.push(b'"');
            out.extend_from_slice(&time.rfc3339());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

/// The time of an id for people.
fn shown_time(id: EntryId) -> String {
    id.time()
        .map_or_else(|| "?".to_owned(), |time| time.to_string())
}

/// Closes a list whose items were each written after `before`; opens it first when there were none.
fn close(out: &mut Vec<u8>, before: u8, open: u8, close: u8) {
    if before == open {
        out.push(open);
    }
    out.push(close);
}

#[cfg(test)]
mod tests;
