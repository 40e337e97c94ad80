//! Each endpoint answers what the command line prints.

use serde_json::{Value, json};

use crate::client::serve;
use crate::support::TestServer;

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

/// A server with a stream of which two entries are pending and one is not delivered.
fn scene() -> TestServer {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for n in ["1", "2", "3"] {
        server.redis(&[
            "XADD",
            STREAM,
            &format!("{n}-0"),
            "n",
            n,
            "payload",
            r#"{"total":1.50}"#,
        ]);
    }
    server.deliver((STREAM, GROUP), "c1", 2);
    server
}

/// Without what is another one at every look: ages, idle times, and what the server uses.
fn settled(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| {
                !name.ends_with("_ms") && !["bytes", "evidence", "summary"].contains(&name.as_str())
            });
            for member in members.values_mut() {
                *member = settled(member.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = settled(item.take());
            }
        }
        _ => {}
    }
    value
}

#[test]
fn they_answer_what_the_commands_print() {
    let server = scene();
    server.redis(&["XADD", "predictions.requests", "1-0", "n", "1"]);
    let site = serve(&server, &[]);
    let printed = |args: &[&str]| {
        let run = server.ucp(&[args, &["-o", "json"]].concat());
        settled(serde_json::from_str(run.stdout()).unwrap())
    };
    for (path, args) in [
        ("/api/streams/info", &["info"][..]),
        (
            "/api/streams/events.normalized?startId=0",
            &["read", STREAM],
        ),
        (
            "/api/streams/events.normalized?startId=2-0&count=1",
            &["read", STREAM, "2-0", "--count", "1"],
        ),
        (
            "/api/streams/events.normalized?startId=-2&reverse=true",
            &["read", STREAM, "-2", "--reverse"],
        ),
        (
            "/api/streams/%7Bevents.normalized%7D:dlq",
            &["read", "{events.normalized}:dlq"],
        ),
        (
            "/api/streams/events.normalized/pending?group=event-processors",
            &["pending", GROUP],
        ),
        (
            "/api/streams/events.normalized/pending?group=event-processors&count=1",
            &["pending", GROUP, "--count", "1"],
        ),
        ("/api/findings", &["doctor"]),
    ] {
        let answer = site.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let (mut answered, mut printed) = (settled(answer.json()), printed(args));
        // A moment before, the consumers had been silent for a moment less.
        if path == "/api/findings" {
            let rules = |it: &Value| {
                it["findings"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["rule"].clone())
                    .collect()
            };
            (answered, printed) = (rules(&answered), rules(&printed));
        }
        assert_eq!(answered, printed, "{path}");
    }
    let groups = site.get("/api/groups").json();
    assert_eq!(groups[0]["group"], GROUP);
    assert_eq!(groups[0]["lag"], json!({"entries": 1, "quality": "known"}));
    // Nobody works: what there is to do needs one worker, and nothing needs none. Of one that works nobody knows the pace.
    let scale = site.get("/api/groups/prediction-processors/scale").json();
    assert_eq!(scale["workers"], 1, "{scale}");
    let scale = site
        .get("/api/groups/merge-processors/scale?target=10s")
        .json();
    assert_eq!(
        (&scale["workers"], &scale["target_ms"]),
        (&json!(0), &json!(10_000))
    );
    let unknown = site.get("/api/groups/event-processors/scale");
    assert_eq!(unknown.status, 503);
    assert!(unknown.body.contains("30 seconds"), "{}", unknown.body);
    let metrics = site.get("/metrics");
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let length = "redis_stream_length{db=\"db0\",stream=\"events.normalized\"} 3\n";
    assert!(metrics.body.contains(length), "{}", metrics.body);
    assert_eq!(site.get("/healthz").body, "ok\n");
    assert_eq!(site.get("/readyz").body, "ready\n");
}

#[test]
fn the_description_names_every_path_and_its_shapes_hold() {
    let server = scene();
    let home = crate::support::directory();
    let recording = home.path().join("recording");
    let site = serve(&server, &["--record", recording.to_str().unwrap()]);
    let document = site.get("/api/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for (path, described) in paths {
        let asked = path
            .replace("{stream}", STREAM)
            .replace("{group}", "merge-processors");
        let asked = if asked.ends_with("/pending") {
            format!("{asked}?group={GROUP}")
        } else {
            asked
        };
        let described = &described["get"]["responses"]["200"]["content"];
        let media = described.as_object().unwrap().keys().next().unwrap();
        if media == "text/event-stream" {
            site.events(&asked);
            continue;
        }
        let answer = site.get(&asked);
        assert_eq!(answer.status, 200, "{asked}");
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with(media.as_str()),
            "{asked}"
        );
    }
    // What a reference names is there.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

#[test]
fn what_is_wrong_is_named() {
    let server = scene();
    server.redis(&["SET", "{events.raw}:dlq", "no stream"]);
    let site = serve(&server, &[]);
    for (path, status, text) in [
        ("/api/streams/nope", 404, "events.normalized"),
        ("/api/streams/ucp:audit", 404, "these are"),
        (
            "/api/streams/%7Bevents.normalized%7D:journal:event-processors",
            404,
            "these are",
        ),
        ("/api/streams/..%2F..%2Fetc", 404, "these are"),
        ("/api/streams/events.raw?count=0", 400, "parameter `count`"),
        ("/api/streams/events.raw?count=1001", 400, "from 1 to 1000"),
        ("/api/streams/events.raw?count=-1", 400, "parameter `count`"),
        (
            "/api/streams/events.raw?count=99999999999999999999",
            400,
            "parameter `count`",
        ),
        (
            "/api/streams/events.raw?count=1&count=2",
            400,
            "given twice",
        ),
        (
            "/api/streams/events.raw?startId=yesterday",
            400,
            "parameter `startId`",
        ),
        (
            "/api/streams/events.raw?reverse=1",
            400,
            "parameter `reverse`",
        ),
        (
            "/api/streams/events.raw?limit=1",
            400,
            "startId, endId, count, reverse",
        ),
        (
            "/api/streams/%7Bevents.raw%7D:dlq",
            409,
            "wrong kind of value",
        ),
        (
            "/api/streams/events.normalized/pending",
            400,
            "event-processors",
        ),
        (
            "/api/streams/events.normalized/pending?group=nobody",
            404,
            "nobody",
        ),
        (
            "/api/streams/events.raw/tail?where=x",
            400,
            "parameter `where`",
        ),
        (
            "/api/streams/events.raw/tail?grep=(",
            400,
            "parameter `grep`",
        ),
        ("/api/groups/nobody/scale", 404, "nobody"),
        (
            "/api/groups/event-processors/scale?target=5",
            400,
            "parameter `target`",
        ),
        (
            "/api/groups/event-processors/scale?target=1ms",
            400,
            "at least 1s",
        ),
        ("/api/groups?x=1", 400, "unknown parameter `x`"),
        ("/api/nothing", 404, "openapi.json"),
        ("/assets/../../etc/passwd", 404, "openapi.json"),
    ] {
        let answer = site.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{path}");
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
}
