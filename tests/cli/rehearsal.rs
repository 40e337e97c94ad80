//! `--dry-run`, before and after the command: what would be done is said, and nothing is.

use serde_json::json;

use crate::support::{Invocation, Run, TestServer, directory, ucp};

/// What the server has: keys, and who has been there.
fn is_untouched(server: &TestServer) -> bool {
    server.redis(&["DBSIZE"]).int() == 0
}

#[test]
fn it_may_stand_before_the_command() {
    let server = TestServer::start();
    for args in [
        &["--dry-run", "init"][..],
        &["init", "--dry-run"],
        &["--dry-run", "publish", "orders", "n=1"],
        &[
            "--dry-run",
            "groups",
            "create",
            "g",
            "--stream",
            "orders",
            "--start",
            "0",
        ],
        &[
            "--dry-run",
            "ingest",
            "brandId=b",
            "eventType=purchase",
            "payload={}",
        ],
        &["--dry-run", "worker", "run", "event-processors", "--once"],
    ] {
        let run = server.ucp(args);
        run.assert_code(0)
            .stderr_has("nothing was changed: without --dry-run this would ");
        assert!(is_untouched(&server), "{run}");
    }
    server.redis(&["XADD", "s", "1-1", "n", "1"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    for command in [
        &["ack", "g", "1-1"][..],
        &["claim", "g", "1-1", "--to", "c", "--idle", "0s"],
        &["requeue", "g", "1-1"],
        &["retry", "g", "1-1"],
        &["pause", "g"],
        &["resume", "g"],
        &["consume", "g"],
        &["groups", "set-id", "g", "0"],
        &["consumers", "delete", "g", "c"],
        &["consumers", "prune", "g", "--idle", "0s"],
    ] {
        let run = server.ucp(&[&["--dry-run"], command, &["--stream", "s"]].concat());
        // What would be refused is refused.
        assert!(matches!(run.code(), Some(0 | 6)), "{run}");
        let pending = server.redis(&["XPENDING", "s", "g", "-", "+", "9"]);
        let row = pending.items()[0].items();
        assert_eq!((row[1].text(), row[3].int()), ("c", 1), "{run}");
        assert_eq!(server.redis(&["XLEN", "s"]).int(), 1, "{run}");
    }
}

#[test]
fn a_command_that_changes_nothing_has_none() {
    for args in [
        &["--dry-run", "read", "s"][..],
        &["--dry-run", "groups"],
        &["--dry-run", "man"],
    ] {
        let named = args[1];
        ucp(args)
            .assert_code(2)
            .stdout_is("")
            .stderr_has(&format!("`{named}` has no --dry-run"))
            .stderr_has("this command changes nothing on a server; leave out --dry-run");
    }
    ucp(&["read", "s", "--dry-run"])
        .assert_code(2)
        .stderr_has("this command changes nothing on a server; leave out --dry-run");
}

#[test]
fn a_worker_says_what_it_would_do_by_which_numbers() {
    let server = TestServer::start();
    let args = [
        "worker",
        "run",
        "--all",
        "--dry-run",
        "--concurrency",
        "4",
        "-o",
        "json",
    ];
    let run = server
        .command(&args)
        .env(
            "UCP_STREAMS_ML_URL",
            "http://user:secret@127.0.0.1:9/predict",
        )
        .file(
            "ucp-streams.toml",
            "[groups.event-processors]\nclaim_idle = \"90s\"\n",
        )
        .run();
    run.assert_code(0)
        .stderr_has("create `event-processors` of `events.normalized` at 0, ")
        .stderr_has("join 3 groups as consumer `");
    let rows = run.stdout_json();
    let first = &rows[0];
    for (key, value) in [
        ("group", json!("event-processors")),
        ("stream", json!("events.normalized")),
        ("state", json!("missing")),
        ("handler", json!("features")),
        ("workers", json!("many")),
        ("dead_letter", json!("{events.normalized}:dlq")),
        ("concurrency", json!(4)),
        ("batch", json!(500)),
        ("max_deliveries", json!(5)),
        ("claim_idle_ms", json!(90_000)),
        ("handler_timeout_ms", json!(30_000)),
        ("backoff_base_ms", json!(1000)),
        ("backoff_cap_ms", json!(300_000)),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    assert!(is_untouched(&server));
}

#[test]
fn a_worker_that_could_not_start_says_so_in_its_rehearsal() {
    let server = TestServer::start();
    let home = directory();
    let journal = home.path().join("journal");
    let journal = journal.to_str().unwrap();
    let group = [
        "worker",
        "run",
        "g",
        "--stream",
        "s",
        "--dry-run",
        "--journal",
        journal,
    ];
    let run = |more: &[&str]| -> Run { server.ucp(&[&group[..], more].concat()) };
    run(&["--no-create", "--builtin", "null"])
        .assert_code(3)
        .stderr_has("stream `s` has no group `g`");
    run(&["--exec", "--", "/nowhere/program"])
        .assert_code(2)
        .stderr_has("/nowhere/program");
    let http = run(&["--http", "http://u:secret@127.0.0.1:9/"]);
    http.assert_code(0)
        .stdout_has("http http://***@127.0.0.1:9/");
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    run(&["--once", "--exec", "--", "true", "a b"])
        .assert_code(0)
        .stdout_has("exists")
        .stdout_has("exec true a b")
        .stderr_has("would join 1 group as consumer ")
        .stderr_has("and handle the entries that are there now and due");
    let group = server.redis(&["XINFO", "GROUPS", "s"]);
    assert_eq!(group.items()[0].field("consumers").int(), 0);
    assert!(!std::path::Path::new(journal).exists());
}

#[test]
fn a_server_of_ones_own_is_neither_started_nor_stopped() {
    let home = directory();
    let ucp = |args: &[&str]| -> Run {
        Invocation::new(args)
            .env("HOME", home.path())
            .in_dir(home.path())
            .run()
    };
    ucp(&["dev", "start", "--dry-run"])
        .assert_code(0)
        .stdout_has("stopped")
        .stderr_has("this would start /")
        .stderr_has("and select the context `dev`");
    assert!(std::fs::read_dir(home.path()).unwrap().next().is_none());
    ucp(&["--dry-run", "dev", "stop"])
        .assert_code(0)
        .stderr_has("this would stop nothing, because the server is not running");
    ucp(&["dev", "start"]).assert_code(0);
    ucp(&["dev", "start", "--dry-run"])
        .assert_code(0)
        .stderr_has("this would start nothing, because the server is running");
    ucp(&["dev", "stop", "--dry-run"])
        .assert_code(0)
        .stderr_has("this would stop process ");
    ucp(&["dev", "status"]).assert_code(0);
    ucp(&["dev", "stop"]).assert_code(0);
}

#[test]
fn the_demonstration_is_announced() {
    let server = TestServer::start();
    let private = ucp(&["demo", "--dry-run"]);
    private.assert_code(0).stdout_is("").stderr_has(
        "as a private server that is removed afterwards; publish a generated day of 2,000 entries",
    );
    let given = ucp(&["demo", "-u", &server.url(), "--dry-run"]);
    given.assert_code(0).stderr_has(&format!(
        "use keys that begin with {{ucp-demo- on {}",
        server.url()
    ));
    assert!(is_untouched(&server));
    // Nothing is reached for.
    ucp(&["demo", "-u", "unix:///nowhere/redis.sock", "--dry-run"]).assert_code(0);
}
