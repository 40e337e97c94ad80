//! Repairs that cannot be made, or that two make at once.

use std::thread;

use crate::oneshot::{at, limited, stale};
use crate::scene::{RECOVERY, Scene};
use crate::support::{Run, until};

#[test]
fn row_26_no_permission_within_a_script() {
    let scene = Scene::new();
    stale(&scene, 3);
    let letter = ["XADD", "{s}:dlq", "9-1", "n", "9", "_dlq_stream", "s"];
    scene.server.redis(&letter);
    let requeue = ["requeue", "g", "--stream", "s", "1-1", "--yes"];
    let ack = ["ack", "g", "--stream", "s", "1-1", "--yes"];
    let redrive = ["dlq", "redrive", "s", "--all", "--yes"];
    for (denied, words, named) in [
        ("xack", &requeue[..], "requeue"),
        ("xadd", &requeue, "requeue"),
        ("xack", &ack, "ack"),
        ("xdel", &redrive, "dlq redrive"),
        ("xadd", &redrive, "dlq redrive"),
    ] {
        let run = at(&limited(&scene, &format!("-{denied}")), words).run();
        run.assert_code(5)
            .stderr_has(&format!("may not run {denied} on "))
            .stderr_has("nothing was changed")
            .stderr_has(&format!("ACL SETUSER limited +{denied};"))
            .stderr_has(&format!("`ucp-streams acl {named}` prints every"));
        println!("row 26: {}", run.stderr().lines().next().unwrap());
        assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 3);
        assert_eq!(scene.server.redis(&["XLEN", "{s}:dlq"]).int(), 1);
        assert_eq!(scene.pending().len(), 3);
    }
}

#[test]
fn row_26_no_permission_for_a_change_of_groups() {
    let scene = Scene::new();
    stale(&scene, 1);
    let join = ["XGROUP", "CREATECONSUMER", "s", "g", "idle"];
    scene.server.redis(&join);
    let of = ["g", "--stream", "s", "--yes"];
    let set_id = [&["groups", "set-id"][..], &of, &["0", "--force"]].concat();
    let delete = [&["groups", "delete"][..], &of, &["--force"]].concat();
    let prune = [&["consumers", "prune"][..], &of, &["--idle", "0s"]].concat();
    let consumer = [&["consumers", "delete"][..], &of, &["idle"]].concat();
    let before = scene.server.redis(&["XINFO", "STREAM", "s", "FULL"]);
    for (denied, words, named) in [
        ("xgroup|setid", &set_id, "groups set-id"),
        ("exists", &set_id, "groups set-id"),
        ("xgroup|destroy", &delete, "groups delete"),
        ("xgroup|delconsumer", &prune, "consumers prune"),
        ("xgroup|delconsumer", &consumer, "consumers delete"),
    ] {
        let run = at(&limited(&scene, &format!("-{denied}")), words).run();
        run.assert_code(5)
            .stderr_has(&format!("ACL SETUSER limited +{denied};"))
            .stderr_has(&format!("`ucp-streams acl {named}` prints every"));
        let after = scene.server.redis(&["XINFO", "STREAM", "s", "FULL"]);
        assert_eq!(format!("{after:?}"), format!("{before:?}"), "{denied}");
    }
}

#[test]
fn row_32_group_missing_for_a_command() {
    let scene = Scene::new();
    stale(&scene, 1);
    scene.server.redis(&["XGROUP", "DESTROY", "s", "g"]);
    scene.server.redis(&["XGROUP", "CREATE", "s", "other", "0"]);
    for args in [
        &["pending", "g", "--stream", "s"][..],
        &["claim", "g", "--stream", "s", "--to", "c", "1-1", "--yes"],
        &["ack", "g", "--stream", "s", "1-1", "--yes"],
        &["requeue", "g", "--stream", "s", "1-1", "--yes"],
        &["lag", "g", "--stream", "s"],
    ] {
        let run = scene.server.ucp(args);
        run.assert_code(3).stderr_has("`g`").stderr_has("`s`");
        println!(
            "row 32: {}: {}",
            args[0],
            run.stderr().lines().next().unwrap()
        );
    }
}

#[test]
fn row_35_key_of_the_wrong_type_for_a_command() {
    let scene = Scene::new();
    scene.server.redis(&["SET", "s", "text"]);
    for args in [
        &["pending", "g", "--stream", "s"][..],
        &["ack", "g", "--stream", "s", "1-1", "--yes"],
        &["publish", "s", "n=1"],
        &["tail", "s"],
        &["read", "s"],
        &["info", "s"],
    ] {
        let run = scene.server.ucp(args);
        run.assert_code(3).stderr_has("`s`");
        println!(
            "row 35: {}: {}",
            args[0],
            run.stderr().lines().next().unwrap()
        );
    }
    assert_eq!(scene.server.redis(&["GET", "s"]).text(), "text");
}

#[test]
fn row_51_two_claims_at_once() {
    let scene = Scene::new();
    stale(&scene, 200);
    let names = ["a", "b"];
    for name in names {
        scene
            .server
            .redis(&["XGROUP", "CREATECONSUMER", "s", "g", name]);
    }
    let runs: Vec<Run> = thread::scope(|scope| {
        let claim = |name| {
            let args = [
                "claim", "g", "--stream", "s", "--to", name, "--idle", "1m", "--yes", "-o",
                "ndjson",
            ];
            scene.server.ucp(&args)
        };
        let threads = names.map(|name| scope.spawn(move || claim(name)));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let claimed: Vec<usize> = runs
        .iter()
        .map(|run| {
            let rows = run.stdout_ndjson();
            let claimed = rows
                .iter()
                .filter(|row| row["outcome"] == "claimed")
                .count();
            let expected = match (claimed, rows.len() - claimed) {
                (_, 0) => 0,
                // All of its plan had changed.
                (0, _) => 6,
                _ => 7,
            };
            assert_eq!(run.code(), Some(expected), "{run}");
            claimed
        })
        .collect();
    println!(
        "row 51: claimed {claimed:?}, codes {:?}",
        runs.iter().map(Run::code).collect::<Vec<_>>()
    );
    let pending = scene.pending();
    let held = |name: &str| pending.iter().filter(|row| row.consumer == name).count();
    assert_eq!([held("a"), held("b")], claimed[..], "{runs:?}");
    assert_eq!(claimed.iter().sum::<usize>(), 200, "{runs:?}");
    assert!(
        pending.iter().all(|row| row.deliveries <= 2),
        "each claimed once"
    );
}

#[test]
fn row_52_requeue_where_two_groups_would_see_it() {
    let scene = Scene::new();
    stale(&scene, 2);
    scene.server.redis(&["XGROUP", "CREATE", "s", "other", "0"]);
    let requeue = ["requeue", "g", "--stream", "s", "1-1", "--yes"];
    let run = scene.server.ucp(&requeue);
    run.assert_code(6)
        .stderr_has("--via-retry-stream")
        .stderr_has("--all-groups-see-it");
    assert_eq!(
        (
            scene.pending().len(),
            scene.server.redis(&["XLEN", "s"]).int()
        ),
        (2, 2)
    );
    let agreed = scene
        .server
        .ucp(&[&requeue[..], &["--all-groups-see-it"]].concat());
    agreed.assert_code(0);
    println!("row 52: {}", run.stderr().lines().next().unwrap());
    until(RECOVERY, "the copy", || {
        scene.server.redis(&["XLEN", "s"]).int() == 3
    });
    assert_eq!(scene.pending().len(), 1);
}

#[test]
fn row_54_two_redrives_at_once_by_command() {
    let scene = Scene::new();
    scene.publish(1, 1);
    scene.group();
    let mut client = scene.server.client();
    for ms in 1..=100 {
        let id = format!("{ms}-1");
        client.send(&[
            "XADD",
            "{s}:dlq",
            &id,
            "n",
            "1",
            "_dlq_stream",
            "s",
            "_dlq_group",
            "g",
            "_dlq_id",
            &id,
            "_dlq_body",
            "present",
        ]);
    }
    let redrive = ["dlq", "redrive", "s", "--all", "--yes", "-o", "ndjson"];
    let runs = thread::scope(|scope| {
        let runs = [(); 2].map(|()| scope.spawn(|| scene.server.ucp(&redrive)));
        runs.map(|run| run.join().unwrap())
    });
    let mut moved = Vec::new();
    for run in &runs {
        let rows = run.stdout_ndjson();
        let of = |outcome: &str| -> Vec<String> {
            let rows = rows.iter().filter(|row| row["outcome"] == outcome);
            rows.map(|row| row["id"].to_string()).collect()
        };
        let (redriven, gone) = (of("redriven"), of("gone"));
        assert_eq!(redriven.len() + gone.len(), rows.len(), "{run}");
        // What the other one moved is said to be gone.
        let code = match (redriven.len(), gone.len()) {
            (_, 0) => 0,
            // All of its plan had changed.
            (0, _) => 6,
            _ => 7,
        };
        run.assert_code(code);
        println!("row 54: {} redriven, {} gone", redriven.len(), gone.len());
        moved.extend(redriven);
    }
    moved.sort_unstable();
    moved.dedup();
    assert_eq!(moved.len(), 100, "each by one of them");
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 101);
    assert_eq!(scene.server.redis(&["XLEN", "{s}:dlq"]).int(), 0);
    let again = ["dlq", "redrive", "s", "1-1", "--yes"];
    let again = scene.server.ucp(&again);
    again
        .assert_code(3)
        .stderr_has("none of these ids was found");
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 101);
    println!("row 54: {}", again.stderr().lines().next().unwrap());
}
