//! Expands compressed input while it is read: gzip and zstd, recognised by their first bytes. For other files that
//! are not text, the error names their kind.

mod magic;

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use zstd::stream::read::Decoder;

use super::convert::broken;
use magic::Packed;

/// The limit on the expanded size of a compressed input.
#[derive(Clone, Debug)]
pub struct Expanded {
    /// The limit in bytes.
    pub bytes_max: u64,
    /// The same in words.
    pub text: String,
}

/// The text in `input`, whatever its compression.
pub fn unpacked<R: Read + Send + 'static>(input: R, expanded: Expanded) -> Box<dyn Read + Send> {
    Box::new(Unpacked {
        expanded,
        state: State::Before(Box::new(input)),
    })
}

type Whole = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

struct Unpacked {
    expanded: Expanded,
    state: State,
}

enum State {
    Before(Box<dyn Read + Send>),
    Plain(Whole),
    Compressed(Compressed),
    Failed,
}

/// The compressed input that is being expanded.
struct Compressed {
    name: &'static str,
    text: Box<dyn Read + Send>,
    bytes_left: u64,
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let State::Before(input) = &mut self.state {
            let input = std::mem::replace(input, Box::new(io::empty()));
            self.state = State::Failed;
            self.state = begin(input, &self.expanded)?;
        }
        match &mut self.state {
            State::Plain(input) => input.read(into),
            State::Compressed(compressed) => compressed.read(into, &self.expanded),
            State::Before(_) | State::Failed => Ok(0),
        }
    }
}

fn begin(input: Box<dyn Read + Send>, expanded: &Expanded) -> io::Result<State> {
    let (packed, whole) = look(input)?;
    let (name, text): (_, Box<dyn Read + Send>) = match packed {
        None => return Ok(State::Plain(whole)),
        Some(Packed::Other(name, next)) => {
            return Err(broken(format!("the input is {name}, not text: {next}")));
        }
        Some(Packed::Gzip) => ("gzip", Box::new(MultiGzDecoder::new(BufReader::new(whole)))),
        Some(Packed::Zstd) => ("zstd", Box::new(Decoder::new(whole)?)),
    };
    let (within, text) = look(text).map_err(|error| damaged(name, error))?;
    if within.is_some() {
        return Err(broken(format!(
            "the input is {name}, and its content is compressed again: unpack it first"
        )));
    }
    Ok(State::Compressed(Compressed {
        name,
        text: Box::new(text),
        bytes_left: expanded.bytes_max,
    }))
}

/// The kind of an input, and the whole input. Reads no more than is needed to recognise it.
fn look(mut input: Box<dyn Read + Send>) -> io::Result<(Option<Packed>, Whole)> {
    let mut head = Vec::new();
    while Packed::is_open(&head) {
        if input.by_ref().take(1).read_to_end(&mut head)? == 0 {
            break;
        }
    }
    Ok((Packed::of(&head), Cursor::new(head).chain(input)))
}

impl Compressed {
    fn read(&mut self, into: &mut [u8], expanded: &Expanded) -> io::Result<usize> {
        let read = self.text.read(into);
        let read = read.map_err(|error| damaged(self.name, error))?;
        self.bytes_left = self.bytes_left.checked_sub(read as u64).ok_or_else(|| {
            broken(format!(
                "the input is {}, and its content is larger than {}: `--max-expanded SIZE` allows more",
                self.name, expanded.text
            ))
        })?;
        Ok(read)
    }
}

/// Whether an error is the fault of the file or of the system.
fn damaged(name: &str, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Other => broken(format!(
            "the input is {name} that is damaged or incomplete: {error}"
        )),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("written");
        encoder.finish().expect("packed")
    }

    fn text(input: Vec<u8>, bytes_max: u64) -> Result<Vec<u8>, String> {
        let expanded = Expanded {
            bytes_max,
            text: "a few".to_owned(),
        };
        let mut found = Vec::new();
        match unpacked(Cursor::new(input), expanded).read_to_end(&mut found) {
            Ok(_) => Ok(found),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn a_text_is_itself_and_what_is_packed_is_unpacked() {
        for plain in [
            &b""[..],
            b"{}",
            b"7",
            b"P",
            b"PK",
            b"BZ",
            b"(",
            b"{\"a\":1}\n",
        ] {
            assert_eq!(text(plain.to_vec(), 0).expect("a text"), plain);
            let zstd = zstd::encode_all(plain, 1).expect("packed");
            let twice = [gzip(plain), gzip(b"x")].concat();
            let both = [plain, b"x"].concat();
            assert_eq!(text(gzip(plain), 20).expect("a text"), plain);
            assert_eq!(text(zstd, 20).expect("a text"), plain);
            // Files that were put one behind the other.
            assert_eq!(text(twice, 20).expect("a text"), both);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let whole = gzip(&[b'x'; 1000]);
        let error = text(whole.clone(), 999).expect_err("too much");
        assert!(error.contains("larger than a few"), "{error}");
        for (input, why) in [
            (whole[..whole.len() - 4].to_vec(), "damaged or incomplete"),
            (b"\x28\xb5\x2f\xfd\xff\xff\xff\xff".to_vec(), "damaged"),
            (gzip(&whole), "compressed again"),
            (b"PK\x03\x04xx".to_vec(), "xlsx"),
            (b"BZh91AY".to_vec(), "bzip2 -dc"),
            (b"\xfd7zXZ\0".to_vec(), "xz -dc"),
            (b"PAR1".to_vec(), "Parquet"),
        ] {
            let error = text(input, 1000).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(text(whole, 1000).expect("whole").len(), 1000);
    }
}
