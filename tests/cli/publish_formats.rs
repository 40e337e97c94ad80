//! `publish --file`: what files are written in, and what is left out of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::publish_file::{day, orders};
use crate::support::{Run, TestServer, directory};

/// An input of `format`, published to `orders`.
fn publish(server: &TestServer, format: &str, input: &[u8], more: &[&str]) -> Run {
    let args = ["publish", "orders", "-f", "in", "--format", format];
    let args = [&args[..], more].concat();
    server.command(&args).file("in", input).run()
}

#[test]
fn what_is_not_valid_can_be_left_out_and_kept() {
    for stream in [&[][..], &["--stream"]] {
        let server = TestServer::start();
        let good = day(1000);
        let mut lines: Vec<&str> = good.lines().collect();
        lines[9] = "not json";
        lines[499] = r#"{"brand_id":"b","event_type":"refund","payload":{}}"#;
        let args = [
            "publish",
            "raw",
            "-f",
            "-",
            "--skip-invalid",
            "--rejects",
            "bad",
        ];
        let args = [&args[..], stream].concat();
        let dir = directory();
        let publish = || {
            server
                .command(&args)
                .stdin(lines.join("\n"))
                .in_dir(dir.path())
                .run()
        };
        let run = publish();
        run.assert_code(7)
            .stderr_has("2 lines are not valid for `events.raw`, written to the file of rejects and not sent")
            .stderr_has("line 10: must be a JSON object")
            .stderr_has("line 500: event_type: must be one of")
            .stderr_has("998 entries were published, the last from line 1000");
        assert_eq!(run.stdout_lines().len(), 998);
        assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 998);
        let rejects = std::fs::read_to_string(dir.path().join("bad")).unwrap();
        assert_eq!(rejects, format!("{}\n{}\n", lines[9], lines[499]));
        // What was rejected before is not written over.
        publish().assert_code(6).stderr_has("bad exists already");
        assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 998);
        assert_eq!(
            std::fs::read_to_string(dir.path().join("bad")).unwrap(),
            rejects
        );
    }
}

#[test]
fn rejects_are_asked_for_by_name() {
    let server = TestServer::start();
    let publish = |args: &[&str]| {
        let args = [&["publish", "orders", "-f", "-"], args].concat();
        server.command(&args).stdin("{\"n\":1}\n[]\n").run()
    };
    publish(&["--skip-invalid"])
        .assert_code(2)
        .stderr_has("--rejects");
    publish(&["--rejects", "f"]).assert_code(2);
    publish(&["--skip-invalid", "--rejects", "no/where"])
        .assert_code(74)
        .stderr_has("cannot write no/where");
    publish(&["--skip-invalid", "--rejects", "f", "--dry-run"])
        .assert_code(0)
        .stdout_has("orders\t1\t")
        .stderr_has("line 2: must be a JSON object");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
    publish(&["--skip-invalid", "--rejects", "f"]).assert_code(7);
    assert_eq!(orders(&server), ["1"]);
}

#[test]
fn csv_and_json_arrays_are_read_too() {
    let server = TestServer::start();
    let publish = |format: &str, input: &str, more: &[&str]| {
        let args = ["publish", "orders", "-f", "in", "--format", format];
        let args = [&args[..], more].concat();
        server.command(&args).file("in", input).run()
    };
    let array = "[\n {\"n\": 1,\n \"x\": [1, {}]},{\"n\":2}]\n";
    for stream in [&[][..], &["--stream"]] {
        publish("json", array, stream).assert_code(0);
        publish("csv", "n,x\r\n3,\"a, b\"\r\n4,\r\n", stream).assert_code(0);
    }
    assert_eq!(orders(&server), ["1", "2", "3", "4", "1", "2", "3", "4"]);
    let stored = server.redis(&["XRANGE", "orders", "-", "+"]);
    let entry = |at: usize| &stored.items()[at].items()[1];
    assert_eq!(entry(0).field("x").text(), "[1,{}]");
    assert_eq!(entry(2).field("x").text(), "a, b");
    assert_eq!(entry(3).items().len(), 2, "an empty cell is no field");
    let length = stored.items().len();
    publish("json", "[{\"n\":1},{\"n\":", &[])
        .assert_code(2)
        .stderr_has("the JSON array is not closed: it ends within element 2");
    publish("json", "[{\"n\":1},7]", &[])
        .assert_code(2)
        .stderr_has("1 entry is not valid for `orders`, nothing was sent")
        .stderr_has("entry 2 (line 1): must be a JSON object");
    publish("csv", "n,x\n1,2\n3\n", &["--stream"])
        .assert_code(7)
        .stderr_has("entry 2 (line 3): 1 field where the header has 2")
        .stderr_has("1 entry was published, entry 1 (line 2)");
    assert_eq!(orders(&server).len(), length + 1);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let server = TestServer::start();
    let marked = |text: &str| ["\u{feff}", text].concat().into_bytes();
    for stream in [&[][..], &["--stream"]] {
        for (format, text) in [
            ("ndjson", "{\"n\":1}\n{\"n\":2}\n"),
            ("json", "[{\"n\":1},{\"n\":2}]"),
            ("csv", "\"n\"\n1\n2\n"),
        ] {
            let run = publish(&server, format, &marked(text), stream);
            run.assert_code(0).stderr_is_empty();
        }
    }
    assert_eq!(orders(&server).concat(), "12".repeat(6));
    let args = ["ingest", "-f", "-", "--dry-run"];
    let event = "{\"brand_id\":\"b\",\"event_type\":\"purchase\",\"payload\":{}}";
    server
        .command(&args)
        .stdin(marked(event))
        .run()
        .assert_code(0);
    for format in ["ndjson", "json", "csv"] {
        publish(&server, format, b"\xff\xfe{\0\"\0", &[])
            .assert_code(2)
            .stderr_has("the input is UTF-16, not UTF-8");
    }
}

#[test]
fn formats_that_were_mistaken_for_another_are_named() {
    let server = TestServer::start();
    publish(&server, "ndjson", b"[{\"n\":1},\n{\"n\":2}]", &[])
        .assert_code(2)
        .stderr_has("publish a file that is one array with `publish --format json`");
    publish(&server, "json", b"{\"n\":1}\n", &[])
        .assert_code(2)
        .stderr_has("--format ndjson");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn quotes_of_a_csv_file_are_checked() {
    let server = TestServer::start();
    let quoted = b"n,x\r\n1,\"a \"\"b\"\", c\nd\"\n2,\"\"\n";
    publish(&server, "csv", quoted, &[]).assert_code(0);
    let stored = server.redis(&["XRANGE", "orders", "-", "+"]);
    let x = stored.items()[0].items()[1].field("x");
    assert_eq!(x.text(), "a \"b\", c\nd");
    // Read leniently, all of the rest would be one cell.
    let open = b"n,x\n3,\"a\n4,b\n";
    publish(&server, "csv", open, &[])
        .assert_code(2)
        .stderr_has("the quote that opens in line 2 of the CSV file is not closed");
    publish(&server, "csv", b"n,x\n3,a\n4,\"b\"c\n", &["--stream"])
        .assert_code(7)
        .stderr_has("line 3 of the CSV file: there is more text after a closing quote")
        .stderr_has("1 entry was published, entry 1");
    publish(&server, "csv", b"n,\n3,a\n", &[])
        .assert_code(2)
        .stderr_has("column 2 of the CSV file has no name");
    publish(&server, "csv", b"n,x,n\n3,a,4\n", &[])
        .assert_code(2)
        .stderr_has("entry 1 (line 2): n: is given twice");
    assert_eq!(orders(&server), ["1", "2", "3"]);
}

#[test]
fn records_that_do_not_fit_the_header_are_invalid_entries() {
    let server = TestServer::start();
    let table = b"n,x,y\n1,\"a\nb\",c\n\n2,d\n3,e,f,g\n4,h,i\n";
    publish(&server, "csv", table, &[])
        .assert_code(2)
        .stderr_has("2 entries are not valid for `orders`, nothing was sent")
        .stderr_has("entry 2 (line 5): 2 fields where the header has 3")
        .stderr_has("entry 3 (line 6): 4 fields where the header has 3")
        .stderr_has("--skip-invalid");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
    for stream in [&[][..], &["--stream"]] {
        let dir = directory();
        let args = ["publish", "orders", "-f", "in", "--format", "csv"];
        let args = [&args[..], &["--skip-invalid", "--rejects", "bad"], stream].concat();
        let command = server.command(&args).in_dir(dir.path()).file("in", table);
        command
            .run()
            .assert_code(7)
            .stderr_has("entry 3 (line 6): 4 fields where the header has 3")
            .stderr_has("2 entries were published, the last from entry 4 (line 7)");
        let rejects = fs::read_to_string(dir.path().join("bad")).unwrap();
        assert_eq!(rejects, "[\"2\",\"d\"]\n[\"3\",\"e\",\"f\",\"g\"]\n");
    }
    assert_eq!(orders(&server), ["1", "4", "1", "4"]);
}

#[test]
fn what_is_odd_or_wrong_is_told_with_its_line() {
    let server = TestServer::start();
    let publish = |format: &str, input: &str| {
        let args = ["publish", "raw", "-f", "in", "--format", format];
        server.command(&args).file("in", input).run()
    };
    let names = "event_id,brand_id,event_type,payload";
    let odd = "event_id: `e-1` is not a UUID";
    publish("csv", &format!("{names}\n\ne-1,b,purchase,{{}}\n"))
        .assert_code(0)
        .stderr_has(&format!("entry 1 (line 3): {odd}"));
    publish("csv", &format!("{names}\ne-1,b,refund,{{}}\n"))
        .assert_code(2)
        .stderr_has("entry 1 (line 2): event_type: must be one of");
    let array = "[\n  {\n    \"event_id\": \"e-1\", \"brand_id\": \"b\", \"event_type\": \"purchase\", \"payload\": {}\n  },\n  7\n]";
    publish("json", array)
        .assert_code(2)
        .stderr_has("entry 2 (line 5): must be a JSON object");
    publish("json", &array.replace(",\n  7", ""))
        .assert_code(0)
        .stderr_has(&format!("entry 1 (line 2): {odd}"));
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 2);
}

#[test]
fn a_csv_file_in_another_encoding_is_named_with_a_way_out() {
    let server = TestServer::start();
    publish(&server, "csv", b"n,x\n1,a\n2,caf\xe9\n", &[])
        .assert_code(2)
        .stderr_has("line 3 of the CSV file is not UTF-8")
        .stderr_has("iconv -f WINDOWS-1252 -t UTF-8");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn rejects_are_for_their_owner_and_whole() {
    let server = TestServer::start();
    let dir = directory();
    let publish = |input: &str| {
        let args = ["publish", "orders", "-f", "-"];
        let args = [&args[..], &["--skip-invalid", "--rejects", "bad"]].concat();
        let run = server.command(&args).stdin(input).in_dir(dir.path());
        run.run()
    };
    let files = || fs::read_dir(dir.path()).unwrap().count();
    // A file that is all right leaves none behind, so that the next run of a cron job is not refused.
    publish("{\"n\":1}").assert_code(0);
    publish("{\"n\":2}").assert_code(0);
    assert_eq!(files(), 0);
    publish("{\"n\":3}\n[]").assert_code(7);
    let path = dir.path().join("bad");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[]\n");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, files()), (0o600, 1));
}

#[test]
fn rejects_are_kept_when_the_server_stops_it() {
    let server = TestServer::start();
    server.redis(&["SET", "orders", "text"]);
    let dir = directory();
    let args = [
        "publish",
        "orders",
        "-f",
        "-",
        "--skip-invalid",
        "--rejects",
        "bad",
    ];
    let run = server.command(&args).stdin("[1]\n{\"n\":3}\n");
    run.in_dir(dir.path()).run().assert_code(3);
    let kept = fs::read_to_string(dir.path().join("bad")).unwrap();
    assert_eq!(kept, "[1]\n");
}

#[test]
fn entries_as_read_prints_them_are_recognised() {
    let server = TestServer::start();
    for n in 1..=3 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let read = |more: &[&str]| {
        let args = [&["read", "orders", "-o", "ndjson"], more].concat();
        server.ucp(&args).assert_code(0).stdout().to_owned()
    };
    let publish = |stream: &str, input: &str, more: &[&str]| {
        let args = [&["publish", stream, "-f", "-"], more].concat();
        let run = server.command(&args).stdin(input).run();
        run.assert_code(0);
        run
    };
    let entries = read(&[]);
    let n = |stream: &str, at: usize| {
        let copies = server.redis(&["XRANGE", stream, "-", "+"]);
        let fields = &copies.items()[at].items()[1];
        assert_eq!(fields.items().len(), 2, "only the entry's own");
        fields.field("n").text().to_owned()
    };
    for more in [&[][..], &["--stream"]] {
        server.redis(&["DEL", "copy", "fields"]);
        let mixed = format!("{entries}{{\"n\":4}}\n");
        publish("copy", &mixed, more).stderr_is_empty();
        assert_eq!([0, 1, 2, 3].map(|at| n("copy", at)), ["1", "2", "3", "4"]);
        publish("fields", &read(&["--jq", ".fields"]), more).stderr_is_empty();
        assert_eq!([0, 1, 2].map(|at| n("fields", at)), ["1", "2", "3"]);
    }
}
