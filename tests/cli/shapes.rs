//! The documented JSON Schemas, held against what the commands print; and `--help-json`, which documents them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{TestServer, directory, ucp};

/// Whether `value` is what the JSON Schema says, else where not; the keys of an object are all there, in its order. Notes in
/// `full` each list that has something in it.
pub(crate) fn check(
    schema: &Value,
    value: &Value,
    at: &str,
    full: &mut BTreeSet<String>,
) -> Result<(), String> {
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choices].as_array() {
            let faults = choices.iter().map(|it| check(it, value, at, full));
            let faults: Vec<String> = faults.filter_map(Result::err).collect();
            return if faults.len() < choices.len() {
                Ok(())
            } else {
                Err(faults.join(", nor "))
            };
        }
    }
    let is_listed = schema["enum"]
        .as_array()
        .is_none_or(|it| it.contains(value));
    let is_same = schema.get("const").is_none_or(|it| it == value);
    if !is_listed || !is_same || !has_type(schema, value) {
        return Err(format!("{at}: {value} is not as documented: {schema}"));
    }
    match value {
        Value::Array(values) if schema["items"].is_object() => {
            let at = format!("{at}[]");
            if !values.is_empty() {
                full.insert(at.clone());
            }
            let mut values = values.iter();
            values.try_for_each(|value| check(&schema["items"], value, &at, full))
        }
        Value::Object(values) => {
            if let Some(known) = schema["properties"].as_object() {
                let (known, found): (Vec<_>, Vec<_>) =
                    (known.keys().collect(), values.keys().collect());
                if known != found {
                    return Err(format!("{at}: keys {found:?}, documented {known:?}"));
                }
            }
            let mut values = values.iter();
            values.try_for_each(|(key, value)| {
                let schema = match &schema["properties"][key] {
                    Value::Null => &schema["additionalProperties"],
                    property => property,
                };
                if !schema.is_object() {
                    return Ok(());
                }
                check(schema, value, &format!("{at}.{key}"), full)
            })
        }
        _ => Ok(()),
    }
}

/// The lists of objects in a schema, as [`check`] notes them.
pub(crate) fn lists(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for choices in ["anyOf", "oneOf"] {
        for choice in schema[choices].as_array().into_iter().flatten() {
            lists(choice, at, found);
        }
    }
    if schema["items"].is_object() {
        let at = format!("{at}[]");
        lists(&schema["items"], &at, found);
        found.insert(at);
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        lists(property, &format!("{at}.{key}"), found);
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.as_str().is_some_and(|text| has_format(schema, text)),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        _ => true,
    }
}

fn has_format(schema: &Value, text: &str) -> bool {
    match schema["format"].as_str() {
        Some("date-time") => text.len() >= 20 && text.contains('T') && text.ends_with('Z'),
        Some("entry-id") => text
            .split_once('-')
            .is_some_and(|(ms, seq)| ms.parse::<u64>().is_ok() && seq.parse::<u64>().is_ok()),
        _ => true,
    }
}

/// What `--help-json` says of every command.
pub(crate) fn documented() -> Vec<Value> {
    let help = ucp(&["--help-json"]);
    let help = help.assert_code(0).stderr_is_empty().stdout_json();
    help["commands"].as_array().unwrap().clone()
}

/// Runs commands one after the other and holds their JSON against their shapes.
struct Checker {
    server: TestServer,
    home: TempDir,
    shapes: BTreeMap<String, Value>,
    checked: BTreeSet<String>,
    /// Lists that had something in them.
    full: BTreeSet<String>,
}

impl Checker {
    fn new() -> Self {
        let mut shapes = BTreeMap::new();
        for command in documented() {
            let name = command["name"].as_str().unwrap();
            if !command["output"].is_null() {
                shapes.insert(name.to_owned(), command["output"].clone());
            }
            if let Some(option) = command["with_option"]["option"].as_str() {
                let output = command["with_option"]["output"].clone();
                shapes.insert(format!("{name} {option}"), output);
            }
        }
        Self {
            server: TestServer::start(),
            home: directory(),
            shapes,
            checked: BTreeSet::new(),
            full: BTreeSet::new(),
        }
    }

    /// The first words of `line` name the command.
    #[track_caller]
    fn run(&mut self, line: &str) -> Value {
        let args: Vec<&str> = line.split(' ').collect();
        let named = |count| {
            self.shapes
                .keys()
                .find(|name| **name == args[..args.len().min(count)].join(" "))
        };
        let name = named(2).or_else(|| named(1)).expect("a shape").clone();
        // What it prints with an option has a shape of its own.
        let mut with = args.iter().map(|arg| format!("{name} {arg}"));
        let with = with.find(|it| it.contains(" --") && self.shapes.contains_key(it));
        let name = with.unwrap_or(name);
        let run = self.server.command(&[&args, &["-o", "json"][..]].concat());
        let json = run
            .env("HOME", self.home.path())
            .env("UCP_STREAMS_TOPOLOGY", self.home.path().join("alerts.toml"))
            .env("UCP_STREAMS_RECORD", self.home.path().join("recording"))
            .run()
            .stdout_json();
        if let Err(fault) = check(&self.shapes[&name], &json, &name, &mut self.full) {
            panic!("{fault}\n{json:#}");
        }
        self.checked.insert(name);
        json
    }

    /// Records some samples, and runs the commands that look back.
    fn look_back(&mut self) {
        let recording = self.home.path().join("recording");
        let words = ["record", recording.to_str().unwrap(), "--for", "100ms"];
        let run = self.server.command(&words);
        run.env("UCP_STREAMS_TOPOLOGY", self.home.path().join("alerts.toml"))
            .run()
            .assert_code(0);
        self.run_all(
            "history
            history event-processors --at end
            history --findings
            info --at end",
        );
        self.keep();
    }

    /// Archives a stream, of whose archive something is damaged then.
    fn keep(&mut self) {
        let kept = self.home.path().join("kept");
        let place = kept.to_str().unwrap().to_owned();
        self.run(&format!(
            "archive events.normalized --to {place} --then-trim --yes"
        ));
        self.run(&format!("archive ls {place}"));
        self.run(&format!("archive export {place} --to {place}.parquet"));
        self.run(&format!("restore {place} --to again --yes"));
        let files = crate::archive::segments(&kept);
        std::fs::write(&files[0], "torn").unwrap();
        self.run(&format!("archive verify {place}"));
        self.words(
            r#"SET {events.normalized}:bridge-to:event-processors {"topic":"t","partitions":1}"#,
        );
        self.run("bridge status");
        self.bridges();
    }

    /// Takes a record from Kafka, and compares a stream with it.
    #[cfg(all(target_os = "linux", feature = "kafka"))]
    fn bridges(&mut self) {
        let broker = crate::support::Broker::start();
        broker.topic("t", 1);
        let headers = [
            ("redis-id", &b"99999999999999-0"[..]),
            ("redis-stream", b"events.normalized"),
        ];
        broker.write(
            "t",
            &[crate::support::Planted {
                value: Some(b"{}"),
                headers: &headers,
                ..Default::default()
            }],
        );
        let brokers = broker.brokers();
        self.run(&format!(
            "bridge to-kafka events.normalized --topic t --once --brokers {brokers}"
        ));
        // What comes after this expects the topology's groups.
        self.words("XGROUP DESTROY events.normalized kafka-bridge");
        self.words("DEL {events.normalized}:bridge-to:kafka-bridge");
        self.run(&format!(
            "bridge verify events.normalized --topic t --brokers {brokers}"
        ));
        self.run(&format!(
            "bridge from-kafka t --to back --once --brokers {brokers}"
        ));
    }

    /// Without Kafka they print nothing.
    #[cfg(not(all(target_os = "linux", feature = "kafka")))]
    fn bridges(&mut self) {
        for name in ["bridge verify", "bridge from-kafka", "bridge to-kafka"] {
            self.checked.insert(name.to_owned());
            self.full.insert(format!("{name}.differences[]"));
        }
    }

    /// As [`Checker::run`], of each line.
    #[track_caller]
    fn run_all(&mut self, lines: &str) {
        for line in lines.trim().lines() {
            self.run(line.trim());
        }
    }

    /// Runs a command of Redis.
    fn words(&self, line: &str) {
        self.server.redis(&line.split(' ').collect::<Vec<_>>());
    }

    /// Commands that read and can be run without a word more, and were not run yet.
    fn bare(&self) -> Vec<String> {
        let is_bare = |command: &Value| {
            let mut given = ["arguments", "options"]
                .into_iter()
                .flat_map(|of| command[of].as_array().unwrap());
            command["impact"] == "read" && !given.any(|it| it["required"] == true)
        };
        let names = documented().into_iter().filter(is_bare);
        let names = names.map(|it| it["name"].as_str().unwrap().to_owned());
        let is_left =
            |name: &String| self.shapes.contains_key(name) && !self.checked.contains(name);
        names.filter(is_left).collect()
    }

    /// Makes sure that every command was run, and every list had something in it.
    fn is_complete(&self) {
        let publish = |name: &String| !name.starts_with("publish ");
        let shapes: Vec<_> = self.shapes.keys().filter(|it| publish(it)).collect();
        let done: Vec<_> = self.checked.iter().filter(|it| publish(it)).collect();
        assert_eq!(done, shapes, "every command with a shape is run here");
        let mut known = BTreeSet::new();
        for (name, shape) in self.shapes.iter().filter(|(name, _)| publish(name)) {
            lists(shape, name, &mut known);
        }
        // Whether a server has features depends on its age; a demonstration leaves no group behind; no threshold of this
        // topology has two stages, nothing in it is redacted, only `verify` finds damage, and an archive forces no group.
        let seldom = |list: &str| {
            list.ends_with(".features[]")
                || list.ends_with(".redact[]")
                || list.starts_with("archive ls")
                || list.starts_with("archive.trimmed")
                || list.ends_with("demo.info[].groups[].alerts[]")
                || [".alert.", ".handler."].iter().any(|it| list.contains(it))
        };
        let empty = known.difference(&self.full);
        let empty = empty.filter(|it| !seldom(it));
        let empty: Vec<_> = empty.collect();
        assert!(
            empty.is_empty(),
            "nothing was ever in these lists: {empty:#?}"
        );
    }

    /// What a worker recorded of an entry whose attempt failed.
    fn failed(&self, id: &str) {
        let key = "{events.normalized}:journal:event-processors";
        let record = ["consumer", "c", "outcome", "failed", "ids", id, "ms", "7"];
        self.server
            .redis(&[&["XADD", key, "*"][..], &record].concat());
    }

    /// Handlers are tried, and entries replayed.
    fn tries_and_replays(&mut self) {
        self.run_all(
            "copy events.normalized --to copies
            try event-processors --last 1 --builtin forward:x --against builtin:forward:x
            replay events.normalized --from start --max-deliveries 1 --exec false
            replay events.normalized --from start --group event-processors --force --yes",
        );
    }

    /// Lets consumers join, and looks at their group while it is paused.
    fn join_and_pause(&mut self, consumers: [&str; 2]) {
        self.words("XGROUP CREATE orders reader 0");
        self.words("XGROUP CREATE orders never 0");
        for consumer in consumers {
            self.join(consumer);
        }
        self.run_all(
            "pause event-processors --for 1h --reason why --yes
            info events.normalized
            resume event-processors
            retry event-processors --force --yes
            trim orders --keep 0 --force-past reader --yes",
        );
    }

    /// A consumer that reads nothing.
    fn join(&self, consumer: &str) {
        let group = [
            "XGROUP",
            "CREATECONSUMER",
            "events.normalized",
            "event-processors",
        ];
        self.server.redis(&[&group[..], &[consumer]].concat());
    }
}

#[test]
fn every_documented_shape_is_what_is_printed() {
    // Whatever is pending is too much.
    let mut checker = Checker::new();
    let alerts = "[groups.event-processors]\nalert = { max_pending = 1, max_idle = \"1ms\" }\n";
    std::fs::write(checker.home.path().join("alerts.toml"), alerts).unwrap();
    let (own, url) = (directory(), checker.server.url());
    let directory = own.path().join("dev").to_str().unwrap().to_owned();
    for action in ["status", "start", "stop"] {
        checker.run(&format!("dev {action} --dir {directory}"));
    }
    let add = checker
        .server
        .command(&["context", "add", "here", "--url", &url]);
    add.env("HOME", checker.home.path()).run().assert_code(0);
    checker.run_all(
        r#"
        context list
        context show here
        context check here
        topology show
        topology check
        topology diff
        info
        topology apply --yes
        init
        ingest brandId=b eventType=purchase payload={"total":1}
        ingest brandId=b eventType=page_view payload={}
        ingest brandId=b eventType=page_view payload={}
        ingest brandId=b eventType=page_view payload={}
        publish orders number=17
        publish raw --brand-id b --event-type page_view --payload {}
        read events.raw
        tail events.raw events.normalized
        lag
        memory
        stats events.raw
        stats events.raw --by event_type
        consume event-processors --count 4
        groups
        groups set-id event-processors start --force --yes
        consume event-processors --count 4
        undo --force --yes
        lag --exact
        wait event-processors --dlq 1000 --live 0
        check
        doctor
        info
        info events.normalized orders
        pending merge-processors
        "#,
    );
    checker.look_back();
    let pending = checker.run("pending event-processors --entries --histogram --by event_type");
    let [id, odd] = [0, 1].map(|place| pending["entries"][place]["id"].as_str().unwrap());
    checker.join("c2");
    checker.run_all(&format!(
        "get events.normalized {id}
        dlq add event-processors {odd} --reason odd --yes
        claim event-processors {id} --idle 0s --to c2 --yes
        ack event-processors {id} --yes
        requeue event-processors --idle 0s --count 1 --yes"
    ));
    let worker = "worker run event-processors --once --max-deliveries 1 --exec -- false";
    let worker: Vec<&str> = worker.split(' ').collect();
    // One entry rests in another consumer's hands.
    checker.server.ucp(&worker).assert_code(7);
    let dead = checker.run("dlq list events.normalized");
    let [odd, id] = [0, 1].map(|place| dead[place]["id"].as_str().unwrap());
    let origin = dead[1]["origin_id"].as_str().unwrap();
    checker.failed(origin);
    checker.run_all(&format!(
        "dlq list events.normalized --by reason
        explain events.normalized {origin}
        trace b --field brand_id --since start
        dlq show events.normalized {id}
        dlq purge events.normalized {odd} --yes
        dlq redrive events.normalized {id} --yes
        worker run event-processors --once
        acl info
        groups
        groups create audit --stream events.raw"
    ));
    checker.run(&format!("explain events.normalized {origin}"));
    checker.words("XGROUP CREATECONSUMER events.raw audit c");
    checker.run_all(
        "groups accept-loss audit --stream events.raw
        groups set-id audit --stream events.raw end --force --yes
        groups delete audit --stream events.raw --force --yes",
    );
    checker.tries_and_replays();
    checker.join_and_pause(["c3", "c4"]);
    checker.run_all(
        "consumers event-processors
        consumers delete event-processors c3 --yes
        consumers prune event-processors --idle 0s --yes
        demo --events 100 --drop-one",
    );
    // What needs no words of its own needs no line above.
    for name in checker.bare() {
        checker.run(&name);
    }
    checker.is_complete();
}

#[test]
fn every_command_that_prints_json_documents_its_shape() {
    let prints_text = [
        "completions",
        "man",
        "topology example",
        "metrics",
        "serve",
        "record",
        "top",
        "context add",
        "context edit",
        "context use",
        "context previous",
        "context remove",
    ];
    for command in documented() {
        let name = command["name"].as_str().unwrap();
        let can_run = !command["impact"].is_null();
        let has_none = prints_text.contains(&name);
        assert_eq!(
            command["output"].is_null(),
            !can_run || has_none,
            "{name}: what it prints belongs into its #[command(add = Prints::…)]"
        );
    }
}

#[test]
fn help_json_needs_no_other_argument_and_can_be_filtered() {
    let help = ucp(&["claim", "--help-json"]).assert_code(0).stdout_json();
    let commands = help["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0]["name"], "claim");
    assert_eq!(commands[0]["impact"], "destructive");
    assert!(commands[0]["examples"].as_array().unwrap().len() >= 2);
    let options = commands[0]["options"].as_array().unwrap();
    assert!(
        options
            .iter()
            .any(|it| it["long"] == "--to" && it["value"] == "CONSUMER")
    );
    assert!(options.iter().all(|it| it["long"] != "--url"));
    let globals = help["global_options"].as_array().unwrap();
    assert!(
        globals
            .iter()
            .any(|it| it["long"] == "--url" && it["short"] == "-u")
    );
    assert_eq!(help["exit_codes"][4]["word"], "unavailable");
    ucp(&["worker", "--help-json", "--jq", ".commands[].name"])
        .assert_code(0)
        .stdout_is("worker\nworker run\n");
    ucp(&["claim", "--", "--help-json"]).assert_code(2);
    for words in [
        &["--help-json", "clam"][..],
        &["worker", "rum", "--help-json"],
    ] {
        ucp(words)
            .assert_code(2)
            .stdout_is("")
            .stderr_has("unrecognized subcommand");
    }
}
