//! A server under test, and requests to it over plain sockets, so that each byte is the test's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::{Invocation, PATIENCE, Spawned, TestServer};

/// A running `serve`.
pub(crate) struct Served {
    pub(crate) process: Spawned,
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// `serve` with more arguments.
pub(crate) fn serve(server: &TestServer, args: &[&str]) -> Served {
    begun(
        server.command(
            &[
                &["serve", "--listen", "127.0.0.1:0", "--every", "200ms"],
                args,
            ]
            .concat(),
        ),
    )
}

/// A `serve` that was prepared.
pub(crate) fn begun(command: Invocation) -> Served {
    let mut process = command.spawn();
    let line = process.await_stderr(" at http://127.0.0.1:");
    let (_, rest) = line.rsplit_once("http://").unwrap();
    let address = rest.trim_end_matches(['/', '\n', '\r']).to_owned();
    let site = Served { process, address };
    crate::support::until(PATIENCE, "the first observation", || {
        !site.get("/api/figures").body.contains("not asked yet")
    });
    site
}

impl Served {
    pub(crate) fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
    }

    /// What is answered to these bytes.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        ask_at(&self.address, request).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    /// With more header lines, each ended by CR LF.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    /// Follows a stream of events.
    pub(crate) fn events(&self, path: &str) -> Events {
        let mut connection = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains("200"), "{line}");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Events { reader }
    }
}

/// What is answered to these bytes at an address.
pub(crate) fn ask_at(address: &str, request: &str) -> std::io::Result<Answer> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(request.as_bytes())?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap_or("0");
    Ok(Answer {
        status: status.parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A stream of events, in chunks.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
}

impl Events {
    /// The next event: its name, and its data as JSON.
    #[track_caller]
    pub(crate) fn next(&mut self) -> (String, Value) {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert_ne!(self.reader.read_line(&mut line).unwrap(), 0, "it ended");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data.push_str(text);
            } else if line.is_empty() && !data.is_empty() {
                let value =
                    serde_json::from_str(&data).unwrap_or_else(|_| Value::from(data.as_str()));
                return (name, value);
            }
        }
    }
}
