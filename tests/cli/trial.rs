//! `try`: what a handler makes of entries that are there, and that nothing else comes of it.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, deliver, held_by_two, make_stale, stream_with_group};
use crate::support::{Invocation, PATIENCE, TestServer, directory, is_alive, program, until};

/// Decides by the entry's id: 1 and 2 pass, 3 fails, 4 fails for good, 5 hangs, with a child that hangs too.
const BY_ID: &str = "#!/bin/sh
case $UCP_ID in
  3-0) echo 'not today' >&2; exit 1;;
  4-0) echo 'never' >&2; exit 65;;
  5-0) echo $$ > hanging; sleep 1000 & wait;;
esac
";

/// Publishes two entries for each that it is given, to a stream that the topology does not know.
const PUBLISHES: &str = r#"#!/bin/sh
while read -r entry; do
  id=$(echo "$entry" | sed 's/.*"id":"\([^"]*\)".*/\1/')
  echo "{\"id\":\"$id\",\"ok\":true,\"publish\":[{\"stream\":\"out\",\"fields\":{\"of\":\"$id\"}},{\"stream\":\"out\",\"fields\":{\"n\":\"2\"}}]}"
done
"#;

/// Everything on the server that a handler's attempt could have changed.
fn state(server: &TestServer) -> Vec<String> {
    let mut state: Vec<String> = server
        .redis(&["KEYS", "*"])
        .texts()
        .iter()
        .map(|it| (*it).to_owned())
        .collect();
    state.sort();
    state.push(format!("{:?}", server.redis(&["XINFO", "GROUPS", STREAM])));
    state.push(format!("{:?}", server.redis(&["XRANGE", STREAM, "-", "+"])));
    state.push(format!("{:?}", crate::seed::pending(server, STREAM, GROUP)));
    state
}

fn handler(invocation: Invocation, name: &str, text: &str) -> Invocation {
    program(&invocation.dir().join(name), text);
    invocation
}

fn outcomes(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["id"].as_str().unwrap(),
            row["outcome"].as_str().unwrap(),
        )
    })
    .collect()
}

#[test]
fn each_outcome_is_told_and_nothing_is_touched() {
    let server = held_by_two(2);
    let before = state(&server);
    let words = [
        "try",
        GROUP,
        "--last",
        "8",
        "--handler-timeout",
        "500ms",
        "--exec",
        "./by-id",
        "-o",
        "json",
    ];
    let home = directory();
    let invocation = handler(server.command(&words).in_dir(home.path()), "by-id", BY_ID);
    let began = Instant::now();
    let run = invocation.run();
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "a handler that hangs is stopped"
    );
    run.assert_code(1)
        .stderr_has("8 entries tried: 5 ok, 1 retry, 1 timeout, 1 dead letter");
    let rows = run.stdout_json();
    assert_eq!(
        outcomes(&rows),
        [
            ("3-0", "retry"),
            ("4-0", "dead_letter"),
            ("5-0", "timeout"),
            ("6-0", "ok"),
            ("7-0", "ok"),
            ("8-0", "ok"),
            ("9-0", "ok"),
            ("10-0", "ok"),
        ]
    );
    assert_eq!(
        (&rows[0]["reason"], &rows[1]["reason"]),
        (&json!("not today"), &json!("never"))
    );
    assert!(rows[2]["took_ms"].as_u64().unwrap() >= 500, "{}", rows[2]);
    assert_eq!(state(&server), before);
    let hanging = fs::read_to_string(home.path().join("hanging")).unwrap();
    let pid = hanging.trim().parse().unwrap();
    assert!(!is_alive(pid), "it was stopped");
}

#[test]
fn what_would_be_published_or_counted_is_shown_and_not_sent() {
    let server = held_by_two(2);
    let before = state(&server);
    let words = [
        "try",
        GROUP,
        "--last",
        "1",
        "--pipe",
        "./publishes",
        "-o",
        "json",
    ];
    let run = handler(server.command(&words), "publishes", PUBLISHES).run();
    let rows = run.assert_code(0).stdout_json();
    assert_eq!(
        rows[0]["writes"],
        json!([{"key": "out", "fields": {"of": "10-0"}}, {"key": "out", "fields": {"n": "2"}}])
    );
    let table = handler(
        server.command(&[&words[..6], &["-o", "table"]].concat()),
        "publishes",
        PUBLISHES,
    )
    .run();
    table.assert_code(0).stdout_has("2 to out");
    let counted = [
        "brand_id",
        "b",
        "event_type",
        "purchase",
        "normalized_payload",
        "{\"total\":3}",
        "timestamp",
        "2024-12-01T10:00:00Z",
        "event_id",
        "e",
        "profile_id",
        "",
        "identifiers",
        "{}",
    ];
    server.redis(&[&["XADD", STREAM, "11-0"][..], &counted].concat());
    let run = server.ucp(&["try", GROUP, "--last", "1", "-o", "json"]);
    let rows = run.assert_code(0).stdout_json();
    assert_eq!(
        rows[0]["writes"][0]["key"], "{events.normalized}:features:b",
        "{rows}"
    );
    assert_eq!(rows[0]["writes"][0]["fields"]["events:purchase"], "1");
    server.redis(&["XDEL", STREAM, "11-0"]);
    assert_eq!(state(&server)[..1], before[..1], "no key was added");
    assert_eq!(
        server
            .redis(&["EXISTS", "out", "{events.normalized}:features:b"])
            .int(),
        0
    );
}

#[test]
fn two_handlers_are_compared_entry_by_entry() {
    let server = held_by_two(2);
    let words = [
        "try",
        GROUP,
        "--last",
        "8",
        "--handler-timeout",
        "500ms",
        "--exec",
        "./by-id",
        "--against",
        "builtin:null",
        "-o",
        "json",
    ];
    let run = handler(server.command(&words), "by-id", BY_ID).run();
    let rows = run.assert_code(1).stdout_json();
    let rows = rows.as_array().unwrap().iter();
    let differ: Vec<_> = rows
        .filter(|it| it["differs"] == true)
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(differ, ["3-0", "4-0", "5-0"]);
    run.stderr_has("3 ended otherwise with the other handler");
    // Both fail alike: nothing differs.
    let same = [
        "try",
        GROUP,
        "--last",
        "3",
        "--exec",
        "false",
        "--against",
        "exec:false",
        "-o",
        "json",
    ];
    let rows = server.ucp(&same).assert_code(0).stdout_json();
    assert_eq!(
        (&rows[0]["against"], &rows[0]["differs"]),
        (&json!("retry"), &json!(false))
    );
    // What they would have written differs.
    let writes = [
        "try",
        GROUP,
        "--last",
        "1",
        "--builtin",
        "forward:a",
        "--against",
        "builtin:forward:b",
    ];
    server.ucp(&writes).assert_code(1);
    server
        .ucp(&["try", GROUP, "--against", "group"])
        .assert_code(2)
        .stderr_has("compared with itself");
    server
        .ucp(&["try", GROUP, "--against", "perl"])
        .assert_code(2)
        .stderr_has("not a handler: perl");
}

#[test]
fn pending_entries_are_tried_with_the_number_of_their_next_delivery() {
    let server = held_by_two(2);
    make_stale(&server, GROUP, "c1", &["1-0", "2-0", "3-0", "4-0"], 1000, 4);
    server.redis(&["XDEL", STREAM, "2-0"]);
    let before = state(&server);
    let words = ["try", GROUP, "--pending", "--exec", "--"];
    let said = [
        &words[..],
        &[
            "sh",
            "-c",
            "[ $UCP_DELIVERIES = 5 ] || [ $UCP_DELIVERIES = 2 ]",
        ],
    ]
    .concat();
    let run = server.ucp(&said);
    run.assert_code(0)
        .stderr_has("1 entry cannot be tried: the body was trimmed or deleted")
        .stderr_has("5 entries tried: 5 ok");
    let few = [
        &["try", GROUP, "--pending", "--count", "2"][..],
        &["--builtin", "null"],
    ]
    .concat();
    server
        .ucp(&few)
        .assert_code(0)
        .stderr_has("only the oldest");
    assert_eq!(state(&server), before);
}

#[test]
fn dead_letters_are_tried_as_they_were_before() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    let dies = [
        "worker",
        "run",
        GROUP,
        "--once",
        "--max-deliveries",
        "1",
        "--exec",
        "--",
        "sh",
        "-c",
        "[ $UCP_ID = 2-0 ]",
    ];
    server.ucp(&dies).assert_code(0);
    let before = state(&server);
    let check = "read -r entry; case $entry in *_dlq_*) exit 1;; esac; [ $UCP_ID != 2-0 ]";
    let run = server.ucp(&[
        "try", GROUP, "--dlq", "-o", "json", "--exec", "--", "sh", "-c", check,
    ]);
    let rows = run.assert_code(0).stdout_json();
    assert_eq!(outcomes(&rows), [("1-0", "ok"), ("3-0", "ok")]);
    assert_eq!(state(&server), before);
    let nothing = server.ucp(&["try", GROUP, "--pending", "--builtin", "null"]);
    nothing
        .assert_code(0)
        .stderr_has("nothing to try")
        .stderr_has("has nothing pending");
}

#[test]
fn an_interrupt_stops_what_runs_and_shows_what_was_tried() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 5);
    deliver(&server, STREAM, GROUP, "c", 5);
    let words = ["try", GROUP, "--pending", "--exec", "./by-id", "-o", "json"];
    let home = directory();
    let invocation = handler(server.command(&words).in_dir(home.path()), "by-id", BY_ID);
    let hanging = home.path().join("hanging");
    let running = invocation.spawn();
    until(PATIENCE, "the handler hangs", || {
        fs::read_to_string(&hanging).is_ok_and(|it| it.ends_with('\n'))
    });
    let pid = fs::read_to_string(&hanging)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let run = running.terminate();
    let rows = run.assert_code(143).stdout_json();
    assert_eq!(outcomes(&rows).len(), 4, "{rows}");
    until(PATIENCE, "it is stopped", || !is_alive(pid));
}

#[test]
fn a_handler_that_cannot_run_is_said_before_anything_is_read() {
    let server = held_by_two(2);
    server
        .ucp(&["try", GROUP, "--exec", "./absent"])
        .assert_code(2)
        .stderr_has("there is no program");
    server.ucp(&["try", "nobody"]).assert_code(3);
    server
        .ucp(&["try", GROUP, "--last", "3", "--dlq", "--builtin", "null"])
        .assert_code(2);
    server
        .ucp(&["try", GROUP, "--last", "20000", "--builtin", "null"])
        .assert_code(2);
}
