//! The names by which HTTP requests may address a server of this tool. A web page of another site may reach it through a
//! domain name of its own (DNS rebinding); the browser then sends that name as the host.

use std::net::IpAddr;

/// The names by which requests may address this server.
#[derive(Debug)]
pub struct Hosts {
    is_loopback: bool,
    names: Vec<String>,
}

impl Hosts {
    /// The names of a server that listens on `address`: the addresses of this machine (only its own loopback
    /// addresses when only this machine can connect), `localhost`, and `names`.
    pub fn new(address: IpAddr, names: &[String]) -> Self {
        let names = names.iter().map(|name| plain(name));
        Self {
            is_loopback: address.to_canonical().is_loopback(),
            names: names.chain(["localhost".to_owned()]).collect(),
        }
    }

    /// Whether a `Host` header, `NAME[:PORT]`, names this server. Any port is accepted, because it may be a forwarded
    /// one.
    pub fn has(&self, host: &str) -> bool {
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
}
