//! The record of entries that were trimmed or deleted before they were read.

use crate::model::{EntryId, Tone};
use crate::streams::tail::Gap;
use crate::view::Theme;
use crate::view::json::json_bytes;
use crate::view::text::{push_decimal, push_id, push_name};

/// `{"gap":{"stream","from","to","count"}}`.
pub(super) fn json(out: &mut Vec<u8>, stream: &[u8], gap: &Gap) {
    out.extend_from_slice(b"{\"gap\":{\"stream\":");
    json_bytes(out, stream);
    out.extend_from_slice(b",\"from\":");
    json_id(out, gap.from);
    out.extend_from_slice(b",\"to\":");
    match gap.to {
        Some(to) => json_id(out, to),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"count\":");
    match gap.count {
        Some(count) => push_decimal(out, count),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}}");
}

fn json_id(out: &mut Vec<u8>, id: EntryId) {
    out.push(b'"');
    push_id(out, id);
    out.push(b'"');
}

/// `gap TAB stream=… TAB from=… TAB to=… TAB count=…`.
pub(super) fn line(out: &mut Vec<u8>, stream: &[u8], gap: &Gap) {
    out.extend_from_slice(b"gap\tstream=");
    push_name(out, stream);
    out.extend_from_slice(b"\tfrom=");
    push_id(out, gap.from);
    out.extend_from_slice(b"\tto=");
    match gap.to {
        Some(to) => push_id(out, to),
        None => out.extend_from_slice(b"end"),
    }
    out.extend_from_slice(b"\tcount=");
    match gap.count {
        Some(count) => push_decimal(out, count),
        None => out.extend_from_slice(b"unknown"),
    }
    out.push(b'\n');
}

/// A line for people.
pub(super) fn words(out: &mut Vec<u8>, stream: &[u8], gap: &Gap, theme: Theme) {
    out.extend_from_slice(b"-- ");
    let text = gap.text(&stream.into());
    out.extend_from_slice(theme.paint(Tone::Warn, &text).as_bytes());
    out.push(b'\n');
}
