//! The walk through the tool, as a newcomer types it: one line after the other, on the server that `dev start` starts.

use std::path::Path;

use serde_json::Value;

use crate::page::{blocks, table};
use crate::support::scene::{Scene, bash, run};
use crate::support::{Client, directory, ucp};

/// A home whose server is stopped when the test is over.
struct Home(tempfile::TempDir);

impl Home {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = bash(self.path(), "ucp-streams dev stop").output();
    }
}

#[test]
fn the_ten_minutes_end_with_everything_handled() {
    let home = Home(directory());
    for script in blocks("## Ten minutes", "sh") {
        run(&mut bash(home.path(), &script), &script).assert_code(0);
    }
    let mut server = Client::connect(&home.path().join(".ucp-streams/server.sock"));
    let mut ask = |words: &[&str]| server.send(words);
    assert_eq!(ask(&["XLEN", "events.raw"]).int(), 3);
    for (stream, group) in [
        ("events.normalized", "event-processors"),
        ("profiles.merge_requests", "merge-processors"),
    ] {
        assert_eq!(ask(&["XPENDING", stream, group]).items()[0].int(), 0);
    }
    // Each event counted once, the one that was a dead letter included; none is one any more.
    let features = "{events.normalized}:features:aurora";
    assert_eq!(ask(&["HGET", features, "events"]).text(), "3");
    assert_eq!(ask(&["HGET", features, "purchase_total"]).text(), "100.99");
    assert_eq!(ask(&["XLEN", "{events.normalized}:dlq"]).int(), 0);
    assert_eq!(ask(&["XLEN", "profiles.review_queue"]).int(), 1);
}

#[test]
fn the_filters_print_what_they_are_said_to() {
    let scene = Scene::start();
    scene.ucp(&["init"]);
    for total in ["1", "2.5"] {
        let payload = format!("payload={{\"total\": {total}}}");
        scene.ucp(&["ingest", "brandId=b", "eventType=purchase", &payload]);
    }
    scene.ucp(&["consume", "event-processors", "--count", "1"]);
    let [script] = &blocks("## In scripts", "sh")[..] else {
        panic!("one block of filters");
    };
    let found = scene.bash(script);
    found.assert_code(0);
    let lines = found.stdout_lines();
    assert_eq!(lines[..3], ["event-processors", "1", "2.5"], "{found}");
    found.stdout_has("\"entries\"");
}

/// What the tool says of itself.
fn help() -> Value {
    let help = ucp(&["--help-json"]);
    help.assert_code(0).stdout_json()
}

#[test]
fn the_exit_codes_are_those_of_the_tool() {
    let of_page: Vec<u64> = table("## In scripts")
        .iter()
        .flat_map(|row| row[0].split(", "))
        .map(|code| code.parse().unwrap())
        .collect();
    let help = help();
    let codes = help["exit_codes"].as_array().unwrap().iter();
    let of_tool: Vec<u64> = codes.map(|exit| exit["code"].as_u64().unwrap()).collect();
    assert_eq!(of_page, of_tool);
}

#[test]
fn json_is_an_object_where_the_page_says_so() {
    let help = help();
    let output = |name: &str| {
        let mut commands = help["commands"].as_array().unwrap().iter();
        commands.find(|command| command["name"] == name).unwrap()["output"].clone()
    };
    for name in ["ping", "pending", "get", "demo", "topology show"] {
        assert_eq!(output(name)["type"], "object", "{name}");
    }
    for name in [
        "info",
        "lag",
        "read",
        "tail",
        "publish",
        "groups",
        "consumers",
    ] {
        assert_eq!(output(name)["type"], "array", "{name}");
    }
}
