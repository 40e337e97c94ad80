//! `--template`.

use crate::support::{TestServer, ucp};

fn server() -> TestServer {
    let server = TestServer::start();
    for (id, brand) in [("1-1", "aurora"), ("2-1", "boréalis\u{1b}[2J")] {
        let payload = "{\"total\":1.5}";
        server.redis(&["XADD", "s", id, "brand", brand, "payload", payload]);
    }
    server.redis(&["XADD", "s", "3-1", "a", "1", "a", "2"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server
}

const BRANDS: &str = "1-1 aurora\n2-1 boréalis\u{1b}[2J\n3-1 \n";

#[test]
fn entries_are_lines_whatever_prints_them() {
    let server = server();
    let template = ["--template", "{{ id }} {{ fields.brand }}"];
    for command in [
        &["read", "s"][..],
        &["tail", "s"],
        &["consume", "g", "--stream", "s", "--ack"],
    ] {
        let run = server.ucp(&[command, &template].concat());
        run.assert_code(0).stdout_is(BRANDS);
    }
    server
        .ucp(&[&["get", "s", "1-1"][..], &template].concat())
        .assert_code(0)
        .stderr_is_empty()
        .stdout_is("1-1 aurora\n");
    server
        .ucp(&[
            "read",
            "s",
            "--template",
            "{{ (fields.payload | fromjson).total }}",
            "--count",
            "2",
        ])
        .assert_code(0)
        .stdout_is("1.5\n1.5\n");
    let pairs = "{% for pair in fields %}{{ pair[0] }}={{ pair[1] }};{% endfor %}";
    server
        .ucp(&["get", "s", "3-1", "--pairs", "--template", pairs])
        .assert_code(0)
        .stdout_is("a=1;a=2;\n");
}

#[test]
fn lists_and_objects_are_shown_by_it_too() {
    let server = server();
    let shown = |args: &[&str], template: &str, text: &str| {
        let run = server.ucp(&[args, &["--template", template]].concat());
        run.assert_code(0).stdout_is(text);
    };
    shown(&["groups", "s"], "{{ stream }}/{{ group }}", "s/g\n");
    shown(
        &["lag", "g", "--stream", "s"],
        "{{ group }} {{ lag.entries }}",
        "g 3\n",
    );
    shown(&["ping"], "{{ role }}", "master\n");
    shown(&["info", "s"], "{{ stream }}: {{ length }}", "s: 3\n");
    shown(&["publish", "t", "a=1"], "{{ stream }}", "t\n");
    shown(&["read", "s", "5-0"], "{{ id }}", "");
}

#[test]
fn a_wrong_template_is_a_usage_error_before_anything_is_asked() {
    let nowhere = [
        "-u",
        "unix:///nowhere/redis.sock",
        "read",
        "s",
        "--template",
    ];
    for (template, place) in [
        ("{{ id", "--template: line 1, column 4"),
        (
            "{{ id }}\n{{ fields | nosuch }}",
            "--template: line 2, column ",
        ),
        ("{{ nosuch() }}", "--template: line 1, column "),
    ] {
        let run = ucp(&[&nowhere[..], &[template]].concat());
        run.assert_code(2).stdout_is("").stderr_has(place);
        assert!(run.stderr().starts_with("error: "), "{run}");
    }
    for other in [
        &["-o", "json"][..],
        &["--jq", "."],
        &["--columns", "id"],
        &["--names"],
        &["--no-headers"],
    ] {
        let run = ucp(&[&nowhere[..], &["{{ id }}"], other].concat());
        run.assert_code(2).stderr_has("cannot be used with");
    }
    ucp(&["completions", "bash", "--template", "{{ id }}"])
        .assert_code(2)
        .stderr_has("this command's output is neither");
    let server = server();
    server
        .ucp(&["read", "s", "--template", "{{ id | fromjson }}"])
        .assert_code(7)
        .stdout_is("")
        .stderr_has("--template: line 1, column ")
        .stderr_has("not JSON");
}
