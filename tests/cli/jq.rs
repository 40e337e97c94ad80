//! `--jq`.

use crate::support::{TestServer, ucp};

fn server() -> TestServer {
    let server = TestServer::start();
    for (id, brand) in [("1-1", "aurora"), ("2-1", "borealis"), ("3-1", "aurora")] {
        server.redis(&[
            "XADD",
            "s",
            id,
            "brand",
            brand,
            "payload",
            "{\"total\":1.5}",
        ]);
    }
    server
}

#[test]
fn json_is_filtered_whole_and_ndjson_entry_by_entry() {
    let server = server();
    let run = |args: &[&str]| server.ucp(&[&["read", "s"], args].concat());
    run(&["--jq", "length"]).assert_code(0).stdout_is("3\n");
    run(&["-o", "json", "--jq", ".[].id"])
        .assert_code(0)
        .stderr_is_empty()
        .stdout_is("1-1\n2-1\n3-1\n");
    run(&[
        "-o",
        "ndjson",
        "--jq",
        "select(.fields.brand == \"aurora\") | .id",
    ])
    .assert_code(0)
    .stdout_is("1-1\n3-1\n");
    run(&[
        "-o",
        "ndjson",
        "--jq",
        ".fields.payload | fromjson | .total",
    ])
    .assert_code(0)
    .stdout_is("1.5\n1.5\n1.5\n");
    server
        .ucp(&["info", "s", "--jq", ".[0].length // .length"])
        .assert_code(0)
        .stdout_is("3\n");
    server
        .ucp(&["ping", "--jq", ".role"])
        .assert_code(0)
        .stdout_is("master\n");
}

#[test]
fn a_list_longer_than_a_buffer_is_one_array() {
    let server = TestServer::start();
    let mut client = server.client();
    let payload = "x".repeat(4000);
    for _ in 0..100 {
        client.send(&["XADD", "long", "*", "payload", &payload]);
    }
    let read = ["read", "long", "--count", "100", "--jq"];
    server
        .ucp(&[&read[..], &["length"]].concat())
        .assert_code(0)
        .stdout_is("100\n");
    let lines = server.ucp(&[&read[..], &[".fields | keys[0]", "-o", "ndjson"]].concat());
    assert_eq!(lines.assert_code(0).stdout_lines(), vec!["payload"; 100]);
}

#[test]
fn a_wrong_filter_is_a_usage_error_before_anything_is_asked() {
    let nowhere = ["-u", "unix:///nowhere/redis.sock", "ping", "--jq"];
    for (expression, place) in [
        (".[", "--jq: at the end: expected closing bracket"),
        (
            ".role | nosuch",
            "--jq: at column 9: there is no filter `nosuch`",
        ),
    ] {
        let run = ucp(&[&nowhere[..], &[expression]].concat());
        let error = run.assert_code(2).stdout_is("").stderr_json();
        assert_eq!(error["error"]["message"], place);
    }
    ucp(&["ping", "--jq", ".", "-o", "table"])
        .assert_code(2)
        .stderr_has("but the output format is table")
        .stderr_has("use -o json or -o ndjson");
    let server = server();
    server
        .ucp(&["ping", "--jq", ".role.x"])
        .assert_code(2)
        .stdout_is("")
        .stderr_has("cannot index");
    ucp(&["completions", "bash", "--jq", "."])
        .assert_code(2)
        .stderr_has("which this command does not print");
}
