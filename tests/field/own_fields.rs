//! The tool's own fields at the end of an entry, and whatever a producer wrote that looks like them.

use serde_json::{Value, json};

use crate::support::TestServer;

/// What looks like the tool's own, in the middle and at the end, repeated, and not in the order of the scripts.
const LOOKALIKES: [&str; 22] = [
    "_dlq_body",
    "trimmed",
    "k",
    "1",
    "_dlq_stream",
    "victim",
    "_dlq_reason",
    "a lie",
    "_dlq_group",
    "nobody",
    "_ucp_origin",
    "9-9",
    "_ucp_attempts",
    "40",
    "_dlq_id",
    "8-8",
    "k",
    "2",
    "_dlq_time",
    "1999-01-01T00:00:00Z",
    "_ucp_redrives",
    "70",
];

fn add(server: &TestServer, stream: &str, fields: &[&str]) {
    let command: Vec<&str> = ["XADD", stream, "*"]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    server.redis(&command);
}

fn group(server: &TestServer, stream: &str, group: &str) {
    server.redis(&["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"]);
}

/// Every entry's names and values.
fn entries(server: &TestServer, stream: &str) -> Vec<Vec<String>> {
    let texts = |fields: &crate::support::Reply| {
        fields
            .items()
            .iter()
            .map(|it| it.text().to_owned())
            .collect()
    };
    let all = server.redis(&["XRANGE", stream, "-", "+"]);
    all.items()
        .iter()
        .map(|entry| texts(&entry.items()[1]))
        .collect()
}

/// The group's handler fails for good.
fn fail(server: &TestServer, stream: &str, group: &str, reason: &str) {
    let script = format!("echo '{reason}' >&2; exit 65");
    server
        .ucp(&[
            "worker", "run", group, "--stream", stream, "--once", "--exec", "--", "sh", "-c",
            &script,
        ])
        .assert_code(0);
}

fn letters(server: &TestServer, stream: &str) -> Value {
    server
        .ucp(&["dlq", "list", stream, "-o", "json"])
        .assert_code(0)
        .stdout_json()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn field_r1_what_a_producer_wrote_decides_nothing() {
    let server = TestServer::start();
    add(&server, "victim", &["a", "b"]);
    add(&server, "s", &LOOKALIKES);
    group(&server, "s", "g");
    fail(&server, "s", "g", "the true reason");
    let found = letters(&server, "s");
    assert_eq!(found[0]["stream"], "s");
    assert_eq!(found[0]["group"], "g");
    assert_eq!(found[0]["is_tombstone"], false);
    assert!(
        text(&found[0]["reason"]).contains("the true reason"),
        "{found}"
    );
    assert_eq!(found[0]["fields"]["k"], json!(["1", "2"]));
    assert_eq!(found[0]["fields"]["_dlq_stream"], "victim");
    let origin = text(&found[0]["origin_id"]).to_owned();
    // What the true reason and group are, filters find.
    let lie = server.ucp(&["dlq", "list", "s", "--reason", "a lie", "--names"]);
    lie.assert_code(0).stdout_is("");
    let run = server.ucp(&["dlq", "redrive", "s", "--all", "-y", "-o", "json"]);
    run.assert_code(0).stderr_has("1 of 1 entry redriven");
    assert_eq!(run.stdout_json()[0]["detail"], "to `s`");
    assert_eq!(entries(&server, "victim").len(), 1);
    let moved = entries(&server, "s").pop().unwrap();
    assert_eq!(moved[..22], LOOKALIKES);
    assert_eq!(moved[22..], ["_ucp_origin", &origin, "_ucp_redrives", "1"]);
}

#[test]
fn field_r1_every_move_keeps_what_looks_like_its_own() {
    let server = TestServer::start();
    add(&server, "s", &LOOKALIKES);
    group(&server, "s", "g");
    let mut expected: Vec<String> = LOOKALIKES.map(str::to_owned).to_vec();
    for (attempts, redrives) in [("1", "1"), ("2", "2")] {
        server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
        let held = server.redis(&["XPENDING", "s", "g", "-", "+", "1"]);
        let id = held.items()[0].items()[0].text().to_owned();
        server
            .ucp(&["requeue", "g", &id, "--stream", "s", "-y"])
            .assert_code(0);
        let copy = entries(&server, "s").pop().unwrap();
        assert_eq!(copy[..22], LOOKALIKES);
        assert_eq!(copy[24..26], ["_ucp_attempts", attempts]);
        fail(&server, "s", "g", "no");
        server
            .ucp(&["dlq", "redrive", "s", "--all", "-y"])
            .assert_code(0);
        let first = server.redis(&["XRANGE", "s", "-", "+", "COUNT", "1"]);
        let origin = first.items()[0].items()[0].text().to_owned();
        expected.truncate(22);
        expected.extend(
            [
                "_ucp_origin",
                &origin,
                "_ucp_attempts",
                attempts,
                "_ucp_redrives",
                redrives,
            ]
            .map(str::to_owned),
        );
        assert_eq!(entries(&server, "s").pop().unwrap(), expected);
    }
}

#[test]
fn field_r1_a_group_on_a_dead_letter_stream_shows_its_own_failure() {
    let server = TestServer::start();
    add(&server, "s", &["k", "1"]);
    group(&server, "s", "g");
    fail(&server, "s", "g", "the first failure");
    group(&server, "{s}:dlq", "again");
    fail(&server, "{s}:dlq", "again", "the second failure");
    let second = letters(&server, "{s}:dlq:dlq");
    assert_eq!(second[0]["group"], "again");
    assert_eq!(second[0]["stream"], "{s}:dlq");
    assert!(
        text(&second[0]["reason"]).contains("the second failure"),
        "{second}"
    );
    assert!(text(&second[0]["fields"]["_dlq_reason"]).contains("the first failure"));
    // Back among the dead letters of `s` it is one of them again, and goes back from there as it was.
    server
        .ucp(&["dlq", "redrive", "{s}:dlq:dlq", "--all", "-y"])
        .assert_code(0);
    let first = letters(&server, "s");
    assert_eq!(first.as_array().unwrap().len(), 2);
    assert_eq!(first[1]["group"], "g");
    assert_eq!(first[1]["fields"], json!({"k": "1"}));
    let id = text(&first[1]["id"]);
    server
        .ucp(&["dlq", "redrive", "s", id, "-y"])
        .assert_code(0);
    let origin = text(&first[1]["origin_id"]);
    assert_eq!(
        entries(&server, "s")[1],
        ["k", "1", "_ucp_origin", origin, "_ucp_redrives", "1"]
    );
}

#[test]
fn field_r1_an_entry_put_there_by_hand_is_shown_and_goes_where_the_command_says() {
    let server = TestServer::start();
    add(&server, "victim", &["a", "b"]);
    add(&server, "s", &["a", "b"]);
    add(&server, "{s}:dlq", &["k", "1", "_dlq_stream", "victim"]);
    add(&server, "{s}:dlq", &["k", "2", "_dlq_body", "trimmed"]);
    let found = letters(&server, "s");
    assert_eq!(found[0]["stream"], Value::Null);
    assert_eq!(found[0]["reason"], Value::Null);
    assert_eq!(
        found[0]["fields"],
        json!({"k": "1", "_dlq_stream": "victim"})
    );
    assert_eq!(found[1]["is_tombstone"], false);
    server
        .ucp(&["dlq", "redrive", "s", "--all", "-y"])
        .assert_code(0);
    assert_eq!(entries(&server, "victim").len(), 1);
    assert_eq!(entries(&server, "s").len(), 3);
    assert_eq!(
        entries(&server, "s")[2][..4],
        ["k", "2", "_dlq_body", "trimmed"]
    );
    // Elsewhere only when asked.
    add(&server, "{s}:dlq", &["k", "3"]);
    server
        .ucp(&[
            "dlq",
            "redrive",
            "s",
            "--all",
            "-y",
            "--to-stream",
            "victim",
        ])
        .assert_code(0);
    assert_eq!(entries(&server, "victim")[1][..2], ["k", "3"]);
    add(&server, "{s}:dlq", &["k", "4"]);
    server
        .ucp(&[
            "dlq",
            "redrive",
            "s",
            "--all",
            "-y",
            "--to-stream",
            "nowhere",
        ])
        .assert_code(6)
        .stderr_has("stream `nowhere` does not exist");
    assert_eq!(entries(&server, "{s}:dlq").len(), 1);
}

/// A dead letter of `stream`, as every version left it.
fn bury(server: &TestServer, graves: &str, stream: &str, own: &[&str]) {
    let block = [
        "_dlq_stream",
        stream,
        "_dlq_group",
        "g",
        "_dlq_id",
        "7-0",
        "_dlq_consumer",
        "c",
        "_dlq_deliveries",
        "5",
        "_dlq_reason",
        "no",
        "_dlq_time",
        "2026-01-31T09:00:00.123Z",
        "_dlq_body",
        "present",
    ];
    add(server, graves, &[own, &block].concat());
}

#[test]
fn field_r1_streams_that_share_their_dead_letters_get_their_own_back() {
    let server = TestServer::start();
    for stream in ["{x}a", "{x}b"] {
        add(&server, stream, &["k", "0"]);
        bury(&server, "{x}graves", stream, &["of", stream]);
    }
    let of = |stream: &str| format!("[streams.\"{stream}\"]\ndead_letter = \"{{x}}graves\"\n");
    let topology = [of("{x}a"), of("{x}b")].concat();
    let ucp = |args: &[&str]| {
        let command = server.command(args).file("ucp-streams.toml", &topology);
        command.run()
    };
    let run = ucp(&["dlq", "redrive", "{x}b", "--all", "-y", "-o", "json"]);
    run.assert_code(7)
        .stdout_has("it came from `{x}a`: name that stream to redrive it");
    assert_eq!(entries(&server, "{x}a").len(), 1);
    assert_eq!(entries(&server, "{x}b")[1][..2], ["of", "{x}b"]);
    ucp(&["dlq", "redrive", "{x}a", "--all", "-y"]).assert_code(0);
    assert_eq!(entries(&server, "{x}a")[1][..2], ["of", "{x}a"]);
}

#[test]
fn field_r1_what_earlier_versions_wrote_keeps_working() {
    let server = TestServer::start();
    add(&server, "s", &["k", "0"]);
    bury(
        &server,
        "{s}:dlq",
        "s",
        &["k", "1", "_ucp_origin", "3-0", "_ucp_attempts", "4"],
    );
    bury(
        &server,
        "{s}:dlq",
        "s",
        &["k", "2", "_ucp_origin", "", "_ucp_redrives", "1"],
    );
    server
        .ucp(&["dlq", "redrive", "s", "--all", "-y"])
        .assert_code(0);
    let all = entries(&server, "s");
    assert_eq!(
        all[1],
        [
            "k",
            "1",
            "_ucp_origin",
            "3-0",
            "_ucp_attempts",
            "4",
            "_ucp_redrives",
            "1"
        ]
    );
    assert_eq!(
        all[2],
        ["k", "2", "_ucp_origin", "7-0", "_ucp_redrives", "2"]
    );
}

#[test]
fn field_r1_handlers_pass_on_what_is_not_the_tools_own() {
    let server = TestServer::start();
    add(&server, "s", &LOOKALIKES);
    let requeued = [
        &LOOKALIKES[..],
        &["_ucp_origin", "1-0", "_ucp_attempts", "3"],
    ]
    .concat();
    add(&server, "s", &requeued);
    group(&server, "s", "g");
    let topology =
        "[streams.s]\n[groups.g]\nstream = \"s\"\nhandler = { builtin = \"forward:out\" }\n";
    server
        .command(&["worker", "run", "g", "--once"])
        .file("ucp-streams.toml", topology)
        .run()
        .assert_code(0);
    assert_eq!(entries(&server, "out"), [LOOKALIKES, LOOKALIKES]);
}
