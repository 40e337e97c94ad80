//! What the scenes are played on: streams, groups, pending entries and a dead letter; and the user who plays.

use serde_json::Value;

use super::scenes::{GROUP, STREAM, Scene};
use crate::support::{Run, TestServer, ucp};

/// The streams of the topology.
const STREAMS: [&str; 4] = [
    "events.raw",
    STREAM,
    "profiles.merge_requests",
    "predictions.requests",
];

/// A server with all that the scenes need.
pub(crate) fn server() -> TestServer {
    let server = TestServer::start();
    prepare(&server);
    server
}

/// Puts everything back to where a scene begins: four entries a stream, of which the group of events has left two with a
/// consumer for an hour, one of them without a body.
fn prepare(server: &TestServer) {
    let event = [
        ("event_id", "0190d1f6-8a58-7bbb-8000-000000000001"),
        ("brand_id", "b"),
        ("event_type", "purchase"),
        ("profile_id", ""),
        ("identifiers", "{}"),
        ("normalized_payload", "{\"total\": 3}"),
        ("timestamp", "2024-01-01T00:00:00.000Z"),
    ];
    let merge = [
        ("brand_id", "b"),
        ("profile_ids", "[\"a\"]"),
        ("reason", "identifier_match"),
        ("requires_manual_review", "false"),
        ("timestamp", "2024-01-01T00:00:00.000Z"),
    ];
    let prediction = [
        ("profile_id", "0190d1f6-8a58-7bbb-8000-000000000001"),
        ("brand_id", "b"),
        ("request_type", "churn"),
        ("timestamp", "2024-01-01T00:00:00.000Z"),
    ];
    let letter = [
        ("_dlq_stream", STREAM),
        ("_dlq_group", GROUP),
        ("_dlq_id", "1-0"),
        ("_dlq_consumer", "c1"),
        ("_dlq_deliveries", "5"),
        ("_dlq_reason", "why"),
        ("_dlq_time", "2024-01-01T00:00:00.000Z"),
        ("_dlq_body", "present"),
    ];
    server.redis(&["FLUSHALL"]);
    server.redis(&["SCRIPT", "FLUSH"]);
    for n in 1..=4 {
        let id = format!("{n}-0");
        add(server, STREAM, &id, &event);
        add(server, "profiles.merge_requests", &id, &merge);
        add(server, "predictions.requests", &id, &prediction);
    }
    let letter = [&event[..], &letter].concat();
    add(server, "{events.normalized}:dlq", "9-1", &letter);
    for command in [
        "XGROUP CREATE events.normalized event-processors 0",
        "XGROUP CREATE profiles.merge_requests merge-processors 0",
        "XGROUP CREATECONSUMER events.normalized event-processors c2",
        "XREADGROUP GROUP event-processors c1 COUNT 2 STREAMS events.normalized >",
        "XCLAIM events.normalized event-processors c1 0 1-0 2-0 IDLE 3600000 JUSTID",
        "XDEL events.normalized 2-0",
        r#"SET {events.normalized}:breaker:event-processors {"consumer":"c1","since_ms":1,"reason":"down"}"#,
        // Over, so that it holds nobody.
        r#"SET {events.normalized}:paused:event-processors {"since_ms":1,"until_ms":2}"#,
    ] {
        server.redis(&command.split(' ').collect::<Vec<_>>());
    }
}

fn add(server: &TestServer, stream: &str, id: &str, fields: &[(&str, &str)]) {
    let mut words = vec!["XADD", stream, id];
    words.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
    server.redis(&words);
}

/// The words of the rule that the tool prints for a scene's command, as `ACL SETUSER` takes them.
pub(super) fn rule(scene: &Scene) -> Vec<String> {
    let words = ["acl"].into_iter().chain(scene.command.split(' '));
    let words = words.chain(scene.about.iter().copied());
    let run = ucp(&words.chain(["-o", "json"]).collect::<Vec<_>>());
    run.assert_code(0);
    let rule = &run.stdout_json()[0];
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().unwrap().iter();
        items.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let commands = texts(&rule["allowed"]);
    let commands = commands.iter().map(|command| format!("+{command}"));
    texts(&rule["keys"]).into_iter().chain(commands).collect()
}

/// A scene that was played.
pub(super) struct Played {
    pub(super) run: Run,
    /// What the server refused the user.
    pub(super) refused: Vec<String>,
    /// Whether the command did all its work, and was refused nothing.
    pub(super) is_whole: bool,
}

/// Plays the scene from its beginning as a user with these words of a rule.
pub(super) fn play(server: &TestServer, scene: &Scene, rule: &[String]) -> Played {
    prepare(server);
    if let Some(command) = scene.before {
        server.redis(&command.split(' ').collect::<Vec<_>>());
    }
    let head = ["ACL", "SETUSER", "probe", "reset", "on", ">pw"].map(str::to_owned);
    server.redis(&[&head[..], rule].concat());
    server.redis(&["ACL", "LOG", "RESET"]);
    let url = format!("{}?user=probe&pass=pw", server.url());
    let flag = if scene.needs_flag() {
        &["-u", &url][..]
    } else {
        &[]
    };
    let command = server.command(&[flag, scene.words].concat());
    let command = command.env("UCP_STREAMS_URL", &url);
    let run = scene.run(command);
    let log = server.redis(&["ACL", "LOG"]);
    let refused = log.items().iter().map(|it| {
        let (reason, object) = (it.field("reason").text(), it.field("object").text());
        format!("{reason} {object}")
    });
    // A group's name is looked for on every stream of the topology; those that are not for this user are passed over.
    let is_passed_over = |refused: &String| {
        let key = refused.strip_prefix("key ").unwrap_or_default();
        scene.about.contains(&"--group")
            && STREAMS.contains(&key)
            && !rule.iter().any(|it| it.ends_with(key))
    };
    let refused: Vec<String> = refused.filter(|it| !is_passed_over(it)).collect();
    Played {
        is_whole: refused.is_empty() && scene.is_played(server, &run),
        run,
        refused,
    }
}
