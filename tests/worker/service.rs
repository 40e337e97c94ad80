//! Under a service manager: ready when the group is joined, alive while the loop turns, stopping when told to.

use std::os::unix::net::UnixDatagram;

use crate::support::{PATIENCE, TestServer, directory};

fn hear(socket: &UnixDatagram) -> String {
    let mut said = [0; 512];
    let length = socket.recv(&mut said).unwrap();
    String::from_utf8_lossy(&said[..length]).trim().to_owned()
}

#[test]
fn the_service_manager_learns_when_it_is_ready_alive_and_stopping() {
    let mut server = TestServer::start();
    let home = directory();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    server.pause();
    let worker = server
        .command(&["worker", "run", "--all", "--builtin", "null"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "300000")
        .spawn();
    // Nobody is ready before the groups are joined, but all is well while they are being joined.
    assert_eq!(hear(&socket), "WATCHDOG=1");
    assert_eq!(hear(&socket), "WATCHDOG=1");
    server.resume();
    while hear(&socket) != "READY=1" {}
    for _ in 0..5 {
        assert_eq!(hear(&socket), "WATCHDOG=1");
    }
    let run = worker.terminate();
    run.assert_code(0);
    while hear(&socket) != "STOPPING=1" {}
}

#[test]
fn a_worker_that_does_not_turn_is_not_alive() {
    let mut server = TestServer::start();
    let home = directory();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let worker = server
        .command(&[
            "worker",
            "run",
            "--all",
            "--builtin",
            "null",
            "--claim-idle",
            "3s",
            "--timeout",
            "3s",
        ])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "300000")
        .spawn();
    while hear(&socket) != "READY=1" {}
    // Its next question gets no answer.
    server.pause();
    socket
        .set_read_timeout(Some(std::time::Duration::from_millis(800)))
        .unwrap();
    let mut said = [0; 64];
    let mut heard = 0;
    while socket.recv(&mut said).is_ok() {
        heard += 1;
        assert!(heard < 200, "it is alive without an end");
    }
    server.resume();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(hear(&socket), "WATCHDOG=1");
    worker.terminate().assert_code(0);
}
