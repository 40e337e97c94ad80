//! TCP ports for what a test starts and cannot tell to choose a port itself.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 on macOS):
/// nobody's connection takes one of these between the look at it and its use.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;
/// Processes whose numbers are neighbours look at ports of their own.
const EACH: u32 = 16;

/// A port of the loopback that nothing listens on, and that no other call gives.
#[track_caller]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let nth = GIVEN.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(EACH).wrapping_add(nth) % COUNT;
        let port = u16::try_from(FIRST + place).expect("below 65536");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
