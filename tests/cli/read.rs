//! `read` and `get`.

use crate::shell::{bash, parts};
use crate::support::TestServer;

/// Entries `1-0` to `n-0` of stream `s`.
fn filled(n: usize) -> TestServer {
    let server = TestServer::start();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (1..=n)
        .map(|n| {
            ["XADD", "s", &format!("{n}-0"), "n", &n.to_string()]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    for chunk in commands.chunks(1000) {
        client.pipeline(chunk);
    }
    server
}

fn ids(server: &TestServer, args: &[&str]) -> String {
    let run = server.ucp(&[&["read", "s", "--names"], args].concat());
    run.assert_code(0).stderr_is_empty();
    run.stdout().lines().collect::<Vec<_>>().join(" ")
}

#[test]
fn ranges_are_read_in_both_directions() {
    let server = filled(9);
    for (args, expected) in [
        (&[][..], "1-0 2-0 3-0 4-0 5-0 6-0 7-0 8-0 9-0"),
        (&["7-0"], "7-0 8-0 9-0"),
        (&["2-0", "4-0"], "2-0 3-0 4-0"),
        (&["2-0", "4-0", "--reverse"], "4-0 3-0 2-0"),
        (&["-", "+", "-n", "2"], "1-0 2-0"),
        (&["--reverse", "--count", "2"], "9-0 8-0"),
        (&["-3"], "7-0 8-0 9-0"),
        (&["-3", "-2"], "7-0 8-0"),
        (&["-100", "2-0"], "1-0 2-0"),
        (&["end"], ""),
        (&["1970-01-01T00:00:00.008Z"], "8-0 9-0"),
        (&["start", "1970-01-01T00:00:00.001Z"], "1-0"),
        (&["-15m"], ""),
    ] {
        assert_eq!(ids(&server, args), expected, "{args:?}");
    }
}

#[test]
fn a_long_stream_is_read_whole_and_a_closed_pipe_is_quiet() {
    let server = filled(5000);
    let run = server.ucp(&["read", "s", "-o", "ndjson"]);
    let entries = run.assert_code(0).stdout_ndjson();
    assert_eq!(entries.len(), 5000);
    assert_eq!(entries[4999]["fields"]["n"], "5000");
    let head = bash(&server, "\"$UCP\" read s | head -1; echo ${PIPESTATUS[0]}");
    assert_eq!(parts(&head), (Some(0), "1-0\tn=1\n0\n", ""));
    let full = bash(&server, "\"$UCP\" read s > /dev/full");
    assert_eq!(parts(&full).0, Some(74));
}

#[test]
fn what_is_in_an_entry_is_shown_and_steers_nothing() {
    let server = TestServer::start();
    server.redis(&[
        &b"XADD"[..],
        b"s",
        b"1-0",
        b"a\x1b[2J",
        b"\xff\n",
        b"b",
        b"\"x\"",
        b"b",
        b"2",
    ]);
    let run = server.ucp(&["read", "s", "-o", "json"]);
    let json = run.assert_code(0).stdout_json();
    assert_eq!(json[0]["stream"], "s");
    assert_eq!(json[0]["time"], "1970-01-01T00:00:00.001Z");
    assert_eq!(json[0]["fields"]["b"], serde_json::json!(["\"x\"", "2"]));
    assert_eq!(json[0]["fields"]["a\u{1b}[2J"]["base64"], "/wo=");
    for format in ["plain", "table", "csv", "json", "ndjson"] {
        let run = server.ucp(&["read", "s", "-o", format]);
        assert!(!run.assert_code(0).stdout.contains(&0x1b), "{format}");
    }
    server
        .ucp(&["read", "s", "-o", "plain"])
        .stdout_is("1-0\t$'a\\x1b[2J'=\\xff\\n\tb=\"x\"\tb=2\n");
}

#[test]
fn a_missing_stream_is_3_with_the_names_there_are() {
    let server = TestServer::start();
    server
        .ucp(&["read", "orders"])
        .assert_code(3)
        .stderr_has("there is no stream yet");
    server.redis(&["XADD", "orders", "1-0", "a", "b"]);
    server.redis(&["XADD", "events.raw", "1-0", "a", "b"]);
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["read", "order"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("no stream `order`, did you mean `orders`?")
        .stderr_has("hint: the existing streams are: events.raw, orders\n");
    server
        .ucp(&["read", "\u{1b}[2J"])
        .assert_code(3)
        .stderr_has("no stream `$'\\x1b[2J'`");
    server
        .ucp(&["read", "text"])
        .assert_code(3)
        .stderr_has("`text` is not a stream: the key holds a string");
    server.redis(&["XDEL", "orders", "1-0"]);
    server
        .ucp(&["read", "orders", "-o", "json"])
        .assert_code(0)
        .stdout_is("[]\n");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 3);
}

#[test]
fn what_is_no_position_or_id_is_2() {
    let server = filled(1);
    server
        .ucp(&["read", "s", "abc"])
        .assert_code(2)
        .stderr_has("`abc` is not a position");
    server
        .ucp(&["read", "s", "2026-01-31T09:00:00"])
        .assert_code(2)
        .stderr_has("no time zone");
    server.ucp(&["read", "s", "--count", "0"]).assert_code(2);
    server
        .ucp(&["get", "s", "abc"])
        .assert_code(2)
        .stderr_has("`abc` is not a position");
}

#[test]
fn a_range_that_runs_backwards_is_refused() {
    let server = filled(3);
    for range in [
        ["3-0", "2-0"],
        ["end", "start"],
        ["-1", "-2"],
        ["-5m", "-10m"],
    ] {
        server
            .ucp(&["read", "s", range[0], range[1]])
            .assert_code(2)
            .stdout_is("")
            .stderr_has("START is after END");
    }
    // What depends on the stream is no mistake.
    for range in [["2-0", "2-0"], ["9-0", "-1"], ["9-0", "end"], ["-2", "-1"]] {
        server
            .ucp(&["read", "s", range[0], range[1]])
            .assert_code(0);
    }
}

#[test]
fn get_prints_one_entry() {
    let server = filled(3);
    server
        .ucp(&["get", "s", "2-0"])
        .assert_code(0)
        .stdout_is("2-0\tn=2\n");
    let run = server.ucp(&["get", "s", "2-0", "-o", "json"]);
    assert_eq!(
        run.assert_code(0).stdout_json(),
        serde_json::json!({"stream": "s", "id": "2-0", "time": "1970-01-01T00:00:00.002Z", "fields": {"n": "2"}})
    );
}

#[test]
fn get_takes_every_position() {
    let server = filled(3);
    for (position, shown) in [
        ("-1", "3-0\tn=3\n"),
        ("-3", "1-0\tn=1\n"),
        ("end", "3-0\tn=3\n"),
        ("$", "3-0\tn=3\n"),
        ("+", "3-0\tn=3\n"),
        ("start", "1-0\tn=1\n"),
        ("-", "1-0\tn=1\n"),
        ("1970-01-01T00:00:00.002Z", "2-0\tn=2\n"),
        ("1970-01-01T00:00:00Z", "1-0\tn=1\n"),
    ] {
        server
            .ucp(&["get", "s", position])
            .assert_code(0)
            .stdout_is(shown);
    }
    for (position, why) in [
        ("-4", "`s` has fewer than 4 entries"),
        ("-15m", "or later in `s`"),
    ] {
        server
            .ucp(&["get", "s", position])
            .assert_code(3)
            .stdout_is("")
            .stderr_has(why)
            .stderr_has("it has 3 from 1-0 to 3-0");
    }
    server.ucp(&["get", "s", "-0"]).assert_code(2);
    server
        .ucp(&["get", "nowhere", "-1"])
        .assert_code(3)
        .stderr_has("no stream `nowhere`");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["get", "text", "-1"])
        .assert_code(3)
        .stderr_has("the key holds a string");
}

#[test]
fn in_reverse_the_later_position_may_come_first() {
    let server = filled(4);
    for (range, ids) in [
        (["+", "-"], "4-0\n3-0\n2-0\n1-0\n"),
        (["3-0", "2-0"], "3-0\n2-0\n"),
        (["2-0", "3-0"], "3-0\n2-0\n"),
        (["end", "-2"], "4-0\n3-0\n"),
        (["-2", "-3"], "3-0\n2-0\n"),
        (["1970-01-01T00:00:00.003Z", "start"], "3-0\n2-0\n1-0\n"),
    ] {
        server
            .ucp(&["read", "s", range[0], range[1], "--reverse", "--names"])
            .assert_code(0)
            .stdout_is(ids);
    }
}

#[test]
fn a_column_that_no_entry_has_is_said() {
    let server = filled(2);
    for command in [&["read", "s"][..], &["tail", "s"], &["get", "s", "1-0"]] {
        for format in ["plain", "csv", "json"] {
            let args = [command, &["--columns", "id,n,nam", "-o", format]].concat();
            server
                .ucp(&args)
                .assert_code(0)
                .stderr_has("no entry has a field `nam`")
                .stderr_lacks("`id`")
                .stderr_lacks("`n`");
        }
    }
    server
        .ucp(&["read", "s", "7-0", "end", "--columns", "nam"])
        .assert_code(0)
        .stderr_is_empty();
}

#[test]
fn get_says_which_ids_there_are() {
    let server = filled(3);
    server
        .ucp(&["get", "s", "7-0"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("no entry 7-0 in `s`")
        .stderr_has("it has 3 from 1-0 to 3-0");
    server.redis(&["XTRIM", "s", "MAXLEN", "1"]);
    server
        .ucp(&["get", "s", "1-0"])
        .assert_code(3)
        .stderr_has("it has 1 from 3-0 to 3-0: it was trimmed or deleted, or never existed");
    server
        .ucp(&["get", "nowhere", "1-0"])
        .assert_code(3)
        .stderr_has("no stream `nowhere`");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["get", "text", "1-0"])
        .assert_code(3)
        .stderr_has("the key holds a string");
}

#[test]
fn without_permission_the_rule_is_named() {
    let server = filled(1);
    server.add_user("bob", "~* +@all -xrange");
    let run = server.command_as("bob", &["read", "s"]).run();
    run.assert_code(5)
        .stdout_is("")
        .stderr_has("ACL SETUSER bob +xrange");
}
