//! A server that outlives the command that started it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::{Pid, getsid, kill_process};
use ucp_streams::model::Kind;
use ucp_streams::server::{Detached, Live, Options, Persistence, Started, Status};

use crate::support::{Client, PATIENCE, Signal, directory, server_binary, until};

/// Stops its server however the test ends.
struct Home {
    detached: Detached,
    _dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = directory();
        let detached = Detached::at(&dir.path().join(".ucp-streams")).unwrap();
        Self {
            detached,
            _dir: dir,
        }
    }

    fn start(&self) -> Live {
        let options = Options::with_persistence(Persistence::EverySecond);
        match self.detached.start(server_binary(), &options).unwrap() {
            Started::Now(live) => live,
            Started::Already(live) => panic!("running already: {live:?}"),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Status::Running(live) = self.detached.status() {
            signal(Signal::KILL, live.identity.pid);
        }
    }
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

fn signal(signal: Signal, pid: u32) {
    kill_process(process(pid), signal).unwrap();
}

#[test]
fn start_status_stop_and_the_data_is_still_there() {
    let home = Home::new();
    assert_eq!(home.detached.status(), Status::Stopped);
    assert_eq!(home.detached.stop().unwrap(), None);

    let live = home.start();
    assert_eq!(home.detached.status(), Status::Running(live.clone()));
    assert_eq!(live.socket, home.detached.socket());
    Client::connect(&live.socket).send(&["SET", "key", "value"]);
    let mode = fs::metadata(home.detached.dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    assert_eq!(home.detached.stop().unwrap(), Some(live.identity.pid));
    assert_eq!(home.detached.status(), Status::Stopped);
    let again = home.start();
    let value = Client::connect(&again.socket).send(&["GET", "key"]);
    assert_eq!(value.text(), "value");
}

#[test]
fn a_second_start_finds_the_first() {
    let home = Home::new();
    let live = home.start();
    let second = home.detached.start(server_binary(), &Options::default());
    assert!(
        matches!(&second, Ok(Started::Already(same)) if same.identity.pid == live.identity.pid),
        "{second:?}"
    );
}

#[test]
fn it_has_a_session_of_its_own() {
    let home = Home::new();
    let server = process(home.start().identity.pid);
    let session = getsid(Some(server)).unwrap();
    assert_eq!(session, server, "the server leads its session");
}

#[test]
fn a_crash_is_seen_and_started_over() {
    let home = Home::new();
    let pid = home.start().identity.pid;
    signal(Signal::KILL, pid);
    until(PATIENCE, "the crash is seen", || {
        home.detached.status() == Status::Stopped
    });
    assert_ne!(home.start().identity.pid, pid);
}

#[test]
fn another_program_with_the_number_in_the_pid_file_is_left_alone() {
    let home = Home::new();
    home.start();
    home.detached.stop().unwrap();
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(
        home.detached.dir().join("server.pid"),
        other.id().to_string(),
    )
    .unwrap();

    assert_eq!(home.detached.status(), Status::Unsure { pid: other.id() });
    let stop = home.detached.stop().unwrap_err();
    assert_eq!(stop.kind, Kind::Refused);
    assert!(stop.hint.unwrap().contains(&other.id().to_string()));
    let start = home.detached.start(server_binary(), &Options::default());
    assert_eq!(start.unwrap_err().kind, Kind::Refused);
    assert_eq!(other.try_wait().unwrap(), None);
    other.kill().unwrap();
    other.wait().unwrap();
    home.start();
}

#[test]
fn a_server_that_hangs_is_not_taken_for_gone() {
    let home = Home::new();
    let pid = home.start().identity.pid;
    signal(Signal::STOP, pid);
    assert_eq!(home.detached.status(), Status::Unsure { pid });
    signal(Signal::CONT, pid);
    until(PATIENCE, "it answers again", || {
        matches!(home.detached.status(), Status::Running(_))
    });
}

#[test]
fn a_start_that_fails_says_why_at_once() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (options, why) in [
        (
            Options {
                port: Some(port),
                ..Options::default()
            },
            "in use",
        ),
        (
            Options {
                args: vec!["--nonsense".into()],
                ..Options::default()
            },
            "nonsense",
        ),
    ] {
        let problem = home.detached.start(server_binary(), &options).unwrap_err();
        assert_eq!(problem.kind, Kind::Local, "{problem}");
        assert!(problem.message.contains(why), "{problem}");
    }
}
