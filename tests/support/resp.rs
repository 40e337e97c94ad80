//! A RESP2 client of a few lines, independent of the one under test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::PATIENCE;

/// One reply of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(String),
    /// `-ERR …`
    Error(String),
    /// `:1`
    Int(i64),
    /// A string of any bytes.
    Bulk(Vec<u8>),
    /// The null bulk string or null array.
    Nil,
    /// An array.
    Array(Vec<Reply>),
}

impl Reply {
    /// The number, also of a string that is one.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Bulk(_) | Self::Simple(_) => self.text().parse().expect("a number"),
            other => panic!("no number: {other:?}"),
        }
    }

    /// The string or status.
    #[track_caller]
    pub fn text(&self) -> &str {
        match self {
            Self::Simple(text) => text,
            Self::Bulk(bytes) => std::str::from_utf8(bytes).expect("UTF-8"),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The bytes of a string.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bulk(bytes) => bytes,
            other => panic!("no string: {other:?}"),
        }
    }

    /// The items of an array; none for null.
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            Self::Nil => &[],
            other => panic!("no array: {other:?}"),
        }
    }

    /// The strings of an array.
    #[track_caller]
    pub fn texts(&self) -> Vec<&str> {
        self.items().iter().map(Self::text).collect()
    }

    /// The value after `name` in an array of names and values (XINFO, HGETALL, an entry's fields).
    #[track_caller]
    pub fn field(&self, name: &str) -> &Self {
        self.get(name)
            .unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }

    /// As [`Reply::field`], where it may be absent.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.items()
            .chunks_exact(2)
            .find_map(|pair| (pair[0] == Self::Bulk(name.into())).then_some(&pair[1]))
    }

    /// Whether it is null.
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// The server's error.
    #[track_caller]
    pub fn error(&self) -> &str {
        match self {
            Self::Error(text) => text,
            other => panic!("no error: {other:?}"),
        }
    }
}

/// A connection; one command at a time, or many in one write.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects; fails the test when it cannot.
    #[track_caller]
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket)
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", socket.display()));
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("sets the timeout");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends one command and returns its reply, errors too.
    #[track_caller]
    pub fn send<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Reply {
        self.pipeline(&[command]).remove(0)
    }

    /// Sends the commands in one write and returns the reply of each. Not for more than some ten thousand
    /// small ones: nothing is read until all is written.
    #[track_caller]
    pub fn pipeline<C: AsRef<[A]>, A: AsRef<[u8]>>(&mut self, commands: &[C]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for command in commands {
            encode(&mut bytes, command.as_ref());
        }
        self.stream.get_mut().write_all(&bytes).expect("writes");
        commands.iter().map(|_| self.reply()).collect()
    }

    /// Reads one reply (after a command of one's own writing, or a pushed message).
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a reply");
        let (kind, rest) = line
            .trim_end()
            .split_at_checked(1)
            .expect("a reply before the end");
        match kind {
            "+" => Reply::Simple(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(rest.parse().expect("an integer")),
            "$" => usize::try_from(length(rest)).map_or(Reply::Nil, |length| self.bulk(length)),
            "*" => usize::try_from(length(rest)).map_or(Reply::Nil, |count| {
                Reply::Array((0..count).map(|_| self.reply()).collect())
            }),
            _ => panic!("not RESP2: {line:?}"),
        }
    }

    fn bulk(&mut self, length: usize) -> Reply {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).expect("a string");
        bytes.truncate(length);
        Reply::Bulk(bytes)
    }
}

/// -1 says null.
fn length(text: &str) -> i64 {
    text.parse().expect("a length")
}

fn encode<A: AsRef<[u8]>>(bytes: &mut Vec<u8>, command: &[A]) {
    write!(bytes, "*{}\r\n", command.len()).expect("writes");
    for argument in command {
        let argument = argument.as_ref();
        write!(bytes, "${}\r\n", argument.len()).expect("writes");
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
}
