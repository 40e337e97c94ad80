//! Connects to a name with several addresses, some of which may not answer: after a moment the next one is tried at
//! the same time, and the first connection that succeeds is used (RFC 8305). The dialer's deadline applies to all of
//! it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long an address is waited for before the next one is tried too: RFC 8305, section 5.
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// The greatest number of addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// A connection to `host`: a name or an address; an IPv6 address may have a zone.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?.take(ADDRESSES_MAX);
    first_of(alternating(addresses.collect())).await
}

/// The addresses with the two families alternating, beginning with that of the first one, so that a fault of one
/// family costs little time.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let begins_with_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (ones, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|it| it.is_ipv4() == begins_with_ipv4);
    let (mut ones, mut others) = (ones.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    while ones.len() + others.len() > 0 {
        ordered.extend(ones.next());
        ordered.extend(others.next());
    }
    ordered
}

/// The first connection that succeeds, or the error of the last attempt.
async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failed = None;
    loop {
        attempts.extend(waiting.next().map(TcpStream::connect));
        let ended = if waiting.len() > 0 {
            timeout(NEXT_AFTER, attempts.next()).await
        } else {
            Ok(attempts.next().await)
        };
        match ended {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failed = Some(error),
            Ok(None) => {
                let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                return Err(failed.unwrap_or_else(none));
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
    use std::time::Instant;

    use super::*;

    /// An address that answers no attempt to connect: its queue is full, so the system drops the packets that would
    /// open a connection.
    struct Silent {
        address: SocketAddr,
        _listener: socket::Listener,
        _queued: Vec<std::net::TcpStream>,
    }

    mod socket {
        use std::net::SocketAddr;
        use std::os::fd::OwnedFd;

        use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

        pub(super) type Listener = OwnedFd;

        /// A listener whose queue has room for as few connections as possible.
        pub(super) fn narrow() -> (Listener, SocketAddr) {
            let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
            bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listen(&listener, 0).unwrap();
            let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
            (listener, address)
        }
    }

    impl Silent {
        fn new() -> Self {
            let (listener, address) = socket::narrow();
            let short = Duration::from_millis(100);
            let connect = || std::net::TcpStream::connect_timeout(&address, short);
            let queued: Vec<_> = std::iter::from_fn(|| connect().ok()).take(64).collect();
            assert!(queued.len() < 64, "the queue of {address} is never full");
            Self {
                address,
                _listener: listener,
                _queued: queued,
            }
        }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_keep_the_others_waiting() {
        let answering = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = answering.local_addr().unwrap();
        let silent = Silent::new();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        for (addresses, attempts_before) in [
            (vec![good], 0),
            (vec![refusing, good], 0),
            (vec![silent.address, good], 1),
            (vec![silent.address, refusing, silent.address, good], 2),
        ] {
            let since = Instant::now();
            let connected = first_of(addresses.clone()).await.expect("one answers");
            assert_eq!(connected.peer_addr().unwrap(), good, "{addresses:?}");
            let most = NEXT_AFTER * attempts_before + Duration::from_secs(2);
            assert!(since.elapsed() < most, "{addresses:?}: {since:?}");
        }
        let error = first_of(vec![refusing, refusing])
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        first_of(Vec::new()).await.expect_err("none");
        let waits = timeout(Duration::from_millis(700), first_of(vec![silent.address]));
        waits
            .await
            .expect_err("it is as silent as it is said to be");
    }

    #[test]
    fn families_take_turns() {
        let v4 = |last| SocketAddr::from((Ipv4Addr::new(10, 0, 0, last), 1));
        let v6 = |last| SocketAddr::from((Ipv6Addr::new(1, 0, 0, 0, 0, 0, 0, last), 1));
        assert_eq!(
            alternating(vec![v6(1), v6(2), v6(3), v4(1)]),
            [v6(1), v4(1), v6(2), v6(3)]
        );
        assert_eq!(alternating(vec![v4(1), v6(1)]), [v4(1), v6(1)]);
        assert_eq!(alternating(Vec::new()), []);
    }
}
