//! What separates the cells of a CSV file. It is a comma, or what was named: nothing is guessed, and what looks otherwise is
//! refused.

use std::io;

use csv::ByteRecord;

use super::broken;

/// What separates cells where nothing is said.
pub(super) const COMMA: u8 = b',';

/// What often separates them instead.
const OTHERS: [u8; 3] = [b';', b'\t', b'|'];

/// The delimiter that the first record names, as spreadsheets write it: `sep=;`.
pub(super) fn named_by(first: &ByteRecord, delimiter: Option<u8>) -> Option<u8> {
    match (first.get(0)?, first.len()) {
        (b"sep=", 2) if first.get(1) == Some(b"") => Some(delimiter.unwrap_or(COMMA)),
        ([b's', b'e', b'p', b'=', named], 1) => Some(*named),
        _ => None,
    }
}

/// # Errors
/// When the first record names another delimiter than the one that is in use.
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
/// When the only name of a header has another delimiter in it.
pub(super) fn check_only(name: &[u8], line: u64) -> io::Result<()> {
    let count = |other: u8| memchr::memchr_iter(other, name).count();
    let most = OTHERS.into_iter().rev().max_by_key(|other| count(*other));
    match most.filter(|other| count(*other) > 0) {
        Some(other) => Err(instead(other, line)),
        None => Ok(()),
    }
}

/// What a byte behind a closing quote means, where no comma came before it.
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

/// As it is typed behind --delimiter.
fn flag(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("'{}'", shown(other)),
    }
}
