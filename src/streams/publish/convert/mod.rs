//! Other formats as NDJSON, on the way in: every entry becomes one line, so that all that follows knows lines only.

mod array;
mod quotes;
mod table;

use std::io::{self, Read};

use super::text::Text;
use array::Array;
use quotes::Quotes;
use table::Table;

/// The elements of a JSON array, a line each.
pub fn json_array(input: impl Read) -> impl Read {
    Converted::new(Array::new(Text::new(input)))
}

/// The records of a CSV file (RFC 4180, the first line has the names), an object of texts each; an empty cell is a field
/// that is not given.
pub fn csv(input: impl Read) -> impl Read {
    Converted::new(Table::new(Quotes::new(Text::new(input))))
}

/// What gives one entry after the other.
trait Entries {
    /// Appends the next entry as JSON without a line end in it; `false` when there is none.
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;
}

/// Entries read as lines.
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

/// Input that is not what its format says.
fn broken(what: String) -> io::Error {
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
    fn an_array_gives_a_line_for_each_element() {
        for (json, lines) in [
            (r"[]", ""),
            (r" [ ] ", ""),
            ("\u{feff}[1]", "1\n"),
            (r#"[{"a":1},{"b":[1,2]}]"#, "{\"a\":1}\n{\"b\":[1,2]}\n"),
            (
                "[\n  {\n    \"a\": \"x\\\"],[{\"\n  }\r\n,\n 7 ]\n",
                "{     \"a\": \"x\\\"],[{\"   }\n7\n",
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
                "not a JSON array: it begins with `{`; objects, one a line, are --format ndjson",
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
            ("[1}", "element 1 of the JSON array has a `}` too many"),
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
        let lines = "{\"a\":\"1\",\"b\":\"x, \\\"y\\\"\\nz\"}\n{\"c\":\"3\"}\n";
        assert_eq!(text(csv(table.as_bytes())), Ok(lines.to_owned()));
        assert_eq!(text(csv(&b""[..])), Ok(String::new()));
        let short = text(csv(&b"a,b\n1\n"[..])).expect_err("a cell is missing");
        assert!(
            short.contains("line: 2") && short.contains("2 fields"),
            "{short}"
        );
        assert!(text(csv(&b"a\n\xff\n"[..])).is_err());
        // Spreadsheets leave columns without a name at the end.
        let spare = text(csv(&b"a,b,,\n1,2,,\n"[..]));
        assert_eq!(spare, Ok("{\"a\":\"1\",\"b\":\"2\"}\n".to_owned()));
        let nameless = text(csv(&b"a,,c\n1,2,3\n"[..])).expect_err("what is 2?");
        assert!(
            nameless.contains("column 2 of the CSV file has no name"),
            "{nameless}"
        );
    }
}
