//! Rows and columns that say nothing are not shown, and numbers are written alike.

use super::{GROUP, STREAM, body, on_terminal, pending_600};
use crate::support::TestServer;

#[test]
fn field_d11_a_histogram_has_no_rows_of_zero() {
    let server = pending_600();
    let histogram = ["pending", GROUP, "--histogram"];
    let run = on_terminal(&server, &histogram);
    let after = |title: &str| -> Vec<&str> {
        let lines = body(&run).into_iter();
        let mut lines = lines.skip_while(|line| *line != title).skip(2);
        std::iter::from_fn(|| lines.next().filter(|line| !line.is_empty())).collect()
    };
    assert_eq!(after("by idle time").len(), 1, "{run}");
    assert_eq!(after("by deliveries").len(), 1, "{run}");
    run.stdout_has("100.0%").stdout_lacks(" 0.0%");
    let piped = server.ucp(&[&histogram[..], &["-o", "table"]].concat());
    piped.stdout_lacks(" 0.0%");
    // A script gets every range, so that what it reads has always the same shape.
    let json = server.ucp(&[&histogram[..], &["-o", "json"]].concat());
    let report = json.stdout_json();
    assert_eq!(report["idle_histogram"].as_array().map(Vec::len), Some(7));
    let rows = server.ucp(&[&histogram[..], &["-o", "csv"]].concat());
    assert_eq!(rows.stdout_lines().len(), 15);
    // Where there is nothing to count there is no histogram.
    for args in [
        &[&histogram[..], &["--idle", "1d"]].concat()[..],
        &[&histogram[..], &["--min-deliveries", "9"]].concat(),
    ] {
        let run = on_terminal(&server, args);
        run.assert_code(0).stdout_lacks("by idle time");
        run.stdout_lacks("by deliveries").stdout_lacks("RANGE");
    }
}

#[test]
fn field_d11_who_holds_nothing_is_not_among_the_holders() {
    let server = pending_600();
    for n in 0..20 {
        let name = format!("idle-{n:02}");
        server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, &name]);
    }
    let run = on_terminal(&server, &["pending", GROUP]);
    run.assert_code(0).stdout_lacks("idle-");
    run.stdout_lacks("of 23 shown");
    let json = server.ucp(&["pending", GROUP, "-o", "json", "--limit", "1"]);
    let report = json.stdout_json();
    assert_eq!(report["consumers"].as_array().map(Vec::len), Some(23));
    // None of them does.
    server.redis(&["XGROUP", "SETID", STREAM, GROUP, "0"]);
    server.redis(&["XGROUP", "CREATE", STREAM, "other", "$"]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, "other", "c"]);
    let run = on_terminal(&server, &["pending", STREAM, "other"]);
    assert_eq!(
        body(run.assert_code(0)),
        ["0 pending in group `other` of stream `events.normalized`"],
        "{run}"
    );
}

#[test]
fn field_d11_a_column_in_which_no_row_has_a_value_is_left_out() {
    let server = pending_600();
    // Before 7.2 servers do not tell since when a consumer got nothing.
    let old = server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]).items()[0]
        .items()
        .len()
        == 6;
    let consumers = ["consumers", GROUP];
    let run = on_terminal(&server, &consumers);
    let header = body(run.assert_code(0))[0].to_owned();
    assert_eq!(header.contains("INACTIVE"), !old, "{run}");
    assert!(!header.contains("GROUP"), "{run}");
    run.stdout_has("\ngroup: event-processors\n");
    run.stderr_has("600 pending in group `event-processors` of stream `events.normalized`, held by 3 of 3 consumers");
    let json = server.ucp(&[&consumers[..], &["-o", "json"]].concat());
    let first = &json.stdout_json()[0];
    assert!(first.get("inactive_ms").is_some(), "{json}");
    assert_eq!(first["inactive_ms"].is_null(), old, "{json}");
    let wide = on_terminal(&server, &[&consumers[..], &["-o", "wide"]].concat());
    wide.stdout_has("INACTIVE");
    let asked = on_terminal(
        &server,
        &[&consumers[..], &["--columns", "consumer,inactive"]].concat(),
    );
    asked.stdout_has("INACTIVE");
    let plain = server.ucp(&consumers);
    plain.stdout_has("\tinactive_ms");
    // A sibling: entries that no worker noted anything of.
    let pending = on_terminal(&server, &["pending", GROUP]);
    pending.stdout_lacks("IN FLIGHT").stdout_lacks("REASON");
    // What is not known of a group is another matter: it stays.
    let lag = on_terminal(&server, &["lag"]);
    lag.stdout_has("BEHIND").stdout_has("LIVE");
}

#[test]
fn field_d11_numbers_have_commas_for_people_and_none_for_scripts() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    let script =
        "for i = 1, 1234 do redis.call('XADD', KEYS[1], (1700000000000 + i) .. '-0', 'a', i) end
        redis.call('XREADGROUP', 'GROUP', ARGV[1], 'c', 'COUNT', 1234, 'STREAMS', KEYS[1], '>')";
    server.redis(&["EVAL", script, "1", STREAM, GROUP]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "heir"]);
    for args in [
        &["pending", GROUP][..],
        &["consumers", GROUP],
        &["info"],
        &["lag"],
        &["check", "--max-pending", "1100"],
        &[
            "claim",
            GROUP,
            "--to",
            "heir",
            "--idle",
            "0s",
            "--force",
            "--dry-run",
        ],
        &["requeue", GROUP, "--idle", "0s", "--force", "--dry-run"],
    ] {
        let run = on_terminal(&server, args);
        let said = [run.stdout(), run.stderr()].concat();
        assert!(said.contains("1,234"), "{run}");
        let is_raw = |word: &str| word.trim_matches(|it: char| !it.is_ascii_digit()) == "1234";
        assert!(!said.split_whitespace().any(is_raw), "{run}");
    }
    for (format, text) in [("plain", "\t1234\t"), ("csv", ",1234,"), ("json", ":1234,")] {
        for args in [&["lag", GROUP][..], &["consumers", GROUP]] {
            let run = server.ucp(&[args, &["-o", format]].concat());
            run.stdout_has(text).stdout_lacks("1,234");
        }
    }
    let acked = server.ucp(&[
        "claim", GROUP, "--to", "heir", "--idle", "0s", "--force", "-y", "-o", "csv",
    ]);
    acked.stderr_has("1,234 of 1,234 entries claimed");
}
