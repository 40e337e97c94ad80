//! Who may take whose work: claim idle as workers publish it, what is long in flight, consumers that live.

#![allow(
    clippy::print_stdout,
    reason = "a figure is for whoever runs it by hand"
)]

#[allow(dead_code, unreachable_pub, reason = "a part of what the faults share")]
#[path = "../faults/scene.rs"]
mod scene;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::support::{Run, Spawned, until};
use scene::{RECOVERY, Scene, kill};

const POLICY: &str = "{s}:policy:g";
/// Waits in the handler until the file `go` is there.
const WAIT: &str = r#"while ! test -e "$here/go"; do sleep 0.05; done"#;

/// A worker with this name, claim idle and handler, once it has published its claim idle.
#[track_caller]
fn worker(scene: &Scene, name: &str, claim_idle: &str, body: &str) -> Spawned {
    let flags = ["--claim-idle", claim_idle, "--consumer", name];
    let worker = scene
        .worker_with(&scene.server.url(), "5s", &flags, body)
        .spawn();
    until(RECOVERY, "a claim idle that is published", || {
        scene.server.redis(&["HEXISTS", POLICY, name]).int() == 1
    });
    worker
}

/// Publishes until the consumer of this name has one in its handler; how many there are then.
#[track_caller]
fn occupy(scene: &Scene, name: &str) -> usize {
    let mut published = 0;
    until(RECOVERY, "an entry that is worked on", || {
        published += 1;
        scene.publish(published, published);
        until(RECOVERY, "its delivery", || {
            scene.count("start") >= usize::try_from(published).unwrap()
        });
        scene.pending().iter().any(|row| row.consumer == name)
    });
    usize::try_from(published).unwrap()
}

/// What this consumer holds was delivered or renewed so long ago, by the server.
fn grow_idle(scene: &Scene, name: &str, idle_ms: &str) {
    for row in scene.pending().iter().filter(|row| row.consumer == name) {
        let claim = ["XCLAIM", "s", "g", name, "0", &row.id];
        let claim = [&claim[..], &["IDLE", idle_ms, "JUSTID"]].concat();
        scene.server.redis(&claim);
    }
}

fn go(scene: &Scene) {
    fs::write(scene.path("go"), "").unwrap();
}

/// How often entries were started that had been started before.
fn started_again(scene: &Scene) -> usize {
    let ids: Vec<String> = scene
        .ledger()
        .into_iter()
        .filter(|line| line.what == "start")
        .map(|line| line.id)
        .collect();
    ids.len() - ids.iter().collect::<BTreeSet<_>>().len()
}

/// The tool on the scene's group.
fn on_group(scene: &Scene, words: &[&str]) -> Run {
    let words = [&words[..1], &["g", "--stream", "s"], &words[1..]].concat();
    scene.server.ucp(&words)
}

#[test]
fn field_r4_live_work_is_not_taken_over_whatever_the_claim_idles_are() {
    for is_long_first in [true, false] {
        let scene = Scene::new();
        scene.group();
        let long = || worker(&scene, "long", "1m", WAIT);
        let short = || worker(&scene, "short", "3s", ":");
        let workers = if is_long_first {
            let long = long();
            occupy(&scene, "long");
            [long, short()]
        } else {
            let short = short();
            let long = long();
            occupy(&scene, "long");
            [long, short]
        };
        until(
            RECOVERY,
            "an entry that the short claim idle is over",
            || {
                let pending = scene.pending();
                let is_idle = pending.iter().all(|row| row.idle_ms >= 5500);
                is_idle || started_again(&scene) > 0
            },
        );
        assert_eq!(started_again(&scene), 0, "{:#?}", scene.ledger());
        go(&scene);
        scene.await_settled();
        for worker in workers {
            worker.terminate().assert_code(0).stderr_lacks("taken over");
        }
        assert_eq!(scene.closed_account("R4").repeats(), 0);
        assert_eq!(
            scene.server.redis(&["EXISTS", POLICY]).int(),
            0,
            "taken back"
        );
    }
}

#[test]
fn field_r4_a_dead_workers_claim_idle_is_waited_for_and_no_longer() {
    let scene = Scene::new();
    scene.group();
    let long = worker(
        &scene,
        "long",
        "9s",
        "test $UCP_DELIVERIES = 2 || sleep 100",
    );
    occupy(&scene, "long");
    kill(long);
    let died = Instant::now();
    let short = worker(&scene, "short", "3s", ":");
    scene.await_settled_by(&[&short]);
    // It had renewed at most a third of its claim idle before.
    assert!(
        died.elapsed() > Duration::from_millis(5500),
        "{:?}",
        died.elapsed()
    );
    until(
        RECOVERY,
        "the dead worker's claim idle to be forgotten",
        || scene.server.redis(&["HEXISTS", POLICY, "long"]).int() == 0,
    );
    short
        .terminate()
        .assert_code(0)
        .stderr_has("consumer=long")
        .stderr_has("1 taken over");
    scene.closed_account("R4");
}

#[test]
fn field_r4_claim_and_requeue_leave_live_work_alone() {
    let scene = Scene::new();
    scene.group();
    scene
        .server
        .redis(&["XGROUP", "CREATECONSUMER", "s", "g", "other"]);
    let long = worker(&scene, "long", "5m", WAIT);
    occupy(&scene, "long");
    // Longer than the group's claim idle in the topology, which is a minute.
    grow_idle(&scene, "long", "90000");
    for command in [&["requeue"][..], &["claim", "--to", "other"]] {
        let with = |flags: &[&str]| on_group(&scene, &[command, &["--yes"], flags].concat());
        with(&[]).assert_code(0).stderr_has("nothing to ");
        for flags in [
            &["--idle", "0s"][..],
            &["--idle", "4m"],
            &["--idle", "0s", "1-1"],
        ] {
            with(flags)
                .assert_code(6)
                .stderr_has("consumer `long` of group `g`")
                .stderr_has("claim idle of 5m")
                .stderr_has("--force");
            let plan = with(&[flags, &["--dry-run", "-o", "json"]].concat());
            let plan = plan.assert_code(6).stdout_json();
            let told = plan["refusal"].as_str().unwrap();
            assert!(told.contains("claim idle of 5m"), "{told}");
        }
        with(&["1-1"])
            .assert_code(6)
            .stderr_has("consumer `long` is live and has a claim idle of 5m");
        with(&["--idle", "5m"])
            .assert_code(0)
            .stderr_has("nothing to ");
        assert_eq!(scene.pending()[0].consumer, "long");
    }
    // Handing over is another way to take it.
    let heir = ["--yes", "--hand-over-to", "other"];
    let delete = [
        &["consumers", "delete", "g", "long", "--stream", "s"],
        &heir[..],
    ]
    .concat();
    let run = scene.server.ucp(&delete);
    run.assert_code(6)
        .stderr_has("consumer `long` of group `g`")
        .stderr_has("is live")
        .stderr_has("5m");
    let plan = scene
        .server
        .ucp(&[&delete[..], &["--dry-run", "-o", "json"]].concat());
    let plan = plan.assert_code(6).stdout_json();
    let told = plan["refusal"].as_str().unwrap();
    assert!(told.contains("its claim idle is 5m"), "{told}");
    assert_eq!(plan["holders"][0]["consumer"], "long");
    let prune = [
        &["consumers", "prune", "g", "--stream", "s", "--idle", "0s"],
        &heir[..],
    ]
    .concat();
    scene
        .server
        .ucp(&prune)
        .assert_code(6)
        .stderr_has("claim idle of 5m");
    on_group(&scene, &["requeue", "--idle", "0s", "--force", "--yes"])
        .assert_code(0)
        .stderr_has("1 of 1 entry requeued");
    go(&scene);
    scene.await_settled();
    long.terminate().assert_code(0);
}

#[test]
fn field_r4_where_no_worker_lives_nothing_is_to_be_forced() {
    let scene = Scene::new();
    scene.group();
    let first = worker(&scene, "first", "3s", "sleep 100");
    occupy(&scene, "first");
    kill(first);
    scene.publish(2, 3);
    let read = ["XREADGROUP", "GROUP", "g", "foreign", "STREAMS", "s", ">"];
    scene.server.redis(&read);
    until(RECOVERY, "a worker that does not live any more", || {
        let consumers = scene.server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
        let mut consumers = consumers.items().iter();
        consumers.any(|it| it.field("name").text() == "first" && it.field("idle").int() >= 3000)
    });
    // It died without taking its claim idle back.
    assert_eq!(scene.server.redis(&["HEXISTS", POLICY, "first"]).int(), 1);
    let run = on_group(&scene, &["requeue", "--idle", "0s", "--yes"]);
    run.assert_code(0)
        .stderr_has("3 of 3 entries requeued")
        .stderr_lacks("warning");
}

#[test]
fn field_r4_whoever_may_not_publish_says_so_once_and_goes_on() {
    let scene = Scene::new();
    scene.group();
    let url = scene.server.add_user("narrow", "~s ~{s}:dlq +@all");
    let flags = ["--consumer", "narrow", "--claim-idle", "3s"];
    let narrow = scene.worker_with(&url, "5s", &flags, ":").spawn();
    scene.publish(1, 2);
    scene.await_settled_by(&[&narrow]);
    let run = narrow.terminate();
    run.assert_code(0)
        .stderr_has("it uses its own")
        .stderr_has("2 handled");
    assert_eq!(
        run.stderr()
            .matches("cannot publish this worker's claim idle")
            .count(),
        1
    );
}

#[test]
fn field_r4_the_claim_idle_is_published_before_anything_is_read() {
    let scene = Scene::new();
    scene.group();
    scene.publish(1, 1);
    for (name, value) in [
        ("slowlog-max-len", "1000"),
        ("slowlog-log-slower-than", "0"),
    ] {
        scene.server.redis(&["CONFIG", "SET", name, value]);
    }
    let once = scene.worker(&["--once"], ":").run();
    once.assert_code(0).stderr_has("1 handled");
    let log = scene.server.redis(&["SLOWLOG", "GET", "1000"]);
    let calls: Vec<Vec<&str>> = log
        .items()
        .iter()
        .rev()
        .map(|it| it.items()[3].texts())
        .collect();
    let first = |is_it: &dyn Fn(&[&str]) -> bool| calls.iter().position(|call| is_it(call));
    let published = first(&|call| call[0].starts_with("EVAL") && call.contains(&POLICY));
    let read = first(&|call| call[0] == "XREADGROUP");
    assert!(published.is_some() && published < read, "{calls:#?}");
    let brings = calls[read.unwrap()].last();
    assert_eq!(brings, Some(&">"), "the first read brings entries");
}

#[test]
fn field_c8_whoever_claims_to_work_does_not_warn_of_itself() {
    let scene = Scene::new();
    scene.group();
    scene.publish(1, 2);
    scene.abandon(1, 2);
    let file = "[streams.s]\n[groups.g]\nstream = \"s\"\nhandler = { builtin = \"null\" }\n";
    let claim = scene
        .server
        .command(&["claim", "g", "--work", "--yes", "--topology", "t.toml"]);
    let run = claim.file("t.toml", file).run();
    run.assert_code(0)
        .stderr_has("2 handled")
        .stderr_lacks("WARN")
        .stderr_lacks("active recently");
    // Two workers of one name are said to be.
    let first = worker(&scene, "twin", "3s", ":");
    let second = scene.worker(&["--consumer", "twin"], ":").spawn();
    let mut second = second;
    second.await_stderr("active recently");
    second.terminate().assert_code(0);
    first.terminate().assert_code(0);
}

const IN_FLIGHT: &str = "{s}:inflight:g";

/// What `pending` says of the entry with this id.
fn pending_row(scene: &Scene, id: &str) -> serde_json::Value {
    let run = on_group(scene, &["pending", "-o", "json"]);
    run.assert_code(0);
    let entries = run.stdout_json()["entries"].clone();
    let found = entries
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == id);
    found.cloned().unwrap_or_default()
}

#[test]
fn field_c9_pending_says_since_when_and_why() {
    let scene = Scene::new();
    scene.group();
    // The first attempt fails, and the second hangs.
    let body = format!(
        "test $UCP_DELIVERIES = 2 && {{ {WAIT}; exit 0; }}; echo 'no such brand' >&2; exit 1"
    );
    let worker = worker(&scene, "hangs", "3s", &body);
    scene.publish(1, 1);
    scene.await_count("start", 2);
    until(RECOVERY, "what is noted of it", || {
        pending_row(&scene, "1-1")["last_reason"].is_string()
    });
    until(RECOVERY, "its second attempt", || {
        pending_row(&scene, "1-1")["deliveries"] == 2
    });
    // Longer than its claim idle: its lease was renewed, so that it is never idle.
    until(RECOVERY, "a while", || {
        pending_row(&scene, "1-1")["in_flight_ms"].as_u64() > Some(5000)
    });
    let row = pending_row(&scene, "1-1");
    assert!(
        row["last_reason"]
            .as_str()
            .unwrap()
            .contains("no such brand"),
        "{row}"
    );
    assert!(
        row["in_flight_since"].is_string() && row["consumer"] == "hangs",
        "{row}"
    );
    assert!(row["idle_ms"].as_u64() < Some(3000), "{row}");
    assert!(row["age_ms"].as_u64() > Some(1_000_000_000_000), "{row}");
    // By idle it is not found, and what finds it is said.
    let idle = on_group(&scene, &["pending", "--idle", "4s"]);
    idle.assert_code(0).stdout_lacks("1-1").stderr_has("--age");
    on_group(&scene, &["pending", "--age", "1h"])
        .assert_code(0)
        .stdout_has("1-1")
        .stdout_has("no such brand");
    on_group(&scene, &["pending", "--age", "100000d"])
        .assert_code(0)
        .stdout_lacks("1-1");
    go(&scene);
    scene.await_settled();
    until(RECOVERY, "what was noted to be forgotten", || {
        scene.server.redis(&["EXISTS", IN_FLIGHT]).int() == 0
    });
    worker.terminate().assert_code(0);
}

#[test]
fn field_c9_the_first_start_outlives_the_worker() {
    let scene = Scene::new();
    scene.group();
    let first = worker(&scene, "first", "3s", "sleep 100");
    scene.publish(1, 1);
    until(Duration::from_mins(2), "an attempt that takes long", || {
        pending_row(&scene, "1-1")["in_flight_ms"].as_u64() >= Some(10_000)
    });
    let since = pending_row(&scene, "1-1")["in_flight_since"].clone();
    kill(first);
    let second = worker(&scene, "second", "3s", WAIT);
    until(RECOVERY, "its second attempt", || {
        let note = scene.server.redis(&["HGET", IN_FLIGHT, "1-1"]);
        note.text().contains(" 2 6 second")
    });
    let row = pending_row(&scene, "1-1");
    assert_eq!(
        (&row["in_flight_since"], &row["last_reason"]),
        (&since, &serde_json::Value::Null)
    );
    go(&scene);
    scene.await_settled();
    second.terminate().assert_code(0);
    assert_eq!(scene.server.redis(&["EXISTS", IN_FLIGHT]).int(), 0);
}

#[test]
fn field_c9_what_is_handled_at_once_is_never_noted() {
    let scene = Scene::new();
    scene.group();
    scene.server.redis(&["CONFIG", "RESETSTAT"]);
    let worker = worker(&scene, "quick", "3s", ":");
    scene.publish(1, 50);
    scene.await_settled();
    worker.terminate().assert_code(0);
    let stats = scene.server.redis(&["INFO", "commandstats"]);
    assert!(
        !stats.text().contains("cmdstat_hmget") && !stats.text().contains("cmdstat_hscan"),
        "{}",
        stats.text()
    );
    assert_eq!(scene.server.redis(&["EXISTS", IN_FLIGHT]).int(), 0);
    // Nobody works, and what is idle is all there is: no word of what would find more.
    scene.publish(51, 52);
    let read = ["XREADGROUP", "GROUP", "g", "foreign", "STREAMS", "s", ">"];
    scene.server.redis(&read);
    let run = on_group(&scene, &["pending", "--idle", "0s"]);
    run.assert_code(0).stdout_has("51-1").stderr_lacks("--age");
}

/// What is published and renewed by 50 workers with a thousand entries each in hand costs the server: run it with
/// `cargo nextest run --release --test field --run-ignored only field_c9_what_is_published --no-capture`.
#[test]
#[ignore = "a measurement"]
fn field_c9_what_is_published_and_renewed_costs_the_server_little() {
    const WORKERS: u64 = 50;
    let scene = Scene::new();
    scene.group();
    scene.publish(1, WORKERS * 1000);
    let workers: Vec<Spawned> = (0..WORKERS)
        .map(|n| {
            let flags = ["--claim-idle", "60s", "--batch", "1000", "--consumer"];
            let name = format!("w{n}");
            let flags = [&flags[..], &[&name, "--grace", "0s"]].concat();
            let url = scene.server.url();
            scene
                .worker_with(&url, "30s", &flags, "sleep 1000")
                .timeout(Duration::from_mins(10))
                .spawn()
        })
        .collect();
    until(Duration::from_mins(5), "all of it in hand", || {
        scene.server.redis(&["XPENDING", "s", "g"]).items()[0].int()
            >= 1000 * i64::try_from(WORKERS).unwrap()
    });
    let cpu = || -> f64 {
        let info = scene.server.redis(&["INFO", "cpu"]);
        let of = |name: &str| -> f64 {
            let line = info
                .text()
                .lines()
                .find_map(|line| line.strip_prefix(name).map(str::to_owned));
            line.unwrap().trim().parse().unwrap()
        };
        of("used_cpu_sys:") + of("used_cpu_user:")
    };
    scene
        .server
        .redis(&["CONFIG", "SET", "slowlog-log-slower-than", "500"]);
    scene.server.redis(&["SLOWLOG", "RESET"]);
    scene.server.redis(&["CONFIG", "RESETSTAT"]);
    let (before, began) = (cpu(), Instant::now());
    std::thread::sleep(Duration::from_mins(2));
    let share = (cpu() - before) / began.elapsed().as_secs_f64();
    println!("server CPU: {:.2} % of a core", share * 100.0);
    println!("{}", scene.server.redis(&["INFO", "commandstats"]).text());
    let slow = scene.server.redis(&["SLOWLOG", "GET", "1000"]);
    let mut longest: Vec<i64> = slow.items().iter().map(|it| it.items()[2].int()).collect();
    longest.sort_unstable();
    println!(
        "calls over 0.5 ms: {}; the longest {:?} us",
        longest.len(),
        longest.last()
    );
    for worker in workers {
        kill(worker);
    }
    assert!(share < 0.2, "{share}");
}

/// What `info`, `lag` and `groups` say of the group, in this order.
fn looks(scene: &Scene) -> [serde_json::Value; 3] {
    let json = |words: &[&str]| {
        let run = scene.server.ucp(&[words, &["-o", "json"]].concat());
        run.assert_code(0);
        run.stdout_json()
    };
    [
        json(&["info", "s"])[0]["groups"][0].clone(),
        json(&["lag", "g", "--stream", "s"])[0].clone(),
        json(&["groups", "s"])[0].clone(),
    ]
}

/// How many consumers each look says that live, and whether it alerts of that.
fn lives(scene: &Scene) -> Vec<(i64, bool)> {
    let looks = looks(scene);
    let alerts = |look: &serde_json::Value| {
        let mut alerts = look["alerts"].as_array().unwrap().iter();
        alerts.any(|alert| alert == "min_live")
    };
    looks
        .iter()
        .map(|look| (look["live"].as_i64().unwrap(), alerts(look)))
        .collect()
}

#[test]
fn field_a5_that_no_consumer_lives_is_an_alert_where_work_is_due() {
    let scene = Scene::new();
    scene.group();
    scene.publish(1, 3);
    assert_eq!(lives(&scene), [(0, true); 3], "none at all");
    scene
        .server
        .redis(&["XGROUP", "CREATECONSUMER", "s", "g", "c"]);
    assert_eq!(lives(&scene), [(1, false); 3]);
    let table = |words: &[&str]| scene.server.ucp(&[words, &["-o", "table"]].concat());
    table(&["info", "s"]).stdout_has("1/1");
    until(
        Duration::from_mins(2),
        "a consumer that was not seen for a minute",
        || {
            let consumers = scene.server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
            consumers.items()[0].field("idle").int() >= 60_000
        },
    );
    assert_eq!(lives(&scene), [(0, true); 3]);
    for words in [
        &["info", "s"][..],
        &["lag", "g", "--stream", "s"],
        &["groups", "s"],
    ] {
        table(words).assert_code(0).stdout_has("0/1!");
    }
    // A worker that lets entries rest for longer is looked at for longer.
    scene.server.redis(&["HSET", POLICY, "c", "600000 1"]);
    assert_eq!(lives(&scene), [(1, false); 3]);
    scene.server.redis(&["DEL", POLICY]);
    // Without work nobody need live, nor for work that just came.
    scene.server.redis(&["XGROUP", "SETID", "s", "g", "$"]);
    assert_eq!(lives(&scene), [(0, false); 3]);
    scene.server.redis(&["XADD", "s", "*", "n", "4"]);
    assert_eq!(lives(&scene), [(0, false); 3]);
    table(&["lag", "g", "--stream", "s"])
        .stdout_has("0/1")
        .stdout_lacks("0/1!");
}
