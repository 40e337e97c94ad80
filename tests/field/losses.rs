//! Entries that left a stream before a group was delivered them: counted, said once, kept as a tombstone, accepted.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Client, Invocation, PATIENCE, Run, TestServer, server_binary, until};

const STREAM: &str = "orders";
const GROUP: &str = "billing";
const LETTERS: &str = "{orders}:dlq";
const KEPT: &str = "{orders}:lost:billing";

/// What stands before the end of a program until the file `go` is there.
const WAIT: &str = "while ! test -e go; do sleep 0.05; done";

/// Adds entries `from`-0 to `to`-0 to `stream`, cut to `maxlen`.
fn add(server: &TestServer, stream: &str, ids: std::ops::RangeInclusive<u64>, maxlen: u64) {
    let mut client = server.client();
    let maxlen = maxlen.to_string();
    let adds: Vec<Vec<String>> = ids
        .map(|id| {
            let words = [
                "XADD",
                stream,
                "MAXLEN",
                "=",
                &maxlen,
                &format!("{id}-0"),
                "n",
                "1",
            ];
            words.map(str::to_owned).to_vec()
        })
        .collect();
    for chunk in adds.chunks(5000) {
        client.pipeline(chunk);
    }
}

/// `worker run` of the group with a handler that takes anything.
fn work(server: &TestServer, stream: &str, flags: &[&str]) -> Invocation {
    let run = [
        "worker",
        "run",
        GROUP,
        "--stream",
        stream,
        "--builtin",
        "null",
    ];
    server.command(&[&run[..], flags].concat())
}

fn work_once(server: &TestServer) -> Run {
    work(server, STREAM, &["--once"]).run()
}

/// What `info` says of the group.
fn info(server: &TestServer) -> Value {
    let run = server.ucp(&["info", STREAM, "-o", "json"]);
    run.assert_code(0);
    run.stdout_json()[0]["groups"][0].clone()
}

/// Whether the loss is among its alerts, in `info` and in `lag`.
fn is_alert(server: &TestServer) -> bool {
    let lag = server.ucp(&["lag", GROUP, "--stream", STREAM, "-o", "json"]);
    let [info, lag] = [info(server), lag.stdout_json()[0].clone()].map(|group| {
        let alerts = group["alerts"].as_array().unwrap().clone();
        alerts.contains(&"lost".into())
    });
    assert_eq!(info, lag);
    info
}

fn letters(server: &TestServer) -> Vec<Value> {
    let run = server.ucp(&["dlq", "list", STREAM, "-o", "json"]);
    run.assert_code(0);
    run.stdout_json().as_array().unwrap().clone()
}

fn lag(entries: u64, quality: &str) -> Value {
    serde_json::json!({"entries": entries, "quality": quality})
}

/// 55,000 of 56,000 entries are cut from under an idle group.
fn lose(server: &TestServer) {
    add(server, STREAM, 1..=56_000, 1000);
}

#[test]
fn field_a1_what_was_trimmed_while_no_worker_was_there_is_told_once_and_accepted() {
    for create in [
        // As the platform's own clients create groups, and as this tool does.
        vec!["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"],
        vec![],
    ] {
        let server = TestServer::start();
        if create.is_empty() {
            let create = ["groups", "create", GROUP, "--stream", STREAM];
            server.ucp(&create).assert_code(0);
        } else {
            server.redis(&create);
        }
        lose(&server);
        let group = info(&server);
        assert_eq!(group["lost"], lag(55_000, "known"), "{create:?}");
        assert_eq!(group["lost_unaccepted"], lag(55_000, "known"));
        assert!(is_alert(&server));
        let found = work_once(&server);
        found
            .assert_code(9)
            .stderr_has("data loss")
            .stderr_has("entries=55000")
            .stderr_has("after=0-0 before=55001-0")
            .stderr_has("1,000 handled, 55,000 lost before delivery");
        let letters = letters(&server);
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0]["lost"]["entries"], lag(55_000, "known"));
        assert_eq!(letters[0]["lost"]["from_id"], "0-0");
        assert_eq!(letters[0]["lost"]["to_id"], "55001-0");
        assert_eq!(letters[0]["is_tombstone"], true);
        work_once(&server).assert_code(0).stderr_lacks("data loss");
        assert_eq!(server.redis(&["XLEN", LETTERS]).int(), 1, "told once");
        accepted_and_quiet(&server);
    }
}

/// The loss of 55,000 is told of until it is accepted, and the next one again.
fn accepted_and_quiet(server: &TestServer) {
    let accept = ["groups", "accept-loss", GROUP, "--stream", STREAM];
    assert_eq!(info(server)["lost_unaccepted"]["entries"], 55_000);
    assert!(is_alert(server), "also when the worker has gone past it");
    let kept = server.redis(&["GET", KEPT]);
    server.ucp(&accept).assert_code(6).stderr_has("--yes");
    let rehearsed = server.ucp(&[&accept[..], &["--dry-run"]].concat());
    rehearsed.assert_code(0).stderr_has("55,000 entries");
    assert_eq!(server.redis(&["GET", KEPT]).text(), kept.text());
    let agreed = server.ucp(&[&accept[..], &["--yes"]].concat());
    agreed.assert_code(0);
    let group = info(server);
    assert_eq!(group["lost"]["entries"], 55_000);
    assert_eq!(group["lost_unaccepted"]["entries"], 0);
    assert!(!is_alert(server));
    let again = server.ucp(&[&accept[..], &["--yes"]].concat());
    again.assert_code(0).stderr_has("no losses to accept");
    add(server, STREAM, 56_001..=58_500, 1000);
    assert_eq!(info(server)["lost_unaccepted"], lag(1500, "known"));
    assert_eq!(info(server)["lost"], lag(56_500, "known"));
    assert!(is_alert(server));
    work_once(server).assert_code(9).stderr_has("entries=1500");
    assert_eq!(server.redis(&["XLEN", LETTERS]).int(), 2);
}

#[test]
fn field_a1_what_is_trimmed_while_the_worker_runs_is_told_at_its_next_read() {
    let server = TestServer::start();
    let home = crate::support::directory();
    let program = format!("echo $UCP_ID >> began; {WAIT}; echo $UCP_ID >> done");
    let run = ["worker", "run", GROUP, "--stream", STREAM];
    let handler = ["--exec", "--", "sh", "-c", &program];
    let mut worker = server
        .command(&[&run[..], &handler].concat())
        .in_dir(home.path())
        .spawn();
    let lines = |name: &str| {
        let text = std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
        text.lines().count() as u64
    };
    until(PATIENCE, "the group", || {
        !matches!(
            server.try_redis(&["XINFO", "STREAM", STREAM]),
            crate::support::Reply::Error(_)
        )
    });
    add(&server, STREAM, 1..=10, 100);
    until(PATIENCE, "the first attempt", || lines("began") == 1);
    add(&server, STREAM, 11..=2000, 20);
    std::fs::write(home.path().join("go"), "").unwrap();
    let told = worker.await_stderr("data loss");
    until(PATIENCE, "the last entry", || {
        std::fs::read_to_string(home.path().join("done"))
            .is_ok_and(|text| text.lines().any(|id| id == "2000-0"))
    });
    let run = worker.terminate();
    run.assert_code(0).stderr_has("lost before delivery");
    let lost = letters(&server)[0]["lost"]["entries"]["entries"]
        .as_u64()
        .unwrap();
    assert_eq!(
        lost + lines("done"),
        2000,
        "every entry is in one place: {told}"
    );
    let said = run.stderr().replace(',', "");
    assert!(
        said.contains(&format!("{lost} lost before delivery")),
        "{run}"
    );
}

#[test]
fn field_a1_two_workers_at_once_leave_one_tombstone() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    lose(&server);
    let workers = [(); 2].map(|()| work(&server, STREAM, &["--once"]).spawn());
    let runs = workers.map(|worker| worker.wait());
    // The one that did not find it may end while the other still holds entries, which is 7.
    let codes = runs.each_ref().map(|run| run.code().unwrap());
    let found = codes.iter().filter(|code| **code == 9).count();
    assert_eq!(found, 1, "{runs:?}");
    assert!(
        codes.iter().all(|code| [0, 7, 9].contains(code)),
        "{runs:?}"
    );
    let letters = letters(&server);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["lost"]["entries"], lag(55_000, "known"));
}

#[test]
fn field_a1_consume_says_what_it_never_saw() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(&server, STREAM, 1..=300, 100);
    let consume = [
        "consume", GROUP, "--stream", STREAM, "--ack", "-o", "ndjson",
    ];
    let run = server.ucp(&consume);
    run.assert_code(9)
        .stderr_has("200 entries trimmed or deleted before delivery")
        .stderr_has("after 0-0 and before 201-0");
    assert_eq!(run.stdout_ndjson().len(), 100);
    assert_eq!(server.redis(&["XLEN", LETTERS]).int(), 1);
    server
        .ucp(&consume)
        .assert_code(0)
        .stderr_lacks("data loss");
}

#[test]
fn field_a1_a_tombstone_of_a_gap_says_what_was_lost_and_cannot_be_redriven() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(&server, STREAM, 1..=30, 10);
    work_once(&server).assert_code(9);
    let id = letters(&server)[0]["id"].as_str().unwrap().to_owned();
    let list = server.ucp(&["dlq", "list", STREAM]);
    list.assert_code(0)
        .stdout_has("20 entries after 0-0 and before 21-0");
    let show = server.ucp(&["dlq", "show", STREAM, &id, "-o", "json"]);
    show.assert_code(0);
    assert_eq!(show.stdout_json()["lost"]["entries"], lag(20, "known"));
    let redrive = server.ucp(&["dlq", "redrive", STREAM, &id, "--yes"]);
    redrive.stdout_has("trimmed or deleted before delivery");
    assert_ne!(redrive.code(), Some(0));
    assert_eq!(server.redis(&["XLEN", STREAM]).int(), 10);
    let purge = server.ucp(&["dlq", "purge", STREAM, &id, "--yes"]);
    purge.assert_code(0);
    assert_eq!(server.redis(&["XLEN", LETTERS]).int(), 0);
    work_once(&server).assert_code(0);
}

/// Streams from which nothing was lost, whatever was done to them.
fn quiet_streams(server: &TestServer) -> Vec<&'static str> {
    let send = |line: &str| server.redis(&line.split(' ').collect::<Vec<_>>());
    add(server, "at-end", 1..=300, 100);
    send("XGROUP CREATE at-end billing $");
    add(server, "at-end", 301..=320, 100);
    add(server, "in-the-middle", 1..=300, 100);
    send("XGROUP CREATE in-the-middle billing 250-0");
    send("XTRIM in-the-middle MINID 251-0");
    for (name, start) in [
        ("made-at-0", "0"),
        ("made-at-end", "$"),
        ("made-between", "250-0"),
    ] {
        add(server, name, 1..=300, 100);
        let create = [
            "groups", "create", GROUP, "--stream", name, "--start", start,
        ];
        server.ucp(&create).assert_code(0);
    }
    send("XTRIM made-between MINID 251-0");
    add(server, "made-at-end", 301..=395, 100);
    for name in [
        "acknowledged",
        "deleted",
        "emptied",
        "moved-back",
        "moved-back-by-hand",
    ] {
        send(&format!("XGROUP CREATE {name} billing 0 MKSTREAM"));
        add(server, name, 1..=100, 1000);
        work(server, name, &["--once"]).run().assert_code(0);
    }
    send("XTRIM acknowledged MINID 91-0");
    send("XDEL deleted 7-0 50-0 100-0");
    send("XTRIM emptied MAXLEN 0");
    for name in ["acknowledged", "deleted", "emptied"] {
        add(server, name, 101..=120, 1000);
    }
    send("XTRIM moved-back MINID 91-0");
    let back = [
        "groups",
        "set-id",
        GROUP,
        "start",
        "--stream",
        "moved-back",
        "--force",
        "--yes",
    ];
    server.ucp(&back).assert_code(0);
    send("XTRIM moved-back-by-hand MINID 91-0");
    send("XGROUP SETID moved-back-by-hand billing 0");
    vec![
        "at-end",
        "in-the-middle",
        "made-at-0",
        "made-at-end",
        "made-between",
        "acknowledged",
        "deleted",
        "emptied",
        "moved-back",
        "moved-back-by-hand",
    ]
}

#[test]
fn field_a1_nothing_is_said_where_nothing_was_lost() {
    let server = TestServer::start();
    for stream in quiet_streams(&server) {
        let run = work(&server, stream, &["--once"]).run();
        assert_eq!(run.code(), Some(0), "{stream}: {}", run.stderr());
        run.stderr_lacks("data loss");
        let letters = format!("{{{stream}}}:dlq");
        assert_eq!(server.redis(&["EXISTS", &letters]).int(), 0, "{stream}");
        let info = server.ucp(&["info", stream, "-o", "json"]).stdout_json();
        let lost = &info[0]["groups"][0]["lost"];
        let is_certain = lost["quality"] == "known" || lost["quality"] == "at_least";
        assert!(!is_certain || lost["entries"] == 0, "{stream}: {lost}");
        let alerts = info[0]["groups"][0]["alerts"].to_string();
        assert!(!alerts.contains("lost"), "{stream}: {alerts}");
    }
}

/// Of entries 1 to 30 the group has read and acknowledged 1 to 10, and only these are cut.
fn read_ten(server: &TestServer) {
    server.redis(&[
        "XGROUP",
        "CREATE",
        STREAM,
        GROUP,
        "0",
        "MKSTREAM",
        "ENTRIESREAD",
        "0",
    ]);
    add(server, STREAM, 1..=30, 1000);
    let flags = ["--max-messages", "10"];
    work(server, STREAM, &flags).run().assert_code(0);
}

/// The rest is read with nothing to say; what is lost after that is known again.
fn says_what_is_lost_later(server: &TestServer) {
    server.redis(&["XTRIM", STREAM, "MINID", "11-0"]);
    work_once(server).assert_code(0).stderr_lacks("data loss");
    assert_eq!(server.redis(&["EXISTS", LETTERS]).int(), 0);
    let lost = info(server)["lost"].clone();
    assert_ne!(lost["quality"], "at_least", "{lost}");
    add(server, STREAM, 31..=130, 10);
    work_once(server).assert_code(9).stderr_has("entries=90");
}

#[test]
fn field_a1_a_server_that_comes_back_from_its_append_only_file_has_lost_nothing() {
    let mut server = TestServer::durable();
    read_ten(&server);
    server.kill();
    server.restart();
    says_what_is_lost_later(&server);
}

#[test]
fn field_a1_a_replica_that_is_promoted_has_lost_nothing() {
    let port = crate::support::free_port().to_string();
    let master = TestServer::with_args(&["--port", &port, "--repl-diskless-sync-delay", "0"]);
    let replica = TestServer::with_args(&["--replicaof", "127.0.0.1", &port]);
    until(PATIENCE, "a replica in step", || {
        let replication = replica.redis(&["INFO", "replication"]);
        replication.text().contains("master_link_status:up")
    });
    read_ten(&master);
    let end = |server: &TestServer| -> String {
        let reply = server.try_redis(&["XINFO", "GROUPS", STREAM]);
        match reply {
            crate::support::Reply::Error(_) => String::new(),
            reply => reply.items()[0]
                .field("last-delivered-id")
                .text()
                .to_owned(),
        }
    };
    let wanted = end(&master);
    until(PATIENCE, "what was read", || end(&replica) == wanted);
    let mut client: Client = replica.client();
    until(PATIENCE, "what was acknowledged", || {
        let groups = client.send(&["XINFO", "GROUPS", STREAM]);
        groups.items()[0].field("pending").int() == 0
    });
    replica.redis(&["REPLICAOF", "NO", "ONE"]);
    drop(master);
    says_what_is_lost_later(&replica);
}

#[test]
fn field_a1_a_worker_that_may_not_keep_losses_says_so_once_and_goes_on() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(&server, STREAM, 1..=30, 10);
    let url = server.add_user("w", &format!("~{STREAM} ~{LETTERS} +@all"));
    let run = work(&server, STREAM, &["--once"])
        .env("UCP_STREAMS_URL", url)
        .run();
    run.assert_code(0).stderr_has("10 handled");
    let warnings = run.stderr().matches("cannot check for entries").count();
    assert_eq!(warnings, 1, "{}", run.stderr());
}

#[test]
fn field_a1_a_loss_that_cannot_be_recorded_is_told_all_the_same() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    server.redis(&["SET", LETTERS, "x"]);
    add(&server, STREAM, 1..=30, 10);
    work_once(&server)
        .assert_code(9)
        .stderr_has("entries=20")
        .stderr_has("cannot be recorded")
        .stderr_has("10 handled, 20 lost before delivery");
    assert_eq!(server.redis(&["GET", LETTERS]).text(), "x");
}

#[test]
fn field_a12_a_demo_that_loses_a_message_ends_as_data_loss() {
    let demo = |flags: &[&str]| {
        Invocation::new(&[&["demo", "--events", "100"], flags].concat())
            .env("UCP_STREAMS_SERVER", server_binary())
            .timeout(Duration::from_mins(2))
            .run()
    };
    demo(&["--drop-one"])
        .assert_code(9)
        .stderr_has("does not add up");
    demo(&[]).assert_code(0);
}
