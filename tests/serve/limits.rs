//! What is too much, too slow or too long, and the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::serve;
use crate::support::{PATIENCE, TestServer, until};

/// The resident memory of a process, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn connections_that_say_nothing_make_room_and_take_no_memory() {
    let server = TestServer::start();
    let site = serve(&server, &[]);
    let pid = site.process.pid();
    let before = resident_kib(pid);
    // More than are held at a time; each asks slowly.
    let mut slow = Vec::new();
    for _ in 0..900 {
        let Ok(mut connection) = TcpStream::connect(&site.address) else {
            continue;
        };
        let _ = connection.write_all(b"GET /api/groups HTTP/1.1\r\nHos");
        slow.push(connection);
        if slow.len() % 100 == 0 {
            assert_eq!(site.get("/healthz").status, 200);
        }
    }
    let grown = resident_kib(pid).saturating_sub(before);
    assert!(
        grown < 32 * 1024,
        "{grown} KiB more for {} connections",
        slow.len()
    );
    drop(slow);
    assert_eq!(site.get("/healthz").status, 200);
}

#[test]
fn a_head_that_does_not_end_is_not_awaited() {
    let server = TestServer::start();
    let site = serve(&server, &[]);
    let mut slow = site.connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        .unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let text = String::from_utf8_lossy(&rest);
    assert!(text.is_empty() || text.contains("408"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(64 * 1024)
    );
    let mut connection = site.connect();
    let _ = connection.write_all(huge.as_bytes());
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.contains("431"), "{answer}");
}

#[test]
fn a_large_answer_ends_early_and_says_so() {
    let server = TestServer::start();
    let mebibyte = "x".repeat(1024 * 1024);
    for n in 1..=12 {
        server.redis(&["XADD", "events.raw", &format!("{n}-0"), "n", &mebibyte]);
    }
    let site = serve(&server, &[]);
    let answer = site.get("/api/streams/events.raw?count=12");
    assert_eq!(
        (answer.status, answer.header("ucp-streams-cut")),
        (200, Some("true"))
    );
    let entries = answer.json();
    let count = entries.as_array().unwrap().len();
    assert!((8..12).contains(&count), "{count}");
    let whole = site.get("/api/streams/events.raw?count=5");
    assert_eq!(whole.header("ucp-streams-cut"), None);
    assert_eq!(whole.json().as_array().unwrap().len(), 5);
}

#[test]
fn answers_that_nobody_takes_are_not_kept() {
    let server = TestServer::start();
    let mebibyte = "x".repeat(1024 * 1024);
    for n in 1..=7 {
        server.redis(&["XADD", "events.raw", &format!("{n}-0"), "n", &mebibyte]);
    }
    let site = serve(&server, &[]);
    let pid = site.process.pid();
    let sockets = || {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    };
    let (before, memory) = (sockets(), resident_kib(pid));
    // Half a gibibyte, of which only little goes into the buffers of the system.
    let unread: Vec<_> = (0..72)
        .map(|_| {
            let mut connection = site.connect();
            let request = "GET /api/streams/events.raw HTTP/1.1\r\nHost: localhost\r\n\r\n";
            connection.write_all(request.as_bytes()).unwrap();
            connection
        })
        .collect();
    until(PATIENCE, "that many ask", || sockets() > before + 8);
    let mut most = 0;
    until(PATIENCE * 2, "that all of them are gone", || {
        most = most.max(resident_kib(pid));
        sockets() <= before
    });
    let grown = most.saturating_sub(memory) / 1024;
    assert!(grown < 320, "{grown} MiB more for {} answers", unread.len());
    // Whoever takes an answer gets it.
    let answer = site.get("/api/streams/events.raw");
    assert_eq!(answer.json().as_array().unwrap().len(), 7);
}

#[test]
fn only_so_many_follow_at_a_time() {
    let server = TestServer::start();
    server.redis(&["XADD", "events.raw", "1-0", "n", "1"]);
    let site = serve(&server, &[]);
    let path = "/api/streams/events.raw/tail";
    let mut followers: Vec<_> = (0..128).map(|_| site.events(path)).collect();
    let refused = site.get(path);
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("128 follow"), "{}", refused.body);
    // One who leaves makes room, as soon as that is seen: at the next entry.
    drop(followers.pop());
    server.redis(&["XADD", "events.raw", "2-0", "n", "2"]);
    until(PATIENCE, "a place", || {
        server.redis(&["XADD", "events.raw", "*", "n", "3"]);
        let mut connection = site.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        connection.read_exact(&mut status).unwrap();
        status.ends_with(b"200")
    });
}

#[test]
fn it_ends_when_it_is_told_and_lets_streams_of_events_go() {
    let server = TestServer::start();
    let site = serve(&server, &[]);
    let mut events = site.events("/api/events");
    events.next();
    let begun = Instant::now();
    site.process.terminate().assert_code(0);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(&site.address).is_err());
    // A time that was given ends it, too.
    server
        .ucp(&["serve", "--listen", "127.0.0.1:0", "--for", "300ms"])
        .assert_code(0);
    server
        .ucp(&["serve", "--every", "1ms"])
        .assert_code(2)
        .stderr_has("at least 200ms");
    server
        .ucp(&["serve", "--every", "2m"])
        .assert_code(2)
        .stderr_has("at most 1m");
}
