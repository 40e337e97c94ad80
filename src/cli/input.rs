//! Options about files that are read.

/// The limit on the expanded size of a compressed file.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct MaxExpanded {
    /// Refuse a compressed file (gzip and zstd are expanded) whose content is larger than this [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "file")]
    max_expanded: Option<u64>,
}

/// The limit by default.
const EXPANDED_MAX: u64 = 1 << 30;

impl MaxExpanded {
    /// The limit in bytes.
    pub fn bytes(self) -> u64 {
        self.max_expanded.unwrap_or(EXPANDED_MAX)
    }

    /// Whether the limit was given.
    pub fn is_given(self) -> bool {
        self.max_expanded.is_some()
    }
}

/// A number of bytes: `512MiB`, `1GiB`, `10MB`, `4096`.
///
/// # Errors
/// For another unit, for zero, and for anything that is not a whole number.
pub fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("", 1),
        ("B", 1),
        ("K", 1 << 10),
        ("KiB", 1 << 10),
        ("M", 1 << 20),
        ("MiB", 1 << 20),
        ("G", 1 << 30),
        ("GiB", 1 << 30),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
    let unit = text[digits.len()..].trim_start();
    let unit = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let bytes = unit.and_then(|(_, bytes)| digits.parse::<u64>().ok()?.checked_mul(*bytes));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err("a size is a whole number of bytes, 1 or more, such as 512MiB or 1GiB".to_owned()),
    }
}

/// The character that separates the cells of a table, given as itself or as `tab`.
///
/// # Errors
/// For anything else, and for a character that has a meaning of its own in CSV.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [b'"' | b'\r' | b'\n'] => Err("a quote or a line end cannot separate cells".to_owned()),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("a delimiter is one ASCII character, or `tab`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_of_bytes() {
        for (text, expected) in [
            ("4096", Some(4096)),
            ("1b", Some(1)),
            ("512MiB", Some(512 << 20)),
            ("512m", Some(512 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("10MB", Some(10_000_000)),
            ("0", None),
            ("", None),
            ("GiB", None),
            ("1.5GiB", None),
            ("-1", None),
            ("1TiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_delimiter_is_one_character() {
        for (text, expected) in [
            (";", Some(b';')),
            ("tab", Some(b'\t')),
            ("\t", Some(b'\t')),
            ("\\t", Some(b'\t')),
            ("|", Some(b'|')),
            (",", Some(b',')),
            ("\"", None),
            ("\n", None),
            ("", None),
            (";;", None),
            ("é", None),
        ] {
            assert_eq!(delimiter(text).ok(), expected, "{text}");
        }
    }
}
