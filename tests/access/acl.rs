//! Every command, run as a user who has nothing but the rule that `acl` prints for it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Run, TestServer, ucp};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

/// A command that is allowed by the rule of `command`, for the stream or group that `about` names.
pub(crate) struct Scene {
    command: &'static str,
    about: &'static [&'static str],
    pub(crate) words: &'static [&'static str],
}

const fn scene(
    command: &'static str,
    about: &'static [&'static str],
    words: &'static [&'static str],
) -> Scene {
    Scene {
        command,
        about,
        words,
    }
}

const OF_STREAM: &[&str] = &["--stream", STREAM];
const OF_GROUP: &[&str] = &["--group", GROUP];

const EVENT: [&str; 6] = [
    "--brand-id",
    "b",
    "--event-type",
    "purchase",
    "--payload",
    "{\"a\":1}",
];

#[rustfmt::skip]
pub(crate) const SCENES: &[Scene] = &[
    scene("ping", &[], &["ping"]),
    scene("context check", &[], &["context", "check"]),
    scene("init", &[], &["init"]),
    scene("init", &["--group", "prediction-processors"], &["init", "prediction-processors"]),
    scene("publish", &["--stream", "orders"], &["publish", "orders", "a=1"]),
    scene("publish", &["--stream", "orders", "--idempotency-field", "a"], &["publish", "orders", "a=1", "--idempotency-field", "a"]),
    scene("publish raw", &[], &["publish", "raw", EVENT[0], EVENT[1], EVENT[2], EVENT[3], EVENT[4], EVENT[5]]),
    scene("publish normalized", &[], &["publish", "normalized", "--brand-id", "b", "--event-type", "purchase", "--identifiers", "{}", "--normalized-payload", "{}"]),
    scene("publish merge-request", &[], &["publish", "merge-request", "--brand-id", "b", "--profile-ids", "[\"a\"]", "--reason", "manual_review", "--requires-manual-review", "true"]),
    scene("publish prediction-request", &[], &["publish", "prediction-request", "--brand-id", "b", "--profile-id", "0190d1f6-8a58-7bbb-8000-000000000001", "--request-type", "churn"]),
    scene("ingest", &[], &["ingest", EVENT[0], EVENT[1], EVENT[2], EVENT[3], EVENT[4], EVENT[5]]),
    scene("tail", OF_STREAM, &["tail", STREAM]),
    scene("read", OF_STREAM, &["read", STREAM, "--reverse"]),
    scene("read", OF_STREAM, &["read", STREAM]),
    scene("get", OF_STREAM, &["get", STREAM, "1-0"]),
    scene("get", OF_STREAM, &["get", STREAM, "-1"]),
    scene("info", &[], &["info"]),
    scene("info", OF_STREAM, &["info", STREAM]),
    scene("groups", &[], &["groups"]),
    scene("lag", &[], &["lag"]),
    scene("lag", OF_GROUP, &["lag", GROUP, "--exact"]),
    scene("pending", OF_GROUP, &["pending", GROUP, "--entries", "--histogram", "--by", "event_type"]),
    scene("claim", OF_GROUP, &["claim", GROUP, "--to", "c2", "--idle", "0s", "--yes"]),
    scene("requeue", OF_GROUP, &["requeue", GROUP, "--idle", "0s", "--yes"]),
    scene("ack", OF_GROUP, &["ack", GROUP, "1-0", "--yes"]),
    scene("consume", OF_GROUP, &["consume", GROUP, "--count", "2", "--ack"]),
    scene("groups create", OF_STREAM, &["groups", "create", "auditors", "--stream", STREAM]),
    scene("groups set-id", OF_GROUP, &["groups", "set-id", GROUP, "0", "--force", "--yes"]),
    scene("groups delete", OF_GROUP, &["groups", "delete", GROUP, "--force", "--yes"]),
    scene("consumers", OF_GROUP, &["consumers", GROUP]),
    scene("consumers delete", OF_GROUP, &["consumers", "delete", GROUP, "c1", "--hand-over-to", "c2", "--yes"]),
    scene("consumers prune", OF_GROUP, &["consumers", "prune", GROUP, "--idle", "0s", "--hand-over-to", "c2", "--yes"]),
    scene("dlq list", &[], &["dlq", "list"]),
    scene("dlq show", OF_STREAM, &["dlq", "show", STREAM, "9-1"]),
    scene("dlq redrive", OF_STREAM, &["dlq", "redrive", STREAM, "--all", "--yes"]),
    scene("dlq purge", OF_STREAM, &["dlq", "purge", STREAM, "--all", "--yes"]),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once"]),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once", "--max-deliveries", "1", "--exec", "--", "false"]),
    scene("worker run", &["--group", "merge-processors"], &["worker", "run", "merge-processors", "--once"]),
    scene("demo", &[], &["demo"]),
];

/// Commands that need no server.
pub(crate) const SERVERLESS: &[&str] = &[
    "acl",
    "completions",
    "man",
    "context add",
    "context edit",
    "context list",
    "context previous",
    "context remove",
    "context show",
    "context use",
    "dev start",
    "dev status",
    "dev stop",
    "topology check",
    "topology example",
    "topology show",
];

/// Streams, groups, pending entries (one without a body) and a dead letter.
pub(crate) fn server() -> TestServer {
    let server = TestServer::start();
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
    let letter = [
        ("_dlq_stream", STREAM),
        ("_dlq_group", GROUP),
        ("_dlq_id", "1-0"),
        ("_dlq_body", "present"),
    ];
    for n in 1..=4 {
        add(&server, STREAM, &format!("{n}-0"), &event);
        add(
            &server,
            "profiles.merge_requests",
            &format!("{n}-0"),
            &merge,
        );
    }
    add(
        &server,
        "{events.normalized}:dlq",
        "9-1",
        &[&event[..], &letter].concat(),
    );
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    server.redis(&[
        "XGROUP",
        "CREATE",
        "profiles.merge_requests",
        "merge-processors",
        "0",
    ]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "c2"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        GROUP,
        "c1",
        "COUNT",
        "2",
        "STREAMS",
        STREAM,
        ">",
    ]);
    server.redis(&["XDEL", STREAM, "2-0"]);
    server
}

fn add(server: &TestServer, stream: &str, id: &str, fields: &[(&str, &str)]) {
    let mut words = vec!["XADD", stream, id];
    words.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
    server.redis(&words);
}

/// The rule that the tool prints, as JSON.
fn rule(command: &str, about: &[&str]) -> Value {
    let words: Vec<&str> = ["acl"]
        .into_iter()
        .chain(command.split(' '))
        .chain(about.iter().copied())
        .chain(["-o", "json"])
        .collect();
    let run = ucp(&words);
    run.assert_code(0);
    run.stdout_json()[0].clone()
}

/// Runs the scene as a user with its rule, and returns what the server refused him besides.
fn play(scene: &Scene) -> (Run, Vec<String>) {
    let server = server();
    let rule = rule(scene.command, scene.about);
    let word = |value: &Value, before: &str| format!("{before}{}", value.as_str().unwrap());
    let mut user: Vec<String> = [
        "ACL",
        "SETUSER",
        "probe",
        "on",
        ">pw",
        "resetkeys",
        "resetchannels",
        "-@all",
    ]
    .map(str::to_owned)
    .to_vec();
    user.extend(
        rule["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| word(key, "")),
    );
    user.extend(
        rule["allowed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| word(it, "+")),
    );
    server.redis(&user);
    let run = server
        .command(scene.words)
        .env(
            "UCP_STREAMS_URL",
            format!("{}?user=probe&pass=pw", server.url()),
        )
        .run();
    let log = server.redis(&["ACL", "LOG"]);
    let refused = log
        .items()
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it.field("reason").text(),
                it.field("object").text()
            )
        })
        .collect();
    (run, refused)
}

#[test]
fn every_command_does_its_work_with_its_own_rule() {
    let mut failed = Vec::new();
    for scene in SCENES {
        let (run, refused) = play(scene);
        if !matches!(run.code(), Some(0 | 7 | 9)) || !refused.is_empty() {
            failed.push(format!("{} needs more: {refused:#?}\n{run}", scene.command));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_command_has_a_scene_or_needs_no_server() {
    fn walk(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
        for inner in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            if inner.get_subcommands().next().is_none() || !inner.is_subcommand_required_set() {
                found.insert(path.clone());
            }
            walk(inner, &path, found);
        }
    }
    let mut tree = BTreeSet::new();
    walk(&ucp_streams::commands::tree(), "", &mut tree);
    let known: BTreeSet<String> = SCENES
        .iter()
        .map(|scene| scene.command)
        .chain(SERVERLESS.iter().copied())
        .map(str::to_owned)
        .collect();
    assert_eq!(
        tree, known,
        "a command is new or gone: its row is in src/streams/permissions/table.rs, its scene here"
    );
    for command in SERVERLESS {
        let words: Vec<&str> = ["acl"].into_iter().chain(command.split(' ')).collect();
        ucp(&words).assert_code(2).stderr_has("needs no server");
    }
}

#[test]
fn the_rule_is_one_line_for_the_shell() {
    let viewer = ucp(&["acl", "read", "--stream", "events.raw", "--names"]);
    viewer.assert_code(0).stdout_is(
        "resetkeys resetchannels -@all %R~events.raw +hello +auth +ping +client|setname +command|info +type +xrange +xrevrange\n",
    );
    let all = ucp(&["acl", "-o", "json"]).stdout_json();
    assert!(all.as_array().unwrap().len() > 20);
    ucp(&["acl", "info", "--idempotency-field", "a"])
        .assert_code(2)
        .stderr_has("for the rules of `publish`");
    ucp(&["acl", "publsh"])
        .assert_code(2)
        .stderr_has("did you mean `publish`?");
    ucp(&["acl", "dlq"])
        .assert_code(2)
        .stderr_has("several commands: list, show, redrive, purge");
}

#[test]
fn a_refusal_names_the_rule_that_is_missing() {
    let server = server();
    let url = server.add_user("probe", "~* +@all -xinfo|groups");
    let run = server.command(&["lag"]).env("UCP_STREAMS_URL", url).run();
    run.assert_code(5)
        .stderr_has("ACL SETUSER probe +xinfo|groups")
        .stderr_has("`ucp-streams acl COMMAND` prints all");
}
