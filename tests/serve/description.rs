//! `make test-openapi`: schemathesis sends what the description allows, and what it does not.

use std::process::Command;

use crate::client::serve;
use crate::support::TestServer;

#[test]
#[ignore = "make test-openapi installs what it drives"]
fn schemathesis_finds_nothing() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for n in 1..50 {
        server.redis(&["XADD", "events.normalized", &format!("{n}-0"), "n", "1"]);
    }
    // Nobody reads: how many workers a group needs is known then from the first look on, and is no 503.
    let recording = crate::support::directory();
    let recording = recording.path().join("recording");
    let site = serve(&server, &["--record", recording.to_str().unwrap()]);
    let checker = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/.cache/openapi/bin/schemathesis"
    );
    let home = crate::support::directory();
    // Streams of events do not end.
    let endless = ["--exclude-path-regex", "(tail|events)$"];
    let ended = Command::new(checker)
        .current_dir(home.path())
        .arg("run")
        .arg(format!("http://{}/api/openapi.json", site.address))
        .args(["--max-examples", "50", "--request-timeout", "10"])
        .args(endless)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}");
}
