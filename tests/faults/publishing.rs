//! Publishing, while something is wrong: what it says, what it returns, and what it left on the server.

use std::time::Instant;

use crate::oneshot::{at, calls};
use crate::scene::{RECOVERY, Scene};
use crate::support::{Mode, Proxy, Reply, until};
use ucp_streams::model::with_commas;

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
fn row_10_reply_of_a_publish_with_a_key_lost() {
    let scene = Scene::new();
    let length = || scene.server.redis(&["XLEN", "s"]).int();
    let proxy = Proxy::before(scene.server.socket());
    let publish = |url: &str, number: &str, timeout: &str| {
        let once = ["--idempotency-field", "n", "--timeout", timeout];
        at(url, &[&["publish", "s", number][..], &once].concat())
    };
    // The script is known from here on, so that the lost reply is the one to the write.
    publish(&proxy.url(), "n=1", "5s").run().assert_code(0);
    proxy.drop_replies_to("EVALSHA");
    let run = publish(&proxy.url(), "n=2", "1s").run();
    run.assert_code(0).stderr_has("it was already stored");
    assert_eq!(proxy.counts().found, 1);
    assert_eq!(length(), 2);
    let last = ["XREVRANGE", "s", "+", "-", "COUNT", "1"];
    let last = scene.server.redis(&last);
    assert_eq!(run.stdout_lines(), [last.items()[0].items()[0].text()]);
    println!("row 10: {}", run.stderr().lines().next().unwrap());
    // Without an answer for good it is said to be unknown, and once there is one nothing is stored twice.
    proxy.drop_replies_to("EVALSHA");
    let third = publish(&proxy.url(), "n=3", "300ms").spawn();
    until(RECOVERY, "the write", || proxy.counts().found == 2);
    proxy.set(Mode::DropReplies);
    let unknown = third.wait();
    unknown
        .assert_code(8)
        .stderr_has("so it is unknown whether the entry was stored in `s`");
    assert_eq!(length(), 3);
    let again = publish(&scene.server.url(), "n=3", "5s").run();
    again.assert_code(0).stderr_has("it was already stored");
    assert_eq!(length(), 3);
    println!("row 10: {}", unknown.stderr().lines().next().unwrap());
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
    run.assert_code(8).stderr_has("so it is unknown whether");
    let shown = run.stdout_lines().len();
    let stored = scene.server.redis(&["XLEN", "s"]).int();
    println!("row 12: {shown} shown, {stored} stored; {}", run.stderr());
    let stored = usize::try_from(stored).unwrap();
    assert!(shown > 0 && shown <= stored && stored <= shown + 1000);
    run.stderr_has(&format!(
        "{} entries were published, the last from line {shown}, none after line",
        with_commas(shown)
    ));
}

const EVENT: [&str; 4] = ["ingest", "brandId=b", "eventType=purchase", "payload={}"];

/// A field of every entry of the two streams of events, in order.
fn events(scene: &Scene, field: &str) -> [Vec<String>; 2] {
    ["events.raw", "events.normalized"].map(|stream| {
        let entries = scene.server.redis(&["XRANGE", stream, "-", "+"]);
        let value = |entry: &Reply| entry.items()[1].field(field).text().to_owned();
        entries.items().iter().map(value).collect()
    })
}

/// What scripts were called with, the newest call last.
fn script_calls(scene: &Scene) -> Vec<Vec<String>> {
    let log = scene.server.redis(&["SLOWLOG", "GET", "-1"]);
    let args = |call: &Reply| -> Vec<String> {
        let args = call.items()[3].texts();
        args.into_iter().map(str::to_owned).collect()
    };
    let calls = log.items().iter().rev().map(args);
    calls.filter(|args| args[0].starts_with("EVAL")).collect()
}

#[test]
fn row_09_reply_of_an_ingest_lost() {
    let scene = Scene::new();
    let slowlog = ["CONFIG", "SET", "slowlog-log-slower-than", "0"];
    scene.server.redis(&slowlog);
    let proxy = Proxy::before(scene.server.socket());
    // The server does not know the script at first: it is asked by hash, and then given the text.
    for (times, request) in [(1, "\r\nEVAL\r\n"), (2, "\r\nEVALSHA\r\n")] {
        proxy.drop_replies_to(request);
        let run = at(&proxy.url(), &[&EVENT[..], &["--timeout", "1s"]].concat()).run();
        assert_eq!(proxy.counts().found, times, "{run}");
        run.assert_code(8)
            .stdout_is("")
            .stderr_has("so it is unknown whether");
        let [raw, normalized] = events(&scene, "event_id");
        assert_eq!(raw, normalized, "one event, both its entries");
        assert_eq!(raw.len() as u64, times, "sent once: {run}");
        println!("row 9: {}", run.stderr().lines().next().unwrap());
    }
    let [by_hash, by_text, again] = &script_calls(&scene)[..] else {
        panic!("{:?}", script_calls(&scene));
    };
    assert_eq!(by_hash[2..], by_text[2..], "the same event both times");
    assert_ne!(by_text[2..], again[2..], "another event");
    println!("row 9: {by_text:?}");
}

#[test]
fn row_12_ingesting_a_file_cut_off() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    let line = |n| format!(r#"{{"brandId":"b{n}","eventType":"page_view","payload":{{}}}}"#);
    let lines: Vec<String> = (1..=5000).map(line).collect();
    proxy.set(Mode::CutAfter(60_000));
    let args = ["ingest", "-f", "-", "--timeout", "2s"];
    let run = at(&proxy.url(), &args).stdin(lines.join("\n")).run();
    run.assert_code(8).stderr_has("it was not sent again");
    let shown = run.stdout_lines().len() - 1;
    let [raw, normalized] = events(&scene, "brand_id");
    println!(
        "row 12: {shown} shown, {} stored; {}",
        raw.len(),
        run.stderr()
    );
    assert_eq!(raw, normalized);
    let expected: Vec<String> = (1..=raw.len()).map(|n| format!("b{n}")).collect();
    assert_eq!(raw, expected, "none twice, none left out");
    assert!(shown > 0 && shown <= raw.len() && raw.len() <= shown + 250);
    let [raw, normalized] = events(&scene, "event_id");
    assert_eq!(raw, normalized);
    let distinct: std::collections::BTreeSet<_> = raw.iter().collect();
    assert_eq!(distinct.len(), raw.len());
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
fn row_31_publishing_while_writes_are_paused() {
    let scene = Scene::new();
    scene.server.redis(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    let unknown = scene
        .server
        .ucp(&["publish", "s", "n=1", "--timeout", "1s"]);
    unknown.assert_code(8);
    let waits = || {
        let clients = scene.server.redis(&["CLIENT", "LIST"]);
        clients.text().contains(" flags=b")
    };
    until(RECOVERY, "the first is gone", || !waits());
    let began = Instant::now();
    let args = ["publish", "s", "n=2", "--timeout", "1m"];
    let mut patient = scene.server.command(&args).spawn();
    until(RECOVERY, "a write that waits", waits);
    assert!(patient.ended().is_none());
    assert_eq!(scene.server.redis(&["EXISTS", "s"]).int(), 0);
    scene.server.redis(&["CLIENT", "UNPAUSE"]);
    patient.wait().assert_code(0);
    println!("row 31: published after {:?}", began.elapsed());
    let length = scene.server.redis(&["XLEN", "s"]).int();
    assert!((1..=2).contains(&length), "{length}: each at most once");
}

#[test]
fn row_59_stream_whose_last_id_is_of_the_future() {
    let scene = Scene::new();
    scene
        .server
        .redis(&["XADD", "s", "99999999999999-0", "n", "0"]);
    let file = scene.path("one.ndjson");
    std::fs::write(&file, "{\"n\":\"2\"}\n").unwrap();
    let file = file.to_str().unwrap();
    for (args, id) in [
        (&["publish", "s", "n=1"][..], "99999999999999-1"),
        (&["publish", "s", "--file", file], "99999999999999-2"),
    ] {
        let run = scene.server.ucp(args);
        run.assert_code(0)
            .stderr_has("stream `s` gives ids that are")
            .stderr_has("ahead of the clock");
        assert!(run.stdout().contains(id), "{run}");
        println!("row 59: {}", run.stderr().lines().next().unwrap());
    }
    let quiet = scene.server.ucp(&["publish", "other", "n=1"]);
    quiet.assert_code(0).stderr_lacks("ahead");
}

#[test]
fn row_60_stream_without_an_id_left() {
    const LAST: &str = "18446744073709551615-18446744073709551615";
    let scene = Scene::new();
    let server = &scene.server;
    server.redis(&["XADD", "s", LAST, "n", "0"]);
    server.redis(&["XADD", "{s}:dlq", LAST, "n", "0"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.deliver(("s", "g"), "dead", 1);
    let of = ["g", "--stream", "s"];
    let park = [
        &["dlq", "add"][..],
        &of,
        &[LAST, "--reason", "odd", "--yes"],
    ]
    .concat();
    let requeue = [&["requeue"][..], &of, &["--idle", "0s", "--yes"]].concat();
    for args in [&["publish", "s", "n=1"][..], &requeue, &park] {
        let run = server.ucp(args);
        run.assert_code(6)
            .stderr_has("The stream has exhausted the last possible ID")
            .stderr_has("no command lowers it: add to another stream");
        println!("row 60: {}", run.stderr().lines().next().unwrap());
        assert_eq!(scene.pending().len(), 1, "{args:?}");
    }
}
