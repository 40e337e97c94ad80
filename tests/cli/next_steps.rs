//! The next step that an error ends with: it names what was meant, and it works when it is typed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::support::{TestServer, ucp};

/// The command between the backticks of a hint.
#[track_caller]
fn suggested(stderr: &str) -> Vec<String> {
    let hint = stderr.split("hint: ").nth(1).expect("a hint");
    let command = hint.split('`').nth(1).expect("a command in the hint");
    let words = command.strip_prefix("ucp-streams ").expect("of this tool");
    words.split(' ').map(ToOwned::to_owned).collect()
}

#[test]
fn after_ids_that_are_not_pending_comes_what_is() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "1-0", "n", "1"]);
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        "billing",
        "c1",
        "STREAMS",
        "orders",
        ">",
    ]);
    for command in [
        &["ack"][..],
        &["requeue"],
        &["claim", "--to", "c1"],
        &["dlq", "purge"],
    ] {
        let named = match command[0] {
            "dlq" => vec!["orders", "9-9"],
            _ => vec!["billing", "9-9", "--stream", "orders"],
        };
        let run = server.ucp(&[command, &named[..], &["--yes"]].concat());
        run.assert_code(3);
        let next = suggested(run.stderr());
        let next: Vec<&str> = next.iter().map(String::as_str).collect();
        let shown = server.ucp(&next);
        shown.assert_code(0);
        if command[0] != "dlq" {
            shown.stdout_has("1-0\t");
        }
    }
}

#[test]
fn a_stream_where_a_group_is_wanted_is_told_from_a_typing_error() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server.redis(&["XADD", "events.raw", "1-0", "n", "1"]);
    for command in ["pending", "lag", "consumers"] {
        server
            .ucp(&[command, "events.normalized"])
            .assert_code(3)
            .stderr_has("`events.normalized` is a stream; give the name of a group")
            .stderr_has("hint: its groups in the topology: event-processors");
    }
    let run = server.ucp(&["pending", "events.raw"]);
    run.assert_code(3)
        .stderr_has("the topology has no group on it");
    let next = suggested(run.stderr());
    let next: Vec<&str> = next.iter().map(String::as_str).collect();
    server.ucp(&next).assert_code(0);
    // Where the group is, and not how to make another of its name.
    server
        .ucp(&["pending", "events.raw", "event-processors"])
        .assert_code(3)
        .stderr_has("stream `events.raw` has no group `event-processors`")
        .stderr_has("hint: the topology has group `event-processors` on `events.normalized`");
}

#[test]
fn a_database_that_is_not_there_is_the_line_s_mistake() {
    let server = TestServer::start();
    for command in [
        &["ping"][..],
        &["worker", "run", "event-processors", "--once"],
    ] {
        server
            .ucp(&[command, &["--db", "99"]].concat())
            .assert_code(2)
            .stderr_has("the server has no database 99")
            .stderr_has(
                "hint: give the number of an existing database, with --db or at the end of the URL",
            );
    }
}

#[test]
fn what_is_left_to_say_of_wrong_words() {
    for (args, says, hint) in [
        (
            &["dlq", "redrive", "events.raw"][..],
            "were not provided",
            "hint: usage: ucp-streams dlq redrive [OPTIONS] <STREAM> <ID…|--all|--group|--reason|--where>",
        ),
        (
            &["read", "events.raw", "--fields"],
            "`--fields` is neither an option of this command nor a position",
            "hint: ",
        ),
        (
            &["worker", "run", "event-processors", "--", "cat"],
            "a program after `--` needs --exec or --pipe",
            "hint: give one of the two before the `--`: --exec -- PROGRAM ARGS",
        ),
        (
            &["worker", "run", "event-processors", "--builtin", "nul"],
            "no built-in handler is called `nul`, did you mean `null`?",
            "hint: the built-in handlers: features, ",
        ),
        (
            &["worker", "run", "event-processors", "--http", "host"],
            "not a URL for a handler",
            "hint: for example --http http://127.0.0.1:8080/handle",
        ),
        (
            &["worker", "run", "event-processors", "--max-deliveries", "0"],
            "max deliveries is 0; it must be at least 1",
            "hint: change the flag, or the group in the topology file",
        ),
    ] {
        ucp(args).assert_code(2).stderr_has(says).stderr_has(hint);
    }
    ucp(&["--password-file", "/nowhere/password", "ping"])
        .assert_code(74)
        .stderr_has("hint: the password must be the first line of the file");
}

#[test]
fn what_other_tools_have_is_answered_with_what_takes_its_place() {
    let port = "hint: the server's port is given with --port\n";
    let password = "hint: passwords are not accepted as arguments: set $UCP_STREAMS_PASSWORD, ";
    for (args, hint) in [
        (
            &["lag", "--json"][..],
            "hint: JSON is printed with -o json\n",
        ),
        (
            &["lag", "--format", "json"],
            "hint: the format of the output is given with -o, as in -o json\n",
        ),
        (&["-p", "6380", "info"], port),
        (&["info", "-p", "6380"], port),
        (
            &["ping", "-n", "1"],
            "hint: the database's number is given with --db\n",
        ),
        (&["-a", "secret", "ping"], password),
        (&["read", "s", "-a", "secret"], password),
        (
            &["version"],
            "hint: the version is printed by `ucp-streams --version`\n",
        ),
    ] {
        let run = ucp(args);
        run.assert_code(2).stderr_has(hint).stderr_lacks("tip:");
    }
    // `publish` has a format of its own.
    ucp(&["publish", "s", "--format", "json", "--json"])
        .assert_code(2)
        .stderr_has("JSON is printed with -o json");
}

#[test]
fn a_mistyped_subcommand_is_not_only_taken_for_a_name() {
    let server = TestServer::start();
    let create = "hint: did you mean `ucp-streams groups create`?\n";
    let prune = "hint: did you mean `ucp-streams consumers prune`?\n";
    for (args, code, hint) in [
        (&["groups", "crate", "x"][..], 3, create),
        (&["groups", "crate", "x", "--start", "0"], 2, create),
        (&["consumers", "prun", "g1"], 2, prune),
        (&["consumers", "prun"], 3, prune),
    ] {
        server.ucp(args).assert_code(code).stderr_has(hint);
    }
    // A stream of that name is one.
    server.redis(&["XGROUP", "CREATE", "crate", "g", "0", "MKSTREAM"]);
    server
        .ucp(&["groups", "crate"])
        .assert_code(0)
        .stdout_has("crate");
}

#[test]
fn another_service_at_the_address_is_no_bug_of_ours() {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    ucp(&["-u", &format!("redis://{address}"), "info"])
        .assert_code(4)
        .stderr_has(&format!(
            "{address} does not answer as a Redis or Valkey server does"
        ))
        .stderr_has("hint: name a server with --url or $UCP_STREAMS_URL; -v says where");
}

#[test]
fn a_stream_at_the_greatest_id_is_explained() {
    let server = TestServer::start();
    let greatest = "18446744073709551615-18446744073709551615";
    server.redis(&["XADD", "orders", greatest, "n", "1"]);
    server
        .ucp(&["publish", "orders", "n=2"])
        .assert_code(6)
        .stderr_has("XADD orders: ERR The stream has exhausted the last possible ID")
        .stderr_has(
            "hint: its last entry id is the greatest possible one, and no command lowers it",
        );
    // All of it was delivered: nothing is called undelivered.
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "$"]);
    let run = server.ucp(&["lag", "billing", "--stream", "orders", "-o", "json"]);
    let lag = run.assert_code(0).stdout_json();
    assert_eq!(lag[0]["lag"]["entries"], 0);
    assert!(lag[0]["undelivered_id"].is_null(), "{lag}");
}
