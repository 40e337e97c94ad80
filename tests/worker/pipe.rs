//! `--pipe`: processes that stay, one line in, one line out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Signal, TestServer, directory, is_alive, until};
use crate::{fields, pending};

/// Reads an entry a line and takes its id and the value of its field `n`.
const READ: &str = r#"
while read -r line; do
  rest=${line#*\"id\":\"}; id=${rest%%\"*}
  rest=${line#*\"n\":\"}; n=${rest%%\"*}
"#;

fn messages(server: &TestServer, count: u32) {
    for n in 1..=count {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
}

fn run<'a>(flags: &[&'a str], script: &'a str) -> Vec<&'a str> {
    let mut args = vec!["worker", "run", "billing", "--stream", "orders"];
    args.extend(["--backoff-base", "100ms"]);
    args.extend(flags);
    args.extend(["--pipe", "--", "sh", "-c", script]);
    args
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_process_stays_for_many_messages() {
    let server = TestServer::start();
    messages(&server, 200);
    let home = directory();
    let ledger = home.path().join("ledger");
    let script = format!(
        r#"{READ} echo "$$ $UCP_STREAM/$UCP_GROUP $n" >>"$ledger"; echo "{{\"id\":\"$id\",\"ok\":true}}"; done
        echo "$$ bye" >>"$ledger""#
    );
    let run = run(&["--once", "--concurrency", "2"], &script);
    server
        .command(&run)
        .env("ledger", &ledger)
        .run()
        .assert_code(0)
        .stderr_has("200 handled");
    assert_eq!(pending(&server, "orders", "billing"), 0);

    let mut handled = BTreeMap::<String, Vec<String>>::new();
    for line in lines(&ledger) {
        let (process, what) = line.split_once(' ').unwrap();
        handled
            .entry(process.to_owned())
            .or_default()
            .push(what.to_owned());
    }
    println!("{} processes for 200 messages", handled.len());
    assert!((1..=2).contains(&handled.len()), "{handled:?}");
    let all: BTreeSet<&str> = handled.values().flatten().map(String::as_str).collect();
    assert_eq!(all.len(), 201, "200 messages and one farewell: {all:?}");
    for said in handled.values() {
        // Its input was closed at the end, and it had the time to say so.
        assert_eq!(said.last().unwrap(), "bye");
    }
}

#[test]
fn a_process_that_dies_is_replaced_and_its_message_tried_again() {
    let server = TestServer::start();
    messages(&server, 5);
    let home = directory();
    let (ledger, died) = (home.path().join("ledger"), home.path().join("died"));
    let script = format!(
        r#"{READ} if [ "$n" = 3 ] && [ ! -e "$died" ]; then touch "$died"; echo 'no memory' >&2; exit 9; fi
        echo "$$ $n" >>"$ledger"; echo "{{\"id\":\"$id\",\"ok\":true}}"; done"#
    );
    let worker = server
        .command(&run(&[], &script))
        .env("ledger", &ledger)
        .env("died", &died)
        .spawn();
    until(PATIENCE, "all five", || lines(&ledger).len() == 5);
    until(PATIENCE, "all acknowledged", || {
        pending(&server, "orders", "billing") == 0
    });
    let end = worker.terminate();
    end.stderr_has("the handler ended (exit status: 9) without an answer: no memory");
    let of = |n: &str| -> Vec<String> {
        let all = lines(&ledger);
        let found = all
            .iter()
            .filter_map(|line| line.split_once(' ').filter(|it| it.1 == n));
        found.map(|it| it.0.to_owned()).collect()
    };
    assert_eq!(of("3").len(), 1);
    assert_ne!(of("1"), of("4"), "another process");
}

#[test]
fn what_an_answer_publishes_is_added_with_the_acknowledgement() {
    let server = TestServer::start();
    messages(&server, 20);
    let script = format!(
        r#"{READ} echo "{{\"id\":\"$id\",\"ok\":true,\"publish\":[{{\"stream\":\"out\",\"fields\":{{\"of\":\"$n\",\"more\":[1,2]}}}}]}}"; done"#
    );
    server
        .ucp(&run(&["--once"], &script))
        .assert_code(0)
        .stderr_has("20 handled");
    assert_eq!(pending(&server, "orders", "billing"), 0);
    let out = server.redis(&["XRANGE", "out", "-", "+"]);
    let of: Vec<String> = out
        .items()
        .iter()
        .map(|entry| fields(entry)["of"].clone())
        .collect();
    let expected: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
    assert_eq!(of, expected);
    assert_eq!(fields(&out.items()[0])["more"], "[1,2]");
}

#[test]
fn an_error_is_another_attempt_and_a_permanent_one_a_dead_letter() {
    let server = TestServer::start();
    messages(&server, 2);
    let script = format!(
        r#"{READ} case $n in
          1) echo "{{\"id\":\"$id\",\"error\":\"unknown brand\",\"permanent\":true}}";;
          *) echo "{{\"id\":\"$id\",\"error\":\"busy\"}}";;
        esac; done"#
    );
    server
        .ucp(&run(&["--once"], &script))
        .assert_code(7)
        .stderr_has("1 dead-lettered")
        .stderr_has("reason=busy");
    assert_eq!(pending(&server, "orders", "billing"), 1);
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    let letter = fields(&dead.items()[0]);
    assert_eq!(
        (&*letter["_dlq_reason"], &*letter["n"]),
        ("unknown brand", "1")
    );
}

#[test]
fn what_is_no_answer_ends_the_process_and_says_what_it_was() {
    let server = TestServer::start();
    messages(&server, 1);
    let script = format!(r#"{READ} echo "working on $n"; done"#);
    let flags = ["--max-deliveries", "2"];
    let worker = server.command(&run(&flags, &script)).spawn();
    until(PATIENCE, "the dead letter", || {
        server.redis(&["XLEN", "{orders}:dlq"]).int() == 1
    });
    worker.terminate();
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    let reason = fields(&dead.items()[0])["_dlq_reason"].clone();
    assert!(
        reason.starts_with("not an answer: working on 1"),
        "{reason}"
    );
}

#[test]
fn a_process_that_hangs_is_killed_and_none_outlives_the_worker() {
    let server = TestServer::start();
    messages(&server, 2);
    let home = directory();
    let ledger = home.path().join("ledger");
    let script = format!(r#"{READ} echo "$$ $n" >>"$ledger"; sleep 600; done"#);
    let flags = ["--handler-timeout", "300ms", "--concurrency", "2"];
    let mut worker = server
        .command(&run(&flags, &script))
        .env("ledger", &ledger)
        .spawn();
    until(PATIENCE, "second attempts", || lines(&ledger).len() >= 4);
    worker.signal(Signal::KILL);
    worker.wait();
    let processes: BTreeSet<i32> = lines(&ledger)
        .iter()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(
        processes.len() >= 4,
        "a new one for each attempt: {processes:?}"
    );
    until(PATIENCE, "no process is left", || {
        !processes.iter().any(|process| is_alive(*process))
    });
}

/// Reads whatever is there, and answers the last of it first.
const BACKWARDS: &str = r#"
import json, os
ledger = open(os.environ["ledger"], "a")
rest = b""
while True:
    piece = os.read(0, 1 << 16)
    if not piece:
        break
    *lines, rest = (rest + piece).split(b"\n")
    ids = [json.loads(line)["id"] for line in lines]
    ledger.write(f"{len(ids)}\n")
    ledger.flush()
    answers = [json.dumps({"id": id, "ok": True}) + "\n" for id in reversed(ids)]
    os.write(1, "".join(answers).encode())
"#;

#[test]
fn a_fast_process_is_sent_entries_ahead_and_may_answer_in_any_order() {
    let server = TestServer::start();
    messages(&server, 3000);
    let home = directory();
    let ledger = home.path().join("ledger");
    let mut args = run(&["--once"], "");
    args.truncate(args.len() - 3);
    args.extend(["python3", "-c", BACKWARDS]);
    server
        .command(&args)
        .env("ledger", &ledger)
        .run()
        .assert_code(0)
        .stderr_has("3,000 handled")
        .stderr_lacks("failed attempt");
    assert_eq!(pending(&server, "orders", "billing"), 0);
    let at_a_time: Vec<usize> = lines(&ledger)
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    let most = at_a_time.iter().max().unwrap();
    println!("{} reads, up to {most} entries each", at_a_time.len());
    assert_eq!(at_a_time.iter().sum::<usize>(), 3000, "each was sent once");
    assert!(*most > 1, "never more than one at a time");
}

#[test]
fn no_read_asks_for_more_than_the_batch_that_was_given() {
    let server = TestServer::start();
    messages(&server, 1000);
    let home = directory();
    let mut args = run(&["--once", "--batch", "2"], "");
    args.truncate(args.len() - 3);
    args.extend(["python3", "-c", BACKWARDS]);
    server
        .command(&args)
        .env("ledger", home.path().join("ledger"))
        .run()
        .assert_code(0)
        .stderr_has("1,000 handled");
    let stats = server.redis(&["INFO", "commandstats"]).text().to_owned();
    let (_, of_reads) = stats.split_once("cmdstat_xreadgroup:calls=").unwrap();
    let reads: u32 = of_reads.split(',').next().unwrap().parse().unwrap();
    println!("{reads} reads for 1000 entries");
    assert!(reads >= 500, "only {reads} reads for 1000 entries");
}

/// What the ledger has of each message: how often it was begun and done.
fn counted(ledger: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines(ledger) {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// 1000 messages, one of which does `harm` to each process that begins it, `begun_by` in all: it alone fails, in three
/// attempts, and all others are handled once.
fn one_does_harm(harm: &str, flags: &[&str], reason: &str, begun_by: usize) {
    let server = TestServer::start();
    messages(&server, 1000);
    let home = directory();
    let ledger = home.path().join("ledger");
    let script = format!(
        r#"{READ} echo "begun $n" >>"$ledger"; if [ "$n" = 500 ]; then {harm}; fi
        echo "done $n" >>"$ledger"; echo "{{\"id\":\"$id\",\"ok\":true}}"; done"#
    );
    let mut all = vec!["--max-deliveries", "3"];
    all.extend(flags);
    let worker = server
        .command(&run(&all, &script))
        .env("ledger", &ledger)
        .spawn();
    until(PATIENCE, "the dead letter", || {
        server.redis(&["XLEN", "{orders}:dlq"]).int() == 1
    });
    until(PATIENCE, "all the others", || {
        counted(&ledger)
            .keys()
            .filter(|it| it.starts_with("done"))
            .count()
            == 999
    });
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("999 handled")
        .stderr_has("3 failed attempts");
    assert_eq!(pending(&server, "orders", "billing"), 0);
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    let letter = fields(&dead.items()[0]);
    assert_eq!(&*letter["n"], "500");
    assert_eq!(&*letter["_dlq_deliveries"], "3");
    assert!(letter["_dlq_reason"].contains(reason), "{letter:?}");
    let counted = counted(&ledger);
    for n in 1..=1000 {
        let begun = counted[&format!("begun {n}")];
        let wanted = if n == 500 { begun_by } else { 1 };
        assert_eq!(begun, wanted, "processes that began {n}");
    }
}

#[test]
fn a_message_that_kills_its_process_is_blamed_alone() {
    one_does_harm("echo 'no memory' >&2; exit 9", &[], "no memory", 3);
}

#[test]
fn a_message_at_which_processes_end_well_is_blamed_from_the_second_on() {
    // The second process has answered others by then, and would look as if it had had enough, too.
    let two = ["--concurrency", "2"];
    one_does_harm("exit 0", &two, "ended (exit status: 0)", 4);
}

#[test]
fn a_message_that_hangs_is_blamed_alone() {
    one_does_harm(
        "sleep 600",
        &["--handler-timeout", "300ms"],
        "did not finish within 300ms",
        3,
    );
}

/// A handler ends in time while its worker stands still, and the worker goes on when the limit is over.
fn ends_while_the_worker_stands_still(way: &str, script: &str) {
    const LIMIT: Duration = Duration::from_millis(1500);
    let server = TestServer::start();
    messages(&server, 1);
    let home = directory();
    let ledger = home.path().join("ledger");
    let limit = format!("{}ms", LIMIT.as_millis());
    let mut args = run(&["--handler-timeout", &limit], script);
    *args.iter_mut().find(|word| **word == "--pipe").unwrap() = way;
    let mut worker = server.command(&args).env("ledger", &ledger).spawn();
    until(PATIENCE, "it has begun", || lines(&ledger).len() == 1);
    let begun = Instant::now();
    worker.signal(Signal::STOP);
    fs::write(home.path().join("ledger.go"), "").unwrap();
    until(PATIENCE, "it is done", || lines(&ledger).len() == 2);
    std::thread::sleep(LIMIT.saturating_sub(begun.elapsed()) + Duration::from_millis(100));
    worker.signal(Signal::CONT);
    until(PATIENCE, "acknowledged", || {
        pending(&server, "orders", "billing") == 0
    });
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("1 handled")
        .stderr_lacks("failed attempt");
}

/// Says that it has begun, and waits until it may go on.
const WAIT: &str = r#"echo begun >>"$ledger"; while [ ! -e "$ledger.go" ]; do sleep 0.02; done;"#;

#[test]
fn an_answer_in_time_counts_where_the_worker_stood_still_until_after_the_limit() {
    let script = format!(
        r#"{READ} {WAIT} echo "{{\"id\":\"$id\",\"ok\":true}}"; echo done >>"$ledger"; done"#
    );
    ends_while_the_worker_stands_still("--pipe", &script);
}

#[test]
fn an_end_in_time_counts_where_the_worker_stood_still_until_after_the_limit() {
    ends_while_the_worker_stands_still("--exec", &format!("{WAIT} echo done >>\"$ledger\""));
}

#[test]
fn a_process_that_has_had_enough_leaves_the_rest_to_the_next() {
    let server = TestServer::start();
    messages(&server, 1000);
    let home = directory();
    let ledger = home.path().join("ledger");
    // 100 messages each, as programs do that leak.
    let script = format!(
        r#"left=100; {READ} echo "$$ $n" >>"$ledger"; echo "{{\"id\":\"$id\",\"ok\":true}}"
        left=$((left - 1)); test $left -gt 0 || exit 0; done"#
    );
    server
        .command(&run(&["--once"], &script))
        .env("ledger", &ledger)
        .run()
        .assert_code(0)
        .stderr_has("1,000 handled")
        .stderr_lacks("failed attempt");
    let all = lines(&ledger);
    let processes: BTreeSet<&str> = all.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!((all.len(), processes.len()), (1000, 10));
}

#[test]
fn a_program_is_needed() {
    let server = TestServer::start();
    for flag in ["--pipe", "--exec"] {
        server
            .ucp(&["worker", "run", "billing", "--stream", "orders", flag])
            .assert_code(2)
            .stderr_has(&format!("{flag} needs a program"))
            .stderr_has(&format!(
                "hint: write the program after the flag: {flag} -- PROGRAM ARGS"
            ));
    }
}
