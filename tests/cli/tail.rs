//! `tail`.

use crate::shell::{bash, parts};
use crate::support::{PATIENCE, Signal, TestServer, until};

fn add(server: &TestServer, stream: &str, id: &str) {
    server.redis(&["XADD", stream, id, "f", id]);
}

#[test]
fn the_last_entries_of_several_streams_are_merged_by_id() {
    let server = TestServer::start();
    for n in 1..=20 {
        add(
            &server,
            if n % 2 == 0 { "even" } else { "odd" },
            &format!("{n}-0"),
        );
    }
    server
        .ucp(&["tail", "odd", "even", "-n", "2", "odd"])
        .assert_code(0)
        .stderr_is_empty()
        .stdout_is(
            "odd\t17-0\tf=17-0\neven\t18-0\tf=18-0\nodd\t19-0\tf=19-0\neven\t20-0\tf=20-0\n",
        );
    let run = server.ucp(&["tail", "odd", "-o", "json"]);
    let ids: Vec<_> = run
        .stdout_json()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(ids.len(), 10);
    assert_eq!(ids[9], "19-0");
    server
        .ucp(&["tail", "odd", "--since", "15-0"])
        .stdout_is("15-0\tf=15-0\n17-0\tf=17-0\n19-0\tf=19-0\n");
    server
        .ucp(&["tail", "odd", "--since", "15-0", "-n", "1"])
        .stdout_is("19-0\tf=19-0\n");
    server
        .ucp(&["tail", "odd", "--since", "-1m"])
        .assert_code(0)
        .stdout_is("");
    server
        .ucp(&["tail", "odd", "-n", "0"])
        .assert_code(0)
        .stdout_is("");
}

#[test]
fn more_than_a_page_of_each_stream_is_merged_in_order() {
    let server = TestServer::start();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (1..=3000)
        .map(|n| {
            let stream = if n % 3 == 0 { "a" } else { "b" };
            ["XADD", stream, &format!("{n}-0"), "n", "1"]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    client.pipeline(&commands);
    let run = server.ucp(&["tail", "a", "b", "-n", "5000", "--names"]);
    let expected: Vec<String> = (1..=3000).map(|n| format!("{n}-0")).collect();
    assert_eq!(run.assert_code(0).stdout_lines(), expected);
}

#[test]
fn a_missing_stream_is_3_with_the_names_there_are() {
    let server = TestServer::start();
    add(&server, "orders", "1-0");
    server
        .ucp(&["tail", "orders", "odrers"])
        .assert_code(3)
        .stdout_is("")
        .stderr_has("no stream `odrers`, did you mean `orders`?")
        .stderr_has("the streams there are: orders");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["tail", "text", "-f"])
        .assert_code(3)
        .stderr_has("the key holds a string");
}

#[test]
fn following_prints_what_is_added_and_ends_with_the_signal() {
    let server = TestServer::start();
    add(&server, "s", "1-0");
    add(&server, "s", "2-0");
    let mut tail = server
        .command(&["tail", "s", "later", "-n", "1", "-f", "-o", "json"])
        .spawn();
    tail.await_stderr("waiting for `later`, which is not there yet");
    assert!(tail.await_stdout("").contains("\"2-0\""));
    add(&server, "s", "3-0");
    let line: serde_json::Value = serde_json::from_str(&tail.await_stdout("")).unwrap();
    assert_eq!(line["id"], "3-0");
    add(&server, "later", "1-0");
    let line: serde_json::Value = serde_json::from_str(&tail.await_stdout("")).unwrap();
    assert_eq!(
        (&line["stream"], &line["id"]),
        (&"later".into(), &"1-0".into())
    );
    tail.signal(Signal::INT);
    let run = tail.wait();
    run.assert_code(130);
    assert_eq!(run.stdout_lines().len(), 3);
    assert_eq!(
        run.stderr(),
        "waiting for `later`, which is not there yet\n"
    );
    // Watching leaves no trace.
    assert!(server.redis(&["XINFO", "GROUPS", "s"]).items().is_empty());
}

#[test]
fn a_lost_connection_leaves_no_gap_and_no_repeat() {
    let mut server = TestServer::durable();
    add(&server, "s", "1-0");
    let mut tail = server.command(&["tail", "s", "-f", "--names"]).spawn();
    tail.await_stdout("1-0");
    add(&server, "s", "2-0");
    tail.await_stdout("2-0");
    server.redis(&["CLIENT", "KILL", "TYPE", "normal"]);
    add(&server, "s", "3-0");
    tail.await_stderr("connected again");
    tail.await_stdout("3-0");
    server.kill();
    tail.await_stderr("connecting again");
    server.restart();
    add(&server, "s", "4-0");
    tail.await_stdout("4-0");
    let run = tail.terminate();
    run.assert_code(143).stdout_is("1-0\n2-0\n3-0\n4-0\n");
}

#[test]
fn entries_added_faster_than_they_are_read_all_come_in_order() {
    let server = TestServer::start();
    add(&server, "s", "1-0");
    let mut tail = server
        .command(&["tail", "s", "-n", "0", "-f", "--names"])
        .spawn();
    let clients = || {
        server
            .redis(&["CLIENT", "LIST"])
            .text()
            .contains("cmd=xread")
    };
    until(PATIENCE, "it waits", clients);
    let commands: Vec<Vec<String>> = (2..=4000)
        .map(|n| {
            ["XADD", "s", &format!("{n}-0"), "n", "1"]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    server.client().pipeline(&commands);
    tail.await_stdout("4000-0");
    let run = tail.terminate();
    let expected: Vec<String> = (2..=4000).map(|n| format!("{n}-0")).collect();
    assert_eq!(run.stdout_lines(), expected);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = TestServer::start();
    for n in 1..=9000 {
        add(&server, "s", &format!("{n}-0"));
    }
    let head = bash(
        &server,
        "\"$UCP\" tail s -n 9000 -f | head -1; echo ${PIPESTATUS[0]}",
    );
    assert_eq!(parts(&head), (Some(0), "1-0\tf=1-0\n0\n", ""));
}
