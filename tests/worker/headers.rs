//! `--http`: the headers by which a service can tell a repeat.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::TestServer;

/// The headers of one request that concern the entry: group, delivery, key.
type Said = [String; 3];

/// A service that answers the first request with 500 and every other with 200, and tells what each said.
fn service() -> (String, Receiver<Said>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (heard, said) = channel();
    thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut of, mut length) = (Said::default(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                let (name, value) = line.trim().split_once(": ").unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "ucp-group" => value.clone_into(&mut of[0]),
                    "ucp-deliveries" => value.clone_into(&mut of[1]),
                    "idempotency-key" => value.clone_into(&mut of[2]),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let status = if count == 0 { "500 No" } else { "200 OK" };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            heard.send(of).unwrap();
        }
    });
    (url, said)
}

#[test]
fn every_attempt_at_an_entry_has_the_same_key_and_a_trial_another_one() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "7-0", "n", "1"]);
    server.redis(&["XADD", "orders", "8-0", "n", "1"]);
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0"]);
    let (url, said) = service();
    let worker = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--max-messages",
        "3",
    ];
    let more = ["--backoff-base", "10ms", "--http", &url];
    server.ucp(&[&worker[..], &more].concat()).assert_code(0);
    let mut requests: Vec<Said> = said.try_iter().collect();
    requests.sort_by(|one, other| one[2].cmp(&other[2]).then(one[1].cmp(&other[1])));
    let expected = [
        ("1", "orders/billing/7-0"),
        ("2", "orders/billing/7-0"),
        ("1", "orders/billing/8-0"),
    ];
    let expected = expected.map(|(delivery, key)| ["billing", delivery, key].map(str::to_owned));
    assert_eq!(requests, expected);
    let tried = [
        "try", "billing", "--stream", "orders", "--last", "1", "--http", &url,
    ];
    server.ucp(&tried).assert_code(0);
    let [group, _, key] = said.recv().unwrap();
    assert_eq!(group, "billing");
    assert!(
        key.starts_with("try-") && key.ends_with("/orders/billing/8-0"),
        "{key}"
    );
}
