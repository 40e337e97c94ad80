//! The server goes away and comes back: down, killed with and without its data, stopped, loading, busy, paused.

use std::thread;
use std::time::{Duration, Instant};

use crate::scene::{RATE_MAX, RECOVERY, Scene, kill};
use crate::support::{BUSY, Invocation, Proxy, TestServer, free_port, until};
use ucp_streams::server::Options;

/// Handlers at a time; with the entries read ahead of them, what may be in hand.
const CONCURRENCY: usize = 4;
const IN_HAND: usize = 2 * CONCURRENCY;

#[test]
fn row_01_server_down_for_one_command() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    for command in [
        &["ping"][..],
        &["info", "s"],
        &["lag", "g", "--stream", "s"],
        &["pending", "g", "--stream", "s"],
        &["tail", "s"],
        &["read", "s"],
        &["init", "event-processors"],
        &["publish", "s", "n=1"],
        &["ingest", "brandId=b", "eventType=purchase", "payload={}"],
        &["consume", "g", "--stream", "s"],
        &["claim", "g", "--stream", "s", "--to", "c", "--yes"],
        &["ack", "g", "--stream", "s", "1-1", "--yes"],
        &["requeue", "g", "--stream", "s", "1-1", "--yes"],
        &["dlq", "redrive", "s", "--all", "--yes"],
    ] {
        let asked = Instant::now();
        let run = Invocation::new(&[&["--url", &url], command].concat()).run();
        let took = asked.elapsed();
        run.assert_code(4)
            .stdout_is("")
            .stderr_has(&format!("127.0.0.1:{port}"))
            .stderr_has("refused");
        run.stderr_lacks("panicked").stderr_lacks("stack");
        assert!(took < BUSY, "{took:?}");
        println!("row 1: {}: refused after {took:?}", command[0]);
    }
}

#[test]
fn row_02_server_down_when_a_worker_starts() {
    let mut scene = Scene::new();
    scene.server.kill();
    let given_up = scene.worker(&["--connect-for", "300ms"], "").run();
    given_up.assert_code(4).stderr_has("cannot connect");
    let mut worker = scene.worker(&["--connect-for", "20s"], "").spawn();
    worker.await_stderr("cannot start yet");
    scene.server.restart();
    scene.publish(1, 20);
    scene.await_count("done", 20);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("2");
    assert_eq!(account.repeats(), 0);
}

#[test]
fn row_03_server_killed_with_aof() {
    let mut scene = Scene::durable();
    scene.publish(1, 150);
    let mut worker = scene.worker(&["--concurrency", "4"], "").spawn();
    scene.await_count("done", 40);
    scene.server.kill();
    let killed = Instant::now();
    worker.await_stderr("the server is unavailable");
    scene.server.restart();
    worker.await_stderr("the server is available again");
    let back = killed.elapsed();
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    run.assert_code(0);
    let account = scene.closed_account("3");
    println!(
        "row 3: going on after {back:?}; {}",
        run.stderr().lines().last().unwrap()
    );
    assert_eq!(account.done.len(), 150);
    assert!(
        account.repeats() <= IN_HAND,
        "{} repeats",
        account.repeats()
    );
}

#[test]
fn row_03_server_that_stays_away_costs_few_connections() {
    let mut scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    let mut running = scene.worker_at(&proxy.url(), &[], "").spawn();
    scene.await_reading();
    scene.server.kill();
    running.await_stderr("the server is unavailable");
    let connections_a_second = |what: &str| {
        let (began, before) = (Instant::now(), proxy.counts().accepted);
        // The fault itself: nothing is awaited here.
        thread::sleep(Duration::from_secs(4));
        let connections = u32::try_from(proxy.counts().accepted - before).unwrap();
        let rate = f64::from(connections) / began.elapsed().as_secs_f64();
        println!("row 3: {what}: {connections} connections, {rate:.1} a second");
        assert!(connections > 0, "it goes on trying");
        assert!(rate <= RATE_MAX, "{rate:.1} connections a second");
    };
    connections_a_second("a worker whose server went away");
    assert!(running.ended().is_none());
    kill(running);
    let mut starting = scene
        .worker_at(&proxy.url(), &["--connect-for", "1m"], "")
        .spawn();
    starting.await_stderr("cannot start yet");
    connections_a_second("a worker that starts without one");
    assert!(starting.ended().is_none());
    kill(starting);
}

#[test]
fn row_04_server_killed_without_aof() {
    let mut scene = Scene::new();
    scene.publish(1, 20);
    let mut worker = scene.worker(&["--concurrency", "4"], "").spawn();
    scene.await_count("done", 20);
    scene.server.kill();
    worker.await_stderr("the server is unavailable");
    scene.server.restart();
    worker.await_stderr("created again from the beginning");
    let (started, before) = (Instant::now(), scene.requests());
    scene.publish(101, 120);
    scene.await_count("done", 40);
    until(RECOVERY, "nothing is pending", || {
        scene.pending().is_empty()
    });
    let run = worker.terminate();
    run.assert_code(0)
        .stderr_has("1 time the group was created again");
    let rate = requests_a_second(&scene, started, before);
    println!(
        "row 4: 20 handled before and {} after; {rate:.0} requests a second",
        scene.count("done") - 20
    );
}

#[test]
fn row_04_server_killed_without_aof_and_the_group_is_to_stay_lost() {
    let mut scene = Scene::new();
    scene.publish(1, 5);
    let topology = "[streams.s]\n[groups.g]\nstream = \"s\"\non_group_lost = \"stop\"\n";
    let worker = scene.worker(&[], "").file("ucp-streams.toml", topology);
    let mut worker = worker.spawn();
    scene.await_count("done", 5);
    scene.server.kill();
    worker.await_stderr("the server is unavailable");
    scene.server.restart();
    let run = worker.wait();
    run.assert_code(3)
        .stderr_has("`g`")
        .stderr_has("ucp-streams init g");
    assert_eq!(
        scene.server.redis(&["EXISTS", "s"]).int(),
        0,
        "nothing was created"
    );
    println!("row 4: ended with {:?}", run.code());
}

#[test]
fn row_05_server_stopped_for_ten_seconds() {
    let mut scene = Scene::new();
    scene.publish(1, 60);
    let mut worker = scene.worker(&["--concurrency", "4"], "").spawn();
    scene.await_count("done", 20);
    scene.server.pause();
    let paused = Instant::now();
    worker.await_stderr("the server is unavailable");
    let noticed = paused.elapsed();
    // The fault itself: nothing is awaited here.
    thread::sleep(Duration::from_secs(10).saturating_sub(paused.elapsed()));
    scene.server.resume();
    worker.await_stderr("the server is available again");
    scene.publish(61, 100);
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("5");
    println!("row 5: noticed after {noticed:?}");
    assert_eq!(account.done.len(), 100);
    assert!(
        account.repeats() <= IN_HAND,
        "{} repeats",
        account.repeats()
    );
}

#[test]
fn row_06_server_stopped_for_one_command() {
    let mut scene = Scene::new();
    scene.publish(1, 3);
    scene.server.pause();
    for command in [&["info"][..], &["info", "s"], &["ping"]] {
        let asked = Instant::now();
        let run = scene
            .server
            .command(&[command, &["--timeout", "1s"]].concat())
            .run();
        let took = asked.elapsed();
        run.assert_code(4).stderr_has("in 1s");
        assert!(took < Duration::from_secs(1) + BUSY, "{took:?}");
        println!("row 6: {command:?} gave up after {took:?}");
    }
    scene.server.resume();
    scene.server.ucp(&["info", "s"]).assert_code(0);
}

#[test]
fn row_20_server_loading() {
    let options = Options {
        args: [
            "--key-load-delay",
            "4000",
            "--loading-process-events-interval-bytes",
            "1024",
        ]
        .iter()
        .chain(&["--rdbcompression", "no"])
        .map(Into::into)
        .collect(),
        ready_within: Duration::from_mins(1),
        ..Options::default()
    };
    let mut scene = Scene::on(TestServer::with_options(options));
    scene.publish(1, 10);
    let padding = "x".repeat(200);
    let keys: Vec<[String; 3]> = (0..600)
        .map(|number| ["SET".to_owned(), format!("key{number}"), padding.clone()])
        .collect();
    scene.server.client().pipeline(&keys);
    scene.server.redis(&["SAVE"]);
    scene.server.kill();
    let worker = scene.worker(&["--connect-for", "20s"], "");
    let ping = scene.server.command(&["ping"]);
    let socket = scene.server.socket().to_owned();
    let (mut worker, ping) = thread::scope(|scope| {
        let restart = scope.spawn(|| scene.server.restart());
        until(RECOVERY, "a server that loads", || {
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        let mut worker = worker.spawn();
        let ping = ping.run();
        worker.await_stderr("LOADING");
        restart.join().unwrap();
        (worker, ping)
    });
    ping.assert_code(4).stderr_has("LOADING");
    scene.await_count("done", 10);
    assert!(worker.ended().is_none());
    worker.terminate().assert_code(0);
    scene.closed_account("20");
}

#[test]
fn row_30_server_busy_with_a_script() {
    let scene = Scene::new();
    scene
        .server
        .redis(&["CONFIG", "SET", "busy-reply-threshold", "50"]);
    scene.publish(1, 10);
    let mut worker = scene.worker(&[], "").spawn();
    scene.await_count("done", 10);
    scene.await_settled_by(&[&worker]);
    let mut busy = scene.server.client();
    let spinning = thread::spawn(move || busy.send(&["EVAL", "while true do end", "0"]));
    worker.await_stderr("BUSY");
    let ping = scene.server.ucp(&["ping"]);
    ping.assert_code(4).stderr_has("BUSY");
    scene.server.redis(&["SCRIPT", "KILL"]);
    assert!(spinning.join().unwrap().error().contains("killed"));
    worker.await_stderr("the server is available again");
    scene.publish(11, 30);
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    assert_eq!(scene.closed_account("30").repeats(), 0);
}

#[test]
fn row_31_writes_paused_for_a_while() {
    let scene = Scene::new();
    scene.publish(1, 60);
    let mut worker = scene.worker(&["--concurrency", "4"], "").spawn();
    scene.await_count("done", 10);
    scene.server.redis(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    worker.await_stderr("the server is unavailable");
    scene.server.redis(&["CLIENT", "UNPAUSE"]);
    worker.await_stderr("the server is available again");
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("31");
    assert!(
        account.repeats() <= IN_HAND,
        "{} repeats",
        account.repeats()
    );
}

/// The server's requests a second since `started`, when it had carried out `before`; the test's own are among them.
fn requests_a_second(scene: &Scene, started: Instant, before: i64) -> f64 {
    let requests = u32::try_from(scene.requests() - before).unwrap();
    f64::from(requests) / started.elapsed().as_secs_f64()
}
