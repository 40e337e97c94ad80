//! Commands about the server itself.

use crate::model::{Name, escaped};
use crate::wire::decode;
use crate::wire::error::Result;
use crate::wire::request::{Request, done, text};
use crate::wire::resp::{Reply, Shape};

/// `PING`.
pub fn ping() -> Request<()> {
    Request::new("PING", None, done)
}

/// Which server answered, from its own `HELLO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// `redis` or `valkey`.
    pub server: String,
    /// Its version; Valkey's own, not the Redis version it is compatible with.
    pub version: String,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: String,
    /// `master` or `replica`.
    pub role: String,
}

/// `HELLO` without a protocol: which server it is. Changes nothing.
pub fn hello() -> Request<Hello> {
    Request::new("HELLO", None, |command, value| {
        let (mut server, mut version) = (None, None);
        let (mut mode, mut role) = (String::new(), String::new());
        decode::pairs(command, value, |name, value| {
            let text =
                || decode::bytes(command, value).map(|it| String::from_utf8_lossy(it).into_owned());
            match name {
                b"server" => server = Some(text()?),
                b"version" => version = Some(text()?),
                b"mode" => mode = text()?,
                b"role" => role = text()?,
                _ => {}
            }
            Ok(())
        })?;
        match (server, version) {
            (Some(server), Some(version)) => Ok(Hello {
                server,
                version,
                mode,
                role,
            }),
            _ => Err(crate::wire::Error::shape(command, "server and version")),
        }
    })
}

/// `TIME`: the server's clock, milliseconds since the Unix epoch.
pub fn time() -> Request<u64> {
    Request::new("TIME", None, |command, value| {
        let mut parts = decode::list(command, value)?;
        match (parts.next(), parts.next()) {
            (Some(seconds), Some(micros)) => Ok(
                decode::count(command, seconds)? * 1000 + decode::count(command, micros)? / 1000
            ),
            _ => Err(crate::wire::Error::shape(
                command,
                "seconds and microseconds",
            )),
        }
    })
}

/// `DBSIZE`: how many keys the database has.
pub fn dbsize() -> Request<u64> {
    Request::new("DBSIZE", None, decode::count)
}

/// `EXISTS` of two keys, whatever they are. A cluster refuses it with
/// [`CrossSlot`](crate::wire::ErrorKind::CrossSlot) when they are in different hash slots.
pub fn exist_together(one: &Name, other: &Name) -> Request<()> {
    Request::new("EXISTS", Some(one.as_bytes()), done).arg(other.as_bytes())
}

/// `INFO section`: the section's lines as `(name, value)`.
pub fn info(section: &str) -> Request<Vec<(String, String)>> {
    Request::new("INFO", None, |command, value| {
        let text = String::from_utf8_lossy(&text(command, value)?).into_owned();
        Ok(text
            .lines()
            .filter_map(|line| line.trim_end().split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    })
    .arg(section)
}

/// `CONFIG GET name …`: the settings as `(name, value)`, those that the server has.
pub fn config_get(names: &[&str]) -> Request<Vec<(String, String)>> {
    let mut request = Request::new("CONFIG GET", None, |command, value| {
        let mut settings = Vec::new();
        decode::pairs(command, value, |name, value| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            settings.push((text(name), text(decode::bytes(command, value)?)));
            Ok(())
        })?;
        Ok(settings)
    });
    for name in names {
        request = request.arg(*name);
    }
    request
}

/// A call that took long enough for the server's slow log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCall {
    /// When it was called, in seconds since the Unix epoch, by the server's clock.
    pub at_s: u64,
    /// How long it blocked the server, in microseconds.
    pub micros: u64,
    /// The command, without its arguments.
    pub command: String,
    /// The address of the client, and its name if it has one.
    pub client: String,
}

/// `SLOWLOG GET count`: the newest slow calls, newest first.
pub fn slowlog(count: u32) -> Request<Vec<SlowCall>> {
    Request::new("SLOWLOG GET", None, |command, value| {
        decode::list(command, value)?
            .map(|call| {
                let parts: Vec<_> = decode::list(command, call)?.collect();
                let [_, at, micros, words, rest @ ..] = &parts[..] else {
                    return Err(crate::wire::Error::shape(command, "a call with its time"));
                };
                let text = |node| decode::bytes(command, node).map(escaped);
                let word = decode::list(command, *words)?
                    .next()
                    .map(text)
                    .transpose()?;
                // What newer servers say after these is no text.
                let client = rest
                    .iter()
                    .take(2)
                    .map(|it| text(*it))
                    .collect::<Result<Vec<_>>>()?;
                Ok(SlowCall {
                    at_s: decode::count(command, *at)?,
                    micros: decode::count(command, *micros)?,
                    command: word.unwrap_or_default().to_uppercase(),
                    client: client.join(" ").trim_end().to_owned(),
                })
            })
            .collect()
    })
    .arg(count)
}

/// `SENTINEL MASTERS`: the name and the `HOST:PORT` of each primary that a sentinel watches.
pub fn sentinel_masters() -> Request<Vec<(String, String)>> {
    Request::new("SENTINEL MASTERS", None, |command, value| {
        decode::list(command, value)?
            .map(|master| {
                let [mut name, mut host, mut port] = [const { String::new() }; 3];
                decode::pairs(command, master, |key, value| {
                    let place = match key {
                        b"name" => &mut name,
                        b"ip" => &mut host,
                        b"port" => &mut port,
                        _ => return Ok(()),
                    };
                    let text = decode::bytes(command, value)?;
                    *place = String::from_utf8_lossy(text).into_owned();
                    Ok(())
                })?;
                Ok((name, address(&host, &port)))
            })
            .collect()
    })
}

/// `HOST:PORT`, in the form that a URL needs.
pub fn address(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// `COMMAND INFO name …`: for each name, whether the server has it. This tells what a server can do, which its
/// version does not: Valkey calls itself 7.2.4.
pub fn has_commands(names: &[&str]) -> Request<Vec<bool>> {
    let mut request = Request::new(
        "COMMAND INFO",
        None,
        |command, value| -> Result<Vec<bool>> {
            Ok(decode::list(command, value)?
                .map(|item| !matches!(item.shape(), Shape::Nil | Shape::List(0)))
                .collect())
        },
    );
    for name in names {
        request = request.arg(*name);
    }
    request
}

/// `COMMAND DOCS` of these commands: the option words in the documentation of each. Changes nothing. Like `COMMAND
/// INFO`, it does not depend on the server's version.
pub fn documented(commands: &[&str]) -> Request<Vec<(String, Vec<String>)>> {
    let mut request = Request::new("COMMAND DOCS", None, |command, value| {
        let mut found = Vec::new();
        decode::pairs(command, value, |name, docs| {
            let mut tokens = Vec::new();
            tokens_in(docs, &mut tokens);
            found.push((String::from_utf8_lossy(name).to_uppercase(), tokens));
            Ok(())
        })?;
        Ok(found)
    });
    for name in commands {
        request = request.arg(*name);
    }
    request
}

/// The words with which a command's options begin, at any depth of its documentation.
fn tokens_in(docs: Reply<'_>, tokens: &mut Vec<String>) {
    let mut is_token = false;
    for child in docs.children() {
        match child.shape() {
            Shape::Bytes(word) if is_token => {
                tokens.push(String::from_utf8_lossy(word).to_uppercase());
                is_token = false;
            }
            Shape::Bytes(word) => is_token = word == b"token",
            _ => {
                is_token = false;
                tokens_in(child, tokens);
            }
        }
    }
}

/// As [`memory_usage`], estimated from this many of the key's nodes (`SAMPLES`).
pub fn memory_usage_of(key: &Name, samples: u32) -> Request<Option<u64>> {
    memory_usage(key).arg("SAMPLES").arg(samples)
}

/// `MEMORY USAGE`: bytes the key takes; `None` when there is no such key.
pub fn memory_usage(key: &Name) -> Request<Option<u64>> {
    Request::new(
        "MEMORY USAGE",
        Some(key.as_bytes()),
        |command, value| match value.shape() {
            Shape::Nil => Ok(None),
            _ => decode::count(command, value).map(Some),
        },
    )
}
