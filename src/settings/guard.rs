//! Production servers: which context guards the server's address, however the server was named.
//!
//! Two addresses of the same kind are equal when they lead to the same place. A unix socket and a TCP address on this
//! machine are compared by what the server says it listens on; until it has said so, they count as equal. A tunnel, a
//! forwarded port, or another machine's name for the server counts as a different address: the production server
//! itself is never asked here, because that would take its credentials, and it may be down.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::contexts::Contexts;
use crate::wire::{Endpoint, Transport};

/// How long looking up names may take. The name of the used server was looked up just before, to connect to it.
const LOOK_UP: Duration = Duration::from_secs(1);

/// The address of the used server, and those of the production contexts.
#[derive(Clone, Debug, Default)]
pub struct ProductionGuard {
    target: Option<Transport>,
    production: Vec<(String, Transport)>,
    named: Option<String>,
}

/// The production context of the used server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Its name.
    pub name: String,
    /// Whether `--context` names it.
    pub is_named: bool,
}

/// Where a server listens, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    ports: Vec<u16>,
    /// `None` when the server does not say (before 7.2).
    sockets: Option<Vec<PathBuf>>,
}

impl Listening {
    /// Parses the lines of `INFO server`.
    pub fn of(lines: &[(String, String)]) -> Self {
        let mut listening = Self::default();
        for (name, value) in lines {
            if name == "tcp_port" {
                listening.ports.extend(value.parse::<u16>());
            } else if name.starts_with("listener") {
                let sockets = listening.sockets.get_or_insert_default();
                let parts = || value.split(',').filter_map(|part| part.split_once('='));
                let is_unix = parts().any(|part| part == ("name", "unix"));
                for (key, value) in parts() {
                    match key {
                        "bind" if is_unix => sockets.push(value.into()),
                        "port" if !is_unix => listening.ports.extend(value.parse::<u16>()),
                        _ => {}
                    }
                }
            }
        }
        listening
    }

    fn is_at(&self, transport: &Transport) -> bool {
        match transport {
            Transport::Tcp { port, .. } => self.ports.contains(port),
            Transport::Unix(path) => self
                .sockets
                .as_ref()
                .is_none_or(|sockets| sockets.iter().any(|it| is_same_path(it, path))),
        }
    }
}

impl ProductionGuard {
    /// A guard with the addresses of the production contexts, whether or not `target` is among them. `named` is the
    /// value of `--context`.
    pub(super) fn new(target: Option<&Endpoint>, contexts: &Contexts, named: Option<&str>) -> Self {
        let production = contexts
            .iter()
            .filter(|(_, context)| context.production)
            .map(|(name, context)| (name.to_owned(), context.endpoint.transport.clone()));
        Self {
            target: target.map(|endpoint| endpoint.transport.clone()),
            production: production.collect(),
            named: named.map(str::to_owned),
        }
    }

    /// The names of the production contexts, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.production.iter().map(|(name, _)| name.as_str())
    }

    /// The production context at the address of the used server, if there is one: the one given with `--context`, or
    /// else the first. User, database and scheme make no difference. Names that differ are looked up, so call this
    /// only when it matters. `listening` is where the server listens, once it was asked.
    pub fn protected(&self, listening: Option<&Listening>) -> Option<Protected> {
        let target = self.target.as_ref()?;
        let mut found = self
            .production
            .iter()
            .filter(|(_, transport)| is_same(target, transport, listening))
            .map(|(name, _)| name);
        let first = found.next()?;
        let named = self.named.as_ref();
        let is_named = Some(first) == named || found.any(|name| Some(name) == named);
        Some(Protected {
            name: named.filter(|_| is_named).unwrap_or(first).clone(),
            is_named,
        })
    }

    /// Whether only the server can tell that it is a production server.
    pub fn is_unsure(&self) -> bool {
        let is_unsure = |target: &Transport, other: &Transport| {
            let is_socket = |it: &Transport| matches!(it, Transport::Unix(_));
            is_socket(target) != is_socket(other) && is_same(target, other, None)
        };
        self.target.as_ref().is_some_and(|target| {
            let mut production = self.production.iter();
            production.any(|(_, other)| is_unsure(target, other))
        })
    }
}

/// Whether `used` leads to the server at `other`.
fn is_same(used: &Transport, other: &Transport, listening: Option<&Listening>) -> bool {
    match (used, other) {
        (Transport::Unix(used), Transport::Unix(other)) => is_same_path(used, other),
        (Transport::Unix(_), Transport::Tcp { host, port })
        | (Transport::Tcp { host, port }, Transport::Unix(_)) => {
            listening.is_none_or(|it| it.is_at(other)) && is_this_machine(host, *port)
        }
        (
            Transport::Tcp { host, port },
            Transport::Tcp {
                host: other,
                port: other_port,
            },
        ) => port == other_port && is_same_host(host, other, *port),
    }
}

fn is_same_path(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn is_this_machine(host: &str, port: u16) -> bool {
    // An address can be bound only where it is.
    let is_own = |ip: IpAddr| ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok();
    looked_up([host.to_owned()], port)
        .is_some_and(|[addresses]| addresses.iter().any(|it| is_own(it.ip())))
}

fn is_same_host(one: &str, other: &str, port: u16) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let addresses = looked_up([one, other].map(str::to_owned), port);
    let Some([ones, others]) = addresses else {
        return false;
    };
    let is_local = |them: &[SocketAddr]| them.iter().any(|it| it.ip().is_loopback());
    ones.iter().any(|address| others.contains(address)) || is_local(&ones) && is_local(&others)
}

/// The addresses of each host, looked up in a thread of its own, because a name server that does not answer must not
/// block the command.
fn looked_up<const N: usize>(hosts: [String; N], port: u16) -> Option<[Vec<SocketAddr>; N]> {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let addresses = hosts.map(|host| {
            (host.as_str(), port)
                .to_socket_addrs()
                .map_or_else(|_| Vec::new(), Iterator::collect)
        });
        let _ = said.send(addresses);
    });
    heard.recv_timeout(LOOK_UP).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says that it listens at none of these addresses.
    fn nowhere() -> Listening {
        Listening {
            ports: Vec::new(),
            sockets: Some(Vec::new()),
        }
    }

    fn transport(url: &str) -> Transport {
        Endpoint::parse(url).expect(url).transport
    }

    fn guard(target: &str, named: Option<&str>) -> ProductionGuard {
        ProductionGuard {
            target: Some(transport(target)),
            production: vec![
                (
                    "prod".to_owned(),
                    transport("rediss://ops@localhost:6399/3"),
                ),
                ("shadow".to_owned(), transport("redis://127.0.0.1:6399")),
                ("socket".to_owned(), transport("unix:///run/redis.sock")),
            ],
            named: named.map(str::to_owned),
        }
    }

    #[test]
    fn an_address_is_guarded_however_it_was_written() {
        for (url, name) in [
            ("redis://LOCALHOST:6399/0", Some("prod")),
            ("redis://someone:secret@127.0.0.1:6399", Some("prod")),
            ("redis://[::1]:6399", Some("prod")),
            ("unix:///run/redis.sock?db=4", Some("socket")),
            ("redis://localhost:6398", None),
            ("unix:///run/other.sock", None),
        ] {
            let found = guard(url, None).protected(Some(&nowhere()));
            assert_eq!(found.as_ref().map(|it| it.name.as_str()), name, "{url}");
            assert!(found.is_none_or(|it| !it.is_named));
        }
    }

    #[test]
    fn only_a_name_of_that_address_counts_as_named() {
        for (named, name, is_named) in [
            ("prod", "prod", true),
            ("shadow", "shadow", true),
            ("socket", "prod", false),
            ("staging", "prod", false),
        ] {
            let guard = guard("redis://localhost:6399", Some(named));
            let found = guard.protected(Some(&nowhere()));
            let expected = Protected {
                name: name.to_owned(),
                is_named,
            };
            assert_eq!(found, Some(expected), "{named}");
        }
    }

    #[test]
    fn a_socket_and_a_port_are_told_apart_by_what_the_server_says() {
        let lines = |text: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            let lines: Vec<_> = lines.map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            Listening::of(&lines)
        };
        let new = "tcp_port:6399\nlistener0:name=tcp,bind=127.0.0.1,bind=-::1,port=6399\nlistener1:name=unix,bind=/run/redis.sock";
        let other = "tcp_port:6398\nlistener0:name=tls,bind=*,port=6397";
        for (url, said, name) in [
            ("unix:///run/other.sock", new, Some("prod")),
            ("unix:///run/other.sock", "tcp_port:6399", Some("prod")),
            ("unix:///run/other.sock", other, None),
            ("redis://127.0.0.1:6398", new, Some("socket")),
            ("redis://127.0.0.1:6398", "tcp_port:6398", Some("socket")),
            ("redis://127.0.0.1:6398", other, None),
            ("redis://192.0.2.1:6398", new, None),
        ] {
            let guard = guard(url, None);
            let found = guard.protected(Some(&lines(said)));
            assert_eq!(found.map(|it| it.name).as_deref(), name, "{url} {said}");
            let is_near = !url.contains("192");
            assert_eq!(guard.is_unsure(), is_near, "{url}");
            assert_eq!(guard.protected(None).is_some(), is_near, "{url}");
        }
    }
}
