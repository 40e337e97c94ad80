//! A RESP2 client of a few lines, independent of the one under test.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
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

    /// As [`Reply::get`], the last of that name.
    pub fn last(&self, name: &str) -> Option<&Self> {
        self.items()
            .rchunks_exact(2)
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
        Self::try_connect(socket)
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", socket.display()))
    }

    /// As [`Client::connect`], where a server that is not there is an answer.
    ///
    /// # Errors
    /// When it cannot connect.
    pub fn try_connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// How long it waits for a reply.
    pub fn set_patience(&self, patience: std::time::Duration) {
        let stream = self.stream.get_ref();
        stream
            .set_read_timeout(Some(patience))
            .expect("sets the timeout");
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
        self.try_write(commands).expect("writes");
        commands.iter().map(|_| self.reply()).collect()
    }

    /// Sends the commands in one write; [`Client::try_reply`] reads the reply of each.
    ///
    /// # Errors
    /// When the connection is lost: any number of them may have been sent.
    pub fn try_write<C: AsRef<[A]>, A: AsRef<[u8]>>(&mut self, commands: &[C]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for command in commands {
            encode(&mut bytes, command.as_ref());
        }
        self.stream.get_mut().write_all(&bytes)
    }

    /// Reads one reply (after a command of one's own writing, or a pushed message).
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("a reply")
    }

    /// As [`Client::reply`], where a lost connection is an answer.
    ///
    /// # Errors
    /// When the connection ends or times out within the reply.
    pub fn try_reply(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let (kind, rest) = line
            .trim_end()
            .split_at_checked(1)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(match kind {
            "+" => Reply::Simple(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(rest.parse().expect("an integer")),
            "$" => match usize::try_from(length(rest)) {
                Ok(length) => self.bulk(length)?,
                Err(_) => Reply::Nil,
            },
            "*" => match usize::try_from(length(rest)) {
                Ok(count) => Reply::Array(
                    (0..count)
                        .map(|_| self.try_reply())
                        .collect::<io::Result<_>>()?,
                ),
                Err(_) => Reply::Nil,
            },
            _ => panic!("not RESP2: {line:?}"),
        })
    }

    fn bulk(&mut self, length: usize) -> io::Result<Reply> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Reply::Bulk(bytes))
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
