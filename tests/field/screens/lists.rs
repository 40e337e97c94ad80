//! Lists: ten rows and how many there are, what matters first, the sum last.

use serde_json::Value;

use super::{DEAD, GROUP, STREAM, body, on_terminal, pending_600};
use crate::support::{Run, TestServer};

const CUT: &str = "10 of 600 shown; --limit 0 shows all";

/// Lines of standard output that begin with an entry's id.
fn id_rows(run: &Run) -> usize {
    let lines = run.stdout_lines().into_iter();
    lines.filter(|line| line.starts_with("17000000")).count()
}

#[test]
fn field_d1_pending_shows_ten_rows_holders_first_and_the_sum_last() {
    let server = pending_600();
    for args in [&["pending", GROUP][..], &["pending", GROUP, "--entries"]] {
        let run = on_terminal(&server, args);
        run.assert_code(0);
        assert_eq!(id_rows(&run), 10, "{run}");
        let lines = body(&run);
        assert!(run.stdout_lines().len() < 24, "{run}");
        assert!(lines[1].starts_with(DEAD[1]), "{run}");
        let sum = "600 pending in group `event-processors` of stream `events.normalized`";
        assert_eq!(*lines.last().unwrap(), sum, "{run}");
        assert_eq!(
            lines.iter().filter(|line| **line == CUT).count(),
            1,
            "{run}"
        );
        run.stderr_is_empty();
    }
    let fields = on_terminal(&server, &["pending", GROUP, "--by", "event_id"]);
    fields.stdout_has("(other values)");
    assert!(fields.stdout_lines().len() < 40, "{fields}");
}

#[test]
fn field_d1_the_limit_is_asked_for_or_lifted() {
    let server = pending_600();
    let all = on_terminal(&server, &["pending", GROUP, "--limit", "0"]);
    assert_eq!(id_rows(&all), 600);
    all.stdout_lacks("shown;");
    let few = on_terminal(&server, &["pending", GROUP, "--limit", "3"]);
    assert_eq!(id_rows(&few), 3);
    few.stdout_has("3 of 600 shown");
    // How many are looked at is another matter, and says how many are listed where nothing else is said.
    let twenty = on_terminal(&server, &["pending", GROUP, "--count", "20"]);
    assert_eq!(id_rows(&twenty), 20);
    twenty.stderr_has("only the oldest 20 of 600 are listed");
    // The neighbour: a list that fits has nothing said of it.
    let groups = on_terminal(&server, &["groups"]);
    groups.assert_code(0).stdout_lacks("shown;");
}

#[test]
fn field_d1_a_script_gets_all_rows() {
    let server = pending_600();
    for (format, rows) in [
        ("plain", 601),
        ("csv", 601),
        ("ndjson", 600),
        ("table", 609),
    ] {
        let run = server.ucp(&["pending", GROUP, "-o", format]);
        assert_eq!(run.assert_code(0).stdout_lines().len(), rows, "{format}");
        run.stderr_is_empty();
    }
    for flags in [&["--names"][..], &["-o", "json"], &["--jq", "."]] {
        let run = on_terminal(&server, &[&["pending", GROUP], flags].concat());
        run.assert_code(0);
        let ids = run.stdout().matches("17000000").count();
        assert!(ids >= 600, "{flags:?}");
    }
    // One that asks for few gets few, and is told how many there are.
    for (format, rows) in [("plain", 6), ("csv", 6), ("ndjson", 5)] {
        let run = server.ucp(&["pending", GROUP, "-o", format, "--limit", "5"]);
        assert_eq!(run.stdout_lines().len(), rows, "{run}");
        run.stderr_has("5 of 600 shown");
    }
    let consumers = ["consumers", GROUP, "--limit", "1", "-o", "json"];
    let run = server.ucp(&consumers);
    assert_eq!(run.stdout_json().as_array().map(Vec::len), Some(1));
    run.stderr_has("1 of 3 shown");
}

#[test]
fn field_d1_changes_show_what_went_wrong_first_and_sum_up_equal_outcomes() {
    let server = pending_600();
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "heir"]);
    let claim = ["claim", GROUP, "--to", "heir", "--idle", "0s", "--force"];
    let plan = on_terminal(&server, &[&claim[..], &["--dry-run"]].concat());
    assert_eq!(id_rows(plan.assert_code(0)), 10, "{plan}");
    plan.stdout_has(CUT);
    // Three of those that are named are not pending.
    let mut ids: Vec<String> = (1..=597)
        .map(|n| format!("{}-0", 1_700_000_000_000_u64 + n))
        .collect();
    ids.extend((1..=3).map(|n| format!("{}-0", 1_800_000_000_000_u64 + n)));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let run = on_terminal(&server, &[&claim[..], &["-y"], &ids].concat());
    run.assert_code(7).stdout_has(CUT);
    let rows: Vec<&str> = run.stdout_lines().into_iter().skip(1).take(4).collect();
    assert!(
        rows[..3].iter().all(|row| row.contains("not pending")),
        "{run}"
    );
    assert!(rows[3].contains("claimed"), "{run}");
    run.stderr_has("597 of 600 entries claimed in group `event-processors` of stream `events.normalized`: 400 of host-2-dead, 100 of host-1-dead, 97 of host-3-dead; 3 not: not pending");
    let ack = on_terminal(&server, &[&["ack", GROUP, "-y"], &ids[..]].concat());
    ack.assert_code(7).stdout_has(CUT);
    ack.stderr_has("597 of 600 entries acknowledged")
        .stderr_has("3 not: not pending");
}

#[test]
fn field_d1_consumers_are_listed_by_what_they_hold() {
    let server = pending_600();
    for n in 0..20 {
        let name = format!("idle-{n:02}");
        server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, &name]);
    }
    let run = on_terminal(&server, &["consumers", GROUP]);
    let lines = body(run.assert_code(0));
    assert_eq!(lines.len(), 13, "{run}");
    assert!(
        lines[1].starts_with(DEAD[1]) && lines[2].starts_with(DEAD[0]),
        "{run}"
    );
    assert_eq!(lines[11], "group of these: event-processors");
    assert_eq!(lines[12], "10 of 23 shown; --limit 0 shows all");
    let plan = ["consumers", "prune", GROUP, "--idle", "0s", "--dry-run"];
    let run = on_terminal(&server, &plan);
    let lines = run.assert_code(0).stdout_lines();
    assert!(
        lines[1].starts_with(DEAD[1]) && lines[1].contains("held"),
        "{run}"
    );
    run.stdout_has("10 of 23 shown");
}

#[test]
fn field_d1_dead_letters_are_counted_over_all_streams() {
    let server = TestServer::start();
    let add =
        "for i = 1, 300 do redis.call('XADD', KEYS[1], (1700000000000 + i) .. '-0', 'a', i) end";
    for stream in ["events.raw", "events.normalized"] {
        let key = format!("{{{stream}}}:dlq");
        server.redis(&["EVAL", add, "1", &key]);
    }
    let run = on_terminal(&server, &["dlq", "list"]);
    assert_eq!(id_rows(run.assert_code(0)), 10, "{run}");
    run.stdout_has(CUT);
    let all = on_terminal(&server, &["dlq", "list", "--limit", "0"]);
    assert_eq!(id_rows(all.assert_code(0)), 600);
    let each = on_terminal(&server, &["dlq", "list", "--count", "12"]);
    assert_eq!(id_rows(each.assert_code(0)), 24);
    each.stderr_has("only the oldest 12 of 300 dead letters of `events.raw`");
    let script = server.ucp(&["dlq", "list", "-o", "json"]);
    assert_eq!(script.stdout_json().as_array().map(Vec::len), Some(600));
    let purge = on_terminal(&server, &["dlq", "purge", "events.raw", "--all", "-y"]);
    purge.assert_code(0).stdout_has("10 of 300 shown");
    purge.stderr_has("300 of 300 entries purged");
}

#[test]
fn field_d1_ids_that_were_published_do_not_fill_the_screen() {
    let server = TestServer::start();
    let lines = (0..40).fold(String::new(), |lines, n| {
        lines + &format!("{{\"n\":\"{n}\"}}\n")
    });
    let publish = ["publish", "orders", "--file", "-"];
    let run = super::terminal(server.command(&publish))
        .stdin(lines.as_str())
        .run();
    let shown = run.assert_code(0).stdout_lines();
    assert_eq!(shown.len(), 11, "{run}");
    assert_eq!(shown[10], "10 of 40 shown; --limit 0 shows all");
    let run = server.command(&publish).stdin(lines.as_str()).run();
    assert_eq!(run.stdout_lines().len(), 40);
    run.stdout_lacks("shown");
    let ids: Vec<Value> = server
        .command(&[&publish[..], &["-o", "ndjson"]].concat())
        .stdin(lines.as_str())
        .run()
        .stdout_ndjson();
    assert_eq!(ids.len(), 40);
}

#[test]
fn field_d1_check_shows_ten_findings_those_of_the_topology_first() {
    let server = pending_600();
    for n in 0..20 {
        let name = format!("aaa-{n:02}");
        server.redis(&["XGROUP", "CREATE", STREAM, &name, "0"]);
    }
    let check = ["check", "--max-lag", "0", "--max-pending", "0"];
    let run = on_terminal(&server, &check);
    let lines = run.assert_code(2).stdout_lines();
    let place = |text: &str| lines.iter().position(|line| line.contains(text));
    let (ours, extra) = (place(GROUP), place("aaa-00"));
    assert!(
        ours.is_some() && extra.is_none_or(|it| ours.unwrap() < it),
        "{run}"
    );
    let shown = lines.iter().filter(|line| line.starts_with("CRITICAL  "));
    assert_eq!(shown.count(), 10, "{run}");
    run.stdout_has("10 of ")
        .stdout_has("shown; --limit 0 shows all");
    let all = on_terminal(&server, &[&check[..], &["--limit", "0"]].concat());
    all.stdout_has("aaa-19").stdout_lacks("shown;");
    let piped = server.ucp(&[&check[..], &["-o", "table"]].concat());
    piped.stdout_has("aaa-19").stdout_lacks("shown;");
}
