//! Commands that run once, while something is wrong: what they say, what they return, and what they left on the server.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::scene::{RECOVERY, Scene};
use crate::support::{Invocation, Mode, Proxy, Run, until};

/// `ucp-streams ARGS` against `url`.
fn at(url: &str, args: &[&str]) -> Invocation {
    Invocation::new(args).env("UCP_STREAMS_URL", url)
}

/// A URL of a user that may do all but this.
fn limited(scene: &Scene, denied: &str) -> String {
    let user = [
        "ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", denied,
    ];
    scene.server.redis(&user);
    format!("{}?user=limited&pass=pw", scene.server.url())
}

/// How often the server has carried out, or refused, a command.
fn calls(scene: &Scene, command: &str) -> u64 {
    let stats = scene.server.redis(&["INFO", "commandstats"]);
    let number = |name: &str| {
        let line = stats
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let found = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix(name)));
        found.map_or(0, |number| number.trim().parse().unwrap())
    };
    number("calls=") + number("rejected_calls=")
}

/// Entries 1-1 to `count`-1, all with consumer `dead` for an hour.
fn stale(scene: &Scene, count: u64) {
    scene.publish(1, count);
    scene.group();
    let mut client = scene.server.client();
    client.send(&["XREADGROUP", "GROUP", "g", "dead", "STREAMS", "s", ">"]);
    let ids: Vec<String> = (1..=count).map(|ms| format!("{ms}-1")).collect();
    let mut claim: Vec<&str> = vec!["XCLAIM", "s", "g", "dead", "0"];
    claim.extend(ids.iter().map(String::as_str));
    claim.extend(["IDLE", "3600000", "RETRYCOUNT", "1", "JUSTID"]);
    client.send(&claim);
}

#[test]
fn row_09_reply_of_a_publish_lost() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    proxy.drop_replies_to("XADD");
    let run = at(&proxy.url(), &["publish", "s", "n=1", "--timeout", "1s"]).run();
    run.assert_code(8).stderr_has("`s`");
    assert_eq!(
        scene.server.redis(&["XLEN", "s"]).int(),
        1,
        "it was not sent again"
    );
    println!("row 9: {}", run.stderr().lines().next().unwrap());
}

#[test]
fn row_12_publishing_a_file_cut_off() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    proxy.set(Mode::CutAfter(2000));
    let lines = "{\"n\":\"1\"}\n".repeat(20_000);
    let publish = at(
        &proxy.url(),
        &["publish", "s", "--file", "f.ndjson", "--timeout", "2s"],
    );
    let run = publish.file("f.ndjson", lines).run();
    let stored = scene.server.redis(&["XLEN", "s"]).int();
    println!("row 12: {stored} stored; {}", run.stderr());
    assert!(matches!(run.code(), Some(7 | 8)), "{run}");
    assert!(stored < 20_000);
}

#[test]
fn row_12_streaming_a_file_cut_off() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    proxy.set(Mode::CutAfter(60_000));
    let lines: Vec<String> = (1..=20_000).map(|n| format!("{{\"n\":\"{n}\"}}")).collect();
    let args = ["publish", "s", "-f", "-", "--stream", "--timeout", "2s"];
    let run = at(&proxy.url(), &args).stdin(lines.join("\n")).run();
    run.assert_code(8)
        .stderr_has("was stored is unknown, and it was not sent again");
    let shown = run.stdout_lines().len();
    let stored = scene.server.redis(&["XLEN", "s"]).int();
    println!("row 12: {shown} shown, {stored} stored; {}", run.stderr());
    let stored = usize::try_from(stored).unwrap();
    assert!(shown > 0 && shown <= stored && stored <= shown + 1000);
    run.stderr_has(&format!(
        "{shown} entries were published, the last from line {shown}, none after line"
    ));
}

#[test]
fn row_62_more_than_the_server_takes() {
    let scene = Scene::new();
    let limit = ["CONFIG", "SET", "proto-max-bulk-len", "1mb"];
    scene.server.redis(&limit);
    let before = calls(&scene, "xadd");
    let large = format!("{{\"n\":\"{}\"}}\n", "x".repeat(2 << 20));
    for more in [&[][..], &["--stream"]] {
        let args = [&["publish", "s", "-f", "-"], more].concat();
        let run = scene.server.command(&args).stdin(large.as_str()).run();
        run.assert_code(2)
            .stderr_has("line 1: ")
            .stderr_has("1048576 bytes");
        println!("row 62: {}", run.stderr().lines().nth(1).unwrap());
    }
    assert_eq!(calls(&scene, "xadd"), before, "refused here, not there");
    assert_eq!(scene.server.redis(&["EXISTS", "s"]).int(), 0);
}

#[test]
fn row_65_one_bad_line_of_a_thousand() {
    let scene = Scene::new();
    let mut lines = vec!["{\"n\":1}"; 1000];
    lines[499] = "{\"n\":";
    let input = lines.join("\n");
    let publish = |more: &[&str]| {
        let args = [&["publish", "s", "-f", "-"], more].concat();
        scene.server.command(&args).stdin(input.as_str()).run()
    };
    publish(&[]).assert_code(2).stderr_has("line 500: ");
    assert_eq!(scene.server.redis(&["EXISTS", "s"]).int(), 0);
    publish(&["--stream"])
        .assert_code(7)
        .stderr_has("line 500: ");
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 499);
    publish(&["--skip-invalid", "--rejects", "bad"])
        .assert_code(7)
        .stderr_has("line 500: ");
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 499 + 999);
    println!("row 65: 0, then 499, then 999 stored");
}

#[test]
fn row_13_slow_drip_of_a_tail() {
    let scene = Scene::new();
    scene.publish(1, 20);
    let proxy = Proxy::before(scene.server.socket());
    proxy.set(Mode::Drip(Duration::from_secs(1)));
    let asked = Instant::now();
    at(&proxy.url(), &["tail", "s", "--timeout", "1s"])
        .run()
        .assert_code(4);
    println!("row 13: given up after {:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(4));
}

#[test]
fn row_23_memory_full() {
    let scene = Scene::new();
    scene.publish(1, 1);
    scene.server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    let before = calls(&scene, "xadd");
    let run = scene.server.ucp(&["publish", "s", "n=2"]);
    run.assert_code(4).stderr_has("OOM").stderr_has("memory");
    let tried = calls(&scene, "xadd") - before;
    println!(
        "row 23: tried {tried} times; {}",
        run.stderr().lines().next().unwrap()
    );
    assert_eq!(tried, 1, "no retry storm");
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 1);
}

#[test]
fn row_26_no_permission_within_a_script() {
    let scene = Scene::new();
    stale(&scene, 3);
    let url = limited(&scene, "-xack");
    for command in ["requeue", "ack"] {
        let run = at(&url, &[command, "g", "--stream", "s", "1-1", "--yes"]).run();
        run.assert_code(5).stderr_has("xack");
        println!("row 26: {}", run.stderr().lines().next().unwrap());
    }
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 3);
    assert_eq!(scene.pending().len(), 3);
}

#[test]
fn row_31_publishing_while_writes_are_paused() {
    let scene = Scene::new();
    scene.server.redis(&["CLIENT", "PAUSE", "3000", "WRITE"]);
    let began = Instant::now();
    let unknown = scene
        .server
        .ucp(&["publish", "s", "n=1", "--timeout", "1s"]);
    unknown.assert_code(8);
    scene
        .server
        .ucp(&["publish", "s", "n=2", "--timeout", "10s"])
        .assert_code(0);
    println!("row 31: published after {:?}", began.elapsed());
    assert!(began.elapsed() >= Duration::from_secs(2));
    let length = scene.server.redis(&["XLEN", "s"]).int();
    assert!((1..=2).contains(&length), "{length}: each at most once");
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
fn row_38_undelivered_entries_trimmed() {
    let scene = Scene::new();
    scene.publish(1, 10);
    scene.group();
    let read = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "COUNT",
        "2",
        "STREAMS",
        "s",
        ">",
    ];
    scene.server.redis(&read);
    scene.server.redis(&["XTRIM", "s", "MINID", "7"]);
    let exact = scene
        .server
        .ucp(&["lag", "g", "--stream", "s", "--exact", "-o", "json"]);
    exact.assert_code(0);
    assert_eq!(exact.stdout_json()[0]["lag"]["entries"], 4, "{exact}");
    let told = scene
        .server
        .ucp(&["lag", "g", "--stream", "s", "-o", "json"]);
    let lag = &told.stdout_json()[0]["lag"];
    println!("row 38: 4 undelivered, 4 lost; lag says {lag}");
    let is_true = lag["quality"] == "unknown" && lag["entries"].is_null()
        || lag["quality"] == "known" && lag["entries"] == 4
        || lag["quality"] == "at_most" && lag["entries"].as_u64().unwrap() >= 4;
    assert!(is_true, "{told}");
    let info = scene.server.ucp(&["info", "s", "-o", "json"]);
    info.assert_code(0);
    let lost = &info.stdout_json()[0]["groups"][0]["lost"];
    assert_eq!(
        (&lost["entries"], &lost["quality"]),
        (&4.into(), &"known".into()),
        "{info}"
    );
}

/// Runs `script` in bash, where `"$ucp"` is the binary.
fn shell(scene: &Scene, script: &str) -> Run {
    let output = Command::new("bash")
        .args(["-c", script])
        .env("ucp", env!("CARGO_BIN_EXE_ucp-streams"))
        .env("UCP_STREAMS_URL", scene.server.url())
        .env("HOME", scene.path(""))
        .output()
        .unwrap();
    Run {
        words: script.to_owned(),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

#[test]
fn row_46_standard_output_closed() {
    let scene = Scene::new();
    scene.publish(1, 20_000);
    for command in ["read s", "tail s -n 20000", "tail s -n 20000 -f"] {
        let piped = shell(
            &scene,
            &format!(r#""$ucp" {command} | head -n 2; exit ${{PIPESTATUS[0]}}"#),
        );
        piped.assert_code(0).stderr_is_empty();
        assert_eq!(piped.stdout().lines().count(), 2);
        println!("row 46: {command}: {:?}", piped.code());
    }
    let closed = shell(&scene, r#""$ucp" read s --count 5 >&-"#);
    println!(
        "row 46: closed at the start: {:?} {}",
        closed.code(),
        closed.stderr()
    );
    assert!(matches!(closed.code(), Some(0 | 74)), "{closed}");
}

#[test]
fn row_47_standard_output_full() {
    let scene = Scene::new();
    scene.publish(1, 5000);
    for command in ["read s", "tail s -n 5000", "info s"] {
        let run = shell(&scene, &format!(r#""$ucp" {command} >/dev/full"#));
        run.assert_code(74).stderr_has("space");
        println!(
            "row 47: {command}: {}",
            run.stderr().lines().next().unwrap()
        );
    }
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
    run.assert_code(6).stderr_has("--all-groups-see-it");
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
fn row_34_following_a_stream_that_is_not_there() {
    let scene = Scene::new();
    let run = scene.server.ucp(&["tail", "s"]);
    run.assert_code(3).stderr_has("`s`");
    let mut follow = scene.server.command(&["tail", "s", "-f"]).spawn();
    let ended = thread::scope(|_| {
        thread::sleep(Duration::from_millis(300));
        follow.ended()
    });
    assert_eq!(
        scene.server.redis(&["EXISTS", "s"]).int(),
        0,
        "it was not created"
    );
    match ended {
        Some(status) => assert_eq!(status.code(), Some(3)),
        None => {
            scene.publish(1, 1);
            follow.await_stdout("1-1");
        }
    }
    println!("row 34: {}", run.stderr().lines().next().unwrap());
}

#[test]
fn row_47_what_could_not_be_written_is_not_acknowledged() {
    let scene = Scene::new();
    scene.publish(1, 50);
    scene.group();
    let consume = r#""$ucp" consume g --stream s --count 50 --ack -o ndjson"#;
    let full = shell(&scene, &format!("{consume} >/dev/full"));
    full.assert_code(74).stderr_has("space");
    let account = scene.account();
    println!(
        "row 47: {} pending, {} undelivered",
        account.pending.len(),
        account.undelivered.len()
    );
    assert_eq!(account.pending.len() + account.undelivered.len(), 50);
}

#[test]
fn row_46_what_nobody_read_is_not_acknowledged() {
    let scene = Scene::new();
    scene.publish(1, 20_000);
    scene.group();
    let script = r#""$ucp" consume g --stream s --count 20000 --ack -o ndjson | head -n 1"#;
    let run = shell(&scene, script);
    assert_eq!(run.stdout().lines().count(), 1);
    let account = scene.account();
    let left = account.pending.len() + account.undelivered.len();
    println!("row 46: {left} of 20000 not acknowledged");
    assert!(left > 10_000, "a pipe holds few: {left}");
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
    let codes = thread::scope(|scope| {
        let run = || scene.server.ucp(&["dlq", "redrive", "s", "--all", "--yes"]);
        let runs = [(); 2].map(|()| scope.spawn(run));
        runs.map(|run| run.join().unwrap().code())
    });
    println!("row 54: codes {codes:?}");
    assert!(
        codes.contains(&Some(0)) || codes.contains(&Some(7)),
        "{codes:?}"
    );
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 101);
    assert_eq!(scene.server.redis(&["XLEN", "{s}:dlq"]).int(), 0);
}
