//! Converts other formats to lines while they are read: every entry becomes one line of JSON, so that the rest of the
//! code only deals with lines. In front of the JSON stands a `Head`, which says where the entry came from.

mod array;
mod delimiter;
mod quotes;
mod table;

use std::io::{self, Read, Write as _};

use super::text::Text;
use crate::topology::validate::{Invalid, Rule};
use array::Array;
use table::Table;

/// A buffer that has grown larger than this is not kept for reuse.
const KEEP_BYTES: usize = 1 << 20;

/// The elements of a JSON array, one per line.
pub fn json_array(input: impl Read) -> impl Read {
    Converted::new(Array::new(Text::new(input)))
}

/// The records of a CSV file (RFC 4180, with a header line), each as an object of texts; an empty cell is a field
/// that is not given. A record that does not fit the header becomes an array of its texts. Cells are separated by
/// `delimiter`, or by commas when it is not given; then a first line that seems to use another delimiter is refused.
pub fn csv(input: impl Read, delimiter: Option<u8>) -> impl Read {
    Converted::new(Table::new(Text::new(input), delimiter))
}

/// A source of entries.
trait Entries {
    /// Appends the next entry as JSON without a line end in it; `false` when there is none.
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;
}

/// What stands in front of an entry's JSON: the line of the file where the entry begins, and, for a record that does
/// not fit the header, the number of fields in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) line: u64,
    misfit: Option<(usize, usize)>,
}

impl Head {
    fn write(self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.misfit {
            None => write!(out, "{} ", self.line),
            Some((fields, header)) => write!(out, "{}!{fields}/{header} ", self.line),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((line, misfit)) = text.split_once('!') else {
            return Some(Self {
                line: text.parse().ok()?,
                misfit: None,
            });
        };
        let (fields, header) = misfit.split_once('/')?;
        Some(Self {
            line: line.parse().ok()?,
            misfit: Some((fields.parse().ok()?, header.parse().ok()?)),
        })
    }

    /// What is wrong with the entry regardless of its JSON.
    pub(super) fn fault(self) -> Option<Invalid> {
        let (fields, header) = self.misfit?;
        Some(Invalid::of_entry(Rule::NotAsHeader { fields, header }))
    }
}

/// The head and the JSON of a converted line.
pub(super) fn split(line: &[u8]) -> (Head, &[u8]) {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let head = std::str::from_utf8(&line[..end]).ok().and_then(Head::parse);
    let json = line.get(end + 1..).unwrap_or_default();
    (head.unwrap_or_default(), json)
}

/// Entries that are read as lines.
struct Converted<E> {
    entries: E,
    line: Vec<u8>,
    at: usize,
}

impl<E> Converted<E> {
    fn new(entries: E) -> Self {
        Self {
            entries,
            line: Vec::new(),
            at: 0,
        }
    }
}

impl<E: Entries> Read for Converted<E> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() {
            // The room that a long one took is given back.
            if self.line.capacity() > KEEP_BYTES {
                self.line = Vec::new();
            }
            self.line.clear();
            self.at = 0;
            if !self.entries.next(&mut self.line)? {
                return Ok(0);
            }
            self.line.push(b'\n');
        }
        let length = into.len().min(self.line.len() - self.at);
        into[..length].copy_from_slice(&self.line[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// The error for an input that does not follow its format.
pub(super) fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mut input: impl Read) -> Result<String, String> {
        let mut text = String::new();
        match input.read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        for misfit in [None, Some((2, 3))] {
            let head = Head { line: 17, misfit };
            let mut line = Vec::new();
            head.write(&mut line).expect("written");
            line.extend_from_slice(b"{\"a\": 1}");
            assert_eq!(split(&line), (head, &b"{\"a\": 1}"[..]));
        }
    }

    #[test]
    fn an_array_gives_a_line_for_each_element() {
        for (json, lines) in [
            (r"[]", ""),
            (r" [ ] ", ""),
            ("\u{feff}[1]", "1 1\n"),
            (r#"[{"a":1},{"b":[1,2]}]"#, "1 {\"a\":1}\n1 {\"b\":[1,2]}\n"),
            (
                "[\n  {\n    \"a\": \"x\\\"],[{\"\n  }\r\n,\n 7 ]\n",
                "2 {     \"a\": \"x\\\"],[{\"   }\n6 7\n",
            ),
        ] {
            assert_eq!(
                text(json_array(json.as_bytes())),
                Ok(lines.to_owned()),
                "{json}"
            );
        }
        for (json, why) in [
            ("", "not a JSON array: it is empty"),
            ("\u{feff}", "not a JSON array: it is empty"),
            (
                "{}",
                "not a JSON array: it begins with `{`; for objects, one per line, use --format ndjson",
            ),
            (
                "[1",
                "the JSON array is not closed: it ends within element 1",
            ),
            (
                "[1,",
                "the JSON array is not closed: it ends within element 2",
            ),
            ("[1,,2]", "element 2 of the JSON array is empty"),
            ("[1,]", "element 2 of the JSON array is empty"),
            ("[1] x", "there is more after the JSON array: `x`"),
            ("[1}", "element 1 of the JSON array has one `}` too many"),
        ] {
            assert_eq!(
                text(json_array(json.as_bytes())),
                Err(why.to_owned()),
                "{json}"
            );
        }
    }

    #[test]
    fn a_record_is_an_object_of_its_cells() {
        let table = "\u{feff}a,b,c\r\n1,\"x, \"\"y\"\"\nz\",\r\n\r\n,,3\n";
        let lines = "2 {\"a\":\"1\",\"b\":\"x, \\\"y\\\"\\nz\"}\n5 {\"c\":\"3\"}\n";
        assert_eq!(text(csv(table.as_bytes(), None)), Ok(lines.to_owned()));
        assert_eq!(text(csv(&b""[..], None)), Ok(String::new()));
        let misfits = text(csv(&b"\n\na,b\r1\r\r1,2,\"3\"\r"[..], None));
        let lines = "4!1/2 [\"1\"]\n6!3/2 [\"1\",\"2\",\"3\"]\n";
        assert_eq!(misfits, Ok(lines.to_owned()));
        for other in [&b"a,b\n1,2\n3,\xff\n"[..], b"\n\n\xff,b\n"] {
            let foreign = text(csv(other, None)).expect_err("another encoding");
            assert!(
                foreign.starts_with("line 3 of the CSV file is not UTF-8"),
                "{foreign}"
            );
        }
        // Spreadsheets leave columns without a name at the end.
        let spare = text(csv(&b"a,b,,\n1,2,,\n"[..], None));
        assert_eq!(spare, Ok("2 {\"a\":\"1\",\"b\":\"2\"}\n".to_owned()));
        let nameless = text(csv(&b"a,,c\n1,2,3\n"[..], None)).expect_err("what is 2?");
        assert!(
            nameless.contains("column 2 of the CSV file has no name"),
            "{nameless}"
        );
    }

    #[test]
    fn cells_are_separated_by_what_is_named() {
        let line = "2 {\"a\":\"1,5\",\"b\":\"x;y\"}\n".to_owned();
        for (table, delimiter) in [
            ("a;b\n1,5;\"x;y\"\n", b';'),
            ("a\tb\n1,5\tx;y\n", b'\t'),
            ("a|b\n1,5|x;y\n", b'|'),
            ("a,b\n\"1,5\",x;y\n", b','),
        ] {
            let found = text(csv(table.as_bytes(), Some(delimiter)));
            assert_eq!(found.as_ref(), Ok(&line), "{table}");
            let sep = format!("sep={}\n{table}", char::from(delimiter));
            let found = text(csv(sep.as_bytes(), Some(delimiter)));
            assert_eq!(found, Ok(line.replacen('2', "3", 1)), "{sep}");
            // Nobody has to guess.
            if delimiter != b',' {
                for table in [table, &sep] {
                    let error = text(csv(table.as_bytes(), None)).expect_err("another delimiter");
                    assert!(error.contains("--delimiter"), "{error}");
                }
            }
        }
        for (table, delimiter) in [("sep=;\na,b\n", b','), ("sep=,\na;b\n", b';')] {
            let error = text(csv(table.as_bytes(), Some(delimiter))).expect_err("two delimiters");
            assert!(error.contains("sep="), "{error}");
        }
        // One column is one, and a name may have anything in it that stands between commas.
        for table in ["a\n1\n", "a;b,c\n1,2\n", "sep=,\na\n1\n"] {
            text(csv(table.as_bytes(), None)).expect(table);
        }
        text(csv(&b"a;b\n1\n"[..], Some(b','))).expect("named");
    }
}
