//! The fields that this tool's scripts append to an entry: where a dead letter came from, and how often an entry was
//! tried or redriven. They are recognised only at the end of an entry; a field of the same name anywhere else belongs
//! to the event.
//!
//! `common.lua` has the same rule for the scripts.

use crate::planted;

/// The fields at the end of a dead letter, in this order; before them are those of the original entry.
const DEAD_LETTER: [&[u8]; 8] = [
    b"_dlq_stream",
    b"_dlq_group",
    b"_dlq_id",
    b"_dlq_consumer",
    b"_dlq_deliveries",
    b"_dlq_reason",
    b"_dlq_time",
    b"_dlq_body",
];

/// How many of `fields` come before the fields that a requeue or a redrive appended: `_ucp_origin`, then
/// `_ucp_attempts`, `_ucp_redrives` or both. The number of all fields if there are none of these.
pub fn before_moves<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> usize {
    let mut end = fields.len();
    let mut take = |wanted: &[u8], is_sound: fn(&[u8]) -> bool| {
        let last = end.checked_sub(1).map(|at| &fields[at]);
        let found =
            last.is_some_and(|(name, value)| name.as_ref() == wanted && is_sound(value.as_ref()));
        end -= usize::from(found);
        found
    };
    let has_redrives = take(b"_ucp_redrives", is_count);
    let has_attempts = take(b"_ucp_attempts", is_count);
    if (has_redrives || has_attempts) && take(b"_ucp_origin", is_origin) {
        end
    } else {
        fields.len()
    }
}

/// The fields of a copy that a requeue or a redrive appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyMark<'f> {
    /// The id of the entry that was copied; empty when the dead letter did not record it.
    pub origin: &'f [u8],
    /// How often the entry had been tried, as a decimal number.
    pub attempts: Option<&'f [u8]>,
    /// How often the entry was moved back from the dead-letter stream, as a decimal number.
    pub redrives: Option<&'f [u8]>,
}

impl<'f> CopyMark<'f> {
    /// The mark in these fields; `None` when the entry is not a copy.
    pub fn of<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &'f [(N, V)]) -> Option<Self> {
        let (origin, counts) = fields[before_moves(fields)..].split_first()?;
        let count = |wanted: &[u8]| {
            let found = counts.iter().find(|(name, _)| name.as_ref() == wanted);
            found.map(|(_, value)| value.as_ref())
        };
        Some(Self {
            origin: origin.1.as_ref(),
            attempts: count(b"_ucp_attempts"),
            redrives: count(b"_ucp_redrives"),
        })
    }
}

/// What a dead letter records about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance<'f> {
    /// The number of fields at the beginning that belong to the original entry.
    pub own: usize,
    /// The stream it came from.
    pub stream: &'f [u8],
    /// The group that could not process the entry.
    pub group: &'f [u8],
    /// The entry's id in the stream it came from.
    pub id: &'f [u8],
    /// The consumer that held the entry last; empty when there was none.
    pub consumer: &'f [u8],
    /// How often the entry was delivered, as a decimal number.
    pub deliveries: &'f [u8],
    /// Why the entry was moved to the dead-letter stream.
    pub reason: &'f [u8],
    /// When it was moved to the dead-letter stream, in RFC 3339.
    pub time: &'f [u8],
    /// The state of the entry's body: `present`, or how it was lost.
    pub body: &'f [u8],
}

impl<'f> Provenance<'f> {
    /// The provenance of an entry in a dead-letter stream; `None` when it does not end with one. An entry that was
    /// itself moved within the dead-letter stream has the fields of that move after its provenance.
    pub fn of<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &'f [(N, V)]) -> Option<Self> {
        let end = before_moves(fields);
        let mut own = end.checked_sub(DEAD_LETTER.len())?;
        if planted::is("any-fields") {
            own = fields
                .iter()
                .position(|(name, _)| name.as_ref() == DEAD_LETTER[0])?;
        }
        let block = &fields[own..own + DEAD_LETTER.len()];
        let is_whole = block
            .iter()
            .zip(DEAD_LETTER)
            .all(|((name, _), wanted)| name.as_ref() == wanted);
        let value = |at: usize| block[at].1.as_ref();
        is_whole.then(|| Self {
            own,
            stream: value(0),
            group: value(1),
            id: value(2),
            consumer: value(3),
            deliveries: value(4),
            reason: value(5),
            time: value(6),
            body: value(7),
        })
    }

    /// Whether the body is missing, because it was trimmed before the entry could be processed.
    pub fn is_tombstone(&self) -> bool {
        self.body.starts_with(b"trimmed")
    }
}

fn is_count(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// Whether the value is an entry id. It may also be empty, because a dead letter that did not record its origin has no
/// id to copy.
fn is_origin(value: &[u8]) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b'-');
    value.is_empty()
        || [parts.next(), parts.next()]
            .map(Option::unwrap_or_default)
            .into_iter()
            .all(is_count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: (&str, &str) = ("_ucp_origin", "1-0");
    const ATTEMPTS: (&str, &str) = ("_ucp_attempts", "2");
    const REDRIVES: (&str, &str) = ("_ucp_redrives", "3");

    fn dead(body: &'static str) -> Vec<(&'static str, &'static str)> {
        ["s", "g", "7-0", "c", "5", "why", "t", body]
            .into_iter()
            .zip(DEAD_LETTER)
            .map(|(value, name)| (std::str::from_utf8(name).expect("text"), value))
            .collect()
    }

    #[test]
    fn moves_are_read_at_the_end_as_they_are_written() {
        let k = ("k", "1");
        for (fields, expected) in [
            (vec![k], 1),
            (vec![k, ORIGIN, ATTEMPTS], 1),
            (vec![k, ORIGIN, REDRIVES], 1),
            (vec![k, ORIGIN, ATTEMPTS, REDRIVES], 1),
            (vec![k, ("_ucp_origin", ""), REDRIVES], 1),
            (vec![ORIGIN, ATTEMPTS, ORIGIN, REDRIVES], 2),
            (vec![k, ATTEMPTS, ORIGIN, REDRIVES], 2),
            // The event's own: out of order, without an origin, in the middle, or not what the scripts write.
            (vec![k, ORIGIN], 2),
            (vec![k, ATTEMPTS], 2),
            (vec![k, ORIGIN, REDRIVES, ATTEMPTS], 4),
            (vec![ORIGIN, ATTEMPTS, k], 3),
            (vec![k, ("_ucp_origin", "victim"), ATTEMPTS], 3),
            (vec![k, ORIGIN, ("_ucp_attempts", "1e9")], 3),
            (vec![], 0),
        ] {
            assert_eq!(before_moves(&fields), expected, "{fields:?}");
            let mark = CopyMark::of(&fields);
            assert_eq!(mark.is_some(), expected < fields.len(), "{fields:?}");
        }
        let fields = [k, ORIGIN, ATTEMPTS, REDRIVES];
        let mark = CopyMark::of(&fields).expect("a copy");
        assert_eq!((mark.origin, mark.attempts), (&b"1-0"[..], Some(&b"2"[..])));
        assert_eq!(mark.redrives, Some(&b"3"[..]));
    }

    #[test]
    fn provenance_is_read_at_the_end_and_once() {
        let mut fields = vec![("k", "1"), ("_dlq_stream", "victim")];
        assert_eq!(Provenance::of(&fields), None);
        fields.extend(dead("trimmed"));
        assert_eq!(Provenance::of(&fields[1..]).expect("whole").own, 1);
        fields.extend(dead("present"));
        fields.extend([ORIGIN, REDRIVES]);
        let read = Provenance::of(&fields).expect("whole");
        assert_eq!((read.own, read.stream), (10, &b"s"[..]));
        assert!(!read.is_tombstone());
        fields.push(("k", "2"));
        assert_eq!(Provenance::of(&fields), None);
        fields.swap(2, 3);
        assert_eq!(Provenance::of(&fields[..10]), None);
    }

    proptest! {
        #[test]
        fn no_field_is_counted_twice(names in prop::collection::vec(0..14_usize, 0..24)) {
            let all: Vec<_> = dead("present").into_iter().chain([ORIGIN, ATTEMPTS, REDRIVES, ("k", "1")]).collect();
            let fields: Vec<_> = names.iter().map(|at| all[at % all.len()]).collect();
            let before = before_moves(&fields);
            prop_assert!(before <= fields.len());
            if let Some(read) = Provenance::of(&fields) {
                prop_assert_eq!(read.own + DEAD_LETTER.len(), before);
            }
        }
    }
}
