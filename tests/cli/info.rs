//! `info`.

use serde_json::json;

use crate::seed::{GROUP, STREAM, add, deliver, make_stale, stream_with_group};
use crate::support::TestServer;

#[test]
fn an_empty_server_has_the_topology_s_streams_as_missing() {
    let server = TestServer::start();
    let run = server.ucp(&["info", "-o", "json"]);
    let streams = run
        .assert_code(0)
        .stderr_has("`ucp-streams init`")
        .stdout_json();
    let names: Vec<_> = streams.as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 4);
    assert_eq!(streams[1]["stream"], STREAM);
    assert_eq!(streams[1]["state"], "missing");
    assert_eq!(streams[1]["length"], json!(null));
    assert_eq!(streams[1]["groups"][0]["state"], "missing");
    assert_eq!(streams[1]["groups"][0]["lag"], json!(null));
    server
        .ucp(&["info", "-o", "table"])
        .assert_code(0)
        .stdout_has("events.normalized        missing       -  10,000");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_stream_its_groups_and_consumers_are_one_object() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 4);
    server.redis(&["XADD", "{events.normalized}:dlq", "*", "a", "b"]);
    let run = server.ucp(&["info", STREAM, "-o", "json"]);
    let streams = run.assert_code(0).stdout_json();
    let stream = &streams[0];
    assert_eq!(stream["length"], 10);
    assert_eq!(stream["first_id"], "1-0");
    assert_eq!(stream["first_time"], "1970-01-01T00:00:00.001Z");
    assert_eq!(stream["last_id"], "10-0");
    assert_eq!(stream["entries_added"], 10);
    assert_eq!(stream["dead_letters"], 1);
    assert!(stream["bytes"].as_u64().unwrap() > 100);
    assert_eq!(stream["slowest_group"], GROUP);
    assert_eq!(
        stream["headroom"],
        json!({"entries": 9994, "quality": "known"})
    );
    // Entries of 1970 are no forecast.
    assert_eq!(stream["headroom_ms"], json!(null));
    let group = &stream["groups"][0];
    assert_eq!(group["lag"], json!({"entries": 6, "quality": "known"}));
    assert_eq!(group["undelivered_id"], "5-0");
    assert_eq!(group["pending"], 4);
    assert_eq!(group["oldest_pending_id"], "1-0");
    assert_eq!(group["oldest_pending_consumer"], "c1");
    assert_eq!(group["oldest_pending_deliveries"], 1);
    assert_eq!(group["oldest_pending_is_trimmed"], false);
    assert_eq!(group["lost"], json!({"entries": 0, "quality": "known"}));
    assert_eq!(group["consumers"][0]["consumer"], "c1");
    assert_eq!(group["consumers"][0]["pending"], 4);
}

#[test]
fn what_retention_took_is_said() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 2);
    server.redis(&["XTRIM", STREAM, "MAXLEN", "5"]);
    let run = server.ucp(&["info", STREAM, "-o", "ndjson"]);
    let group = &run.assert_code(0).stdout_ndjson()[0]["groups"][0];
    assert_eq!(group["lost"], json!({"entries": 3, "quality": "known"}));
    assert_eq!(group["lag"], json!({"entries": 5, "quality": "known"}));
    assert_eq!(group["oldest_pending_is_trimmed"], true);
    server
        .ucp(&["info", STREAM, "-o", "table"])
        .stdout_has("trimmed");
}

/// The first read of a group counts what was trimmed before it as read: the server has forgotten the loss.
#[test]
fn a_loss_that_the_server_forgot_is_unknown_not_0() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 500);
    let lost = || {
        let run = server.ucp(&["info", STREAM, "-o", "json"]);
        run.assert_code(0).stdout_json()[0]["groups"][0]["lost"].clone()
    };
    assert_eq!(lost(), json!({"entries": 0, "quality": "known"}));
    server.redis(&["XTRIM", STREAM, "MAXLEN", "100"]);
    assert_eq!(lost(), json!({"entries": 400, "quality": "known"}));
    deliver(&server, STREAM, GROUP, "c1", 1);
    assert_eq!(lost(), json!({"entries": null, "quality": "unknown"}));
    deliver(&server, STREAM, GROUP, "c1", 100);
    assert_eq!(lost(), json!({"entries": null, "quality": "unknown"}));
}

#[test]
fn every_format_and_the_columns_that_were_asked_for() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    deliver(&server, STREAM, GROUP, "c1", 1);
    let table = server.ucp(&["info", STREAM, "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("STREAM             STATE  LENGTH  MAXLEN")
        .stdout_has("groups\nGROUP             LAG  PENDING")
        .stdout_has("consumers\nCONSUMER  GROUP             PENDING ")
        .stdout_has("c1        event-processors        1 ");
    for line in table.stdout_lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    server
        .ucp(&["info", "--columns", "stream,length", "-o", "plain"])
        .assert_code(0)
        .stdout_has("stream\tlength\nevents.raw\t\nevents.normalized\t3\n");
    for (format, shown) in [
        ("plain", "group\tlag\nevent-processors\t2\n"),
        ("csv", "group,lag\r\nevent-processors,2\r\n"),
        ("table", "GROUP             LAG\nevent-processors    2\n"),
        (
            "ndjson",
            "{\"group\":\"event-processors\",\"lag\":{\"entries\":2,\"quality\":\"known\"}}\n",
        ),
    ] {
        server
            .ucp(&["info", STREAM, "--columns", "group,lag", "-o", format])
            .assert_code(0)
            .stdout_is(shown);
    }
    server
        .ucp(&["info", STREAM, "--columns", "consumer,pending"])
        .assert_code(0)
        .stdout_is("consumer\tpending\nc1\t1\n");
    server
        .ucp(&["info", STREAM, "--columns", "length,lag"])
        .assert_code(2)
        .stderr_has("no table has the columns `length,lag`");
    let csv = server.ucp(&["info", STREAM, "-o", "csv"]);
    csv.assert_code(0).stdout_has("stream,state,length,");
    assert!(csv.stdout().contains("\r\n\r\ngroup,stream,state,lag,"));
    assert!(csv.stdout().contains("\r\n\r\nconsumer,group,stream,"));
    let nested = server.ucp(&["info", STREAM, "--columns", "stream,groups", "-o", "json"]);
    assert_eq!(nested.stdout_json()[0]["groups"][0]["group"], GROUP);
    server
        .ucp(&["info", STREAM, "--names"])
        .assert_code(0)
        .stdout_is("events.normalized\n");
    let plain = server.ucp(&["info", STREAM]);
    plain.assert_code(0).stdout_has("stream\tstate\tlength\t");
    assert!(plain.stdout().contains("\n\ngroup\tstream\tstate\tlag\t"));
}

#[test]
fn what_is_over_a_threshold_is_marked_without_colour_too() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 4);
    make_stale(&server, GROUP, "c1", &["1-0"], 7_200_000, 2);
    let topology = format!(
        "[groups.{GROUP}]\nalert = {{ max_lag = 5, max_pending = 3, max_idle = \"1h\" }}\n"
    );
    let shown = |command: &str, format| {
        let args = [command, "-o", format];
        let run = server.command(&args).file("ucp-streams.toml", &topology);
        run.env("NO_COLOR", "1").run()
    };
    shown("info", "table")
        .assert_code(0)
        .stdout_has("  6!       4!   2h!");
    let lag = shown("lag", "table");
    let line = lag
        .stdout_lines()
        .into_iter()
        .find(|it| it.starts_with(GROUP));
    assert_eq!(line.unwrap().matches('!').count(), 3, "{lag}");
    for format in ["plain", "csv"] {
        shown("info", format).assert_code(0).stdout_lacks("!");
    }
}

#[test]
fn a_stream_that_was_named_must_be_one() {
    let server = TestServer::start();
    add(&server, STREAM, 1, 1);
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["info", "events.normalised"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("no stream `events.normalised`")
        .stderr_has("events.normalized");
    server
        .ucp(&["info", "text"])
        .assert_code(3)
        .stderr_has("`text` is not a stream: the key holds a string");
    // A stream of the topology that is something else is shown as that, and the rest too.
    server.redis(&["SET", "events.raw", "x"]);
    server
        .ucp(&["info", "-o", "table"])
        .assert_code(0)
        .stdout_has("not a stream")
        .stdout_has("events.normalized");
}

#[test]
fn escape_codes_in_names_are_shown_as_text() {
    let server = TestServer::start();
    let (stream, group) = ("s\x1b[2J", "g\x1b]0;x\x07");
    stream_with_group(&server, stream, group, 2);
    deliver(&server, stream, group, "c\r\u{202e}", 1);
    for format in ["table", "wide", "plain", "csv", "json", "ndjson"] {
        let run = server.ucp(&["info", stream, "-o", format]);
        run.assert_code(0)
            .stdout_lacks("\x1b")
            .stdout_lacks("\u{202e}");
    }
    let table = server.ucp(&["info", stream, "-o", "wide"]);
    table
        .stdout_has("s\\x1b[2J")
        .stdout_has("g\\x1b]0;x\\x07")
        .stdout_has("$'c\\r\\xe2\\x80\\xae'");
}

#[test]
fn what_a_user_may_not_ask_is_unknown() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    server.add_user("bob", "~* +hello +auth +xinfo|stream +xinfo|groups");
    let run = server
        .command_as("bob", &["info", STREAM, "-o", "json"])
        .run();
    let streams = run.assert_code(0).stdout_json();
    assert_eq!(streams[0]["length"], 3);
    assert_eq!(streams[0]["bytes"], json!(null));
    assert_eq!(streams[0]["dead_letters"], json!(null));
    assert_eq!(streams[0]["groups"][0]["lag"]["entries"], 3);
}

#[test]
fn what_may_not_be_looked_at_is_named_and_the_rest_shown() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    add(&server, "orders", 1, 1);
    server.add_user("bob", "+@all ~events.* ~predictions.*");
    let as_bob = |args: &[&str]| {
        server
            .command_as("bob", &[&["-o", "json"], args].concat())
            .run()
    };
    for command in ["info", "lag", "groups"] {
        let run = as_bob(&[command]);
        let rows = run
            .assert_code(7)
            .stderr_has("cannot read stream `profiles.merge_requests`")
            .stderr_has("ACL SETUSER bob %R~profiles.merge_requests")
            .stdout_json();
        let rows = rows.as_array().unwrap();
        let of = |stream: &str| rows.iter().filter(|row| row["stream"] == stream).count();
        assert_eq!(of(STREAM), 1, "{command}");
        assert_eq!(of("profiles.merge_requests"), 0, "{command}");
    }
    as_bob(&["info", "orders"])
        .assert_code(5)
        .stdout_is("")
        .stderr_has("ACL SETUSER bob %R~orders");
    as_bob(&["info", STREAM]).assert_code(0).stderr_is_empty();
    as_bob(&["lag", "g", "--stream", "orders"]).assert_code(5);
}
