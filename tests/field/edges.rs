//! Connections and refusals at their edges: addresses of one link, commands that a server does not have or does not allow,
//! full memory, and keys that look like commands.

use crate::support::{TestServer, free_port};

/// A stream with one entry and a group that has read none of it.
fn staged(args: &[&str]) -> TestServer {
    let server = TestServer::with_args(args);
    server.redis(&["XADD", "s", "1-1", "k", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server
}

#[test]
fn field_e2_an_ipv6_address_may_have_a_zone() {
    let port = free_port().to_string();
    let server = TestServer::with_args(&["--bind", "::1", "--port", &port]);
    let config = tempfile::tempdir().unwrap();
    let ucp = |args: &[&str]| {
        server
            .command(args)
            .env_remove("UCP_STREAMS_URL")
            .env("XDG_CONFIG_HOME", config.path())
            .env("XDG_STATE_HOME", config.path())
            .run()
    };
    // The loopback interface, by its number: its name would do for an address of the link.
    for args in [
        &["ping", "--host", "::1%1", "--port", &port][..],
        &["ping", "--host", "[::1%251]", "--port", &port],
        &["ping", "-u", &format!("redis://[::1%251]:{port}")],
        &["ping", "-u", &format!("redis://[::1%1]:{port}/0")],
        &["ping", "-u", &format!("redis://[::1]:{port}")],
    ] {
        ucp(args).assert_code(0);
    }
    ucp(&["context", "add", "link", "--host", "fe80::1%lo"]).assert_code(0);
    ucp(&["context", "add", "near", "--host", "::1%1", "--port", &port]).assert_code(0);
    ucp(&["context", "list", "-o", "json"]).stdout_has("redis://[fe80::1%25lo]:6379");
    ucp(&["ping", "--context", "near"]).assert_code(0);
    ucp(&["context", "edit", "link", "--port", "7"]).assert_code(0);
    ucp(&["context", "list", "-o", "json"]).stdout_has("redis://[fe80::1%25lo]:7");
    for args in [
        ["ping", "-u", "redis://[fe80::1%25]"],
        ["ping", "-u", "redis://[fe80::1%25a%20b]"],
    ] {
        ucp(&args).assert_code(2).stderr_has("network interface");
    }
}

#[test]
fn field_e5_a_command_that_the_server_lacks_is_named_and_no_failure_that_passes() {
    for (lacks, args) in [
        (
            "XADD",
            &["publish", "s", "k=v", "--idempotency-field", "k"][..],
        ),
        ("XACK", &["ack", "g", "1-1", "--stream", "s", "--yes"]),
        (
            "XCLAIM",
            &[
                "claim", "g", "1-1", "--stream", "s", "--to", "c", "--idle", "0s", "--yes",
                "--force",
            ],
        ),
        (
            "XPENDING",
            &["requeue", "g", "1-1", "--stream", "s", "--yes", "--force"],
        ),
    ] {
        let server = staged(&[]);
        server.redis(&["XREADGROUP", "GROUP", "g", "old", "STREAMS", "s", ">"]);
        server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "c"]);
        let dump = server.redis(&["DUMP", "s"]);
        let lacking = TestServer::with_args(&["--rename-command", lacks, ""]);
        let restore: [&[u8]; 4] = [b"RESTORE", b"s", b"0", dump.bytes()];
        lacking.redis(&restore);
        let run = lacking.ucp(args);
        run.assert_code(2)
            .stderr_has("the server does not have this command, or has renamed it");
        // The server says it in capitals, and a script as a rule names it.
        let said = run.stderr().to_lowercase();
        assert!(
            said.contains(&format!("unknown command '{}'", lacks.to_lowercase())),
            "{run}"
        );
    }
}

#[test]
fn field_e5_consuming_nothing_without_eval_is_no_failure() {
    let server = staged(&[]);
    server.redis(&["XGROUP", "SETID", "s", "g", "$"]);
    server.add_user("bob", "~* +@all -eval -evalsha -@scripting");
    let consume = ["consume", "g", "--stream", "s", "--consumer", "c"];
    server
        .command_as("bob", &consume)
        .run()
        .assert_code(0)
        .stderr_has("consumer `c` of group `g` of stream `s`")
        .stderr_has("could not delete it")
        .stderr_has("consumers delete g c --stream s");
    let renamed = TestServer::with_args(&[
        "--rename-command",
        "EVAL",
        "",
        "--rename-command",
        "EVALSHA",
        "",
    ]);
    renamed.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    renamed
        .ucp(&consume)
        .assert_code(0)
        .stderr_has("could not delete it");
    // Who may is told nothing, and leaves nothing.
    server.redis(&["XGROUP", "DELCONSUMER", "s", "g", "c"]);
    server
        .ucp(&consume)
        .assert_code(0)
        .stderr_lacks("could not delete it");
    let left = server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
    assert_eq!(left.items().len(), 0);
}

#[test]
fn field_e5_consuming_drains_a_server_whose_memory_is_full() {
    let server = staged(&[]);
    for (args, said) in [
        (
            &["--ack"][..],
            "1 entry of group `g` of stream `s` acknowledged",
        ),
        (&[], "nothing to consume"),
    ] {
        server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
        let consume = ["consume", "g", "--stream", "s", "--consumer", "c"];
        let run = server.ucp(&[&consume, args].concat());
        run.assert_code(0).stderr_has(said);
        server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
        let left = server.redis(&["XINFO", "CONSUMERS", "s", "g"]);
        assert_eq!(left.items().len(), 0, "{run}");
    }
}

#[test]
fn field_e10_a_key_that_looks_like_a_command_is_a_key() {
    let server = TestServer::start();
    for key in ["ORDERS", "XADD", "A B", "orders"] {
        server.redis(&["XADD", key, "1-1", "k", "v"]);
        server.redis(&["XGROUP", "CREATE", key, "g", "0"]);
        server.add_user("bob", "~other +@all");
        for args in [
            &["publish", key, "k=v"][..],
            &["read", key],
            &["info", key],
            &["groups", key],
            &["pending", "g", "--stream", key],
        ] {
            let run = server.command_as("bob", args).run();
            run.assert_code(5).stderr_has("ACL SETUSER bob ");
            // A pattern has no blanks.
            run.stderr_has(&format!("~{}; ", key.replace(' ', "?")));
        }
        server.add_user("bob", "~* +@all -xadd");
        let run = server.command_as("bob", &["publish", key, "k=v"]).run();
        run.assert_code(5).stderr_has("ACL SETUSER bob +xadd; ");
    }
}
