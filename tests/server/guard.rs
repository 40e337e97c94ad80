//! A server never outlives the process that started it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use ucp_streams::server::{Options, Server};

use crate::support::{PATIENCE, server_binary, until};

/// Set for the process that is killed: this same test, run again as the owner of a server.
const OWNER: &str = "UCP_STREAMS_TEST_OWNER";

/// Starts a server, says where it is, and waits.
#[expect(clippy::print_stdout, reason = "the test reads it")]
fn own_a_server() {
    let server = Server::start(server_binary(), Options::default()).unwrap();
    println!("\nsocket {}", server.socket().display());
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn the_server_and_its_directory_are_gone_after_a_kill_of_their_owner() {
    if std::env::var_os(OWNER).is_some() {
        return own_a_server();
    }
    let this = "guard::the_server_and_its_directory_are_gone_after_a_kill_of_their_owner";
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", this])
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let socket = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("socket ").map(str::to_owned))
        .expect("the owner says where its server is");
    let socket = Path::new(&socket);
    assert!(UnixStream::connect(socket).is_ok());

    owner.kill().unwrap();
    owner.wait().unwrap();
    until(PATIENCE, "the server is gone", || {
        UnixStream::connect(socket).is_err()
    });
    let dir = socket.parent().unwrap();
    until(PATIENCE, "its directory is gone", || !dir.exists());
}
