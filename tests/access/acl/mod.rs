//! Every command, run as a user who has nothing but the rule that `acl` prints for it, and with less.

mod scenes;
mod stage;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Invocation, TestServer, ucp};

use scenes::Scene;
pub(crate) use scenes::{SERVERLESS, scenes};
pub(crate) use stage::server;
use stage::{play, rule};

#[test]
fn every_command_does_its_work_with_its_own_rule() {
    let server = TestServer::start();
    let mut failed = Vec::new();
    for scene in &scenes() {
        let played = play(&server, scene, &rule(scene));
        if !played.is_whole {
            let (refused, run) = (&played.refused, &played.run);
            failed.push(format!("{scene:?}, refused {refused:?}\n{run}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Words of rules that no scene needs, by how the commands begin, and what does.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    ("", &["+hello", "+auth"], "the server lets everyone try"),
    ("", &["+ping"], "one exchange at least, over TLS"),
    (
        "",
        &["+type"],
        "to say what a key is that is not the stream it was taken for",
    ),
    (
        "publish",
        &["+xinfo|stream", "+xinfo|groups", "+xpending"],
        "seeing what a cut would take",
    ),
    ("ingest", &["+xpending"], "seeing what a cut would take"),
    (
        "info",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    ("info", &["%R~ucp:audit"], "the last change, on a terminal"),
    (
        "pause",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "groups",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "check",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "doctor",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "topology",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "topology apply",
        &["%R~{predictions.requests}:retry:*"],
        "the retry stream of a group that is there, which the scene has it create",
    ),
    (
        "serve",
        &["+xread", "+xrevrange"],
        "entries, and how fast a stream is written to lately",
    ),
    (
        "record",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "metrics",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "top",
        &["+xrevrange", "+hmget"],
        "how fast a stream is written to lately, and since when those are in flight that are pending",
    ),
    (
        "wait",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "lag",
        &["+xrevrange"],
        "how fast a stream is written to lately",
    ),
    (
        "trace",
        &["+xrange"],
        "an entry that a dead letter or a copy tells of, and that was not found",
    ),
    (
        "trace",
        &[
            "%R~{profiles.merge_requests}:inflight:*",
            "%R~{predictions.requests}:inflight:*",
        ],
        "since when those are in flight that are pending, which the stage has of one group",
    ),
    ("tail", &["+xread"], "following"),
    (
        "tail",
        &["+info"],
        "whether it is the same server after a lost connection",
    ),
    (
        "get",
        &["+xinfo|stream"],
        "to say whether the entry was cut",
    ),
    (
        "consume",
        &["+xrange"],
        "entries of its own, after a lost connection",
    ),
    (
        "consume",
        &["+xclaim"],
        "giving back what could not be printed",
    ),
    (
        "undo",
        &[
            "+xadd",
            "+xdel",
            "+xgroup|createconsumer",
            "~{events.normalized}:dlq",
            "~{events.normalized}:retry:event-processors",
        ],
        "undoing more than a move of a group",
    ),
    (
        "copy",
        &["~{events.normalized}:copied"],
        "the key of the stream, which may be a copy itself",
    ),
    (
        "restore",
        &["+get"],
        "going on where an earlier restore was cut off",
    ),
    (
        "replay",
        &["+pexpire", "+pttl"],
        "renewing a lease, and awaiting another's",
    ),
    (
        "replay",
        &["+hget", "+hset", "+hdel", "+hlen", "+hscan"],
        "noting what is long in flight, and forgetting what is not",
    ),
    (
        "replay",
        &[
            "+xclaim",
            "+hgetall",
            "%R~{events.normalized}:due:_ucp_replay:*",
        ],
        "trying an entry again, at once where `retry` asks for it",
    ),
    (
        "bridge to-kafka",
        &["%R~{events.normalized}:due:kafka-bridge"],
        "trying an entry again at once, where `retry` asks for it",
    ),
    (
        "bridge to-kafka",
        &["+pexpire", "+pttl", "+xgroup|setid"],
        "renewing the lease, awaiting another's, and what was lost before delivery",
    ),
    (
        "bridge to-kafka",
        &[
            "+hget",
            "+hlen",
            "+hscan",
            "~{events.normalized}:inflight:kafka-bridge",
        ],
        "noting what is long in flight, and forgetting what is not",
    ),
    (
        "worker run",
        &["+pexpire", "+pttl"],
        "renewing a lease, and awaiting another's",
    ),
    (
        "worker run",
        &["+hget", "+hlen", "+hscan"],
        "noting what is long in flight, and forgetting what is not",
    ),
    (
        "worker run",
        &[
            "~{profiles.merge_requests}:retry:merge-processors:*",
            "~{predictions.requests}:retry:prediction-processors:*",
        ],
        "the same of a retry stream, and what was lost there, which the stage has of one group",
    ),
];

#[test]
fn no_rule_allows_more_than_its_command_needs() {
    assert_none_is_spare(|scene| scene.command != "replay" && !scene.is_long());
}

#[test]
fn no_rule_of_replay_allows_more_than_it_needs() {
    assert_none_is_spare(|scene| scene.command == "replay");
}

/// Asserts that of the rules of these scenes' commands, no word can be left out.
fn assert_none_is_spare(is_played: impl Fn(&&Scene) -> bool) {
    let server = TestServer::start();
    // A word of a command's rules is needed when one of its scenes fails without it.
    let mut rules: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for scene in scenes().iter().filter(is_played) {
        let words = rule(scene);
        let (all, needed) = rules.entry(scene.command).or_default();
        all.extend(words.iter().cloned());
        for at in 0..words.len() {
            let mut less = words.clone();
            let word = less.remove(at);
            if !needed.contains(&word) && !play(&server, scene, &less).is_whole {
                needed.insert(word);
            }
        }
    }
    let spare = rules.into_iter().flat_map(|(command, (all, needed))| {
        let elsewhere: Vec<_> = ELSEWHERE
            .iter()
            .filter(|(begins, _, _)| command.starts_with(begins))
            .flat_map(|(_, words, _)| words.iter().copied())
            .collect();
        all.difference(&needed)
            .filter(|word| !elsewhere.contains(&word.as_str()))
            .map(|word| format!("{command}: {word}"))
            .collect::<Vec<_>>()
    });
    let spare: Vec<String> = spare.collect();
    assert!(spare.is_empty(), "not needed:\n{}", spare.join("\n"));
}

#[test]
fn every_command_has_a_scene_or_needs_no_server() {
    let tree: BTreeSet<String> = scenes::runnable().into_keys().collect();
    let known: BTreeSet<String> = scenes()
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
        "resetkeys resetchannels -@all %R~events.raw +hello +auth +ping +client|setname +type +xrange +xrevrange\n",
    );
    let all = ucp(&["acl", "-o", "json"]).stdout_json();
    assert!(all.as_array().unwrap().len() > 20);
    ucp(&["acl", "info", "--idempotency-field", "a"])
        .assert_code(2)
        .stderr_has("applies only to the rules of `publish`");
    ucp(&["acl", "publsh"])
        .assert_code(2)
        .stderr_has("did you mean `publish`?");
    ucp(&["acl", "dlq"])
        .assert_code(2)
        .stderr_has("`dlq` has subcommands: list, show, add, redrive, purge");
}

#[test]
fn on_a_terminal_a_rule_stands_in_lines_under_its_command() {
    let run = Invocation::new(&["acl", "read", "--stream", "events.raw"])
        .env("NO_COLOR", "1")
        .on_terminals(60);
    run.run().assert_code(0).stdout_is(
        "read\n  resetkeys resetchannels -@all %R~events.raw +hello +auth\n  \
         +ping +client|setname +type +xrange +xrevrange\n",
    );
    let all = Invocation::new(&["acl"])
        .env("NO_COLOR", "1")
        .on_terminals(80)
        .run();
    all.assert_code(0)
        .stdout_has("\n\ndlq redrive\n  resetkeys ");
    for line in all.stdout_lines() {
        assert!(line.trim_end().len() <= 80, "{line}");
    }
    // What is picked is picked from a table.
    let names = Invocation::new(&["acl", "read", "--names"])
        .env("NO_COLOR", "1")
        .on_terminals(60);
    names
        .run()
        .assert_code(0)
        .stdout_has("resetkeys resetchannels -@all %R~events.raw");
}

#[test]
fn a_refusal_names_the_rule_that_is_missing() {
    let server = server();
    for (rules, words, lacks, named) in [
        (
            "~* +@all -xinfo|groups",
            &["lag"][..],
            "+xinfo|groups",
            "lag",
        ),
        ("~x +@all", &["read", "events.raw"], "%R~events.raw", "read"),
        (
            "~x +@all",
            &["publish", "orders", "a=1"],
            "~orders",
            "publish",
        ),
    ] {
        let url = server.add_user("probe", rules);
        let run = server.command(words).env("UCP_STREAMS_URL", url).run();
        run.assert_code(5)
            .stderr_has(&format!("ACL SETUSER probe {lacks};"))
            .stderr_has(&format!("`ucp-streams acl {named}` prints every"));
    }
    // Which of a script's keys it is, no server says.
    let url = server.add_user("probe", "%R~* +@all");
    let run = server.command(&["ack", "event-processors", "1-0", "--yes"]);
    run.env("UCP_STREAMS_URL", url)
        .run()
        .assert_code(5)
        .stderr_has("a key or a command that this operation uses")
        .stderr_has("`ucp-streams acl ack` prints every");
}
