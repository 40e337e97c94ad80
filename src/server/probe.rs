//! The two requests that a server is sent over its unix socket: whether it answers, and which process it is.
//! Everything else that is sent to a server is in `wire/`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The longest INFO section that is accepted.
const REPLY_BYTES_MAX: u64 = 64 * 1024;

/// The state of a server that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The server is loading its data.
    Loading,
    /// The server is running a long script.
    Busy,
    /// The server can be used; this includes a server that asks for a password first.
    Ready,
}

/// The state of the server behind `socket`, as it reports it within `timeout`.
///
/// # Errors
/// When it cannot be reached or does not answer in time.
pub fn readiness(socket: &Path, timeout: Duration) -> io::Result<Readiness> {
    let reply = first_line(&mut ask(socket, timeout, b"*1\r\n$4\r\nPING\r\n")?)?;
    Ok(if reply.starts_with("-LOADING") {
        Readiness::Loading
    } else if reply.starts_with("-BUSY ") {
        Readiness::Busy
    } else {
        Readiness::Ready
    })
}

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its process id.
    pub pid: u32,
    /// `redis` or `valkey`.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Its uptime in seconds.
    pub uptime_s: u64,
}

/// The process of the server behind `socket` (`INFO server`).
///
/// # Errors
/// When it cannot be reached, does not answer within `timeout`, or answers something else.
pub fn identity(socket: &Path, timeout: Duration) -> io::Result<Identity> {
    let mut reader = ask(socket, timeout, b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")?;
    let head = first_line(&mut reader)?;
    // RESP2 says INFO as a bulk string, RESP3 as a verbatim one.
    let length = head
        .strip_prefix(['$', '='])
        .and_then(|length| length.parse::<u64>().ok())
        .filter(|&length| length <= REPLY_BYTES_MAX)
        .ok_or_else(|| invalid(format!("INFO was answered with {head:?}")))?;
    let mut text = String::new();
    reader.take(length).read_to_string(&mut text)?;
    parse_identity(&text).ok_or_else(|| invalid("INFO says no process_id".to_owned()))
}

fn ask(socket: &Path, timeout: Duration, command: &[u8]) -> io::Result<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(command)?;
    Ok(BufReader::new(stream))
}

fn first_line(reader: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.take(REPLY_BYTES_MAX).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn parse_identity(info: &str) -> Option<Identity> {
    let field = |name: &str| {
        info.lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| (key == name).then_some(value.trim()))
    };
    let valkey = field("valkey_version");
    Some(Identity {
        pid: field("process_id")?.parse().ok()?,
        name: field("server_name").unwrap_or("redis").to_owned(),
        version: valkey.or_else(|| field("redis_version"))?.to_owned(),
        uptime_s: field("uptime_in_seconds")?.parse().ok()?,
    })
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valkey_is_known_by_its_own_version() {
        let info = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n\
            process_id:42\r\nuptime_in_seconds:7\r\n";
        let identity = parse_identity(info).unwrap();
        assert_eq!((identity.pid, identity.uptime_s), (42, 7));
        assert_eq!((&*identity.name, &*identity.version), ("valkey", "9.1.2"));
    }

    #[test]
    fn redis_does_not_say_its_name() {
        let info = "redis_version:7.0.15\r\nprocess_id:1\r\nuptime_in_seconds:0\r\n";
        let identity = parse_identity(info).unwrap();
        assert_eq!((&*identity.name, &*identity.version), ("redis", "7.0.15"));
        assert_eq!(parse_identity("redis_version:7.0.15\r\n"), None);
    }
}
