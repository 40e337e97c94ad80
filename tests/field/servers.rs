//! Servers that are something else than they seem: sentinels, replicas, refusals in other words, thousands of consumers.

use std::fs;
use std::process::{Command, Stdio};

use ucp_streams::server::Options;

use crate::support::{
    PATIENCE, Refusing, Reply, Running, TestServer, directory, free_port, server_binary, until,
};

/// A server that listens on a port of the loopback, too.
fn on_port(args: &[&str]) -> (TestServer, String) {
    let port = free_port();
    let server = TestServer::with_options(Options {
        port: Some(port),
        args: args.iter().map(Into::into).collect(),
        ..Options::default()
    });
    (server, port.to_string())
}

#[test]
fn field_r7_a_sentinel_is_called_one_and_names_its_master() {
    let (_master, master) = on_port(&[]);
    let home = directory();
    let port = free_port();
    let conf = home.path().join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {master} 1\n",
        home.path().display()
    );
    fs::write(&conf, text).unwrap();
    let child = Command::new(server_binary())
        .arg(&conf)
        .arg("--sentinel")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _sentinel = Running(child.unwrap());
    until(PATIENCE, "a sentinel that listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let url = format!("redis://127.0.0.1:{port}");
    let named = format!("its master `mymaster` is 127.0.0.1:{master}");
    let next = format!("--url redis://127.0.0.1:{master}");
    for args in [
        &["ping"][..],
        &["info"],
        &["lag"],
        &["groups"],
        &["init"],
        &["topology", "check"],
        &["read", "events.raw"],
        &["tail", "events.raw"],
        &["pending", "event-processors"],
        &["consume", "event-processors"],
        &["publish", "s", "a=1"],
        &[
            "worker",
            "run",
            "event-processors",
            "--once",
            "--builtin",
            "null",
        ],
    ] {
        let run = crate::support::Invocation::new(args)
            .env("UCP_STREAMS_URL", &url)
            .run();
        run.assert_code(2)
            .stderr_has("this is a sentinel")
            .stderr_has(&named)
            .stderr_has(&next)
            .stderr_lacks("too old");
    }
}

/// A primary that keeps its replicas waiting for their first copy, or not; and a replica of it.
fn replica(primary: &[&str], replica: &[&str]) -> (TestServer, String, TestServer) {
    let (primary, port) = on_port(primary);
    primary.redis(&["XADD", "s", "1-1", "k", "v"]);
    primary.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    let of = ["--replicaof", &format!("127.0.0.1 {port}")].map(str::to_owned);
    let args: Vec<&str> = of
        .iter()
        .map(String::as_str)
        .chain(replica.iter().copied())
        .collect();
    let replica = TestServer::with_args(&args);
    (primary, port, replica)
}

/// No copy begins before this delay is over.
const WAITING: [&str; 4] = [
    "--repl-diskless-sync",
    "yes",
    "--repl-diskless-sync-delay",
    "3600",
];

#[test]
fn field_r7_a_replica_in_its_first_sync_is_still_loading() {
    for stale in ["yes", "no"] {
        let (_primary, port, replica) = replica(&WAITING, &["--replica-serve-stale-data", stale]);
        for args in [
            &["info"][..],
            &["info", "s"],
            &["lag"],
            &["groups"],
            &["init", "--dry-run"],
            &["init"],
            &["topology", "check"],
            &["get", "s", "1-1"],
            &["pending", "g", "--stream", "s"],
            &["ack", "g", "1-1", "--stream", "s", "--yes"],
        ] {
            let run = replica.ucp(args);
            run.assert_code(4)
                .stderr_has("a replica that is still loading")
                .stderr_has(&format!("redis://127.0.0.1:{port}"))
                .stderr_lacks("creates");
        }
    }
}

#[test]
fn field_r7_a_replica_that_has_its_data_is_read_and_names_its_primary_to_writers() {
    let now = [
        "--repl-diskless-sync",
        "yes",
        "--repl-diskless-sync-delay",
        "0",
    ];
    let (mut primary, port, replica) = replica(&now, &[]);
    until(PATIENCE, "a replica with a copy", || {
        let info = replica.redis(&["INFO", "replication"]);
        info.text().contains("master_link_status:up")
    });
    let looks = || {
        for args in [
            &["info", "s"][..],
            &["get", "s", "1-1"],
            &["pending", "g", "--stream", "s"],
        ] {
            replica.ucp(args).assert_code(0).stderr_lacks("replica");
        }
        replica
            .ucp(&["info", "t"])
            .assert_code(3)
            .stderr_lacks("replica");
        for args in [&["publish", "s", "k=v"][..], &["init"]] {
            let run = replica.ucp(args);
            run.assert_code(4)
                .stderr_has("is a replica of")
                .stderr_has(&format!("--url redis://127.0.0.1:{port}"));
        }
    };
    looks();
    // What it has stays readable when its primary is gone.
    primary.kill();
    until(PATIENCE, "a replica without its primary", || {
        let info = replica.redis(&["INFO", "replication"]);
        info.text().contains("master_link_status:down")
    });
    looks();
}

/// A node of a cluster without slots, with its port and the name that the cluster gives it.
fn node() -> (TestServer, String, String) {
    let bus = free_port().to_string();
    let (server, port) = on_port(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let name = server.redis(&["CLUSTER", "MYID"]).text().to_owned();
    (server, port, name)
}

/// Two nodes, the first of which has all slots.
fn two_nodes() -> [(TestServer, String, String); 2] {
    let (one, other) = (node(), node());
    one.0.redis(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let bus = other.0.redis(&["CONFIG", "GET", "cluster-port"]);
    let bus = bus.texts()[1].to_owned();
    one.0
        .redis(&["CLUSTER", "MEET", "127.0.0.1", &other.1, &bus]);
    for server in [&one.0, &other.0] {
        until(PATIENCE, "a cluster that is up", || {
            let info = server.redis(&["CLUSTER", "INFO"]);
            let info = info.text();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")
        });
    }
    [one, other]
}

#[test]
fn field_r7_a_slot_that_moves_is_said_to_have_moved() {
    let [(one, _, one_name), (other, port, other_name)] = two_nodes();
    one.redis(&["XADD", "s", "1-1", "k", "v"]);
    let slot = one.redis(&["CLUSTER", "KEYSLOT", "s"]).int().to_string();
    one.ucp(&["info", "s"]).assert_code(0).stderr_lacks("slot");
    let worker = one
        .command(&[
            "worker", "run", "g", "--stream", "s", "--exec", "--", "true",
        ])
        .spawn();
    until(PATIENCE, "all acknowledged", || {
        matches!(one.try_redis(&["XPENDING", "s", "g"]), Reply::Array(items) if items[0].int() == 0)
            && one.redis(&["XINFO", "GROUPS", "s"]).items()[0]
                .field("last-delivered-id")
                .text()
                == "1-1"
    });
    other.redis(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &one_name]);
    one.redis(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &other_name]);
    let keys = one.redis(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
    for key in keys.texts() {
        one.redis(&["MIGRATE", "127.0.0.1", &port, key, "0", "60000"]);
    }
    // On its way.
    let run = one.ucp(&["get", "s", "1-1"]);
    run.assert_code(4)
        .stderr_has(&format!("hash slot {slot} is moving"))
        .stderr_has(&format!("127.0.0.1:{port}"));
    for server in [&other, &one] {
        server.redis(&["CLUSTER", "SETSLOT", &slot, "NODE", &other_name]);
    }
    let run = worker.wait();
    run.assert_code(4)
        .stderr_has(&format!("hash slot {slot}"))
        .stderr_has(&format!("127.0.0.1:{port}"))
        .stderr_has("this tool does not follow slots from node to node");
    for args in [
        &["info", "s"][..],
        &["publish", "s", "k=v"],
        &["pending", "g", "--stream", "s"],
    ] {
        let run = one.ucp(args);
        run.assert_code(4)
            .stderr_has(&format!("hash slot {slot} is on"))
            .stderr_has(&format!("127.0.0.1:{port}"));
    }
    other
        .ucp(&["get", "s", "1-1"])
        .assert_code(0)
        .stderr_is_empty();
}

/// Commands that are asked only to know more.
const PROBES: [&str; 6] = [
    "INFO",
    "HELLO",
    "COMMAND INFO",
    "CLIENT SETNAME",
    "MEMORY USAGE",
    "TIME",
];

#[test]
fn field_c5_whatever_is_refused_is_not_known() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    for line in [
        "-unsupported command",
        "-ERR unsupported command 'x'",
        "-ERR No permission to execute the command",
        "-ERR unknown command 'x', with args beginning with: ",
        "-NOPERM this user has no permissions to run the command",
        "-FORBIDDEN ask your provider",
    ] {
        let proxy = Refusing::before(server.socket(), &PROBES, line);
        let ucp = |args: &[&str]| {
            let run = server
                .command(args)
                .env("UCP_STREAMS_URL", proxy.url())
                .run();
            run.assert_code(0);
            run
        };
        let ping = ucp(&["ping", "-o", "json"]).stdout_json();
        let ping = if ping.is_array() {
            ping[0].clone()
        } else {
            ping
        };
        assert!(
            ping["version"].is_null() && ping["features"].is_null(),
            "{line}: {ping}"
        );
        ucp(&["ping"]);
        let info = ucp(&["info", "s", "-o", "json"]).stdout_json();
        assert!(info[0]["bytes"].is_null(), "{line}: {info}");
        assert!(info[0]["length"].as_u64() >= Some(1), "{line}: {info}");
        ucp(&["lag"]);
        ucp(&["groups"]);
        ucp(&["pending", "g", "--stream", "s"]);
        ucp(&["tail", "s"]);
        ucp(&["publish", "s", "k=v"]);
        ucp(&[
            "worker",
            "run",
            "g",
            "--stream",
            "s",
            "--once",
            "--builtin",
            "null",
        ]);
    }
}

#[test]
fn field_c5_a_state_of_the_server_is_passed_on() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    for (line, code) in [
        ("-NOAUTH Authentication required.", 5),
        (
            "-WRONGPASS invalid username-password pair or user is disabled.",
            5,
        ),
        ("-LOADING Redis is loading the dataset in memory", 4),
        ("-MASTERDOWN Link with MASTER is down", 4),
    ] {
        let proxy = Refusing::before(server.socket(), &["INFO", "COMMAND INFO"], line);
        for args in [&["ping"][..], &["info", "s"], &["lag"]] {
            let run = server
                .command(args)
                .env("UCP_STREAMS_URL", proxy.url())
                .run();
            run.assert_code(code)
                .stderr_has(line.split(' ').next().unwrap().trim_start_matches('-'));
        }
    }
}

/// How often the server was given a command, of itself or by a script.
fn calls(server: &TestServer, command: &str) -> u64 {
    let said = server.redis(&["INFO", "commandstats"]);
    let line = format!("cmdstat_{command}:calls=");
    let found = said.text().lines().find_map(|it| it.strip_prefix(&line));
    found.map_or(0, |it| it.split(',').next().unwrap().parse().unwrap())
}

#[test]
fn field_c6_thousands_of_consumers_are_listed_once_and_pruned_in_chunks() {
    are_pruned(2_000);
}

#[test]
#[ignore = "the full count: make soak"]
fn soak_c6_forty_thousand_consumers_are_pruned_in_time_that_grows_with_them() {
    are_pruned(40_000);
}

fn are_pruned(count: usize) {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "holder", "STREAMS", "s", ">"]);
    let names: Vec<String> = (0..count).map(|at| format!("c{at}")).collect();
    for names in names.chunks(500) {
        let create =
            |name: &String| ["XGROUP", "CREATECONSUMER", "s", "g", name].map(str::to_owned);
        let commands: Vec<_> = names.iter().map(create).collect();
        server.client().pipeline(&commands);
    }
    server.redis(&["CONFIG", "RESETSTAT"]);
    let run = server.ucp(&[
        "consumers",
        "prune",
        "g",
        "--stream",
        "s",
        "--idle",
        "0s",
        "--yes",
        "-q",
    ]);
    // One holds something.
    run.assert_code(7);
    let left = server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
    assert_eq!(left.items().len(), 1);
    assert_eq!(left.items()[0].field("name").text(), "holder");
    // Ours beside the tool's.
    let listed = calls(&server, "xinfo|consumers") - 1;
    assert!(listed <= 2, "listed {listed} times");
    assert_eq!(calls(&server, "xgroup|delconsumer"), count as u64);
    let scripts = calls(&server, "evalsha") + calls(&server, "eval");
    assert!(scripts <= count as u64 / 100 + 2, "{scripts} calls");
}

#[test]
fn field_e4_a_stream_without_an_id_left_is_refused_and_not_for_another_try() {
    const LAST: &str = "18446744073709551615-18446744073709551615";
    let server = TestServer::start();
    for stream in ["s", "events.raw", "{q}:dlq"] {
        server.redis(&["XADD", stream, LAST, "f", "v"]);
    }
    server.redis(&["XADD", "q", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "q", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "q", ">"]);
    server.redis(&["XSETID", "q", LAST]);
    let home = directory();
    let file = home.path().join("one.ndjson");
    std::fs::write(&file, "{\"event_id\":\"x\",\"f\":\"v\"}\n").unwrap();
    let file = file.to_str().unwrap();
    let event = ["brand_id=b", "event_type=page_view", "payload={}"];
    for args in [
        &["publish", "s", "f=v"][..],
        &["publish", "s", "--file", file],
        &["publish", "s", "--file", file, "--stream"],
        &[
            "publish",
            "s",
            "--file",
            file,
            "--idempotency-field",
            "event_id",
        ],
        &["ingest", event[0], event[1], event[2]],
        &["requeue", "g", "--stream", "q", "--idle", "0s", "-y"],
        &[
            "dlq", "add", "g", "1-0", "--stream", "q", "--reason", "x", "-y",
        ],
    ] {
        server
            .ucp(args)
            .assert_code(6)
            .stderr_has("exhausted the last possible ID")
            .stderr_has("add to another stream");
    }
    assert_eq!(server.redis(&["XLEN", "events.normalized"]).int(), 0);
    let pending = server.redis(&["XPENDING", "q", "g"]);
    assert_eq!(pending.items()[0].int(), 1);
}
