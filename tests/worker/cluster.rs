//! On a cluster: what can never be changed by one script is refused before anything is read, and what can is done.

use crate::pending;
use crate::support::{PATIENCE, TestServer, until};

/// `worker run` that must be refused before it did anything, naming these keys.
fn refused(server: &TestServer, args: &[&str], named: &[&str]) {
    let keys = || server.redis(&["DBSIZE"]).int();
    let before = keys();
    let run = server.ucp(&[&["worker", "run"], args].concat());
    run.assert_code(2).stderr_has("nothing was read");
    for name in named {
        run.stderr_has(&format!("`{name}`"));
    }
    assert_eq!(keys(), before, "nothing was created");
}

#[test]
fn handlers_that_write_to_another_slot_are_refused_at_the_start() {
    let server = TestServer::cluster();
    let on_s = ["g", "--stream", "s", "--builtin"];
    refused(
        &server,
        &[&on_s[..], &["forward:out"]].concat(),
        &["out", "{s}:out"],
    );
    refused(
        &server,
        &["merge-processors"],
        &[
            "profiles.review_queue",
            "profiles.merges",
            "{profiles.merge_requests}:profiles.merges",
        ],
    );
    refused(
        &server,
        &["n", "--stream", "events.raw", "--builtin", "normalize"],
        &["events.normalized", "{events.raw}:events.normalized"],
    );
    // The dead-letter stream and the hashes of this one cannot be given its slot.
    refused(
        &server,
        &["g", "--stream", "a}b", "--builtin", "features"],
        &["{a}b}:dlq", "{a}b}:features:"],
    );
    let service = "[groups.g]\nstream = \"s\"\nhandler = { http = \"http://127.0.0.1:9\", results = \"answers\" }\n\
                   [streams.s]\n";
    let run = server
        .command(&["worker", "run", "g"])
        .file("ucp-streams.toml", service)
        .run();
    run.assert_code(2).stderr_has("`answers`");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0, "nothing was created");
}

#[test]
fn ingestion_into_two_slots_is_refused_before_it_writes() {
    let server = TestServer::cluster();
    let event = "{\"brand_id\":\"b\",\"event_type\":\"purchase\",\"payload\":{}}\n";
    let one = [
        "--brand-id",
        "b",
        "--event-type",
        "purchase",
        "--payload",
        "{}",
    ];
    let file = ["--file", "-"];
    for args in [&one[..], &file[..]] {
        let run = server
            .command(&[&["ingest"], args].concat())
            .stdin(event)
            .run();
        run.assert_code(2)
            .stderr_has("`events.normalized`")
            .stderr_has("`{events.raw}:events.normalized`");
    }
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0, "nothing was written");
}

#[test]
fn keys_of_one_slot_are_worked_on() {
    let server = TestServer::cluster();
    for number in 0..20 {
        server.redis(&["XADD", "s", "*", "n", &number.to_string()]);
    }
    let worker = server
        .command(&[
            "worker",
            "run",
            "g",
            "--stream",
            "s",
            "--builtin",
            "forward:{s}:out",
        ])
        .spawn();
    until(PATIENCE, "all copied", || {
        server.redis(&["XLEN", "{s}:out"]).int() == 20
    });
    until(PATIENCE, "all acknowledged", || {
        pending(&server, "s", "g") == 0
    });
    worker.terminate().assert_code(0);
    let fails = [
        "worker", "run", "f", "--stream", "s", "--once", "--exec", "--", "sh", "-c", "exit 65",
    ];
    server.ucp(&fails).assert_code(0);
    assert_eq!(server.redis(&["XLEN", "{s}:dlq"]).int(), 20);
}
