//! The character that separates the cells of a CSV file: a comma, or the one that was given. It is never guessed, and
//! a file that seems to use another one is refused.

use std::io;

use csv::ByteRecord;

use super::broken;

/// The separator by default.
pub(super) const COMMA: u8 = b',';

/// Separators that other programs often use.
const OTHERS: [u8; 3] = [b';', b'\t', b'|'];

/// The delimiter that the first record declares, as spreadsheets write it: `sep=;`.
pub(super) fn named_by(first: &ByteRecord, delimiter: Option<u8>) -> Option<u8> {
    match (first.get(0)?, first.len()) {
        (b"sep=", 2) if first.get(1) == Some(b"") => Some(delimiter.unwrap_or(COMMA)),
        ([b's', b'e', b'p', b'=', named], 1) => Some(*named),
        _ => None,
    }
}

/// # Errors
/// When the first record declares a delimiter other than the one in use.
pub(super) fn check_named(named: u8, delimiter: Option<u8>, line: u64) -> io::Result<()> {
    match delimiter {
        Some(given) if given == named => Ok(()),
        None if named == COMMA => Ok(()),
        Some(given) => Err(broken(format!(
            "line {line} of the CSV file says `sep={}`, and --delimiter says {}: they must be the same",
            shown(named),
            flag(given)
        ))),
        None => Err(broken(format!(
            "line {line} of the CSV file says `sep={}`: add --delimiter {}",
            shown(named),
            flag(named)
        ))),
    }
}

/// # Errors
/// When the only name in a header contains another delimiter.
pub(super) fn check_only(name: &[u8], line: u64) -> io::Result<()> {
    let count = |other: u8| memchr::memchr_iter(other, name).count();
    let most = OTHERS.into_iter().rev().max_by_key(|other| count(*other));
    match most.filter(|other| count(*other) > 0) {
        Some(other) => Err(instead(other, line)),
        None => Ok(()),
    }
}

/// The error for a byte after a closing quote, when no comma has been seen before.
pub(super) fn after_quote(byte: u8, line: u64) -> Option<io::Error> {
    OTHERS.contains(&byte).then(|| instead(byte, line))
}

fn instead(other: u8, line: u64) -> io::Error {
    broken(format!(
        "line {line} of the CSV file has no comma, but `{}`: if that separates the cells, add --delimiter {}; if there is only one \
         column, --delimiter ','",
        shown(other),
        flag(other)
    ))
}

fn shown(delimiter: u8) -> String {
    delimiter.escape_ascii().to_string()
}

/// The delimiter as it is typed after --delimiter.
fn flag(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("'{}'", shown(other)),
    }
}
