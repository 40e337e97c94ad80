//! `pending`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, deliver, make_stale, pending, stream_with_group};
use crate::support::TestServer;

/// Ten entries: 1-4 held by c1, 5-6 by c2, the rest undelivered.
fn seeded() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 4);
    deliver(&server, STREAM, GROUP, "c2", 2);
    server
}

fn ids(entries: &Value) -> Vec<&str> {
    let rows = entries.as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn who_holds_what_and_nothing_changes() {
    let server = seeded();
    let before = pending(&server, STREAM, GROUP);
    let all = ["--entries", "--histogram", "--by", "kind", "-o", "json"];
    for which in [&[GROUP][..], &[STREAM, GROUP], &[GROUP, "--stream", STREAM]] {
        let run = server.ucp(&[&["pending"], which, &all].concat());
        let report = run.assert_code(0).stderr_is_empty().stdout_json();
        assert_eq!(report["pending"], 6);
        assert_eq!(report["first_id"], "1-0");
        assert_eq!(report["last_id"], "6-0");
        assert_eq!(report["consumers"][0]["consumer"], "c1");
        assert_eq!(report["consumers"][0]["pending"], 4);
        assert_eq!(
            ids(&report["entries"]),
            ["1-0", "2-0", "3-0", "4-0", "5-0", "6-0"]
        );
        let first = &report["entries"][0];
        assert_eq!(first["fields"], json!({"n": "1", "kind": "odd"}));
        assert_eq!(first["is_trimmed"], false);
        assert_eq!(first["deliveries"], 1);
        assert_eq!(report["deliveries_histogram"][0]["entries"], 6);
        assert_eq!(report["clusters"][0]["entries"], 3);
    }
    assert_eq!(pending(&server, STREAM, GROUP), before);
}

#[test]
fn filters_choose_by_age_consumer_and_deliveries() {
    let server = seeded();
    make_stale(&server, GROUP, "c1", &["2-0", "3-0"], 600_000, 4);
    let listed = |args: &[&str]| {
        let mut words = vec!["pending", GROUP, "--names", "-o", "plain"];
        words.extend(args);
        let run = server.ucp(&words);
        run.assert_code(0);
        run.stdout()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--idle", "5m"]), ["2-0", "3-0"]);
    assert_eq!(listed(&["--consumer", "c2"]), ["5-0", "6-0"]);
    assert_eq!(listed(&["--min-deliveries", "4"]), ["2-0", "3-0"]);
    assert_eq!(
        listed(&["--min-deliveries", "4", "--consumer", "c2"]),
        [""; 0]
    );
    let cut = server.ucp(&["pending", GROUP, "--names", "--count", "2"]);
    cut.stdout_is("1-0\n2-0\n")
        .stderr_has("only the oldest 2 of ");
}

#[test]
fn a_body_that_was_trimmed_away_is_said_so() {
    let server = seeded();
    server.redis(&["XTRIM", STREAM, "MINID", "3"]);
    let run = server.ucp(&["pending", GROUP, "--entries", "-o", "ndjson"]);
    let rows = run.assert_code(0).stdout_ndjson();
    assert_eq!(
        (&rows[0]["is_trimmed"], &rows[0]["fields"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(rows[2]["is_trimmed"], false);
    server
        .ucp(&["pending", GROUP, "--entries", "-o", "table"])
        .stdout_has("trimmed")
        .stdout_has("n=3 kind=odd");
    let by = server.ucp(&[
        "pending", GROUP, "--by", "kind", "--count", "0", "-o", "json",
    ]);
    let report = by.assert_code(0).stdout_json();
    assert_eq!(report["clusters"][2]["state"], "trimmed");
    assert_eq!(report["clusters"][2]["entries"], 2);
    assert_eq!(report["entries"], json!([]));
}

#[test]
fn a_long_list_is_paged() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 2500);
    deliver(&server, STREAM, GROUP, "c1", 2500);
    make_stale(&server, GROUP, "c1", &["2400-0"], 600_000, 1);
    let run = server.ucp(&["pending", GROUP, "--idle", "5m", "--names"]);
    run.assert_code(0).stdout_is("2400-0\n").stderr_is_empty();
    let all = server.ucp(&["pending", GROUP, "--names", "--count", "5000"]);
    assert_eq!(all.assert_code(0).stdout_lines().len(), 2500);
    let histogram = server.ucp(&[
        "pending",
        GROUP,
        "--histogram",
        "--count",
        "1",
        "-o",
        "json",
    ]);
    let report = histogram.assert_code(0).stdout_json();
    assert_eq!(report["matching"], 2500);
    assert_eq!(report["idle_histogram"][4]["entries"], 1);
}

#[test]
fn it_reads_at_80_columns() {
    let server = seeded();
    let run = server.ucp(&[
        "pending",
        GROUP,
        "--histogram",
        "--by",
        "kind",
        "-o",
        "table",
    ]);
    run.assert_code(0)
        .stdout_has("6 pending in group `event-processors` of stream `events.normalized`")
        .stdout_has("CONSUMER  PENDING")
        .stdout_has("kind=even        3  50.0%")
        .stdout_has("ID   CONSUMER");
    for line in run.stdout_lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    let plain = server.ucp(&["pending", GROUP]);
    let lines = plain.stdout_lines();
    assert!(lines[0].starts_with("id\ttime\tconsumer\tidle_ms\tdeliveries"));
    assert_eq!(lines.len(), 7);
}

#[test]
fn what_was_asked_for_is_in_every_line_based_format() {
    let server = seeded();
    let ran = |args: &[&str]| server.ucp(&[&["pending", GROUP], args].concat());
    let by = "fields\tstate\tentries\tshare_percent\nkind=even\tshared\t3\t50.0%\nkind=odd\tshared\t3\t50.0%\n";
    ran(&["--by", "kind"]).assert_code(0).stdout_is(by);
    ran(&["--by", "kind", "-o", "csv"])
        .assert_code(0)
        .stdout_is(&by.replace('\t', ",").replace('\n', "\r\n"));
    let rows = ran(&["--by", "kind", "-o", "ndjson"]).stdout_ndjson();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["fields"], json!({"kind": "even"}));
    // Several, one after the other.
    let both = ran(&[
        "--by",
        "kind",
        "--histogram",
        "--entries",
        "--min-deliveries",
        "1",
    ]);
    let text = both.assert_code(0).stdout();
    let tables: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(tables.len(), 3, "{both}");
    assert!(tables[0].starts_with("by\trange\tentries\tshare_percent\nidle\tunder 1s\t"));
    assert!(tables[0].contains("\ndeliveries\t1\t6\t100.0%\n"));
    assert_eq!(tables[1], by.trim_end());
    assert_eq!(tables[2].lines().count(), 7);
    let rows = ran(&["--histogram", "-o", "ndjson"]).stdout_ndjson();
    assert_eq!(rows.len(), 14);
    assert_eq!(
        rows[7],
        json!({"by": "deliveries", "range": "1", "entries": 6, "share_percent": 100.0})
    );
    // Who holds them.
    let holders = ran(&["--count", "0"]);
    holders
        .assert_code(0)
        .stdout_has("consumer\tpending\tidle_ms\nc1\t4\t");
    assert_eq!(holders.stdout_lines().len(), 3);
    ran(&["--columns", "consumer,pending", "-o", "csv"])
        .assert_code(0)
        .stdout_is("consumer,pending\r\nc1,4\r\nc2,2\r\n");
    ran(&["--columns", "id,consumer", "--by", "kind"])
        .assert_code(0)
        .stdout_has("id\tconsumer\n1-0\tc1\n");
    ran(&["--columns", "id,range"])
        .assert_code(2)
        .stderr_has("no table has the columns `id,range`")
        .stderr_has("--columns takes columns of one table");
}

#[test]
fn entries_are_counted_by_places_within_json() {
    let server = TestServer::start();
    for (id, total) in [("1-0", "12.5"), ("2-0", "7"), ("3-0", "7")] {
        let payload = format!(r#"{{"total":{total},"who":{{"city":"Oslo"}}}}"#);
        server.redis(&["XADD", STREAM, id, "payload", &payload]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    deliver(&server, STREAM, GROUP, "c1", 3);
    server
        .ucp(&["pending", GROUP, "--by", "payload.total,payload.who.city", "--columns", "fields,entries"])
        .assert_code(0)
        .stdout_is(
            "fields\tentries\npayload.total=7 payload.who.city=Oslo\t2\npayload.total=12.5 payload.who.city=Oslo\t1\n",
        );
}

#[test]
fn what_is_not_there_is_3_with_the_names_that_are() {
    let server = seeded();
    server
        .ucp(&["pending", "event-procesors"])
        .assert_code(3)
        .stderr_has("did you mean `event-processors`?");
    server
        .ucp(&["pending", STREAM, "nope"])
        .assert_code(3)
        .stderr_has("its groups: event-processors");
    server
        .ucp(&["pending", "nope", "nope"])
        .assert_code(3)
        .stderr_has("the existing streams are: events.normalized");
    server
        .ucp(&["pending", GROUP, "--consumer", "c9\x1b[2J"])
        .assert_code(3)
        .stderr_has("has no consumer `$'c9\\x1b[2J'`")
        .stderr_has("its consumers: c1, c2")
        .stderr_lacks("\x1b");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["pending", "text", "g"])
        .assert_code(3)
        .stderr_has("holds a string");
    server
        .ucp(&["pending", GROUP, "--idle", "5"])
        .assert_code(2)
        .stderr_has("has no unit");
}

#[test]
fn group_and_stream_the_wrong_way_round_are_told_apart() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    server
        .ucp(&["pending", GROUP, STREAM])
        .assert_code(3)
        .stderr_has("name the stream before the group")
        .stderr_has(&format!("ucp-streams pending {STREAM} {GROUP}"));
}
