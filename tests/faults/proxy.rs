//! The proxy breaks what it says, and nothing else.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{End, Mode, PATIENCE, Proxy, TestServer, until};

const SHORT: Duration = Duration::from_millis(100);
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const PONG: &[u8] = b"+PONG\r\n";

fn both() -> (TestServer, Proxy) {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    (server, proxy)
}

fn client(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn answered(client: &mut TcpStream) {
    client.write_all(PING).unwrap();
    let mut reply = [0; PONG.len()];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(reply, PONG);
}

fn is_silent(client: &mut TcpStream) -> bool {
    client.set_read_timeout(Some(SHORT)).unwrap();
    let read = client.read(&mut [0; 1]);
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn it_passes_bytes_and_counts_them() {
    let (_server, proxy) = both();
    let mut client = client(&proxy);
    answered(&mut client);
    let counts = proxy.counts();
    assert_eq!((counts.accepted, counts.swallowed), (1, 0));
    assert_eq!(
        (counts.requests, counts.replies),
        (PING.len() as u64, PONG.len() as u64)
    );
}

#[test]
fn dropped_replies_belong_to_requests_that_ran() {
    let (server, proxy) = both();
    let mut client = client(&proxy);
    proxy.set(Mode::DropReplies);
    client
        .write_all(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n")
        .unwrap();
    until(PATIENCE, "the command", || {
        server.redis(&["EXISTS", "n"]).int() == 1
    });
    assert!(is_silent(&mut client));
    proxy.set(Mode::Pass);
    answered(&mut client);
}

#[test]
fn a_black_hole_takes_both_ways_and_only_present_connections_when_asked() {
    let (server, proxy) = both();
    let mut old = client(&proxy);
    answered(&mut old);
    proxy.set_present(Mode::BlackHole);
    old.write_all(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n").unwrap();
    assert!(is_silent(&mut old));
    answered(&mut client(&proxy));
    assert_eq!(server.redis(&["EXISTS", "n"]).int(), 0);
    proxy.set(Mode::BlackHole);
    let mut new = client(&proxy);
    new.write_all(PING).unwrap();
    assert!(is_silent(&mut new));
}

#[test]
fn what_is_held_comes_later() {
    let (_server, proxy) = both();
    let mut client = client(&proxy);
    proxy.set(Mode::Hold);
    client.write_all(PING).unwrap();
    assert!(is_silent(&mut client));
    proxy.set(Mode::Pass);
    let mut reply = [0; PONG.len()];
    client.read_exact(&mut reply).unwrap();
    assert_eq!((reply.as_slice(), proxy.counts().swallowed), (PONG, 0));
}

#[test]
fn the_reply_to_one_request_is_lost_and_other_connections_go_on() {
    let (server, proxy) = both();
    let (mut one, mut two) = (client(&proxy), client(&proxy));
    proxy.drop_replies_to("INCR");
    answered(&mut one);
    one.write_all(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n").unwrap();
    until(PATIENCE, "the command", || {
        server.redis(&["EXISTS", "n"]).int() == 1
    });
    assert!(is_silent(&mut one));
    two.write_all(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n").unwrap();
    let mut reply = [0; 4];
    two.read_exact(&mut reply).unwrap();
    assert_eq!((&reply, proxy.counts().found), (b":2\r\n", 1));
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_an_end() {
    let (_server, proxy) = both();
    let client_of = || {
        let mut client = client(&proxy);
        answered(&mut client);
        client
    };
    let mut reset = client_of();
    assert_eq!(proxy.end_all(End::Reset), 1);
    let error = reset.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut closed = client_of();
    assert_eq!(proxy.end_all(End::Close), 1);
    assert_eq!(closed.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(proxy.counts().ended, 2);
}

#[test]
fn a_cut_comes_after_so_many_bytes() {
    let (_server, proxy) = both();
    let mut client = client(&proxy);
    answered(&mut client);
    proxy.set(Mode::CutAfter(3));
    client.write_all(PING).unwrap();
    // A reset may overtake what was sent before it: never more than the three bytes.
    let mut got = Vec::new();
    let error = client.read_to_end(&mut got).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(PONG[..3].starts_with(&got), "{got:?}");
    assert_eq!(proxy.counts().replies, PONG.len() as u64 + 3);
}

#[test]
fn a_drip_is_slow_and_complete() {
    let (_server, proxy) = both();
    let mut client = client(&proxy);
    let pause = Duration::from_millis(10);
    proxy.set(Mode::Drip(pause));
    let asked = Instant::now();
    answered(&mut client);
    assert!(asked.elapsed() >= pause * u32::try_from(PONG.len()).unwrap());
}

#[test]
fn without_a_server_clients_are_disconnected() {
    let (mut server, proxy) = both();
    server.kill();
    let mut client = client(&proxy);
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
    server.restart();
    answered(&mut self::client(&proxy));
}
