//! What no waiting mends: missing permissions, missing groups, keys of the wrong type, consumers that hold entries.

use std::thread;

use crate::oneshot::{at, limited, stale};
use crate::scene::Scene;
use crate::support::{Client, PATIENCE, TestServer, ucp, until};

#[test]
fn row_25_no_permission() {
    let scene = Scene::new();
    scene.publish(1, 3);
    scene.group();
    for denied in ["-xreadgroup", "-xinfo|groups", "-evalsha"] {
        let rules = ["reset", "on", ">canary-secret", "~*", "+@all", denied];
        scene
            .server
            .redis(&[&["ACL", "SETUSER", "limited"], &rules[..]].concat());
        let url = format!("{}?user=limited&pass=canary-secret", scene.server.url());
        let command = denied.trim_start_matches('-').replace('|', " ");
        let run = scene.worker_at(&url, &[], "exit 65").run();
        run.assert_code(5)
            .stderr_lacks("canary-secret")
            .stderr_has("NOPERM");
        assert!(
            run.stderr().to_lowercase().contains(&command),
            "{denied}: {run}"
        );
        println!("row 25: {denied}: {}", run.stderr().lines().last().unwrap());
    }
}

#[test]
fn row_25_no_permission_for_a_command() {
    let scene = Scene::new();
    stale(&scene, 3);
    let of_group = ["--stream", "s"];
    for (denied, words) in [
        ("xadd", &["publish", "s", "n=1"][..]),
        ("xrange", &["read", "s"]),
        ("xpending", &[&["pending", "g"], &of_group[..]].concat()),
        ("xreadgroup", &[&["consume", "g"], &of_group[..]].concat()),
        ("xinfo|groups", &[&["lag", "g"], &of_group[..]].concat()),
        ("xgroup|create", &["init", "event-processors"]),
    ] {
        let run = at(&limited(&scene, &format!("-{denied}")), words).run();
        run.assert_code(5)
            .stderr_has(&format!("ACL SETUSER limited +{denied}"));
        let hint = run.stderr().lines().last().unwrap();
        println!("row 25: {}: {hint}", words[0]);
        assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 3);
        assert_eq!(scene.pending().len(), 3);
    }
}

#[test]
fn row_25_no_permission_for_the_dead_letter_stream() {
    let scene = Scene::new();
    scene.publish(1, 3);
    scene.group();
    let url = scene.server.add_user("limited", "~s +@all");
    let mut worker = scene
        .worker_at(&url, &[], "case $UCP_ID in 2-1) exit 65;; esac")
        .spawn();
    worker.await_stderr("they stay pending");
    scene.await_count("done", 2);
    assert!(worker.ended().is_none(), "the others are handled");
    worker.terminate().assert_code(0);
    let account = scene.closed_account("25");
    assert_eq!(account.pending.len(), 1);
}

#[test]
fn row_25_no_permission_for_the_output() {
    let server = TestServer::start();
    let [stream, group] = ["events.normalized", "event-processors"];
    for n in 1..=4 {
        let ingest = ["ingest", "brandId=b", "eventType=purchase"];
        let payload = format!(r#"payload={{"total": {n}}}"#);
        let ingested = server.ucp(&[&ingest[..], &[&payload]].concat());
        ingested.assert_code(0);
    }
    server.add_user("limited", "~* +@all -hincrby");
    let short = ["--max-deliveries", "2", "--backoff-base", "50ms"];
    let run = server
        .command_as("limited", &[&["worker", "run", group][..], &short].concat())
        .run();
    run.assert_code(5)
        .stderr_has("NOPERM")
        .stderr_has("hincrby")
        .stderr_has("ACL SETUSER");
    println!("row 25: {}", run.stderr().lines().last().unwrap());
    assert_eq!(
        server.redis(&["EXISTS", "{events.normalized}:dlq"]).int(),
        0
    );
    // With the permission, whoever comes next handles all of them.
    let once = ["worker", "run", group, "--once"];
    let run = server.ucp(&[&once[..], &["--claim-idle", "3s"]].concat());
    let left = server.redis(&["XPENDING", stream, group]).items()[0].int();
    let handled = if left == 0 { 0 } else { 7 };
    run.assert_code(handled);
}

#[test]
fn row_35_an_output_of_the_wrong_type() {
    let server = TestServer::start();
    server.redis(&["SET", "profiles.merges", "x"]);
    let request = [
        "--brand-id",
        "b",
        "--profile-ids",
        "[\"p\"]",
        "--reason",
        "identifier_match",
        "--requires-manual-review",
        "false",
    ];
    for _ in 0..4 {
        let publish = ["publish", "merge-request"];
        server
            .ucp(&[&publish[..], &request].concat())
            .assert_code(0);
    }
    let short = [
        "--max-deliveries",
        "2",
        "--backoff-base",
        "50ms",
        "--backoff-cap",
        "200ms",
    ];
    let mut worker = server
        .command(&[&["worker", "run", "merge-processors"][..], &short].concat())
        .spawn();
    let failed = || {
        worker
            .so_far()
            .matches("the output could not be written")
            .count()
    };
    until(PATIENCE, "many attempts", || failed() > 12);
    assert_eq!(
        server
            .redis(&["EXISTS", "{profiles.merge_requests}:dlq"])
            .int(),
        0
    );
    server.redis(&["DEL", "profiles.merges"]);
    until(PATIENCE, "all outputs", || {
        server.redis(&["XLEN", "profiles.merges"]).int() == 4
    });
    println!(
        "row 35: {} attempts at the output, then all handled",
        failed()
    );
    worker.await_stderr("attempt failed");
    worker.terminate().assert_code(0).stderr_has("4 handled");
}

#[test]
fn row_32_group_missing() {
    let scene = Scene::new();
    scene.publish(1, 1);
    scene.server.redis(&["XGROUP", "CREATE", "s", "other", "0"]);
    let run = scene.worker(&["--no-create"], "").run();
    run.assert_code(3)
        .stderr_has("no group `g` on `s`")
        .stderr_has("ucp-streams init g");
    assert_eq!(
        scene.server.redis(&["XINFO", "GROUPS", "s"]).items().len(),
        1
    );
    println!("row 32: ended with {:?}", run.code());
}

#[test]
fn row_33_group_exists_already() {
    let scene = Scene::new();
    let first = scene.server.ucp(&["init", "event-processors"]);
    first.assert_code(0).stdout_has("created");
    let second = scene.server.ucp(&["init", "event-processors"]);
    second.assert_code(0).stdout_has("exists");
    let groups = scene
        .server
        .redis(&["XINFO", "GROUPS", "events.normalized"]);
    assert_eq!(groups.items().len(), 1);
    println!("row 33: {} group after two runs", groups.items().len());
}

#[test]
fn row_33_group_exists_with_another_start() {
    let scene = Scene::new();
    let init = |start| {
        scene
            .server
            .ucp(&["init", "event-processors", "--start", start])
    };
    init("0").assert_code(0).stdout_has("created");
    // The start and the end of an empty stream are one place.
    init("$").assert_code(0).stdout_has("exists");
    let add = ["XADD", "events.normalized", "*", "n", "1"];
    scene.server.redis(&add);
    let unused = init("$");
    unused
        .assert_code(0)
        .stdout_has("differs")
        .stderr_has("event-processors");
    let groups = || {
        scene
            .server
            .redis(&["XINFO", "GROUPS", "events.normalized"])
    };
    let position = groups().items()[0]
        .field("last-delivered-id")
        .text()
        .to_owned();
    assert_eq!(position, "0-0", "it was left where it is");
    // Once somebody reads with it, where it began says nothing.
    let join = ["XGROUP", "CREATECONSUMER", "events.normalized"];
    scene
        .server
        .redis(&[&join[..], &["event-processors", "c"]].concat());
    init("$").assert_code(0).stdout_has("exists");
    println!(
        "row 33: {} group after three runs, at {position}; {}",
        groups().items().len(),
        unused.stderr().lines().next().unwrap()
    );
}

#[test]
fn row_35_key_of_the_wrong_type_at_the_start() {
    let scene = Scene::new();
    scene.server.redis(&["SET", "s", "text"]);
    let run = scene.worker(&[], "").run();
    run.assert_code(3)
        .stderr_has("`s` is not a stream: the key holds a string");
    println!("row 35: {}", run.stderr().lines().last().unwrap());
}

#[test]
fn row_35_key_of_the_wrong_type_while_a_read_waits() {
    let scene = Scene::new();
    scene.publish(1, 3);
    let worker = scene.worker(&[], "").spawn();
    scene.await_settled_by(&[&worker]);
    scene.server.redis(&["SET", "s", "text"]);
    let run = worker.wait();
    run.assert_code(3).stderr_has("WRONGTYPE");
    assert_eq!(scene.server.redis(&["GET", "s"]).text(), "text");
    println!("row 35: ended with {:?}", run.code());
}

#[test]
fn row_49_consumer_that_holds_entries_is_not_deleted() {
    let scene = Scene::new();
    scene.publish(1, 5);
    scene.group();
    let read = ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"];
    scene.server.redis(&read);
    let delete = ["consumers", "delete", "g", "c", "--stream", "s", "--yes"];
    let run = scene.server.ucp(&delete);
    run.assert_code(6);
    for ms in 1..=5 {
        run.stderr_has(&format!("{ms}-1"));
    }
    assert_eq!((scene.pending().len(), scene.consumers().len()), (5, 1));
    println!("row 49: {}", run.stderr().lines().next().unwrap());
}

#[test]
fn row_49_consumer_that_is_deleted_while_entries_come_to_it_loses_none() {
    const ROUNDS: u64 = 12;
    let scene = Scene::new();
    scene.group();
    let (mut deleted, mut refused) = (0, 0);
    for round in 1..=ROUNDS {
        scene
            .server
            .redis(&["XGROUP", "CREATECONSUMER", "s", "g", &format!("c{round}")]);
        let name = format!("c{round}");
        let delete = ["consumers", "delete", "g", &name, "--stream", "s", "--yes"];
        let run = thread::scope(|scope| {
            let run = scope.spawn(|| scene.server.ucp(&delete));
            // Each round a little later: before it looks, between its look and its deed, after both.
            thread::sleep(std::time::Duration::from_millis(4 * round));
            scene.publish(round, round);
            let read = ["XREADGROUP", "GROUP", "g", &name, "STREAMS", "s", ">"];
            scene.server.redis(&read);
            run.join().unwrap()
        });
        match run.code() {
            Some(0) => deleted += 1,
            Some(6) => refused += 1,
            _ => panic!("{run}"),
        }
    }
    println!(
        "row 49: of {ROUNDS} deletions beside a delivery {deleted} were done, {refused} refused"
    );
    assert_eq!(
        scene.pending().len() as u64,
        ROUNDS,
        "every delivered entry is pending still"
    );
}

#[test]
fn row_27_wrong_password() {
    let scene = Scene::new();
    scene.publish(1, 3);
    scene.group();
    let mut admin = scene.server.client();
    admin.send(&["CONFIG", "SET", "requirepass", "right"]);
    admin.send(&["AUTH", "right"]);
    let plain = scene.server.url();
    let (wrong, right) = (
        format!("{plain}?pass=canary-secret"),
        format!("{plain}?pass=right"),
    );
    let commands = [
        &["info"][..],
        &["publish", "s", "f=v"],
        &["pending", "s", "g"],
        &["tail", "s"],
    ];
    for command in commands {
        ucp(&[&["-u", &wrong], command].concat())
            .assert_code(5)
            .stdout_is("")
            .stderr_lacks("canary-secret")
            .stderr_has("password");
        ucp(&[&["-u", &plain], command].concat())
            .assert_code(5)
            .stdout_is("")
            .stderr_has("password");
    }
    // A worker does not knock again and again with what was refused: it ends.
    let before = connections(&mut admin);
    let run = scene.worker_at(&wrong, &[], "").run();
    run.assert_code(5).stderr_lacks("canary-secret");
    let at_start = connections(&mut admin) - before;

    // Nor when the password changes while it works.
    let worker = scene.worker_at(&right, &[], "").spawn();
    scene.await_count("done", 3);
    admin.send(&["CONFIG", "SET", "requirepass", "another"]);
    admin.send(&["AUTH", "another"]);
    let before = connections(&mut admin);
    admin.send(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let run = worker.wait();
    run.assert_code(5);
    let at_work = connections(&mut admin) - before;
    println!("row 27: {at_start} connections at the start, {at_work} after the change: {run}");
    assert!((1..=5).contains(&at_start), "{at_start}");
    assert!((1..=5).contains(&at_work), "{at_work}");
}

/// Connections the server has accepted so far.
fn connections(admin: &mut Client) -> i64 {
    let info = admin.send(&["INFO", "stats"]);
    let line = info
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}
