//! A line of a segment: an entry as `read --pairs` prints it, which loses nothing.

use serde::Deserialize;

use crate::model::{Entry, EntryId, Name, json_bytes};

/// Appends the line of an entry.
pub fn push_line(out: &mut Vec<u8>, stream: &Name, id: EntryId, fields: &[(&[u8], &[u8])]) {
    out.extend_from_slice(b"{\"stream\":");
    json_bytes(out, stream.as_bytes());
    out.extend_from_slice(b",\"id\":\"");
    out.extend_from_slice(id.to_string().as_bytes());
    out.extend_from_slice(b"\",\"time\":");
    match id.time() {
        Some(time) => {
            out.push(b'"');
            out.extend_from_slice(&time.rfc3339());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"fields\":[");
    for (place, (name, value)) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.push(b'[');
        json_bytes(out, name);
        out.push(b',');
        json_bytes(out, value);
        out.push(b']');
    }
    out.extend_from_slice(b"]}\n");
}

#[derive(Deserialize)]
struct Line {
    stream: Name,
    id: EntryId,
    fields: Vec<(Name, Name)>,
}

/// The entry of a line, if it is one of `stream`.
pub fn parse_line(line: &[u8], stream: &Name) -> Option<Entry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let fields = line.fields.into_iter();
    let fields = fields.map(|(name, value)| (name.into_bytes(), value.into_bytes()));
    (line.stream == *stream).then(|| Entry {
        id: line.id,
        fields: fields.collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_what_read_prints_in_pairs() {
        let mut out = Vec::new();
        let fields: [(&[u8], &[u8]); 3] = [(b"a", b"1"), (b"a", b"\xff"), (b"", b"\x1b")];
        push_line(&mut out, &Name::from("s"), EntryId::new(1, 2), &fields);
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            "{\"stream\":\"s\",\"id\":\"1-2\",\"time\":\"1970-01-01T00:00:00.001Z\",\
             \"fields\":[[\"a\",\"1\"],[\"a\",{\"base64\":\"/w==\"}],[\"\",\"\\u001b\"]]}\n"
        );
    }

    proptest! {
        #[test]
        fn an_entry_is_read_back(
            stream in any::<Vec<u8>>(),
            (ms, seq) in any::<(u64, u64)>(),
            fields in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 1..5),
        ) {
            let stream = Name::new(stream);
            let id = EntryId::new(ms, seq);
            let slices: Vec<(&[u8], &[u8])> = fields.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
            let mut line = Vec::new();
            push_line(&mut line, &stream, id, &slices);
            prop_assert_eq!(memchr::memchr(b'\n', &line), Some(line.len() - 1));
            prop_assert_eq!(parse_line(&line, &stream), Some(Entry { id, fields }));
        }
    }
}
