//! Bytes to bytes: the writing that every text format needs, without an allocation where nothing is odd.

use crate::model::{EntryId, escaped};

/// Appends a number in decimal.
pub(super) fn push_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends `<ms>-<seq>`.
pub(super) fn push_id(out: &mut Vec<u8>, id: EntryId) {
    push_decimal(out, id.ms);
    out.push(b'-');
    push_decimal(out, id.seq);
}

/// Appends `bytes` as [`escaped`] does.
pub(super) fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(bytes);
    } else {
        out.extend_from_slice(escaped(bytes).as_bytes());
    }
}

/// Appends one CSV field, quoted where RFC 4180 asks for it. `text` is already safe to print.
pub(super) fn push_csv(out: &mut Vec<u8>, text: &[u8]) {
    if !text
        .iter()
        .any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'))
    {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Appends `fields` as one tab-separated or CSV line.
pub(super) fn push_line<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    csv: bool,
    fields: impl IntoIterator<Item = T>,
) {
    for (place, field) in fields.into_iter().enumerate() {
        if csv {
            if place > 0 {
                out.push(b',');
            }
            push_csv(out, field.as_ref());
        } else {
            if place > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(field.as_ref());
        }
    }
    out.extend_from_slice(if csv { b"\r\n" } else { b"\n" });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn csv_quotes_only_where_it_must() {
        let mut out = Vec::new();
        push_line(&mut out, true, ["a", "b,c", "d\"e", "", "f\ng"]);
        assert_eq!(out, b"a,\"b,c\",\"d\"\"e\",,\"f\ng\"\r\n");
    }

    proptest! {
        #[test]
        fn ids_are_written_as_display_does(ms in any::<u64>(), seq in any::<u64>()) {
            let mut out = Vec::new();
            push_id(&mut out, EntryId::new(ms, seq));
            prop_assert_eq!(out, EntryId::new(ms, seq).to_string().into_bytes());
        }

        #[test]
        fn the_short_way_agrees_with_the_long(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut out = Vec::new();
            push_escaped(&mut out, &bytes);
            prop_assert_eq!(out, escaped(&bytes).into_bytes());
        }
    }
}
