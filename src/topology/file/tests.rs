//! Tests of topology files: merging, refusing with every wrong line, and writing.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::topology::{FieldType, HttpTarget, OnFull, Workers};
use crate::topology::{Handler, Start};

fn read(text: &str) -> Topology {
    Topology::from_toml("t.toml", text).expect(text)
}

fn errors(text: &str) -> Vec<String> {
    let errors = Topology::from_toml("t.toml", text).expect_err(text);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_is_the_built_in_platform() {
    assert_eq!(read(""), Topology::default());
}

#[test]
fn keys_merge_one_by_one() {
    let topology = read(
        r#"
        default_country = "DE"
        [streams."events.raw"]
        maxlen = 50_000
        on_full = "refuse"
        [streams.orders.fields]
        zeta = "uuid?"
        alpha = ["a", "b", "?"]
        [groups.event-processors]
        claim_idle = "10s"
        backoff = { cap = "1m" }
        [groups.mine]
        stream = "orders"
        start = "$"
        workers = "one"
        handler = { exec = ["./handle", "--fast"] }
        "#,
    );
    let builtin = Topology::default();
    let raw = topology.stream(&"events.raw".into()).expect("built in");
    assert_eq!((raw.maxlen, raw.on_full), (Some(50_000), OnFull::Refuse));
    assert_eq!(raw.fields, builtin.streams[0].fields);

    let orders = topology.stream(&"orders".into()).expect("new");
    let names: Vec<_> = orders
        .fields
        .iter()
        .map(|it| (it.name.as_str(), it.optional))
        .collect();
    assert_eq!(names, [("zeta", true), ("alpha", true)]);
    assert_eq!(
        orders.fields[1].kind,
        FieldType::Words(vec!["a".into(), "b".into()])
    );
    assert_eq!(
        (orders.maxlen, orders.dead_letter.to_string()),
        (None, "{orders}:dlq".into())
    );

    let group = topology
        .group(&"event-processors".into(), None)
        .expect("built in");
    assert_eq!(group.claim_idle, Duration::from_secs(10));
    assert_eq!(
        (group.backoff.base, group.backoff.cap),
        (Duration::from_secs(1), Duration::from_mins(1))
    );
    assert_eq!(group.handler, builtin.groups[0].handler);

    let mine = topology.group(&"mine".into(), None).expect("new");
    assert_eq!((mine.start, mine.workers), (Start::Newest, Workers::One));
    assert_eq!(
        mine.handler,
        Some(Handler::Exec(vec!["./handle".into(), "--fast".into()]))
    );
}

#[test]
fn a_table_of_fields_replaces_the_whole_one() {
    let topology = read("[streams.\"events.raw\".fields]\nonly = \"json\"");
    let raw = topology.stream(&"events.raw".into()).expect("built in");
    assert_eq!(raw.fields.len(), 1);
    let empty = read("[streams.\"events.raw\".fields]");
    assert_eq!(empty.streams[0].fields, []);
}

#[test]
fn naming_the_services_url_keeps_the_rest_of_its_handler() {
    let topology =
        read("[groups.prediction-processors]\nhandler = { http = \"https://ml.example\" }");
    let group = topology
        .group(&"prediction-processors".into(), None)
        .expect("built in");
    let Some(Handler::Http(http)) = group.handler else {
        panic!("not http: {:?}", group.handler);
    };
    assert_eq!(http.target, HttpTarget::Url("https://ml.example".into()));
    assert_eq!(http.results, Some("predictions.results".into()));
    assert!(http.fan_out.is_some());
}

#[test]
fn one_name_on_two_streams_takes_a_key_of_its_own() {
    let topology = read("[groups.audit2]\nname = \"merge-processors\"\nstream = \"events.raw\"");
    let ambiguous = topology
        .group(&"merge-processors".into(), None)
        .expect_err("on two");
    assert!(
        ambiguous.message.contains("events.raw"),
        "{}",
        ambiguous.message
    );
    assert_eq!(read(&topology.effective_toml()), topology);
}

#[test]
fn errors_name_file_line_and_the_nearest_key() {
    for (text, expected) in [
        (
            "\n[stream.x]\nmaxlen = 1",
            "t.toml:2: unknown key `stream`, did you mean `streams`? (known keys: streams, groups, default_country, audit)",
        ),
        (
            "[streams.x]\nmax_len = 1",
            "t.toml:2: unknown key `max_len`, did you mean `maxlen`? (known keys: maxlen, on_full, dead_letter, redact, fields)",
        ),
        (
            "[groups.event-processors]\nbackoff = { bse = \"1s\" }",
            "t.toml:2: unknown key `bse`, did you mean `base`? (known keys: base, cap)",
        ),
        (
            "[streams.x]\nmaxlen = -1",
            "t.toml:2: streams.x.maxlen: must be a whole number of at least 1",
        ),
        (
            "[streams.x]\non_full = \"wran\"",
            "t.toml:2: streams.x.on_full: `wran` is not one of warn, refuse, keep, did you mean `warn`?",
        ),
        (
            "[streams.\"a.b\".fields]\nid = \"uuidd\"",
            "t.toml:2: streams.\"a.b\".fields.id: `uuidd` is not one of uuid, string, json, json_array, timestamp, bool, integer, did you mean `uuid`?",
        ),
        (
            "[groups.event-processors]\nclaim_idle = \"60\"",
            "t.toml:2: groups.event-processors.claim_idle: `60` has no unit: add one, as in 60s, 60m or 60ms",
        ),
        (
            "[groups.event-processors]\nclaim_idle = 60",
            "t.toml:2: groups.event-processors.claim_idle: must be a duration as a string, such as \"60s\", and is an integer",
        ),
        (
            "[groups.event-processors]\nhandler = { exec = \"a b\" }",
            "t.toml:2: groups.event-processors.handler.exec: must be a list: the program and its arguments, each a string (no shell splits it), and is a string",
        ),
        (
            "[groups.event-processors]\nhandler = { builtin = \"features\", http = \"http://x\" }",
            "t.toml:2: groups.event-processors.handler: must be only one of builtin, exec, pipe, http",
        ),
        (
            "[groups.event-processors]\nhandler = { results = \"x\" }",
            "t.toml:2: groups.event-processors.handler.results: is allowed only for an http handler",
        ),
        (
            "[streams.x]\nredact = \"email\"",
            "t.toml:2: streams.x.redact: must be a list of strings, and is a string",
        ),
        (
            "[groups.event-processors]\nredact = [\"\"]",
            "t.toml:2: groups.event-processors.redact: must not contain an empty name",
        ),
        (
            "default_country = \"XX\"",
            "t.toml:1: default_country: must be a calling code such as \"+49\", or a country's two letters that this tool knows",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
    assert!(errors("a = [")[0].starts_with("t.toml:1: "));
    assert_eq!(errors("x = 1\n[streams.y]\nz = 2").len(), 2);
}

#[test]
fn what_contradicts_itself_is_refused_at_its_line() {
    for (text, expected) in [
        (
            "\n[streams.a]\ndead_letter = \"{b}:dlq\"",
            "t.toml:2: stream `a`: dead_letter `{b}:dlq` is in another hash slot, so no script can move an entry to it; `{a}:dlq` is in the same one",
        ),
        (
            "[streams.a]\ndead_letter = \"a\"",
            "t.toml:1: stream `a`: dead_letter is the stream itself",
        ),
        (
            "[streams.a.fields]\n_dlq_x = \"string\"",
            "t.toml:1: stream `a`: field `_dlq_x`: names that begin with _dlq_ or _ucp_ are reserved for this tool",
        ),
        (
            "[streams.a.fields]\nx = []",
            "t.toml:1: stream `a`: field `x`: the list has no words",
        ),
        (
            "[groups.g]",
            "t.toml:1: group `g`: stream is missing: name the stream that it reads",
        ),
        (
            "[groups.event-procesors]",
            "t.toml:1: group `event-procesors`: stream is missing: name the stream that it reads; did you mean the group `event-processors`?",
        ),
        (
            "[groups.event-processors]\nclaim_idle = \"2999ms\"",
            "t.toml:1: group `event-processors`: claim_idle must be at least 3s: with less, a busy worker would look dead",
        ),
        (
            "[groups.event-processors]\njournal = \"sometimes\"",
            "t.toml:2: groups.event-processors.journal: must be \"off\", or a duration of at least 1m such as \"7d\", and is `sometimes`",
        ),
        (
            "[groups.event-processors]\njournal = \"59s\"",
            "t.toml:2: groups.event-processors.journal: must be \"off\", or a duration of at least 1m such as \"7d\", and is `59s`",
        ),
        (
            "[groups.event-processors]\nbackoff = { base = \"10m\" }",
            "t.toml:1: group `event-processors`: backoff.cap must not be less than backoff.base",
        ),
        (
            "[groups.event-processors]\nhandler = { builtin = \"forward:events.normalized\" }",
            "t.toml:1: group `event-processors`: the handler forwards the stream to itself, which would never end",
        ),
        (
            "[groups.prediction-processors]\nhandler = { http = \"ml.example\" }",
            "t.toml:1: group `prediction-processors`: the handler's URL must begin with http:// or https://",
        ),
        (
            "[groups.x]\nname = \"event-processors\"\nstream = \"events.normalized\"",
            "t.toml:1: group `event-processors`: is declared twice on `events.normalized`",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
    let unknown = &errors("[groups.g]\nstream = \"events.rw\"")[0];
    assert!(
        unknown
            .starts_with("t.toml:1: group `g`: no stream `events.rw`, did you mean `events.raw`?"),
        "{unknown}"
    );
}

#[test]
fn the_effective_file_gives_the_same_topology() {
    let changed = r#"
        default_country = "+998"
        [streams."a b"]
        maxlen = "unlimited"
        fields = { "x y" = ["1", "?"], z = "integer?" }
        [streams."events.raw"]
        maxlen = "unlimited"
        [groups."g.1"]
        stream = "a b"
        handler = { pipe = ["sh", "-c", "cat \"x\""] }
        on_group_lost = "stop"
        journal = "7d"
        alert = { max_idle = "1h30m", max_lag = 0 }
        [groups.prediction-processors]
        handler = { http = "http://x", results = false, fan_out = false }
    "#;
    for topology in [Topology::default(), read(changed)] {
        let text = topology.effective_toml();
        assert_eq!(read(&text), topology, "{text}");
    }
}

#[test]
fn the_example_changes_nothing_and_every_line_of_it_works() {
    let example = example_toml();
    assert_eq!(read(&example), Topology::default());
    let taken: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
        .collect();
    assert_eq!(read(&taken.join("\n")), Topology::default());
    assert!(taken.contains(&"[groups.merge-processors]"));
}

#[test]
fn the_built_in_platform_works() {
    assert_eq!(Topology::default().check(), []);
}

proptest! {
    #[test]
    fn no_text_panics(text: String, key in "[a-z_.\"]{0,12}", value in "[\"\\[\\]{}=a-z0-9$?]{0,12}") {
        let _ = Topology::from_toml("f", &text);
        for section in ["streams.x", "streams.x.fields", "groups.g", "groups.g.handler", "groups.g.alert"] {
            let _ = Topology::from_toml("f", &format!("[{section}]\n{key} = {value}\n"));
        }
    }
}
