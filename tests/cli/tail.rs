//! `tail`.

use crate::shell::{bash, parts};
use crate::support::{End, Invocation, Mode, PATIENCE, Proxy, Signal, Spawned, TestServer, until};

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
    for count in ["-n", "--count", "--entries"] {
        server
            .ucp(&["tail", "odd", "--since", "15-0", count, "1"])
            .stdout_is("19-0\tf=19-0\n");
    }
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
        .stderr_has("the existing streams are: orders");
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
    tail.await_stderr("waiting for stream `later`, which does not exist yet");
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
        "waiting for stream `later`, which does not exist yet\n"
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
    tail.await_stderr("reconnected");
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

/// Entries `ids` of stream `s`, with a field that says which.
fn add_all(server: &TestServer, ids: std::ops::RangeInclusive<u64>) {
    let add = |n: u64| ["XADD", "s", &format!("{n}-0"), "f", "v"].map(str::to_owned);
    let commands: Vec<Vec<String>> = ids.map(|n| add(n).to_vec()).collect();
    server.client().pipeline(&commands);
}

/// `tail s -f` that has printed 1-0 and waits, behind a proxy.
fn waiting(server: &TestServer, proxy: &Proxy, args: &[&str]) -> Spawned {
    add(server, "s", "1-0");
    let url = proxy.url();
    let args = [&["tail", "s", "-f", "--url", &url], args].concat();
    let mut tail = Invocation::new(&args).spawn();
    tail.await_stdout("1-0");
    until(PATIENCE, "it waits", || {
        let clients = server.redis(&["CLIENT", "LIST"]);
        clients.text().contains("cmd=xread")
    });
    tail
}

/// The connection is lost, and what comes meanwhile is cut to the last two of ten.
fn lose_and_cut(server: &TestServer, proxy: &Proxy) {
    proxy.set(Mode::DropReplies);
    add_all(server, 2..=10);
    server.redis(&["XTRIM", "s", "MAXLEN", "2"]);
    proxy.end_all(End::Reset);
    proxy.set(Mode::Pass);
}

#[test]
fn entries_cut_while_the_connection_was_lost_leave_a_gap_record() {
    for (format, record) in [
        ("plain", "gap\tstream=s\tfrom=1-0\tto=9-0\tcount=7"),
        (
            "json",
            r#"{"gap":{"stream":"s","from":"1-0","to":"9-0","count":7}}"#,
        ),
        (
            "table",
            "-- gap in `s`: 7 entries after 1-0 and before 9-0, trimmed or deleted before they were read",
        ),
    ] {
        let server = TestServer::start();
        let proxy = Proxy::before(server.socket());
        let mut tail = waiting(&server, &proxy, &["-o", format]);
        lose_and_cut(&server, &proxy);
        assert_eq!(tail.await_stdout("gap"), record);
        tail.await_stdout("9-0");
        tail.await_stdout("10-0");
        let run = tail.terminate();
        run.stderr_has("reconnected; entries were trimmed before they were read")
            .stderr_lacks("nothing was missed");
        assert_eq!(run.stdout().matches("gap").count(), 1, "{run}");
    }
}

#[test]
fn formats_without_a_place_for_the_record_warn() {
    for args in [&["-o", "csv"][..], &["--names"], &["--fields", "id,f"]] {
        let server = TestServer::start();
        let proxy = Proxy::before(server.socket());
        let mut tail = waiting(&server, &proxy, args);
        lose_and_cut(&server, &proxy);
        tail.await_stderr("warning: gap in `s`: 7 entries after 1-0 and before 9-0");
        tail.await_stdout("9-0");
        tail.terminate().stdout_lacks("gap");
    }
}

#[test]
fn a_reader_that_is_too_slow_is_told_what_it_missed() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let mut tail = waiting(&server, &proxy, &["-o", "ndjson"]);
    tail.signal(Signal::STOP);
    // The first is on its way before the others come.
    add_all(&server, 2..=600);
    server.redis(&["XTRIM", "s", "MAXLEN", "5"]);
    tail.signal(Signal::CONT);
    tail.await_stdout("\"2-0\"");
    let gap: serde_json::Value = serde_json::from_str(&tail.await_stdout("")).unwrap();
    let expected = serde_json::json!({"stream": "s", "from": "2-0", "to": "596-0", "count": 593});
    assert_eq!(gap["gap"], expected);
    tail.await_stdout("\"600-0\"");
    assert_eq!(tail.terminate().stdout_lines().len(), 8);
}

#[test]
fn a_stream_cut_to_nothing_and_one_made_again_are_told_apart() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let mut tail = waiting(&server, &proxy, &[]);
    proxy.set(Mode::DropReplies);
    add_all(&server, 2..=4);
    server.redis(&["XTRIM", "s", "MAXLEN", "0"]);
    proxy.end_all(End::Reset);
    proxy.set(Mode::Pass);
    let record = tail.await_stdout("gap");
    assert_eq!(record, "gap\tstream=s\tfrom=1-0\tto=end\tcount=3");
    tail.await_stderr("reconnected");
    proxy.set(Mode::DropReplies);
    server.redis(&["DEL", "s"]);
    add_all(&server, 7..=8);
    proxy.end_all(End::Reset);
    proxy.set(Mode::Pass);
    let record = tail.await_stdout("gap");
    assert_eq!(record, "gap\tstream=s\tfrom=4-0\tto=7-0\tcount=unknown");
    tail.await_stdout("8-0");
    proxy.set(Mode::DropReplies);
    server.redis(&["DEL", "s"]);
    add_all(&server, 3..=3);
    proxy.end_all(End::Reset);
    proxy.set(Mode::Pass);
    let record = tail.await_stdout("gap");
    assert_eq!(record, "gap\tstream=s\tfrom=8-0\tto=3-0\tcount=unknown");
    tail.await_stdout("3-0");
    add(&server, "s", "5-0");
    tail.await_stdout("5-0");
    let run = tail.terminate();
    let ids = run.stdout_lines();
    let ids: Vec<_> = ids.iter().filter_map(|it| it.split_once("\tf=")).collect();
    let ids: Vec<_> = ids.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["1-0", "7-0", "8-0", "3-0", "5-0"], "{run}");
}

/// `tail s t -f` that has printed 10-0 of `s` and 1-0 of `t`, and waits.
fn waiting_for_two(server: &TestServer) -> Spawned {
    add(server, "t", "1-0");
    add(server, "s", "10-0");
    let mut tail = server
        .command(&["tail", "s", "t", "-f", "-o", "plain"])
        .spawn();
    tail.await_stdout("10-0");
    until(PATIENCE, "it waits", || {
        let clients = server.redis(&["CLIENT", "LIST"]);
        clients.text().contains("cmd=xread")
    });
    tail
}

#[test]
fn a_stream_made_again_with_lower_ids_is_followed_from_its_first_entry() {
    let server = TestServer::start();
    let mut tail = waiting_for_two(&server);
    let again = |ids: &[&str]| {
        let mut commands = vec![vec!["DEL", "s"]];
        commands.extend(ids.iter().map(|id| vec!["XADD", "s", *id, "f", "again"]));
        let owned = |words: &Vec<&str>| words.iter().map(|it| (*it).to_owned()).collect();
        let commands: Vec<Vec<String>> = commands.iter().map(owned).collect();
        server.client().pipeline(&commands);
    };
    // Nothing ends the wait for what comes after 10-0.
    again(&["1-0", "2-0"]);
    assert_eq!(
        tail.await_stdout("gap"),
        "gap\tstream=s\tfrom=10-0\tto=1-0\tcount=unknown"
    );
    tail.await_stdout("s\t1-0\tf=again");
    tail.await_stdout("s\t2-0\tf=again");
    // The wait is ended by an entry that is not the first of the new stream.
    again(&["1-0", "20-0"]);
    assert_eq!(
        tail.await_stdout("gap"),
        "gap\tstream=s\tfrom=2-0\tto=1-0\tcount=unknown"
    );
    tail.await_stdout("s\t20-0\tf=again");
    add(&server, "t", "2-0");
    tail.await_stdout("t\t2-0");
    let run = tail.terminate();
    run.assert_code(143).stderr_is_empty().stdout_is(
        "t\t1-0\tf=1-0\ns\t10-0\tf=10-0\n\
         gap\tstream=s\tfrom=10-0\tto=1-0\tcount=unknown\ns\t1-0\tf=again\ns\t2-0\tf=again\n\
         gap\tstream=s\tfrom=2-0\tto=1-0\tcount=unknown\ns\t1-0\tf=again\ns\t20-0\tf=again\n\
         t\t2-0\tf=2-0\n",
    );
}

#[test]
fn a_stream_that_is_deleted_is_said_once_and_waited_for() {
    let server = TestServer::start();
    let mut tail = waiting_for_two(&server);
    server.redis(&["DEL", "s"]);
    let record = tail.await_stdout("gap");
    assert_eq!(record, "gap\tstream=s\tfrom=10-0\tto=end\tcount=unknown");
    add(&server, "t", "2-0");
    tail.await_stdout("t\t2-0");
    add(&server, "s", "3-0");
    tail.await_stdout("s\t3-0");
    let run = tail.terminate();
    assert_eq!(run.stdout().matches("gap").count(), 1, "{run}");
}

/// What a failover or a lost file took from the end is not printed again with what is left.
#[test]
fn another_server_that_lost_the_end_is_followed_from_there() {
    let mut server = TestServer::start();
    add(&server, "s", "1-0");
    server.redis(&["SAVE"]);
    let mut tail = server.command(&["tail", "s", "-f", "--names"]).spawn();
    tail.await_stdout("1-0");
    add(&server, "s", "5-0");
    tail.await_stdout("5-0");
    server.kill();
    tail.await_stderr("connecting again");
    server.restart();
    tail.await_stderr("`s` now ends at 1-0, before what was read");
    tail.await_stderr("whether entries were missed is unknown");
    add(&server, "s", "3-0");
    tail.await_stdout("3-0");
    // It does lose nothing by itself: now the stream was made again.
    server.redis(&["DEL", "s"]);
    add(&server, "s", "2-0");
    tail.await_stderr("gap in `s`");
    tail.await_stdout("2-0");
    tail.terminate().stdout_is("1-0\n5-0\n3-0\n2-0\n");
}

#[test]
fn who_may_not_look_is_not_told_that_nothing_was_missed() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let user = [
        "ACL", "SETUSER", "default", "reset", "on", "nopass", "~*", "+@all", "-xinfo",
    ];
    server.redis(&user);
    let mut tail = waiting(&server, &proxy, &["--names"]);
    proxy.end_all(End::Reset);
    tail.await_stderr("reconnected; whether entries were missed is unknown");
    add(&server, "s", "2-0");
    tail.await_stdout("2-0");
    tail.terminate().stdout_is("1-0\n2-0\n");
}

#[test]
fn filters_are_applied_before_the_count() {
    let server = TestServer::start();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (1..=5000_u64)
        .map(|n| {
            let kind = if n % 1000 == 1 { "rare" } else { "common" };
            let payload = format!(r#"{{"n":{n},"who":{{"id":"c{}"}}}}"#, n % 7);
            [
                "XADD",
                "s",
                &format!("{n}-0"),
                "type",
                kind,
                "payload",
                &payload,
            ]
            .map(str::to_owned)
            .to_vec()
        })
        .collect();
    client.pipeline(&commands);
    for (args, ids) in [
        (&["--where", "type=rare", "-n", "2"][..], "3001-0\n4001-0\n"),
        (
            &["--where", "type=rare"],
            "1-0\n1001-0\n2001-0\n3001-0\n4001-0\n",
        ),
        (
            &["--where", "type=rare", "--since", "2002-0"],
            "3001-0\n4001-0\n",
        ),
        (
            &["--where", "type=rare", "--since", "2002-0", "-n", "1"],
            "4001-0\n",
        ),
        (&["--where", "type=rare", "--since", "-1000"], "4001-0\n"),
        (&["--where", "payload.n=77"], "77-0\n"),
        (
            &["--where", "type=rare", "--where", "payload.who.id=c0"],
            "1001-0\n",
        ),
        (&["--grep", "\"n\":49[0-9]{2},.*c3", "-n", "1"], "4994-0\n"),
        (&["--where", "type=none"], ""),
        (&["--where", "type!=common", "-n", "1"], "4001-0\n"),
        (&["--where", "payload.n!=5000", "-n", "1"], "4999-0\n"),
        (&["--where", "nothing!=x", "-n", "1"], "5000-0\n"),
        (&["--where", "type=rare", "-n", "0"], ""),
    ] {
        let args = [&["tail", "s", "--names"], args].concat();
        server.ucp(&args).assert_code(0).stdout_is(ids);
    }
    server
        .ucp(&["tail", "s", "-n", "1", "--fields", "type,id"])
        .stdout_is("type\tid\ncommon\t5000-0\n");
    server
        .ucp(&["tail", "s", "-n", "1", "--fields", "type", "-o", "ndjson"])
        .stdout_has(r#""fields":{"type":"common"}}"#);
    server.ucp(&["tail", "s", "--grep", "("]).assert_code(2);
    server.ucp(&["tail", "s", "--where", "x"]).assert_code(2);
    server
        .ucp(&["tail", "s", "--fields", "a", "--columns", "b"])
        .assert_code(2);
}

#[test]
fn filters_apply_to_what_is_followed_in_several_streams() {
    let server = TestServer::start();
    for n in 1..=6 {
        let stream = if n % 2 == 0 { "even" } else { "odd" };
        let by = if n % 3 == 0 { "1" } else { "0" };
        server.redis(&["XADD", stream, &format!("{n}-0"), "three", by]);
    }
    let args = ["tail", "odd", "even", "-f", "--where", "three=1", "--names"];
    let mut tail = server.command(&args).spawn();
    tail.await_stdout("6-0");
    server.redis(&["XADD", "odd", "7-0", "three", "0"]);
    server.redis(&["XADD", "odd", "9-0", "three", "1"]);
    tail.await_stdout("9-0");
    tail.terminate().stdout_is("3-0\n6-0\n9-0\n");
}
