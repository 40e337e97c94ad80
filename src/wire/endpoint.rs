//! The address of a server, with credentials: parsed from a URL, printed without its password.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use url::Url;

use super::endpoint_error::EndpointError;
use super::tls::TlsOptions;
use super::zone;
use crate::model::TO_ENCODE;

/// The transport to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A TCP connection.
    Tcp {
        /// Host name or address, without brackets. A link-local IPv6 address has a zone (`fe80::1%eth0`).
        host: String,
        /// Port, 6379 unless given.
        port: u16,
    },
    /// A unix domain socket.
    Unix(PathBuf),
}

/// A server address with credentials and database number. `Display` and `Debug` never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The transport.
    pub transport: Transport,
    /// Whether the transport is wrapped in TLS (`rediss://`).
    pub tls: bool,
    /// Trusted authorities and the client certificate; used only with `tls`.
    pub tls_options: TlsOptions,
    /// ACL user; the server's `default` when absent.
    pub username: Option<String>,
    /// Password, when one is needed.
    pub password: Option<String>,
    /// Database number.
    pub db: u32,
    /// Speak RESP3 (`?protocol=resp3`) instead of RESP2.
    pub resp3: bool,
}

impl Endpoint {
    /// The default host.
    pub const DEFAULT_HOST: &str = "127.0.0.1";
    /// The default port of servers.
    pub const DEFAULT_PORT: u16 = 6379;

    /// An endpoint at `transport`, database 0, no credentials, no TLS.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            tls: false,
            tls_options: TlsOptions::default(),
            username: None,
            password: None,
            db: 0,
            resp3: false,
        }
    }

    /// Parses `redis://[user[:password]@]host[:port][/db]`, `rediss://…`, or `unix:///path[?db=N&user=U&pass=P]`
    /// (also `redis+unix://`).
    ///
    /// # Errors
    /// [`EndpointError`] that says what is wrong, without credentials.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        refuse_cut_off(text)?;
        let (text, zone) = zone::taken_from(text)?;
        let url = Url::parse(&text).map_err(|error| {
            EndpointError(format!(
                "not a server URL ({error}); expected redis://HOST:PORT/DB or unix:///PATH"
            ))
        })?;
        let mut endpoint = match url.scheme() {
            "redis" | "valkey" => Self::from_tcp(&url)?,
            "rediss" | "valkeys" => Self {
                tls: true,
                ..Self::from_tcp(&url)?
            },
            "unix" | "redis+unix" => Self::from_unix(&url)?,
            other => {
                return Err(EndpointError(format!(
                    "`{other}://` is not a scheme this tool knows; use redis://, rediss://, unix:// or redis+unix://"
                )));
            }
        };
        endpoint.apply_query(&url)?;
        if let (Transport::Tcp { host, .. }, Some(zone)) = (&mut endpoint.transport, zone) {
            *host = format!("{host}%{zone}");
        }
        Ok(endpoint)
    }

    fn from_tcp(url: &Url) -> Result<Self, EndpointError> {
        let host = match url.host() {
            Some(url::Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => Self::DEFAULT_HOST.to_owned(),
        };
        let mut endpoint = Self::new(Transport::Tcp {
            host,
            port: url.port().unwrap_or(Self::DEFAULT_PORT),
        });
        endpoint.set_credentials(url)?;
        let path = url.path().trim_matches('/');
        if !path.is_empty() {
            endpoint.db = parse_db(path)?;
        }
        Ok(endpoint)
    }

    fn from_unix(url: &Url) -> Result<Self, EndpointError> {
        let path = decoded(url.path())?;
        if path.is_empty() || url.host().is_some_and(|host| !host.to_string().is_empty()) {
            return Err(EndpointError(
                "a unix socket URL has three slashes and an absolute path: unix:///run/redis.sock"
                    .to_owned(),
            ));
        }
        let mut endpoint = Self::new(Transport::Unix(PathBuf::from(path)));
        endpoint.set_credentials(url)?;
        Ok(endpoint)
    }

    fn set_credentials(&mut self, url: &Url) -> Result<(), EndpointError> {
        if !url.username().is_empty() {
            self.username = Some(decoded(url.username())?);
        }
        if let Some(password) = url.password() {
            self.password = Some(decoded(password)?);
        }
        Ok(())
    }

    fn apply_query(&mut self, url: &Url) -> Result<(), EndpointError> {
        for (key, value) in parameters(url) {
            match key {
                "db" => self.db = parse_db(&decoded(value)?)?,
                "user" | "username" => self.username = Some(decoded(value)?),
                "pass" | "password" => self.password = Some(decoded(value)?),
                "protocol" => self.resp3 = parse_protocol(value)?,
                other => {
                    // Behind a password it may be a part of that.
                    let what = match self.password {
                        Some(_) => format!("the URL continues after its password; {TO_ENCODE}"),
                        None => format!(
                            "`{}` is not a known URL parameter; these are known: db, user, pass and protocol",
                            crate::model::escaped(other.as_bytes())
                        ),
                    };
                    return Err(EndpointError(what));
                }
            }
        }
        Ok(())
    }

    /// Host and port, or the socket's path, as error messages name it.
    pub fn address(&self) -> String {
        match &self.transport {
            Transport::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Transport::Tcp { host, port } => format!("{host}:{port}"),
            Transport::Unix(path) => path.display().to_string(),
        }
    }
}

/// The parameters of a URL as they are written; unlike in a form, a plus sign stands for itself.
pub(super) fn parameters(url: &Url) -> impl Iterator<Item = (&str, &str)> {
    let pairs = url.query().unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Refuses a URL in which a special character ends the password too early. It would be read as the address of another
/// server, and a message might show the rest of the password.
fn refuse_cut_off(text: &str) -> Result<(), EndpointError> {
    let (scheme, behind) = text.split_once("://").unwrap_or(("", text));
    let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, tail) = behind.split_at(end);
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let is_socket = scheme.contains("unix") && authority.is_empty();
    let is_value =
        |pair: &str| !pair.contains('@') || pair.starts_with("user") || pair.starts_with("pass");
    let is_whole =
        (is_socket || !path.contains('@')) && query.split('&').all(is_value) && !tail.contains('#');
    if is_whole {
        return Ok(());
    }
    Err(EndpointError(if tail.contains('@') && !is_socket {
        format!("the URL ends within its user or password; {TO_ENCODE}")
    } else {
        format!("a `#` ends a URL; {TO_ENCODE}")
    }))
}

/// A socket's path in the form that a URL needs, so that the URL can be used in a shell and with `--url`.
fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._~-".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Into a string nothing can fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decoded(text: &str) -> Result<String, EndpointError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let hex = tail
                .get(..2)
                .and_then(|pair| std::str::from_utf8(pair).ok())
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| {
                    EndpointError(format!(
                        "a `%` in the URL is not followed by two hex digits; {TO_ENCODE}"
                    ))
                })?;
            bytes.push(hex);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| EndpointError("the URL is not UTF-8 once decoded".to_owned()))
}

fn parse_db(text: &str) -> Result<u32, EndpointError> {
    text.parse().map_err(|_| {
        EndpointError(format!(
            "`{}` is not a database number",
            crate::model::escaped(text.as_bytes())
        ))
    })
}

fn parse_protocol(text: &str) -> Result<bool, EndpointError> {
    match text {
        "resp2" | "2" => Ok(false),
        "resp3" | "3" => Ok(true),
        _ => Err(EndpointError("protocol must be resp2 or resp3".to_owned())),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self
            .username
            .as_ref()
            .map(|user| crate::model::escaped(user.as_bytes()));
        let hidden = self.password.as_ref().map(|_| "***");
        match &self.transport {
            Transport::Tcp { .. } => {
                let scheme = if self.tls { "rediss" } else { "redis" };
                let credentials = match (&user, hidden) {
                    (None, None) => String::new(),
                    (user, None) => format!("{}@", user.as_deref().unwrap_or_default()),
                    (user, Some(hidden)) => {
                        format!("{}:{hidden}@", user.as_deref().unwrap_or_default())
                    }
                };
                let address = self.address().replace('%', "%25");
                write!(f, "{scheme}://{credentials}{address}/{}", self.db)
            }
            Transport::Unix(path) => {
                let db = (self.db != 0).then(|| format!("db={}", self.db));
                let user = user.map(|user| format!("user={user}"));
                let pass = hidden.map(|hidden| format!("pass={hidden}"));
                let query: Vec<String> = [db, user, pass].into_iter().flatten().collect();
                let mark = if query.is_empty() { "" } else { "?" };
                write!(f, "unix://{}{mark}{}", encoded(path), query.join("&"))
            }
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_scheme_and_never_prints_the_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379/0"),
            ("redis://u:p%40ss@h:7000/3", "redis://u:***@h:7000/3"),
            ("redis://:secret@[::1]:7000", "redis://:***@[::1]:7000/0"),
            ("rediss://h", "rediss://h:6379/0"),
            ("redis://[fe80::1%25lo]", "redis://[fe80::1%25lo]:6379/0"),
            (
                "redis://u:secret@[FE80::1%eth0]:1/2",
                "redis://u:***@[fe80::1%25eth0]:1/2",
            ),
            (
                "unix:///run/r.sock?db=2&pass=s",
                "unix:///run/r.sock?db=2&pass=***",
            ),
            ("redis+unix:///run/r.sock", "unix:///run/r.sock"),
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!(endpoint.to_string(), shown);
            assert!(!format!("{endpoint:?}").contains("secret"));
        }
        let endpoint = Endpoint::parse("redis://u:p%40ss@h:7000/3").expect("parses");
        assert_eq!(endpoint.password.as_deref(), Some("p@ss"));
        for (text, password) in [
            (
                "redis://u:a@b[c]\\d+<e>|f^`{}\";&=,!$*'()~:g h@host",
                "a@b[c]\\d+<e>|f^`{}\";&=,!$*'()~:g h",
            ),
            ("unix:///run/r@1.sock?pass=a+b@c%20d", "a+b@c d"),
            ("redis://h/0?user=u@x&pass=p@y", "p@y"),
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!(endpoint.password.as_deref(), Some(password));
        }
    }

    #[test]
    fn an_address_of_one_link_is_written_as_people_write_it() {
        let endpoint = Endpoint::parse("redis://[fe80::1%25lo]:1").expect("parses");
        assert_eq!(endpoint.address(), "[fe80::1%lo]:1");
        let again = Endpoint::parse(&endpoint.to_string()).expect("parses");
        assert_eq!(again, endpoint);
    }

    #[test]
    fn what_is_printed_leads_back_to_the_socket() {
        for path in ["/run/redis.sock", "/tmp/a b%20/ü?x=1&y;#/s.sock"] {
            let url = Endpoint::new(Transport::Unix(PathBuf::from(path))).to_string();
            let endpoint = Endpoint::parse(&url).expect("a URL");
            assert_eq!(endpoint.transport, Transport::Unix(path.into()), "{url}");
        }
    }

    #[test]
    fn refuses_with_a_reason_and_without_the_secret() {
        for bad in [
            "127.0.0.1:6379",
            "http://u:secret@h",
            "redis://u:secret@h/abc",
            "unix://run/r.sock?pass=secret",
            "redis://u:secret@h?x=1",
            "redis://u:secret%zz@h",
            "redis://u:#secret@h",
            "redis://u:12#secret@h",
            "redis://secret:12/34@h",
            "redis://secret:12?db=34@h",
            "redis://u:p?secret@h",
            "redis://u:p@/secret@h",
            "redis://u:p@s?secret@h",
            "unix:///s?pass=a&secret",
            "unix:///s?pass=a#secret",
        ] {
            let error = Endpoint::parse(bad).expect_err(bad).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
