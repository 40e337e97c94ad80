//! A server that belongs to this process: start, faults, data, end.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ucp_streams::model::Kind;
use ucp_streams::server::probe::{self, Readiness};
use ucp_streams::server::{Options, Persistence, Server};

use crate::support::{Client, TestServer, directory, free_port, program, server_binary};

#[test]
fn it_answers_from_the_start_and_only_on_its_socket() {
    let server = TestServer::start();
    assert_eq!(server.redis(&["PING"]).text(), "PONG");
    let port = server.redis(&["CONFIG", "GET", "port"]);
    assert_eq!(port.field("port").text(), "0");
    let identity = probe::identity(server.socket(), Duration::from_secs(2)).unwrap();
    assert_eq!(Some(identity.pid), server.inner().pid());
}

#[test]
fn its_directory_goes_with_it() {
    let server = TestServer::start();
    let (dir, socket) = (server.inner().dir().to_owned(), server.socket().to_owned());
    assert!(dir.join("server.log").exists());
    drop(server);
    assert!(!dir.exists());
    assert!(UnixStream::connect(socket).is_err());
}

#[test]
fn what_was_acknowledged_survives_a_kill_with_always() {
    let mut server = TestServer::durable();
    for number in 0..100 {
        server.redis(&["XADD", "events.raw", "*", "n", &number.to_string()]);
    }
    server.kill();
    assert_eq!(server.inner().pid(), None);
    server.restart();
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 100);
}

#[test]
fn nothing_survives_a_restart_without_persistence() {
    let mut server = TestServer::start();
    let before = server.inner().pid();
    server.redis(&["XADD", "events.raw", "*", "n", "1"]);
    server.restart();
    assert_ne!(server.inner().pid(), before);
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 0);
}

#[test]
fn a_kept_directory_brings_the_data_back_and_holds_one_server() {
    let dir = directory();
    let options = || Options::with_persistence(Persistence::EverySecond);
    let start = || Server::start_in(dir.path(), server_binary(), options());
    let server = start().unwrap();
    Client::connect(server.socket()).send(&["SET", "key", "value"]);
    assert_eq!(start().unwrap_err().kind, Kind::Refused);
    drop(server);
    let server = start().unwrap();
    let value = Client::connect(server.socket()).send(&["GET", "key"]);
    assert_eq!(value.text(), "value");
}

#[test]
fn a_paused_server_accepts_and_says_nothing() {
    let mut server = TestServer::start();
    server.pause();
    let silence = probe::readiness(server.socket(), Duration::from_millis(50));
    assert!(silence.is_err(), "{silence:?}");
    server.resume();
    let answer = probe::readiness(server.socket(), Duration::from_secs(5));
    assert_eq!(answer.unwrap(), Readiness::Ready);
}

#[test]
fn a_server_that_loads_its_data_may_take_longer() {
    let delayed = [
        ["--key-load-delay", "4000"],
        ["--loading-process-events-interval-bytes", "1024"],
        ["--rdbcompression", "no"],
    ];
    let options = Options {
        args: delayed.iter().flatten().map(Into::into).collect(),
        ready_within: Duration::from_secs(2),
        ..Options::default()
    };
    let mut server = Server::start(server_binary(), options).unwrap();
    let padding = "x".repeat(200);
    let keys: Vec<[String; 3]> = (0..1000)
        .map(|number| ["SET".to_owned(), format!("key{number}"), padding.clone()])
        .collect();
    let mut client = Client::connect(server.socket());
    client.pipeline(&keys);
    client.send(&["SAVE"]);
    server.kill().unwrap();
    let started = Instant::now();
    server.restart().unwrap();
    assert!(started.elapsed() > Duration::from_secs(4));
    let count = Client::connect(server.socket()).send(&["DBSIZE"]);
    assert_eq!(count.int(), 1000);
}

#[test]
fn a_server_that_ends_at_start_shows_why() {
    let options = Options {
        args: vec!["--no-such-option".into(), "1".into()],
        ..Options::default()
    };
    let problem = Server::start(server_binary(), options).unwrap_err();
    assert_eq!(problem.kind, Kind::Local);
    assert!(problem.message.contains("ended at start"), "{problem}");
    assert!(problem.message.contains("no-such-option"), "{problem}");
}

#[test]
fn a_program_that_is_no_server_is_given_up_in_time() {
    let options = Options {
        ready_within: Duration::from_millis(100),
        ..Options::default()
    };
    let dir = directory();
    let mute = dir.path().join("mute");
    program(&mute, "#!/bin/sh\necho here I am; exec sleep 60\n");
    let problem = Server::start(&mute, options).unwrap_err();
    assert_eq!(problem.kind, Kind::Unavailable);
    assert!(problem.message.contains("within 100 ms"), "{problem}");
    assert!(problem.message.contains("here I am"), "{problem}");
}

#[test]
fn a_port_is_opened_on_this_machine_only_when_given() {
    let port = free_port();
    let options = Options {
        port: Some(port),
        ..Options::default()
    };
    let server = TestServer::with_options(options);
    assert_eq!(server.inner().port(), Some(port));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}
