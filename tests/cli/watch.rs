//! `--watch`: one look after the other, piped; `tests/field/screens/watch.rs` has the screen.

use crate::seed::{GROUP, STREAM, add, deliver, stream_with_group};
use crate::shell::{bash, parts};
use crate::support::{Signal, TestServer};

const OFTEN: &str = "--watch=100ms";

fn seeded() -> TestServer {
    let server = TestServer::durable();
    stream_with_group(&server, STREAM, GROUP, 5);
    deliver(&server, STREAM, GROUP, "c", 2);
    server
}

#[test]
fn each_look_is_a_block_in_the_form_of_its_format() {
    let server = seeded();
    for (args, block, between) in [
        (
            &["-o", "plain"][..],
            "group\tlag\nevent-processors\t3\n",
            "\n",
        ),
        (
            &["-o", "table"],
            "GROUP             LAG\nevent-processors    3\n",
            "\n",
        ),
        (
            &["-o", "csv"],
            "group,lag\r\nevent-processors,3\r\n",
            "\r\n",
        ),
        (
            &["-o", "csv", "--no-headers"],
            "event-processors,3\r\n",
            "\r\n",
        ),
        (
            &["-o", "ndjson"],
            "{\"group\":\"event-processors\",\"lag\":{\"entries\":3,\"quality\":\"known\"}}\n",
            "",
        ),
        (
            &["-o", "json"],
            "[{\"group\":\"event-processors\",\"lag\":{\"entries\":3,\"quality\":\"known\"}}]\n",
            "",
        ),
        (&["--jq", ".[].lag.entries"], "3\n", ""),
    ] {
        let columns = ["--columns", "group,lag"];
        let watch = ["lag", GROUP, OFTEN, "--ticks", "3"];
        let run = server.ucp(&[&watch[..], &columns, args].concat());
        let blocks = [block; 3].join(between);
        run.assert_code(0).stdout_is(&blocks).stderr_is_empty();
    }
    let names = server.ucp(&["groups", STREAM, OFTEN, "--ticks", "2", "--names"]);
    names.stdout_is("event-processors\n\nevent-processors\n");
}

#[test]
fn every_command_that_looks_can_look_again() {
    let server = seeded();
    for words in [
        &["info"][..],
        &["lag"],
        &["groups"],
        &["groups", "list"],
        &["pending", GROUP],
        &["pending", GROUP, "--entries"],
        &["memory"],
        &["check", GROUP, "--max-age", "off"],
    ] {
        let once = server.ucp(&[words, &["-o", "ndjson"]].concat());
        let lines = once.assert_code(0).stdout_lines().len();
        let watch = [words, &["-o", "ndjson", "--watch", "100ms", "--ticks", "2"]].concat();
        let twice = server.ucp(&watch);
        assert_eq!(
            twice.assert_code(0).stdout_lines().len(),
            2 * lines,
            "{twice}"
        );
        assert!(lines > 0, "{once}");
    }
}

#[test]
fn what_changes_is_in_the_next_look_and_a_signal_ends_it_well() {
    let server = seeded();
    // The group is no interval.
    let args = ["lag", "--watch", GROUP, "--columns", "group,lag"];
    let mut watch = server.command(&args).spawn();
    watch.await_stdout("event-processors\t3");
    add(&server, STREAM, 6, 10);
    watch.await_stdout("event-processors\t8");
    watch.signal(Signal::INT);
    watch.wait().assert_code(0).stderr_is_empty();
    let wanted_more = ["lag", GROUP, OFTEN, "--ticks", "1000", "--columns", "lag"];
    let mut watch = server.command(&wanted_more).spawn();
    watch.await_stdout("8");
    watch.signal(Signal::INT);
    watch.wait().assert_code(130);
    let mut watch = server.command(&["lag", OFTEN]).spawn();
    watch.await_stdout(GROUP);
    watch.terminate().assert_code(143);
}

#[test]
fn it_goes_on_when_the_server_is_back() {
    let mut server = seeded();
    let args = ["lag", GROUP, OFTEN, "--columns", "group,lag"];
    let mut watch = server.command(&args).spawn();
    watch.await_stdout("event-processors\t3");
    server.redis(&["CLIENT", "KILL", "TYPE", "normal"]);
    watch.await_stderr("looking again");
    server.kill();
    watch.await_stderr("trying again");
    server.restart();
    add(&server, STREAM, 6, 6);
    watch.await_stdout("event-processors\t4");
    // What is looked at is gone for a while.
    server.redis(&["RENAME", STREAM, "elsewhere"]);
    watch.await_stderr("no stream `events.normalized`");
    add(&server, "elsewhere", 7, 7);
    server.redis(&["RENAME", "elsewhere", STREAM]);
    watch.await_stderr("looking again");
    watch.await_stdout("event-processors\t5");
    watch.signal(Signal::INT);
    let run = watch.wait();
    run.assert_code(0);
    let said = run.stderr().matches("trying again").count();
    assert_eq!(said, 3, "each outage is said once\n{run}");
}

#[test]
fn one_connection_serves_all_looks() {
    let server = seeded();
    let connections = || {
        let stats = server.redis(&["INFO", "stats"]);
        let stats = stats.text().to_owned();
        let line = stats.lines().find(|it| it.starts_with("total_connections"));
        line.unwrap()
            .split(':')
            .nth(1)
            .unwrap()
            .trim()
            .parse::<u64>()
            .unwrap()
    };
    for look in [&["info"][..], &["lag", "--exact"]] {
        let taken = |ticks: &str| {
            let before = connections();
            let run = server.ucp(&[look, &[OFTEN, "--ticks", ticks]].concat());
            run.assert_code(0);
            connections() - before
        };
        assert_eq!(taken("1"), taken("4"), "{look:?}");
    }
}

#[test]
fn what_waiting_does_not_mend_ends_it() {
    let server = seeded();
    server
        .ucp(&["lag", "nope", OFTEN])
        .assert_code(3)
        .stdout_is("");
    let checked = server.ucp(&["check", "nope", OFTEN]);
    checked.assert_code(3);
    assert_eq!(checked.stdout().matches("UNKNOWN").count(), 1, "{checked}");
    let nowhere = ["lag", "--url", "unix:///nowhere/socket", OFTEN];
    server.ucp(&nowhere).assert_code(4).stdout_is("");
    server.add_user("viewer", "~* +@all");
    let args = ["lag", GROUP, OFTEN, "--columns", "lag"];
    let mut watch = server.command_as("viewer", &args).spawn();
    watch.await_stdout("3");
    server.redis(&["ACL", "SETUSER", "viewer", "off"]);
    server.redis(&["CLIENT", "KILL", "USER", "viewer"]);
    watch.wait().assert_code(5);
}

#[test]
fn a_warning_is_said_when_it_begins_to_hold() {
    let server = seeded();
    let run = server.ucp(&["lag", OFTEN, "--ticks", "3"]);
    run.assert_code(0);
    let said = run.stderr().matches("do not exist on the server").count();
    assert_eq!(said, 1, "{run}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = seeded();
    let script =
        "\"$UCP\" lag event-processors --watch 100ms --names | head -1; echo ${PIPESTATUS[0]}";
    let head = bash(&server, script);
    assert_eq!(parts(&head), (Some(0), "event-processors\n0\n", ""));
}

#[test]
fn check_ends_with_its_last_verdict_and_an_outage_is_unknown() {
    let mut server = seeded();
    let args = ["check", GROUP, "--max-lag", "1", "--max-age", "off", OFTEN];
    let run = server.ucp(&[&args[..], &["--ticks", "2"]].concat());
    assert_eq!(
        run.assert_code(2).stdout().matches("CRITICAL - ").count(),
        2
    );
    let mut watch = server.command(&args).spawn();
    watch.await_stdout("CRITICAL - ");
    deliver(&server, STREAM, GROUP, "c", 10);
    watch.await_stdout("OK - ");
    server.kill();
    watch.await_stdout("UNKNOWN - ");
    server.restart();
    watch.await_stdout("OK - ");
    watch.signal(Signal::INT);
    watch.wait().assert_code(0);
    // Silent while all is well.
    let quiet = [
        "check",
        GROUP,
        "--max-age",
        "off",
        "-q",
        OFTEN,
        "--ticks",
        "2",
    ];
    server.ucp(&quiet).assert_code(0).stdout_is("");
}

#[test]
fn an_interval_that_is_none_is_said() {
    let server = seeded();
    for (command, code) in [("lag", 2), ("check", 3)] {
        for (words, why) in [
            (&["--watch", "5"][..], "`5` has no unit: add one, as in 5s"),
            (&["--watch=fast"], "`fast` is not a duration"),
            (&["--watch", "10ms"], "the minimum is 100ms"),
            (&["--ticks", "2"], "--watch"),
        ] {
            let run = server.ucp(&[&[command], words].concat());
            run.assert_code(code).stderr_has(why).stdout_is("");
        }
    }
}
