//! Tests of what is offered for incomplete lines.

use super::*;

fn answered(words: &[&str]) -> Vec<String> {
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    // Nothing listens there: what is left is what the tool knows by itself.
    let env =
        Env::of(|name| (name == "UCP_STREAMS_URL").then(|| "unix:///nowhere/redis.sock".into()));
    let out = String::from_utf8(answer(CompletionRequest::Words(&words), &env)).expect("UTF-8");
    out.lines()
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn commands_options_and_values_come_from_the_tree() {
    assert!(answered(&["ucp-streams", "=pi"]).contains(&"ping".to_owned()));
    assert!(
        answered(&["ucp-streams", "="])
            .iter()
            .all(|it| !it.starts_with('-'))
    );
    assert_eq!(answered(&["ucp-streams", "ping", "=--colu"]), ["--columns"]);
    assert_eq!(answered(&["ucp-streams", "ping", "-o", "=nd"]), ["ndjson"]);
    assert_eq!(
        answered(&["ucp-streams", "ping", "=--output=nd"]),
        ["--output=ndjson"]
    );
    assert!(answered(&[]).is_empty());
}

#[test]
fn the_topology_is_known_without_a_server() {
    assert_eq!(
        answered(&["ucp-streams", "init", "=event-"]),
        ["event-processors"]
    );
    assert_eq!(
        answered(&[
            "ucp-streams",
            "init",
            "event-processors",
            "--stream",
            "=events."
        ]),
        ["events.raw", "events.normalized"]
    );
}

#[test]
fn words_of_commands_handlers_and_fields_are_known_without_a_server() {
    for (line, found) in [
        ("ucp-streams acl =wor", &["worker"][..]),
        ("ucp-streams acl worker =", &["run"]),
        (
            "ucp-streams acl groups =",
            &["create", "set-id", "accept-loss", "delete"],
        ),
        ("ucp-streams acl =man", &[]),
        ("ucp-streams man =ma", &["man"]),
        (
            "ucp-streams man dlq =",
            &["list", "show", "add", "redrive", "purge"],
        ),
        (
            "ucp-streams worker run g --builtin =f",
            &["features", "forward:"],
        ),
        (
            "ucp-streams publish raw --event-type =p",
            &["purchase", "page_view"],
        ),
        ("ucp-streams ingest --event-type =w", &["whatsapp_message"]),
        (
            "ucp-streams publish merge-request --reason =",
            &["identifier_match", "manual_review"],
        ),
        ("ucp-streams publish raw --brand-id =", &[]),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut known = answered(&words);
        known.retain(|it| !it.starts_with('-'));
        assert_eq!(known, found, "{line}");
    }
}

#[test]
fn columns_are_those_of_the_commands_own_table() {
    for (line, found) in [
        (
            "ucp-streams lag --columns =und",
            &["undelivered_age_ms", "undelivered_id"][..],
        ),
        ("ucp-streams lag =--columns=gr", &["--columns=group"]),
        (
            "ucp-streams lag --columns =group,la",
            &["group,lag", "group,last_delivered_id"],
        ),
        (
            "ucp-streams lag --columns =lag,la",
            &["lag,last_delivered_id"],
        ),
        (
            "ucp-streams groups set-id --columns =st",
            &["stream", "stolen"],
        ),
        ("ucp-streams ping --columns =round", &["round_trip_ms"]),
        (
            "ucp-streams info --columns =consumer,p",
            &["consumer,pending"],
        ),
        ("ucp-streams worker run --columns =back", &[]),
        (
            "ucp-streams worker run --dry-run --columns =backoff_c",
            &["backoff_cap_ms"],
        ),
        (
            "ucp-streams tail events.raw --columns =id,p",
            &["id,payload"],
        ),
        (
            "ucp-streams consume merge-processors --columns =re",
            &["reason", "requires_manual_review"],
        ),
        (
            "ucp-streams get mine --columns =",
            &["stream", "id", "time"],
        ),
        ("ucp-streams completions --columns =", &[]),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(answered(&words), found, "{line}");
    }
}

#[test]
fn only_what_can_be_typed_is_offered() {
    let found = [
        CompletionCandidate::new("a\x1b[2J"),
        CompletionCandidate::new("b\nc"),
        CompletionCandidate::new("d"),
    ];
    assert_eq!(offered(&found, ""), [("d".to_owned(), None)]);
}
