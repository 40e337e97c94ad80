//! `--http`: what becomes of an answer that does not come to its end.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{BUSY, TestServer};
use crate::{fields, pending};

/// Reads one request.
fn request(stream: &mut BufReader<TcpStream>) {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
}

/// The URL of a service that answers every request with this status, promises a body and sends no byte of it.
fn stalling(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            thread::spawn(move || {
                request(&mut stream);
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 1000\r\n\r\n");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
                // Until the other side has had enough.
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    url
}

fn run(server: &TestServer, url: &str) -> (crate::support::Run, Duration) {
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
    let more = ["--handler-timeout", "30s", "--http", url];
    let began = Instant::now();
    let run = server.ucp(&[&run[..], &more].concat());
    (run, began.elapsed())
}

#[test]
fn an_error_status_whose_body_does_not_come_is_a_failed_attempt_soon() {
    let server = TestServer::start();
    let (run, took) = run(&server, &stalling("500 Internal Server Error"));
    run.assert_code(7)
        .stderr_has("the service answered 500 Internal Server Error")
        .stderr_has("1 failed attempt, 1 left pending");
    println!("gave up on the body after {took:?}");
    assert!(took < Duration::from_secs(1) + BUSY, "{took:?}");
    assert_eq!(pending(&server, "orders", "billing"), 1);
    assert_eq!(server.redis(&["EXISTS", "{orders}:dlq"]).int(), 0);
}

#[test]
fn a_permanent_status_whose_body_does_not_come_is_a_dead_letter() {
    let server = TestServer::start();
    let (run, took) = run(&server, &stalling("422 Unprocessable Entity"));
    run.assert_code(0).stderr_has("1 dead-lettered");
    assert!(took < Duration::from_secs(1) + BUSY, "{took:?}");
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    assert_eq!(
        fields(&dead.items()[0])["_dlq_reason"],
        "the service answered 422 Unprocessable Entity"
    );
    assert_eq!(pending(&server, "orders", "billing"), 0);
}
