//! Recognises the kind of a file by its first bytes.

/// The kind of a packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Gzip,
    Zstd,
    /// Another kind of file, with what to do about it.
    Other(&'static str, &'static str),
}

use Packed::{Gzip, Other, Zstd};

const DUCKDB: &str = "convert it, for example with `duckdb -c \"COPY (FROM 'FILE') TO '/dev/stdout' (FORMAT json)\"`";
const AS_CSV: &str = "save the sheet as CSV, and publish that with --format csv";

/// The first bytes of files that are not text.
const MAGIC: [(&[u8], Packed); 18] = [
    (b"\x1f\x8b", Gzip),
    (b"\x28\xb5\x2f\xfd", Zstd),
    (
        b"PK\x03\x04",
        Other(
            "a zip archive (xlsx spreadsheets are zip archives too)",
            "unpack it with `unzip -p FILE`, or save the sheet as CSV, and publish that",
        ),
    ),
    (
        b"PK\x05\x06",
        Other(
            "an empty zip archive",
            "publish its intended content directly",
        ),
    ),
    (
        b"\xd0\xcf\x11\xe0",
        Other("a spreadsheet or document of Microsoft Office", AS_CSV),
    ),
    (
        b"BZh",
        Other("bzip2", "unpack it with `bzip2 -dc FILE | … --file -`"),
    ),
    (
        b"\xfd7zXZ",
        Other("xz", "unpack it with `xz -dc FILE | … --file -`"),
    ),
    (
        b"7z\xbc\xaf",
        Other(
            "a 7z archive",
            "unpack it with `7z x -so FILE | … --file -`",
        ),
    ),
    (
        b"\x04\x22\x4d\x18",
        Other("lz4", "unpack it with `lz4 -dc FILE | … --file -`"),
    ),
    (
        b"\x1f\x9d",
        Other(
            "compress (.Z)",
            "unpack it with `gzip -dc FILE | … --file -`",
        ),
    ),
    (
        b"LZIP",
        Other("lzip", "unpack it with `lzip -dc FILE | … --file -`"),
    ),
    (
        b"\xff\x06\x00\x00sNaPpY",
        Other("snappy", "unpack it first"),
    ),
    (b"PAR1", Other("Parquet", DUCKDB)),
    (b"ARROW1", Other("Arrow", DUCKDB)),
    (b"ORC", Other("ORC", "convert it to NDJSON first")),
    (
        b"Obj\x01",
        Other(
            "Avro",
            "convert it, for example with `avro-tools tojson FILE`",
        ),
    ),
    (
        b"SQLite format 3",
        Other(
            "a SQLite database",
            "select from it with `sqlite3 -json FILE 'SELECT …'`, and publish that with --format json",
        ),
    ),
    (
        b"%PDF-",
        Other("a PDF", "publish the data from which it was made"),
    ),
];

impl Packed {
    /// The kind of a file that begins like this; `None` for text.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let found = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
        found.map(|(_, packed)| *packed)
    }

    /// Whether the next byte may be needed to recognise a file that begins like this.
    pub(super) fn is_open(head: &[u8]) -> bool {
        let goes_on = |magic: &[u8]| magic.len() > head.len() && magic.starts_with(head);
        MAGIC.iter().any(|(magic, _)| goes_on(magic))
    }
}
