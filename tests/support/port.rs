//! TCP ports for what a test starts and cannot tell to choose a port itself.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// Below the ports that systems give to outgoing connections (16000 and up on some, 32768 on Linux, 49152 on macOS):
/// nobody's connection takes one of these between the look at it and its use.
const FIRST: u32 = 10_000;
const COUNT: u32 = 6_000;
/// Processes whose numbers are neighbours begin at ports of their own.
const EACH: u32 = 16;

/// What keeps other tests, those in other processes too, from the ports that were given: the UDP ports of the same numbers,
/// which nobody else wants, for as long as this process lives.
static GIVEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port of the loopback that nothing listens on, and that no other call gives.
#[track_caller]
pub fn free_port() -> u16 {
    let begin = std::process::id().wrapping_mul(EACH);
    for nth in 0..COUNT {
        let place = begin.wrapping_add(nth) % COUNT;
        let port = u16::try_from(FIRST + place).expect("below 65536");
        let Ok(mark) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else {
            continue;
        };
        // Of all addresses: a broker that listens beside another one on its port would share its clients with it.
        let is_free = |address: Ipv4Addr| TcpListener::bind((address, port)).is_ok();
        if is_free(Ipv4Addr::LOCALHOST) && is_free(Ipv4Addr::UNSPECIFIED) {
            let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
            given.push(mark);
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
