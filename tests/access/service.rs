//! A handler's service behind HTTPS.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::front;
use crate::support::TestServer;
use crate::support::authority::Authority;

/// A service that answers every request with 200; its port.
pub(crate) fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn a_handler_over_https_is_verified() {
    let authority = Authority::new();
    let pair = authority.sign("service", &["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    front::serve(listener, service(), front::config(&authority, &pair, false));

    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let url = format!("https://localhost:{port}/orders");
    let run = |group| {
        let args = ["worker", "run", group, "--stream", "orders", "--once"];
        server.command(&[&args[..], &["--http", &url]].concat())
    };
    run("strangers")
        .env("SSL_CERT_FILE", Authority::named("another").ca())
        .run()
        .assert_code(7)
        .stderr_has("1 left pending")
        .stderr_has("UnknownIssuer");
    run("friends")
        .env("SSL_CERT_FILE", authority.ca())
        .run()
        .assert_code(0)
        .stderr_has("1 handled");
}
