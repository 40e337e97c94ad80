//! Changes host, port or database in a server's URL; everything else in it, including its password, stays exactly as
//! it is written.

use url::Url;

use super::endpoint::{Endpoint, Transport, parameters};
use super::endpoint_error::EndpointError;
use super::zone;

/// The parts of a URL to replace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readdress {
    /// Host name or address, an IPv6 address without brackets.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Database number.
    pub db: Option<u32>,
}

impl Readdress {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `text` with the changes made.
    ///
    /// # Errors
    /// [`EndpointError`] when `text` or the result does not name a server, or when a socket is given a host or a
    /// port.
    pub fn applied_to(&self, text: &str) -> Result<String, EndpointError> {
        let is_socket = matches!(Endpoint::parse(text)?.transport, Transport::Unix(_));
        if is_socket && (self.host.is_some() || self.port.is_some()) {
            return Err(EndpointError::new(
                "the url is that of a unix socket, which has no host or port",
            ));
        }
        let (text, zone) = zone::taken_from(text)?;
        let mut url = Url::parse(&text).map_err(not_taken)?;
        self.put_host(&mut url)?;
        if let Some(db) = self.db {
            put_db(&mut url, db, is_socket);
        }
        let zone = match &self.host {
            Some(host) => zone::of_host(host).1,
            None => zone.as_deref(),
        };
        let changed = zone::put_into(url.as_str(), zone);
        Endpoint::parse(&changed)?;
        Ok(changed)
    }

    fn put_host(&self, url: &mut Url) -> Result<(), EndpointError> {
        let bracketed = |host: &String| {
            if host.contains(':') {
                format!("[{}]", zone::of_host(host).0)
            } else {
                host.clone()
            }
        };
        // A port needs a host before it, and a URL may leave that one out.
        let unsaid = || {
            let is_unsaid = url.host_str().is_none_or(str::is_empty);
            (is_unsaid && self.port.is_some()).then(|| Endpoint::DEFAULT_HOST.to_owned())
        };
        if let Some(host) = self.host.as_ref().map(bracketed).or_else(unsaid) {
            url.set_host(Some(&host)).map_err(not_taken)?;
        }
        if let Some(port) = self.port {
            url.set_port(Some(port))
                .map_err(|()| EndpointError::new("the url takes no port"))?;
        }
        Ok(())
    }
}

/// A database parameter takes precedence over the path, so it is removed; for a socket, the path is that of the
/// socket.
fn put_db(url: &mut Url, db: u32, is_socket: bool) {
    let written = parameters(url).map(|(key, value)| format!("{key}={value}"));
    let mut parameters: Vec<String> = written.collect();
    let had = parameters.len();
    parameters.retain(|it| !it.starts_with("db="));
    if is_socket {
        parameters.push(format!("db={db}"));
    } else {
        url.set_path(&format!("/{db}"));
        if parameters.len() == had {
            return;
        }
    }
    let query = parameters.join("&");
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
}

fn not_taken(error: url::ParseError) -> EndpointError {
    EndpointError::new(format!("not a server URL ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str) -> Readdress {
        Readdress {
            host: Some(host.to_owned()),
            ..Readdress::default()
        }
    }

    const PORT: Readdress = Readdress {
        host: None,
        port: Some(7),
        db: None,
    };

    const DB: Readdress = Readdress {
        host: None,
        port: None,
        db: Some(9),
    };

    #[test]
    fn only_what_is_given_changes() {
        for (change, before, after) in [
            (DB, "rediss://u:p%40ss@h:1", "rediss://u:p%40ss@h:1/9"),
            (
                DB,
                "redis://h/3?protocol=resp3",
                "redis://h/9?protocol=resp3",
            ),
            (DB, "redis://h/3?db=4&user=u", "redis://h/9?user=u"),
            (DB, "redis://h?db=4", "redis://h/9"),
            (DB, "unix:///run/a%20b.sock", "unix:///run/a%20b.sock?db=9"),
            (DB, "unix:///s?db=2&pass=s+%26", "unix:///s?pass=s+%26&db=9"),
            (PORT, "valkeys://u@h/3", "valkeys://u@h:7/3"),
            (PORT, "redis://[::1]:1/3", "redis://[::1]:7/3"),
            (PORT, "redis:///3", "redis://127.0.0.1:7/3"),
            (host("b"), "rediss://u:p@a:1/2", "rediss://u:p@b:1/2"),
            (host("::1"), "redis://a:1/2", "redis://[::1]:1/2"),
            (
                host("fe80::1%lo"),
                "redis://a:1/2",
                "redis://[fe80::1%25lo]:1/2",
            ),
            (host("b"), "redis://[fe80::1%25lo]:1/2", "redis://b:1/2"),
            (
                PORT,
                "redis://[fe80::1%25lo]:1/2",
                "redis://[fe80::1%25lo]:7/2",
            ),
        ] {
            let changed = change.applied_to(before).expect(before);
            assert_eq!(changed, after);
        }
    }

    #[test]
    fn a_socket_has_no_host_and_a_host_is_a_name() {
        for (change, url) in [
            (host("h"), "unix:///s"),
            (PORT, "unix:///s"),
            (host("a b"), "redis://h"),
        ] {
            change.applied_to(url).expect_err(url);
        }
    }
}
