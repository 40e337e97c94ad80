//! Entries that a consumer gave back with `XNACK`, and the features that a server has.

use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const GRAVES: &str = "{events.normalized}:dlq";

/// Five entries delivered to `c`: the first is marked fatal, the second given back silently, the third failed. `None` on a
/// server that has no `XNACK`.
#[expect(clippy::print_stdout, reason = "that a test was skipped is to be seen")]
fn server() -> Option<TestServer> {
    let server = TestServer::start();
    if server.redis(&["COMMAND", "INFO", "XNACK"]).items()[0].is_nil() {
        println!(
            "SKIPPED: this server has no XNACK; $UCP_STREAMS_TEST_SERVER names another (Redis 8.8 or newer)"
        );
        return None;
    }
    for n in 1..=5 {
        server.redis(&["XADD", STREAM, &format!("{n}-0"), "n", "1"]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c", "STREAMS", STREAM, ">"]);
    for (id, how) in [("1-0", "FATAL"), ("2-0", "SILENT"), ("3-0", "FAIL")] {
        server.redis(&["XNACK", STREAM, GROUP, how, "IDS", "1", id]);
    }
    Some(server)
}

fn json_of(server: &TestServer, args: &[&str]) -> Value {
    server.ucp(&[args, &["-o", "json"]].concat()).stdout_json()
}

#[test]
fn field_c11_what_is_marked_fatal_is_told_so() {
    let Some(server) = server() else { return };
    let report = json_of(&server, &["pending", GROUP, "--histogram"]);
    let row = |place: usize| {
        let row = &report["entries"][place];
        json!([
            row["consumer"],
            row["idle_ms"],
            row["deliveries"],
            row["is_fatal"]
        ])
    };
    assert_eq!(row(0), json!([null, null, null, true]));
    assert_eq!(row(1), json!([null, null, 0, false]));
    assert_eq!(row(2), json!([null, null, 1, false]));
    assert_eq!(report["entries"][3]["is_fatal"], false);
    let bars = report["deliveries_histogram"].as_array().unwrap();
    assert_eq!(bars.last().unwrap()["range"], "fatal");
    assert_eq!(
        bars.iter()
            .map(|it| it["entries"].as_u64().unwrap())
            .sum::<u64>(),
        5
    );
    let table = server.ucp(&["pending", GROUP, "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("fatal")
        .stdout_lacks("9,223");
    let names = server.ucp(&["pending", GROUP, "--min-deliveries", "6", "--names"]);
    names.stdout_is("1-0\n");
    let group = &json_of(&server, &["info", STREAM])[0]["groups"][0];
    assert_eq!(group["oldest_pending_id"], "1-0");
    for key in ["oldest_pending_consumer", "oldest_pending_deliveries"] {
        assert_eq!(group[key], Value::Null, "{key}");
    }
    assert_eq!(group["oldest_pending_is_fatal"], true);
    for command in [
        &["info", STREAM][..],
        &["groups"],
        &["lag"],
        &["consumers", GROUP],
    ] {
        server.ucp(command).stdout_lacks("9223372036854775807");
    }
}

#[test]
fn field_c11_a_worker_sets_aside_what_is_marked_fatal_with_that_reason() {
    let Some(server) = server() else { return };
    let run = server.ucp(&[
        "worker",
        "run",
        GROUP,
        "--once",
        "--builtin",
        "null",
        "--claim-idle",
        "3s",
    ]);
    assert!(matches!(run.code(), Some(0 | 7)), "{run}");
    let letters = json_of(&server, &["dlq", "list", STREAM]);
    let said = |key: &str| letters[0][key].clone();
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert_eq!(
        (said("origin_id"), said("reason")),
        ("1-0".into(), "marked fatal by XNACK".into())
    );
    assert_eq!(
        (said("deliveries"), said("is_fatal")),
        (Value::Null, true.into())
    );
    server
        .ucp(&["dlq", "list", STREAM, "-o", "table"])
        .stdout_has("fatal")
        .stdout_lacks("9,223");
}

#[test]
fn field_c11_what_is_marked_fatal_can_be_repaired_by_hand() {
    let Some(server) = server() else { return };
    let rows = json_of(&server, &["requeue", GROUP, "1-0", "-y"]);
    assert_eq!(
        (&rows[0]["deliveries"], &rows[0]["is_fatal"]),
        (&Value::Null, &true.into())
    );
    let id = rows[0]["new_id"].as_str().unwrap();
    let copy = server.redis(&["XRANGE", STREAM, id, id]);
    let fields = copy.items()[0].items()[1].clone();
    assert_eq!(
        fields.texts()[2..],
        ["_ucp_origin", "1-0", "_ucp_attempts", "0"]
    );
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c", "STREAMS", STREAM, ">"]);
    server.redis(&["XNACK", STREAM, GROUP, "FATAL", "IDS", "1", id]);
    server
        .ucp(&["dlq", "add", GROUP, id, "--reason", "odd", "-y"])
        .assert_code(0);
    assert_eq!(server.redis(&["XLEN", GRAVES]).int(), 1);
    server
        .ucp(&["groups", "set-id", GROUP, "0", "--force", "--dry-run"])
        .assert_code(0)
        .stderr_lacks("9223372036854775807");
}

#[test]
fn field_c11_ping_names_the_options_that_the_server_has() {
    let server = TestServer::start();
    let has = |command: &str, option: &[&str]| {
        let reply = server.try_redis(option);
        let is_known = match &reply {
            Reply::Error(error) => error.starts_with("NOGROUP"),
            _ => true,
        };
        println!("{command}: {is_known}");
        is_known
    };
    // Each is tried on a key that is not there.
    let claim = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "CLAIM",
        "0",
        "STREAMS",
        "nothing",
        ">",
    ];
    let maxsize = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "MAXSIZE",
        "10",
        "STREAMS",
        "nothing",
        ">",
    ];
    let idmp = [
        "XADD",
        "nothing",
        "NOMKSTREAM",
        "IDMP",
        "p",
        "i",
        "*",
        "a",
        "b",
    ];
    let expected = [
        ("CLAIM", has("CLAIM", &claim)),
        ("IDMP", has("IDMP", &idmp)),
        ("MAXSIZE", has("MAXSIZE", &maxsize)),
    ];
    let ping = json_of(&server, &["ping"]);
    let features = ping["features"].as_array().unwrap();
    for (name, is_known) in expected {
        assert_eq!(features.contains(&name.into()), is_known, "{name}: {ping}");
    }
    // What the user may not ask is not known.
    server.add_user("bob", "+@all ~* -command|docs");
    let run = server.command_as("bob", &["ping", "-o", "json"]).run();
    assert_eq!(run.assert_code(0).stdout_json()["features"], Value::Null);
}
