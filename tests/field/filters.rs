//! Filters that loop, grow or nest without end: a signal ends them, and an entry that they have no answer to is left out.

use crate::support::{Invocation, Signal, Spawned, TestServer, until};

fn entries(values: &[&str]) -> TestServer {
    let server = TestServer::start();
    for (number, value) in (1..).zip(values) {
        server.redis(&["XADD", "s", &format!("{number}-0"), "j", value]);
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server
}

fn spawned(server: &TestServer, args: &[&str]) -> Spawned {
    Invocation::new(&[&["-u", &server.url()], args].concat()).spawn()
}

/// The processes that `parent` started and that still run.
fn children(parent: u32) -> Vec<String> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Whether the process has used some time: its filter runs.
fn is_busy(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().nth(11);
    ticks.is_some_and(|it| it.parse::<u64>().unwrap() >= 20)
}

#[test]
fn field_r8_a_signal_ends_a_filter_that_does_not() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = entries(&["1"]);
        let endless = ["-o", "ndjson", "--jq", "def f: f; f"];
        for command in [
            &["tail", "s", "-f"][..],
            &["consume", "g", "--stream", "s", "--ack"],
        ] {
            let mut run = spawned(&server, &[command, &endless].concat());
            let pid = run.pid();
            let mut filter = Vec::new();
            until(crate::support::PATIENCE, "a filter at work", || {
                filter = children(pid);
                filter.iter().any(|it| is_busy(it))
            });
            run.signal(signal);
            run.wait().assert_code(code);
            until(crate::support::PATIENCE, "the end of the filter", || {
                filter
                    .iter()
                    .all(|it| !std::fs::exists(format!("/proc/{it}/stat")).unwrap())
            });
        }
        // It was not written, and is not acknowledged.
        let pending = server.redis(&["XPENDING", "s", "g"]);
        assert_eq!(pending.items()[0].int(), 1);
    }
}

#[test]
fn field_r8_what_grows_or_nests_without_end_is_left_out() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let server = entries(&["1", &deep, "3"]);
    for (filter, why) in [
        (
            ".fields.j | if length > 9 then [range(1000000000)] | length else . end",
            "MiB of memory",
        ),
        (
            ".fields.j | if length > 9 then . * 100000 | length else . end",
            "MiB of memory",
        ),
        (
            "def f: [f]; .fields.j | if length > 9 then f else . end",
            "--jq",
        ),
        (".fields.j | fromjson", "nests deeper than 10000"),
    ] {
        let run = server.ucp(&["read", "s", "-o", "ndjson", "--jq", filter]);
        run.assert_code(7)
            .stdout_is("1\n3\n")
            .stderr_has("entry 2-0 of `s` is left out");
        run.stderr_has(why);
    }
    let template = "{{ fields.j | fromjson }}";
    let run = server.ucp(&["read", "s", "--template", template]);
    run.assert_code(7)
        .stdout_is("1\n3\n")
        .stderr_has("entry 2-0 of `s` is left out");
    let template = "{% if fields.j | length > 9 %}{% for a in range(100000) %}{% for b in range(100000) %}{{ fields.j }}{% endfor %}{% endfor %}{% else %}{{ fields.j }}{% endif %}";
    let run = server.ucp(&["read", "s", "--template", template]);
    run.assert_code(7)
        .stdout_is("1\n3\n")
        .stderr_has("MiB of memory");
    // The whole list is one document, which has no answer as a whole.
    server
        .ucp(&["read", "s", "--jq", "\"x\" * 1000000000 | length"])
        .assert_code(2)
        .stderr_has("MiB of memory");
}

#[test]
fn field_r8_one_bad_entry_does_not_end_what_follows() {
    let server = entries(&["{\"a\":1}", "oops", "{\"a\":3}"]);
    for shape in [
        &["-o", "ndjson", "--jq", ".fields.j | fromjson | .a"][..],
        &["--template", "{{ (fields.j | fromjson).a }}"],
    ] {
        let run = server.ucp(&[&["read", "s"], shape].concat());
        run.assert_code(7)
            .stdout_is("1\n3\n")
            .stderr_has("entry 2-0 of `s` is left out");
        let mut follow = spawned(&server, &[&["tail", "s", "-f"], shape].concat());
        follow.await_stdout("3");
        server.redis(&["XADD", "s", "*", "j", "{\"a\":4}"]);
        follow.await_stdout("4");
        follow.terminate().assert_code(143).stderr_has("entry 2-0");
        server.redis(&["XTRIM", "s", "MAXLEN", "3"]);
        server.redis(&["DEL", "s"]);
        for (id, value) in [("1-0", "{\"a\":1}"), ("2-0", "oops"), ("3-0", "{\"a\":3}")] {
            server.redis(&["XADD", "s", id, "j", value]);
        }
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    let args = [
        "consume", "g", "--stream", "s", "--ack", "-o", "ndjson", "--jq",
    ];
    let run = server.ucp(&[&args[..], &[".fields.j | fromjson | .a"]].concat());
    run.assert_code(7)
        .stdout_is("1\n3\n")
        .stderr_has("entry 2-0 of `s` is left out");
    let pending = server.redis(&["XPENDING", "s", "g", "-", "+", "10"]);
    assert_eq!(pending.items().len(), 1);
    assert_eq!(pending.items()[0].items()[0].text(), "2-0");
}

#[test]
fn field_r8_a_filter_that_has_an_answer_says_nothing() {
    let server = entries(&["{\"a\":1}", "{\"a\":[[[2]]]}"]);
    for args in [
        &[
            "read",
            "s",
            "-o",
            "ndjson",
            "--jq",
            ".fields.j | fromjson | .a | tostring",
        ][..],
        &["read", "s", "--template", "{{ (fields.j | fromjson).a }}"],
    ] {
        let run = server.ucp(args);
        run.assert_code(0)
            .stderr_is_empty()
            .stdout_is("1\n[[[2]]]\n");
    }
    let run = server.ucp(&["read", "s", "--jq", "[range(100000)] | length"]);
    run.assert_code(0).stderr_is_empty().stdout_is("100000\n");
}

#[test]
fn field_b4_an_entry_that_where_cannot_judge_is_named_and_left_out() {
    let server = entries(&["{\"a\":1}", "oops", "{\"a\":3}", "{\"a\":1,", ""]);
    for (condition, ids) in [
        ("j.a=1", "1-0\n"),
        ("j.a!=1", "3-0\n5-0\n"),
        ("j.a=3", "3-0\n"),
    ] {
        let run = server.ucp(&["tail", "s", "--where", condition, "--names"]);
        run.assert_code(7)
            .stdout_is(ids)
            .stderr_has("entry 2-0 of `s` is left out: cannot look up `j.a`: the field `j` is not JSON at byte 0")
            .stderr_has("entry 4-0 of `s` is left out");
    }
    // What another condition leaves needs no judgement, and what is before the entries that are asked for neither.
    for args in [
        &["--where", "j.a=1", "--where", "other=x"][..],
        &["--where", "j.a=1", "--grep", "^\\{\"a\":1\\}$"],
        &["--where", "j.a!=1", "-n", "1"],
    ] {
        let run = server.ucp(&[&["tail", "s", "--names"], args].concat());
        run.assert_code(0).stderr_lacks("left out");
    }
    // One that follows goes on.
    let args = ["tail", "s", "-f", "--where", "j.a=3", "--names"];
    let mut follow = spawned(&server, &args);
    follow.await_stdout("3-0");
    server.redis(&["XADD", "s", "6-0", "j", "{"]);
    server.redis(&["XADD", "s", "7-0", "j", "{\"a\":3}"]);
    follow.await_stdout("7-0");
    follow
        .terminate()
        .assert_code(143)
        .stderr_has("entry 6-0 of `s` is left out");
}

#[test]
fn field_b4_only_the_first_of_many_are_named_and_all_are_counted() {
    let server = entries(&["no JSON"; 50]);
    let run = server.ucp(&["tail", "s", "-n", "50", "--where", "j.a=1", "--names"]);
    run.assert_code(7)
        .stdout_is("")
        .stderr_has("entry 20-0 of `s` is left out")
        .stderr_lacks("entry 21-0 of `s` is left out")
        .stderr_has("30 more could not be filtered, 50 in all");
}
