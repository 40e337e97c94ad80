//! `publish --file`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::shell::{bash, parts};
use crate::support::{Signal, TestServer, until};

pub(crate) fn day(lines: usize) -> String {
    let mut text = String::new();
    for n in 1..=lines {
        let _ = writeln!(
            text,
            r#"{{"event_id":"018f0000-0000-7000-8000-{n:012}","brand_id":"b{n}","event_type":"page_view","payload":{{"n":{n}}},"timestamp":"2024-12-01T10:00:00Z"}}"#
        );
    }
    text
}

#[test]
fn a_file_is_published_in_order_and_its_ids_are_shown() {
    let server = TestServer::start();
    let run = server
        .command(&["publish", "raw", "--file", "day.ndjson", "--maxlen", "none"])
        .file("day.ndjson", day(2500))
        .run();
    run.assert_code(0).stderr_is_empty();
    let stored = server.redis(&["XRANGE", "events.raw", "-", "+"]);
    let ids: Vec<&str> = stored
        .items()
        .iter()
        .map(|entry| entry.items()[0].text())
        .collect();
    assert_eq!(run.stdout_lines(), ids);
    assert_eq!(ids.len(), 2500);
    for (at, entry) in stored.items().iter().enumerate() {
        assert_eq!(
            entry.items()[1].field("brand_id").text(),
            format!("b{}", at + 1)
        );
        assert_eq!(
            entry.items()[1].field("payload").text(),
            format!(r#"{{"n":{}}}"#, at + 1)
        );
    }
}

#[test]
fn ids_come_as_json_and_csv_too() {
    let server = TestServer::start();
    let publish = |format: &str| {
        server
            .command(&["publish", "raw", "--file", "-", "-o", format])
            .stdin(day(2))
            .run()
    };
    assert_eq!(publish("json").stdout_json()[1]["stream"], "events.raw");
    assert_eq!(publish("ndjson").stdout_ndjson().len(), 2);
    assert!(publish("csv").stdout().starts_with("id,stream\r\n"));
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 6);
}

#[test]
fn one_bad_line_of_a_thousand_and_nothing_is_sent() {
    let server = TestServer::start();
    let good = day(1000);
    let mut lines: Vec<&str> = good.lines().collect();
    lines[499] = r#"{"brand_id":"b","event_type":"refund","payload":{}}"#;
    for (input, from_stdin) in [(lines.join("\n"), false), (lines.join("\r\n"), true)] {
        let command = if from_stdin {
            server
                .command(&["publish", "raw", "--file", "-"])
                .stdin(input)
        } else {
            server
                .command(&["publish", "raw", "--file", "in.ndjson"])
                .file("in.ndjson", input)
        };
        command
            .run()
            .assert_code(2)
            .stdout_is("")
            .stderr_has("1 line is not valid for `events.raw`, nothing was sent")
            .stderr_has("line 500: event_type: must be one of purchase, page_view, whatsapp_message (is `refund`)");
        assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
    }
    lines[0] = "not json";
    let run = server
        .command(&["publish", "raw", "--file", "-", "-o", "json"])
        .stdin(lines.join("\n"))
        .run();
    let message = run.assert_code(2).stderr_json()["error"]["message"].clone();
    let message = message.as_str().unwrap();
    assert!(
        message.contains("line 1: must be a JSON object") && message.contains("line 500:"),
        "{message}"
    );
}

#[test]
fn many_bad_lines_are_counted() {
    let server = TestServer::start();
    let run = server
        .command(&["publish", "orders", "-f", "-"])
        .stdin("[]\n".repeat(30))
        .run();
    run.assert_code(2)
        .stderr_has("30 lines are not valid")
        .stderr_has("line 10:")
        .stderr_has("and 20 more lines");
    run.stderr_lacks("line 11:");
}

#[test]
fn warnings_are_said_once() {
    let server = TestServer::start();
    let run = server
        .command(&["publish", "raw", "--file", "-", "--dry-run"])
        .stdin(day(50).replace("018f", "x"))
        .run();
    run.assert_code(0).stderr_has("(and 49 more like it)");
    assert_eq!(run.stderr().matches("warning:").count(), 1);
    assert_eq!(
        run.stdout(),
        "stream\tentries\tmaxlen\nevents.raw\t50\t10000\n"
    );
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn files_that_cannot_be_read() {
    let server = TestServer::start();
    server
        .ucp(&["publish", "raw", "--file", "nowhere.ndjson"])
        .assert_code(74)
        .stderr_has("cannot read nowhere.ndjson");
    server
        .ucp(&["publish", "raw", "--file", "."])
        .assert_code(74);
    server
        .ucp(&["publish", "raw", "--file", "f", "--brand-id", "b"])
        .assert_code(2);
    server
        .ucp(&["publish", "orders", "a=1", "--file", "f"])
        .assert_code(2);
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn an_empty_file_publishes_nothing() {
    let server = TestServer::start();
    server
        .command(&["publish", "raw", "-f", "-", "-o", "json"])
        .stdin("\n\n")
        .run()
        .assert_code(0)
        .stdout_is("[]\n")
        .stderr_has("the input has no entries: nothing was published");
    let published = |format: &str, input: &str, more: &[&str]| {
        let args = ["publish", "raw", "-f", "in", "--format", format];
        let run = server.command(&[&args[..], more].concat());
        run.file("in", input).run()
    };
    for (format, input) in [
        ("ndjson", ""),
        ("csv", ""),
        ("csv", "a,b\n"),
        ("json", "[]"),
    ] {
        for more in [
            &[][..],
            &["--stream"],
            &["--skip-invalid", "--rejects", "bad"],
        ] {
            let run = published(format, input, more);
            run.assert_code(0)
                .stdout_is("")
                .stderr_has("the input has no entries");
        }
    }
    published("json", "", &[])
        .assert_code(2)
        .stderr_has("not a JSON array: it is empty");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_key_of_another_type_stops_it() {
    let server = TestServer::start();
    server.redis(&["SET", "events.raw", "x"]);
    server
        .command(&["publish", "raw", "-f", "-"])
        .stdin(day(2000))
        .run()
        .assert_code(3)
        .stderr_has("`events.raw` is not a stream: the key holds a string");
}

#[test]
fn a_server_that_fills_up_leaves_a_part_and_says_which() {
    let server = TestServer::with_args(&["--maxmemory", "4mb"]);
    let run = server
        .command(&[
            "publish",
            "raw",
            "-f",
            "-",
            "--maxlen",
            "none",
            "--timeout",
            "20s",
        ])
        .stdin(day(60_000))
        .run();
    run.assert_code(7)
        .stderr_has("entries were published, the last from line")
        .stderr_has("OOM");
    let stored = server.redis(&["XLEN", "events.raw"]).int();
    assert_eq!(i64::try_from(run.stdout_lines().len()).unwrap(), stored);
    assert!(stored > 0);
}

#[test]
fn a_server_that_goes_away_leaves_the_outcome_unknown() {
    let mut server = TestServer::durable();
    let publish = server
        .command(&["publish", "raw", "-f", "-", "--maxlen", "none"])
        .stdin(day(100_000))
        .spawn();
    let mut client = server.client();
    until(crate::support::PATIENCE, "some entries are there", || {
        client.send(&["XLEN", "events.raw"]).int() > 2000
    });
    server.kill();
    let run = publish.wait();
    run.assert_code(8)
        .stderr_has("so it is unknown whether")
        .stderr_has("none after line");
    let shown = i64::try_from(run.stdout_lines().len()).unwrap();
    server.restart();
    let stored = server.redis(&["XLEN", "events.raw"]).int();
    // Every id that was shown is there; at most two chunks more.
    assert!(
        shown <= stored && stored <= shown + 1000,
        "{shown} {stored}"
    );
    assert!(
        run.stderr()
            .replace(',', "")
            .contains(&format!("{shown} entries were published")),
        "{run}"
    );
}

#[test]
fn a_signal_stops_it_between_chunks() {
    let server = TestServer::durable();
    let mut publish = server
        .command(&["publish", "raw", "-f", "-", "--maxlen", "none"])
        .stdin(day(100_000))
        .spawn();
    let mut client = server.client();
    until(crate::support::PATIENCE, "some entries are there", || {
        client.send(&["XLEN", "events.raw"]).int() > 2000
    });
    publish.signal(Signal::INT);
    let run = publish.wait();
    run.assert_code(130)
        .stderr_has("stopped:")
        .stderr_has("none after it was sent");
    let stored = server.redis(&["XLEN", "events.raw"]).int();
    assert_eq!(i64::try_from(run.stdout_lines().len()).unwrap(), stored);
    assert!(stored < 100_000);
}

#[test]
fn a_dumb_terminal_has_progress_by_the_line() {
    let server = TestServer::start();
    let mut publish = server
        .command(&["publish", "orders", "-f", "many.ndjson", "--rate", "4"])
        .file("many.ndjson", "{\"n\":1}\n".repeat(1000))
        .on_terminals(80)
        .env("TERM", "dumb")
        .spawn();
    let said = publish.await_stderr(" of 1,000 after ");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    publish.terminate();
}

#[test]
fn ids_that_nobody_reads_do_not_stop_the_publishing() {
    let server = TestServer::start();
    let head = bash(
        &server,
        "for n in $(seq 20000); do echo \"{\\\"n\\\":$n}\"; done | \"$UCP\" publish orders -f - | head -1; echo ${PIPESTATUS[1]}",
    );
    let (_, stdout, stderr) = parts(&head);
    assert!(
        stdout.ends_with("\n0\n") && stderr.is_empty(),
        "{stdout} {stderr}"
    );
    assert_eq!(server.redis(&["XLEN", "orders"]).int(), 20_000);
    let full = bash(
        &server,
        "echo '{\"n\":1}' | \"$UCP\" publish orders -f - > /dev/full",
    );
    let (code, _, stderr) = parts(&full);
    assert_eq!(code, Some(74));
    assert!(stderr.contains("entries published: 1"), "{stderr}");
    assert_eq!(server.redis(&["XLEN", "orders"]).int(), 20_001);
}

/// What is in stream `orders`: the values of field `n`.
pub(crate) fn orders(server: &TestServer) -> Vec<String> {
    let stored = server.redis(&["XRANGE", "orders", "-", "+"]);
    let items = stored.items().iter();
    items
        .map(|entry| entry.items()[1].field("n").text().to_owned())
        .collect()
}

#[test]
fn streaming_sends_what_is_there_and_ends_with_the_input() {
    let server = TestServer::start();
    let mut publish = server
        .command(&["publish", "orders", "--file", "-", "--stream"])
        .open_stdin()
        .spawn();
    publish.write("{\"n\":1}\n{\"n\":2}\n{\"n\":");
    until(crate::support::PATIENCE, "the first two are there", || {
        server.redis(&["XLEN", "orders"]).int() == 2
    });
    publish.write("3}\n\n{\"n\":4}");
    publish.close_stdin();
    let run = publish.wait();
    run.assert_code(0).stderr_is_empty();
    assert_eq!(run.stdout_lines().len(), 4);
    assert_eq!(orders(&server), ["1", "2", "3", "4"]);
}

#[test]
fn streaming_stops_at_the_first_bad_line_and_says_what_was_sent() {
    let server = TestServer::start();
    let good = day(3000);
    let mut lines: Vec<&str> = good.lines().collect();
    lines[2499] = r#"{"brand_id":"b","event_type":"refund","payload":{}}"#;
    let publish = |lines: &[&str]| {
        server
            .command(&["publish", "raw", "-f", "-", "--stream", "--maxlen", "none"])
            .stdin(lines.join("\n"))
            .run()
    };
    let run = publish(&lines);
    run.assert_code(7)
        .stderr_has("2,499 entries were published, the last from line 2499")
        .stderr_has("line 2500: event_type: must be one of")
        .stderr_has("publish the rest of the input from there on");
    assert_eq!(run.stdout_lines().len(), 2499);
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 2499);
    publish(&lines[2499..])
        .assert_code(2)
        .stdout_is("")
        .stderr_has("line 1: event_type: must be one of");
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 2499);
}

#[test]
fn a_signal_ends_streaming_while_it_waits_for_input() {
    let server = TestServer::start();
    let mut publish = server
        .command(&["publish", "orders", "-f", "-", "--stream"])
        .open_stdin()
        .spawn();
    publish.write("{\"n\":1}\n");
    publish.await_stdout("-");
    publish.signal(Signal::TERM);
    let status = until_ended(&mut publish);
    assert_eq!(status.code(), Some(143));
    publish
        .wait()
        .stderr_has("stopped: 1 entry was published, from line 1");
}

/// Awaits the end of a run whose input stays open.
fn until_ended(run: &mut crate::support::Spawned) -> std::process::ExitStatus {
    let mut status = None;
    until(crate::support::PATIENCE, "it ends", || {
        status = run.ended();
        status.is_some()
    });
    status.unwrap()
}

#[test]
fn flags_for_files_need_one() {
    let server = TestServer::start();
    for flag in [
        &["--format", "csv"][..],
        &["--stream"],
        &["--skip-invalid", "--rejects", "f"],
        &["--rate", "5"],
    ] {
        for kind in [
            &["publish", "orders", "n=1"][..],
            &["publish", "raw", "--brand-id", "b"],
        ] {
            let run = server.ucp(&[kind, flag].concat());
            run.assert_code(2).stderr_has("file");
        }
    }
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn the_rate_is_kept() {
    let server = TestServer::start();
    let began = Instant::now();
    let run = server
        .command(&["publish", "orders", "-f", "-", "--rate", "100/s"])
        .stdin("{\"n\":1}\n".repeat(61))
        .run();
    run.assert_code(0);
    assert!(began.elapsed() >= Duration::from_millis(590), "{run}");
    let ids = run.stdout_lines();
    let ms = |id: &str| id.split('-').next().unwrap().parse::<u64>().unwrap();
    let spread = ms(ids[60]) - ms(ids[0]);
    assert!(spread >= 400, "not all at once at the end: {spread} ms");
    for bad in ["0", "x", "-1"] {
        let args = ["publish", "orders", "-f", "-", "--rate", bad];
        server.command(&args).stdin("").run().assert_code(2);
    }
}
