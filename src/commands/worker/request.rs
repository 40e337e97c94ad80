//! A request to the metrics server: what it asks for, and whether its `Host` names this server. A web page of another
//! site may reach this server through a domain name of its own (DNS rebinding); the browser then sends that name as
//! the host.

use std::net::IpAddr;

/// The names by which requests may address this server.
#[derive(Debug)]
pub(super) struct Hosts {
    is_loopback: bool,
    names: Vec<String>,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) path: String,
    /// Only the head of the answer is wanted.
    pub(super) is_head: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not a valid request, or does not name exactly one host.
    Malformed,
    /// It names a host that is not this server.
    ForeignHost,
    /// Its method is not GET.
    Method,
    /// It is larger than any valid request.
    TooLarge,
}

impl Refusal {
    /// The status line, and the text that explains it.
    pub(super) fn answer(self) -> (&'static str, String) {
        let (status, said) = match self {
            Self::Malformed => ("400 Bad Request", "not a request with one host"),
            Self::ForeignHost => (
                "421 Misdirected Request",
                "unknown host name: use the server's address, or allow the name with --metrics-host",
            ),
            Self::Method => ("405 Method Not Allowed", "only GET is answered"),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "the request's head is too large",
            ),
        };
        (status, format!("{said}\n"))
    }
}

impl Hosts {
    /// The names of a server that listens on `address`: the addresses of this machine (only its own loopback
    /// addresses when only this machine can connect), `localhost`, and `names`.
    pub(super) fn new(address: IpAddr, names: &[String]) -> Self {
        let names = names.iter().map(|name| plain(name));
        Self {
            is_loopback: address.to_canonical().is_loopback(),
            names: names.chain(["localhost".to_owned()]).collect(),
        }
    }

    /// Whether a `Host` header, `NAME[:PORT]`, names this server. Any port is accepted, because it may be a forwarded
    /// one.
    fn has(&self, host: &str) -> bool {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, ""),
            Some((name, port)) if port.starts_with(':') => (name, &port[1..]),
            Some(_) => return false,
            None => host.split_once(':').unwrap_or((host, "")),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        match name.parse::<IpAddr>() {
            Ok(address) => {
                address.is_ipv6() == host.starts_with('[')
                    && (!self.is_loopback || address.to_canonical().is_loopback())
            }
            Err(_) => !host.starts_with('[') && self.names.contains(&plain(name)),
        }
    }
}

/// A name in the form in which names are compared.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl Request {
    /// Reads a request's head, without the empty line at its end.
    ///
    /// # Errors
    /// Why the request is refused.
    pub(super) fn read(head: &str, hosts: &Hosts) -> Result<Self, Refusal> {
        let mut lines = head.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, path, version @ ("HTTP/1.1" | "HTTP/1.0")] = first[..] else {
            return Err(Refusal::Malformed);
        };
        let mut host = None;
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
            if name.is_empty() || name.contains(|it: char| it.is_whitespace()) {
                return Err(Refusal::Malformed);
            }
            if name.eq_ignore_ascii_case("host") && host.replace(value.trim()).is_some() {
                return Err(Refusal::Malformed);
            }
        }
        match host {
            Some(host) if !hosts.has(host) => return Err(Refusal::ForeignHost),
            None if version == "HTTP/1.1" => return Err(Refusal::Malformed),
            _ => {}
        }
        if !matches!(method, "GET" | "HEAD") {
            return Err(Refusal::Method);
        }
        Ok(Self {
            // What is asked beside the path changes nothing.
            path: path.split('?').next().unwrap_or_default().to_owned(),
            is_head: method == "HEAD",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(address: &str) -> Hosts {
        Hosts::new(
            address.parse().expect("an address"),
            &["Metrics.Example".to_owned()],
        )
    }

    #[test]
    fn it_is_called_by_its_address_or_by_a_name_of_its_own() {
        let (local, open) = (hosts("127.0.0.1"), hosts("0.0.0.0"));
        for host in [
            "127.0.0.1",
            "127.0.0.1:9121",
            "127.0.0.2",
            "[::1]:9121",
            "[::1]",
            "localhost",
            "LocalHost.:80",
            "metrics.example:1",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(local.has(host) && open.has(host), "{host}");
        }
        for host in ["10.1.2.3:9121", "[fd00::1]"] {
            assert!(!local.has(host) && open.has(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "a.localhost",
            "",
            "x",
            "localhost:80:80",
            "localhost:x",
            "localhost@evil",
            "[localhost]",
            "::1",
            "[127.0.0.1]",
            "[::1]x",
            "0x7f.1",
            "2130706433",
            "localhost/",
            "metrics.example..",
        ] {
            assert!(!local.has(host) && !open.has(host), "{host}");
        }
    }

    #[test]
    fn a_request_has_one_host_and_the_method_get() {
        let read = |head: &str| Request::read(head, &hosts("127.0.0.1"));
        let asks = |path: &str, is_head| {
            Ok(Request {
                path: path.to_owned(),
                is_head,
            })
        };
        assert_eq!(
            read("GET /metrics HTTP/1.1\r\nHost: localhost\r\nA: b"),
            asks("/metrics", false)
        );
        assert_eq!(
            read("HEAD /x?y HTTP/1.1\r\nHOST:127.0.0.1:1"),
            asks("/x", true)
        );
        assert_eq!(read("GET / HTTP/1.0"), asks("/", false));
        for (head, refusal) in [
            ("GET / HTTP/1.1", Refusal::Malformed),
            ("GET /", Refusal::Malformed),
            ("", Refusal::Malformed),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost",
                Refusal::Malformed,
            ),
            ("GET / HTTP/1.1\r\nHost : localhost", Refusal::Malformed),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\n more",
                Refusal::Malformed,
            ),
            ("GET / HTTP/1.0\r\nHost: evil", Refusal::ForeignHost),
            ("POST / HTTP/1.1\r\nHost: evil", Refusal::ForeignHost),
            ("POST / HTTP/1.1\r\nHost: localhost", Refusal::Method),
        ] {
            assert_eq!(read(head), Err(refusal), "{head}");
        }
    }
}
