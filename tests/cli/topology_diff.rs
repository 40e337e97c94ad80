//! `topology diff` and `topology apply`.

use serde_json::Value;

use crate::support::{Run, TestServer, directory};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

fn ran(server: &TestServer, line: &str) -> Run {
    server.ucp(&line.split(' ').collect::<Vec<_>>())
}

fn does(server: &TestServer, line: &str) {
    server.redis(&line.split(' ').collect::<Vec<_>>());
}

/// What differs, as `stream group difference drift`.
fn rows(run: &Run) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = run.stdout_json();
    let row = |it: &Value| {
        let drift = if it["is_drift"] == true {
            "drift"
        } else {
            "note"
        };
        let what = [&it["stream"], &it["group"], &it["difference"]].map(word);
        format!("{} {drift}", what.join(" "))
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn what_is_missing_is_drift_until_it_is_applied() {
    let server = TestServer::start();
    let before = ran(&server, "topology diff -o json");
    let missing = [
        "events.normalized event-processors missing_group drift",
        "profiles.merge_requests merge-processors missing_group drift",
        "predictions.requests prediction-processors missing_group drift",
        "events.raw - missing_stream note",
    ];
    assert_eq!(rows(before.assert_code(1)), missing);
    before.stderr_has("topology apply");
    ran(&server, "topology apply")
        .assert_code(6)
        .stderr_has("--yes");
    ran(&server, "topology apply --dry-run")
        .assert_code(0)
        .stderr_has("nothing was changed: without --dry-run this would create");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
    let applied = ran(&server, "topology apply --yes");
    applied
        .assert_code(0)
        .stderr_has("to undo this: ucp-streams groups delete event-processors");
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    assert_eq!(groups.items()[0].field("name").text(), GROUP);
    let after = ran(&server, "topology diff -o json");
    assert_eq!(rows(after.assert_code(0)), [missing[3]]);
    ran(&server, "topology apply --yes")
        .assert_code(0)
        .stderr_has("nothing to do");
    let audit = ran(&server, "audit -o json");
    let recorded = &audit.assert_code(0).stdout_json()[0];
    assert_eq!(recorded["done"], 3, "{recorded}");
}

#[test]
fn what_apply_leaves_is_said_with_its_command() {
    let server = TestServer::start();
    ran(&server, "init").assert_code(0);
    does(&server, "XGROUP CREATE events.normalized audit $");
    does(
        &server,
        "XGROUP CREATE events.normalized _ucp_replay:june $",
    );
    does(&server, "XADD profiles.merge_requests 7-1 a b");
    does(
        &server,
        "XGROUP SETID profiles.merge_requests merge-processors $",
    );
    does(&server, "SET {predictions.requests}:dlq odd");
    ran(&server, "pause prediction-processors --reason deploy --yes").assert_code(0);
    let run = ran(&server, "topology diff -o json");
    let found = rows(run.assert_code(1));
    for expected in [
        "events.normalized audit unknown_group drift",
        "events.normalized _ucp_replay:june temporary_group note",
        "profiles.merge_requests merge-processors start drift",
        "predictions.requests prediction-processors paused drift",
        "predictions.requests - key_type drift",
    ] {
        assert!(
            found.iter().any(|it| it == expected),
            "{expected}: {found:#?}"
        );
    }
    assert!(
        !found
            .iter()
            .any(|it| it.contains("june") && it.contains("drift"))
    );
    let keys = server.redis(&["XINFO", "GROUPS", STREAM]).items().len();
    ran(&server, "topology apply --yes")
        .assert_code(0)
        .stderr_has("left as it is: group `audit` of stream `events.normalized`")
        .stderr_has("ucp-streams groups delete audit --stream events.normalized")
        .stderr_has("ucp-streams groups set-id merge-processors start")
        .stderr_has("ucp-streams resume prediction-processors")
        .stderr_lacks("june");
    assert_eq!(
        server.redis(&["XINFO", "GROUPS", STREAM]).items().len(),
        keys
    );
    let shown = ran(&server, "groups -o json").stdout_json();
    let replay = shown.as_array().unwrap().iter();
    let replay = replay
        .clone()
        .find(|it| it["group"] == "_ucp_replay:june")
        .unwrap();
    assert_eq!(
        (&replay["is_extra"], &replay["is_temporary"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    ran(&server, "topology check").stdout_has("_ucp_replay:june\tevents.normalized\ttemporary");
}

#[test]
fn a_stream_beyond_its_maxlen_and_consumers_that_are_gone_are_drift() {
    let server = TestServer::start();
    ran(&server, "init").assert_code(0);
    for _ in 0..1300 {
        does(&server, "XADD profiles.merge_requests * a b");
    }
    does(&server, "XADD events.normalized * a b");
    does(
        &server,
        "XREADGROUP GROUP event-processors gone STREAMS events.normalized >",
    );
    let id = server.redis(&["XRANGE", STREAM, "-", "+"]).items()[0].items()[0]
        .text()
        .to_owned();
    does(
        &server,
        &format!("XCLAIM events.normalized event-processors gone 0 {id} IDLE 3600000 JUSTID"),
    );
    let found = rows(ran(&server, "topology diff -o json").assert_code(1));
    assert!(
        found
            .iter()
            .any(|it| it == "profiles.merge_requests - length drift"),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.starts_with("events.normalized event-processors threshold")),
        "{found:#?}"
    );
}

#[test]
fn two_servers_are_compared_by_what_only_one_of_them_has() {
    let (here, there, home) = (TestServer::start(), TestServer::start(), directory());
    ran(&here, "init").assert_code(0);
    does(
        &there,
        "XGROUP CREATE events.normalized event-processors 0 MKSTREAM",
    );
    does(&there, "XGROUP CREATE events.normalized audit 0");
    let command = |args: &[&str]| here.command(args).env("HOME", home.path()).run();
    command(&["context", "add", "staging", "--url", &there.url()]).assert_code(0);
    let run = command(&["topology", "diff", "--against", "staging", "-o", "json"]);
    let mut found = rows(run.assert_code(1));
    found.sort();
    assert_eq!(
        found,
        [
            "events.normalized audit unknown_group drift",
            "predictions.requests prediction-processors missing_group drift",
            "profiles.merge_requests merge-processors missing_group drift",
        ]
    );
    run.stderr_has(&here.url()).stderr_has(&there.url());
    let rows = run.stdout_json();
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .all(|it| it["on"] == "staging"),
        "{rows:#}"
    );
    assert_eq!(
        rows[0]["next"],
        "ucp-streams --context staging topology diff"
    );
    command(&["topology", "diff", "--against", "nowhere"]).assert_code(3);
}
