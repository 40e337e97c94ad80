//! Production servers: which context guards the address that is used, however it was reached.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::contexts::Contexts;
use crate::wire::{Endpoint, Transport};

/// How long names may take to be looked up. The server's own was just looked up to connect.
const LOOK_UP: Duration = Duration::from_secs(1);

/// The address that is used, and those of the production contexts.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    target: Option<Transport>,
    production: Vec<(String, Transport)>,
    named: Option<String>,
}

/// The production context whose server is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Its name.
    pub name: String,
    /// Whether `--context` names it.
    pub is_named: bool,
}

impl Guard {
    /// A guard of the production contexts' addresses, `target` among them or not. `named` is what `--context` said.
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

    /// The production context at the address that is used, if there is one: that which was named, else the first.
    /// User, database and scheme make no difference. Looks names up where their texts differ, so ask only when it
    /// matters.
    pub fn protected(&self) -> Option<Protected> {
        let target = self.target.as_ref()?;
        let mut found = self
            .production
            .iter()
            .filter(|(_, transport)| is_same(target, transport))
            .map(|(name, _)| name);
        let first = found.next()?;
        let named = self.named.as_ref();
        let is_named = Some(first) == named || found.any(|name| Some(name) == named);
        Some(Protected {
            name: named.filter(|_| is_named).unwrap_or(first).clone(),
            is_named,
        })
    }
}

fn is_same(one: &Transport, other: &Transport) -> bool {
    match (one, other) {
        (Transport::Unix(one), Transport::Unix(other)) => {
            one == other
                || one
                    .canonicalize()
                    .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        }
        (
            Transport::Tcp { host, port },
            Transport::Tcp {
                host: other,
                port: other_port,
            },
        ) => port == other_port && is_same_host(host, other, *port),
        _ => false,
    }
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

/// The addresses of both, in a thread of its own: a name server that is away must not hold the command.
fn looked_up(hosts: [String; 2], port: u16) -> Option<[Vec<SocketAddr>; 2]> {
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

    fn transport(url: &str) -> Transport {
        Endpoint::parse(url).expect(url).transport
    }

    fn guard(target: &str, named: Option<&str>) -> Guard {
        Guard {
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
            let found = guard(url, None).protected();
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
            let found = guard("redis://localhost:6399", Some(named)).protected();
            let expected = Protected {
                name: name.to_owned(),
                is_named,
            };
            assert_eq!(found, Some(expected), "{named}");
        }
    }
}
