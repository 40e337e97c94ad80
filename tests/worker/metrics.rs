//! `--metrics-addr`: what a worker does, as Prometheus reads it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{PATIENCE, Spawned, TestServer, until};

/// The address that the worker says it serves metrics at.
fn address(worker: &mut Spawned) -> String {
    let line = worker.await_stderr("metrics at http://");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn ask(address: &str, request: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    )
}

fn value(metrics: &str, name: &str) -> Option<u64> {
    let start = format!("ucp_streams_worker_{name}{{");
    let line = metrics.lines().find(|line| line.starts_with(&start))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_worker_shows_what_it_does() {
    let server = TestServer::start();
    for n in 0..30 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let run = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--consumer",
        "c\"1",
    ];
    let flags = ["--metrics-addr", "127.0.0.1:0", "--backoff-base", "30s"];
    let handler = ["--exec", "--", "sh", "-c", "test -e go"];
    let home = crate::support::directory();
    let mut worker = server
        .command(&[&run[..], &flags, &handler].concat())
        .in_dir(home.path())
        .spawn();
    let at = address(&mut worker);
    // Everything fails: the worker pauses, and says so.
    until(PATIENCE, "the circuit breaker", || {
        value(&get(&at, "/metrics"), "paused") == Some(1)
    });
    let metrics = get(&at, "/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("# TYPE ucp_streams_worker_failed_attempts_total counter"));
    assert!(metrics.contains(r#"{stream="orders",group="billing",consumer="c\"1"}"#));
    assert_eq!(value(&metrics, "failed_attempts_total"), Some(20));
    assert_eq!(value(&metrics, "handled_total"), Some(0));
    assert_eq!(value(&metrics, "waiting"), Some(20));
    assert_eq!(value(&metrics, "left_pending_total"), None);

    assert!(get(&at, "/healthz").ends_with("\r\n\r\nok\n"));
    assert!(get(&at, "/").starts_with("HTTP/1.1 404 "));
    assert!(
        ask(&at, "POST /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").starts_with("HTTP/1.1 405 ")
    );
    // One that says nothing, and one that says too much, hold up nobody.
    let silent = TcpStream::connect(&at).unwrap();
    let mut long = TcpStream::connect(&at).unwrap();
    long.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = long.write_all(&[b'x'; 16 * 1024]);
    let _ = long.read(&mut [0; 16]);
    assert!(get(&at, "/healthz").ends_with("ok\n"));
    worker.terminate().assert_code(0);
    drop(silent);
    assert!(TcpStream::connect(&at).is_err(), "it ends with the worker");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let server = TestServer::start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = [
        "worker",
        "run",
        "event-processors",
        "--metrics-addr",
        &address,
    ];
    server
        .command(&run)
        .timeout(Duration::from_mins(1))
        .run()
        .assert_code(74)
        .stderr_has(&format!("cannot serve metrics on {address}"))
        .stderr_has("--metrics-addr");
    assert_eq!(server.redis(&["EXISTS", "events.normalized"]).int(), 0);
}

#[test]
fn it_shows_how_many_dead_letters_it_could_not_write() {
    let server = TestServer::start();
    server.redis(&["SET", "{orders}:dlq", "no stream"]);
    for n in 0..3 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let run = ["worker", "run", "billing", "--stream", "orders"];
    let flags = [
        "--metrics-addr",
        "127.0.0.1:0",
        "--backoff-base",
        "1s",
        "--max-deliveries",
        "1",
    ];
    let handler = ["--exec", "--", "false"];
    let mut worker = server
        .command(&[&run[..], &flags, &handler].concat())
        .spawn();
    let at = address(&mut worker);
    until(PATIENCE, "three that cannot be written", || {
        value(&get(&at, "/metrics"), "unwritten") == Some(3)
    });
    server.redis(&["DEL", "{orders}:dlq"]);
    until(PATIENCE, "all written", || {
        value(&get(&at, "/metrics"), "unwritten") == Some(0)
    });
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 3);
    worker.terminate().stderr_has("3 dead-lettered");
}
