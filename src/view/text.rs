//! The writing of bytes that every text format needs, without an allocation in the usual case.

use crate::model::{EntryId, escaped, shown_field, shown_name};

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

/// Appends a name in its shown form.
pub(super) fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    if is_simple(name) {
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(shown_name(name).as_bytes());
    }
}

/// Appends a name in its shown form for use before a `=`.
pub(super) fn push_field(out: &mut Vec<u8>, name: &[u8]) {
    if is_simple(name) {
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(shown_field(name).as_bytes());
    }
}

/// Whether a name consists only of usual characters, so that it is shown unchanged everywhere.
fn is_simple(name: &[u8]) -> bool {
    let is_simple = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:{}".contains(byte);
    !name.is_empty() && name.iter().all(is_simple)
}

/// Appends one CSV field, quoted if RFC 4180 requires it. `text` must already be safe to print.
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

/// The separator between the fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separated {
    /// Tabs.
    ByTabs,
    /// Commas, quoted as RFC 4180 says.
    ByCommas {
        /// Whether fields are protected from being taken for formulas by a spreadsheet.
        safe: bool,
    },
}

/// Appends `fields` as one tab-separated or CSV line.
pub(super) fn push_line<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    separated: Separated,
    fields: impl IntoIterator<Item = T>,
) {
    let (between, end): (u8, &[u8]) = match separated {
        Separated::ByTabs => (b'\t', b"\n"),
        Separated::ByCommas { .. } => (b',', b"\r\n"),
    };
    for (place, field) in fields.into_iter().enumerate() {
        let field = field.as_ref();
        if place > 0 {
            out.push(between);
        }
        match separated {
            Separated::ByTabs => out.extend_from_slice(field),
            Separated::ByCommas { safe: true } if is_formula(field) => {
                push_csv(out, &[b"'", field].concat());
            }
            Separated::ByCommas { .. } => push_csv(out, field),
        }
    }
    out.extend_from_slice(end);
}

/// Whether a spreadsheet would take this for a formula; a number is not one.
fn is_formula(text: &[u8]) -> bool {
    let begins = matches!(
        text.first(),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')
    );
    let is_number = || std::str::from_utf8(text).is_ok_and(|it| it.parse::<f64>().is_ok());
    // The wide forms of the same signs.
    let is_wide = ["\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"]
        .iter()
        .any(|sign| text.starts_with(sign.as_bytes()));
    is_wide || begins && !is_number()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn csv_quotes_only_where_it_must() {
        let mut out = Vec::new();
        let plain = Separated::ByCommas { safe: false };
        push_line(&mut out, plain, ["a", "b,c", "d\"e", "", "f\ng", "=1"]);
        assert_eq!(out, b"a,\"b,c\",\"d\"\"e\",,\"f\ng\",=1\r\n");
    }

    #[test]
    fn a_spreadsheet_computes_nothing_that_is_made_safe() {
        let mut out = Vec::new();
        let safe = Separated::ByCommas { safe: true };
        let fields = [
            "=1+1",
            "+cmd",
            "-2+3",
            "@SUM(1,2)",
            "\u{ff1d}1",
            "-5",
            "+1.5",
            "1-0",
            "a=b",
            "",
        ];
        push_line(&mut out, safe, fields);
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(
            text,
            "'=1+1,'+cmd,'-2+3,\"'@SUM(1,2)\",'\u{ff1d}1,-5,+1.5,1-0,a=b,\r\n"
        );
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
            let (mut name, mut field) = (Vec::new(), Vec::new());
            push_name(&mut name, &bytes);
            push_field(&mut field, &bytes);
            prop_assert_eq!(name, shown_name(&bytes).into_owned().into_bytes());
            prop_assert_eq!(field, shown_field(&bytes).into_owned().into_bytes());
        }
    }
}
