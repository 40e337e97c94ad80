//! `--pairs`, on every command that prints entries: order, repeats and bytes survive.

use serde_json::{Value, json};

use crate::support::{TestServer, ucp};

/// What entry 1-1 holds, as pairs.
fn held() -> Value {
    json!([["z", "1"], ["a", {"base64": "/wA="}], ["z", "2"], [{"base64": "/g=="}, ""]])
}

fn server() -> TestServer {
    let server = TestServer::start();
    let fields: [&[u8]; 8] = [b"z", b"1", b"a", b"\xff\x00", b"z", b"2", b"\xfe", b""];
    let letter: [&[u8]; 16] = [
        b"_dlq_stream",
        b"s",
        b"_dlq_group",
        b"g",
        b"_dlq_id",
        b"1-1",
        b"_dlq_consumer",
        b"c",
        b"_dlq_deliveries",
        b"1",
        b"_dlq_reason",
        b"r",
        b"_dlq_time",
        b"2024-12-01T10:00:00.000Z",
        b"_dlq_body",
        b"present",
    ];
    for (stream, more) in [(&b"s"[..], &[][..]), (b"{s}:dlq", &letter)] {
        let command = [&[b"XADD", stream, b"1-1"], &fields[..], more].concat();
        server.redis(&command);
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "d"]);
    server
}

#[test]
fn every_command_that_prints_entries_keeps_all_of_them() {
    let server = server();
    let pending = ["pending", "g", "--stream", "s", "--entries"];
    for command in [
        &["read", "s"][..],
        &["tail", "s"],
        &["get", "s", "1-1"],
        &["dlq", "list", "s"],
        &["dlq", "show", "s", "1-1"],
        &["consume", "g", "--stream", "s", "--consumer", "c"],
        &pending,
        &[
            "claim", "g", "--stream", "s", "--to", "d", "--idle", "0s", "--yes",
        ],
    ] {
        let run = server.ucp(&[command, &["--pairs", "-o", "ndjson"]].concat());
        run.assert_code(0);
        assert_eq!(run.stdout_ndjson()[0]["fields"], held(), "{run}");
    }
    let report = server.ucp(&[&pending[..], &["--pairs", "-o", "json"]].concat());
    assert_eq!(report.stdout_json()["entries"][0]["fields"], held());
    let array = server.ucp(&["read", "s", "--pairs", "-o", "json"]);
    assert_eq!(array.stdout_json()[0]["fields"], held());
    let filtered = server.ucp(&["read", "s", "--pairs", "--jq", ".[].fields[2][1]"]);
    filtered.assert_code(0).stdout_is("2\n");
    let csv = server.ucp(&["read", "s", "--pairs", "-o", "csv"]);
    csv.assert_code(0).stdout_has("\"[[\"\"z\"\",\"\"1\"\"],");
    // Without it a repeated field is an array where it first stands.
    let grouped = server.ucp(&["get", "s", "1-1", "-o", "json"]).stdout_json();
    assert_eq!(grouped["fields"]["z"], json!(["1", "2"]));
}

#[test]
fn without_fields_in_json_it_is_refused() {
    let nowhere = ["-u", "unix:///nowhere/redis.sock", "read", "s", "--pairs"];
    for format in ["table", "wide", "plain"] {
        ucp(&[&nowhere[..], &["-o", format]].concat())
            .assert_code(2)
            .stderr_has("--pairs changes how fields are shown in JSON")
            .stderr_has("use -o json");
    }
}
