//! `dev start`, `stop` and `status`.

use std::path::Path;

use crate::support::{Client, Invocation, Run, directory};

/// A directory whose server is stopped however the test ends.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(directory())
    }

    fn dev(&self, args: &[&str]) -> Run {
        Invocation::new(&[&["dev"], args].concat())
            .in_dir(self.0.path())
            .run()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.dev(&["stop"]);
    }
}

#[test]
fn start_use_and_stop() {
    let home = Home::new();
    home.dev(&["status"])
        .assert_code(1)
        .stdout_has("\tstopped\t");
    let start = home.dev(&["start", "-o", "json"]);
    let server = start.assert_code(0).stdout_json();
    assert_eq!(server["state"], "started");
    let url = server["url"].as_str().unwrap();
    start.stderr_has("the context `dev` is now selected");

    let again = home.dev(&["start", "-o", "json"]);
    assert_eq!(again.assert_code(0).stdout_json()["state"], "running");
    assert_eq!(again.stdout_json()["pid"], server["pid"]);
    let names = home.dev(&["start", "--names", "-q"]);
    names
        .assert_code(0)
        .stdout_is(&format!("{url}\n"))
        .stderr_is_empty();

    Invocation::new(&["-u", url, "publish", "orders", "a=1"])
        .run()
        .assert_code(0);
    let socket = Path::new(url.strip_prefix("unix://").unwrap());
    let appendonly = Client::connect(socket).send(&["CONFIG", "GET", "appendonly"]);
    assert_eq!(appendonly.field("appendonly").text(), "yes");

    home.dev(&["status"])
        .assert_code(0)
        .stdout_has("\trunning\t");
    home.dev(&["stop"]).assert_code(0).stdout_has("\tstopped\t");
    home.dev(&["stop"])
        .assert_code(0)
        .stderr_has("it was not running");
    Invocation::new(&["-u", url, "ping"]).run().assert_code(4);

    home.dev(&["start"]).assert_code(0);
    Invocation::new(&["-u", url, "read", "orders"])
        .run()
        .assert_code(0)
        .stdout_has("\ta=1");
}

#[test]
fn a_binary_that_is_none_is_said() {
    Invocation::new(&["dev", "start"])
        .env("UCP_STREAMS_SERVER", "/nowhere/redis-server")
        .run()
        .assert_code(2)
        .stderr_has("/nowhere/redis-server");
    // Only a shell, and no server, on the path.
    let bin = directory();
    Invocation::new(&["dev", "start"])
        .env_remove("UCP_STREAMS_SERVER")
        .env("PATH", bin.path())
        .run()
        .assert_code(74)
        .stderr_has("install");
}

#[test]
fn a_directory_that_cannot_be_made_is_said_with_the_way_out() {
    let home = directory();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let dir = file.join("dev");
    Invocation::new(&["dev", "start", "--dir", dir.to_str().unwrap()])
        .run()
        .assert_code(74)
        .stderr_has("cannot prepare the directory")
        .stderr_has("hint: --dir names another");
}
