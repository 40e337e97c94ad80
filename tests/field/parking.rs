//! `dlq add`: a poison message is set aside at once, by hand.

use serde_json::Value;

use crate::support::{Run, TestServer};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const GRAVES: &str = "{events.normalized}:dlq";

/// Five entries, of which three are delivered to `c`; the third is acknowledged.
fn server() -> TestServer {
    let server = TestServer::start();
    for n in 1..=5 {
        server.redis(&[
            "XADD",
            STREAM,
            &format!("{n}-0"),
            "n",
            &n.to_string(),
            "n",
            "again",
        ]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        GROUP,
        "c",
        "COUNT",
        "3",
        "STREAMS",
        STREAM,
        ">",
    ]);
    server.redis(&["XACK", STREAM, GROUP, "3-0"]);
    server
}

fn add(server: &TestServer, args: &[&str]) -> Run {
    server.ucp(&[&["dlq", "add", GROUP], args].concat())
}

fn pending(server: &TestServer) -> i64 {
    server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int()
}

fn graves(server: &TestServer) -> i64 {
    server.redis(&["XLEN", GRAVES]).int()
}

#[test]
fn field_c10_a_message_is_parked_with_its_provenance_and_can_be_put_back() {
    let server = server();
    let run = add(
        &server,
        &[
            "2-0",
            "--reason",
            "total is not a number",
            "-y",
            "-o",
            "json",
        ],
    );
    let rows = run
        .assert_code(0)
        .stderr_has("1 of 1 entry parked")
        .stdout_json();
    assert_eq!(rows[0]["outcome"], "dead_lettered");
    assert_eq!(rows[0]["consumer"], "c");
    assert_eq!(pending(&server), 1);
    let letter = server
        .ucp(&["dlq", "list", STREAM, "-o", "json"])
        .stdout_json();
    let said = |key: &str| letter[0][key].clone();
    assert_eq!(said("id"), rows[0]["new_id"]);
    assert_eq!(said("reason"), "total is not a number");
    assert_eq!(
        (said("origin_id"), said("group")),
        ("2-0".into(), GROUP.into())
    );
    assert_eq!(
        (said("consumer"), said("deliveries")),
        ("c".into(), 1.into())
    );
    assert_eq!(said("fields"), serde_json::json!({"n": ["2", "again"]}));
    // The line that undoes it does.
    let undo = run
        .stderr()
        .lines()
        .find_map(|line| line.strip_prefix("to try them again later: ucp-streams "))
        .unwrap();
    let words: Vec<&str> = undo.split(' ').chain(["-y"]).collect();
    server.ucp(&words).assert_code(0);
    assert_eq!(graves(&server), 0);
    assert_eq!(server.redis(&["XLEN", STREAM]).int(), 6);
}

#[test]
fn field_c10_what_is_not_pending_is_left_with_its_state() {
    let server = server();
    let details = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["detail"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let run = add(
        &server,
        &[
            "1-0", "3-0", "4-0", "9-9", "--reason", "odd", "-y", "-o", "json",
        ],
    );
    let rows = run
        .assert_code(7)
        .stderr_has("1 of 4 entries parked")
        .stdout_json();
    assert_eq!(details(&rows)[0], format!("in `{GRAVES}`"));
    assert!(
        details(&rows)[1].starts_with("it was acknowledged"),
        "{rows}"
    );
    assert_eq!(
        details(&rows)[2..],
        ["it has not been delivered yet", "it is not in the stream"]
    );
    for (id, state) in [
        ("3-0", "3-0 is not pending: it was acknowledged"),
        ("4-0", "4-0 is not pending: it has not been delivered yet"),
        ("9-9", "9-9 is not pending: it is not in the stream"),
    ] {
        add(&server, &[id, "--reason", "odd", "-y"])
            .assert_code(3)
            .stderr_has(state);
    }
    assert_eq!((pending(&server), graves(&server)), (1, 1));
}

#[test]
fn field_c10_nothing_changes_without_consent_a_reason_or_a_group() {
    let server = server();
    add(&server, &["1-0", "--reason", "odd"])
        .assert_code(6)
        .stderr_has("park as dead letters 1 entry (1 of c) of group `event-processors`")
        .stderr_has("may be in flight in a handler (consumer `c`)");
    add(&server, &["1-0", "--reason", "odd", "--dry-run"])
        .assert_code(0)
        .stdout_has("planned");
    add(&server, &["1-0", "-y"])
        .assert_code(2)
        .stderr_has("--reason");
    add(&server, &["1-0", "-y", "--reason", " "])
        .assert_code(2)
        .stderr_has("give the reason in a few words");
    server
        .ucp(&["dlq", "add", "nobody", "1-0", "--reason", "odd", "-y"])
        .assert_code(3)
        .stderr_has("no group `nobody`");
    assert_eq!((pending(&server), graves(&server)), (2, 0));
    // One that has rested is nobody's work at this moment, and nothing is said of that.
    server.redis(&[
        "XCLAIM", STREAM, GROUP, "c", "0", "1-0", "IDLE", "600000", "JUSTID",
    ]);
    add(&server, &["1-0", "--reason", "odd", "-y"])
        .assert_code(0)
        .stderr_lacks("in flight in a handler");
}

#[test]
fn field_c10_a_body_that_is_gone_becomes_a_tombstone_and_a_worker_loses_its_lease() {
    let server = server();
    server.redis(&["XDEL", STREAM, "1-0"]);
    add(&server, &["1-0", "--reason", "odd", "-y"]).assert_code(9);
    let letter = server
        .ucp(&["dlq", "list", STREAM, "-o", "json"])
        .stdout_json();
    assert_eq!(letter[0]["is_tombstone"], true);
    // A handler that is at work on an entry when it is parked does not acknowledge it.
    let gate = server.inner().dir().join("gate");
    let script = format!(
        "touch {0}.begun; while ! test -e {0}; do sleep 0.05; done",
        gate.display()
    );
    let run = [
        "worker",
        "run",
        GROUP,
        "--max-messages",
        "1",
        "--exec",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let worker = server.command(&run).spawn();
    let begun = gate.with_extension("begun");
    crate::support::until(crate::support::PATIENCE, "the handler begins", || {
        begun.exists()
    });
    add(&server, &["4-0", "--reason", "odd", "-y"]).assert_code(0);
    std::fs::write(&gate, "").unwrap();
    worker.wait().assert_code(0).stderr_has("lease lost");
    assert_eq!(graves(&server), 2);
}
