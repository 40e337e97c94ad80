//! Looking, while something is wrong with the server or with what is printed to.

use std::time::{Duration, Instant};

use crate::oneshot::{at, shell};
use crate::scene::Scene;
use crate::support::{BUSY, Mode, Proxy};

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
    assert!(asked.elapsed() < Duration::from_secs(1) + BUSY);
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
    // Once the group has read past the hole, servers differ in what they remember of it; none says that there was none.
    for _ in 0..2 {
        scene.server.redis(&read);
        let info = scene.server.ucp(&["info", "s", "-o", "json"]);
        let lost = &info.stdout_json()[0]["groups"][0]["lost"];
        println!("row 38: read on, info says {lost}");
        let is_true = lost["quality"] == "unknown" && lost["entries"].is_null()
            || lost["quality"] == "at_least"
                && (1..=4).contains(&lost["entries"].as_u64().unwrap());
        assert!(is_true, "{info}");
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
    closed.assert_code(74);
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
fn row_34_following_a_stream_that_is_not_there() {
    let scene = Scene::new();
    let run = scene.server.ucp(&["tail", "s"]);
    run.assert_code(3).stderr_has("`s`");
    let mut follow = scene.server.command(&["tail", "s", "-f"]).spawn();
    follow.await_stderr("waiting for stream `s`, which does not exist yet");
    scene.await_reading();
    assert!(follow.ended().is_none(), "it is waited for");
    assert_eq!(
        scene.server.redis(&["EXISTS", "s"]).int(),
        0,
        "it was not created"
    );
    scene.publish(1, 5);
    follow.await_stdout("5-1");
    let run_on = follow.terminate();
    for ms in 1..=5 {
        run_on.stdout_has(&format!("{ms}-1"));
    }
    println!(
        "row 34: {}; followed: {:?}",
        run.stderr().lines().next().unwrap(),
        run_on.code()
    );
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
