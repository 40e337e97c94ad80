//! The table: every subcommand, with arguments, run in every way and every format.

use std::collections::BTreeSet;

use crate::mask::Mask;
use crate::scene::{Clock, DEAD, GROUP, HOSTILE, RAW, STREAM, Scene};
use crate::snapshot::{Shown, assert_committed, directory, written};
use crate::support::{Invocation, Run, TestServer, server_binary};
use crate::ways::{Form, Way, assert_fits, assert_no_stray_escape, assert_rows_are_lines, settled};

/// One command line.
#[derive(Clone, Debug)]
struct Case {
    args: &'static [&'static str],
    scene: Scene,
    before: &'static [&'static [&'static str]],
    after: &'static [&'static [&'static str]],
    input: Option<&'static str>,
    /// Only what a person looks at is run on terminals.
    is_slow: bool,
    /// Only so many lines are kept.
    head: Option<usize>,
    /// What it prints are rows, and not a text of its own form.
    has_rows: bool,
    /// The formats it is run in.
    forms: &'static [Form],
}

/// A command with the pipeline of [`Scene::Pipeline`] on the server; `@60` stands for the id of the entry 60 minutes old.
fn on(args: &'static [&'static str]) -> Case {
    Case {
        args,
        scene: Scene::Pipeline,
        before: &[],
        after: &[],
        input: None,
        is_slow: false,
        head: None,
        has_rows: true,
        forms: &Form::ALL,
    }
}

/// A command on an empty server.
fn empty(args: &'static [&'static str]) -> Case {
    Case {
        scene: Scene::Empty,
        ..on(args)
    }
}

impl Case {
    fn before(self, before: &'static [&'static [&'static str]]) -> Self {
        Self { before, ..self }
    }

    fn after(self, after: &'static [&'static [&'static str]]) -> Self {
        Self { after, ..self }
    }

    fn input(self, input: &'static str) -> Self {
        Self {
            input: Some(input),
            ..self
        }
    }

    fn slow(self) -> Self {
        Self {
            is_slow: true,
            ..self
        }
    }

    fn text(self) -> Self {
        Self {
            has_rows: false,
            ..self
        }
    }

    /// It has a form of its own, beside which no other can be asked for.
    fn by_template(self) -> Self {
        Self {
            forms: &[Form::Default],
            ..self.text()
        }
    }

    fn head(self, lines: usize) -> Self {
        Self {
            head: Some(lines),
            ..self.text()
        }
    }
}

/// One test a command, and the list of them all.
macro_rules! commands {
    ($($test:ident $words:literal => [$($case:expr),+ $(,)?])+) => {
        const COMMANDS: &[&str] = &[$($words),+];
        $(
            #[test]
            fn $test() {
                let server = TestServer::start();
                let text: String = [$($case),+].iter().map(|case| recorded(&server, case)).collect();
                assert_committed($words, &text);
            }
        )+
    };
}

commands! {
    ack "ack" => [on(&["ack", GROUP, "@240", "@60", "--yes"]), on(&["ack", GROUP, "@240"])]
    acl "acl" => [on(&["acl", "lag"]).text()]
    retry "retry" => [on(&["retry", GROUP, "@240", "@60", "--yes"]), on(&["retry", GROUP, "--dry-run"])]
    pause "pause" => [
        on(&["pause", GROUP, "--reason", "database upgrade", "--yes"]),
        on(&["pause", GROUP, "--for", "30m", "--dry-run"]),
    ]
    resume "resume" => [on(&["resume", GROUP]), on(&["resume", GROUP, "--dry-run"])]
    archive "archive" => [
        on(&["archive", STREAM, "--to", "kept", "--from", "end"]),
        on(&["archive", STREAM, "--to", "kept", "--then-trim", "--dry-run"]),
        on(&["archive", "nowhere", "--to", "kept"]),
        on(&["archive", STREAM, "--to", "/dev/null"]),
    ]
    archive_ls "archive ls" => [on(&["archive", "ls", "nowhere"])]
    archive_verify "archive verify" => [on(&["archive", "verify", "nowhere"])]
    archive_export "archive export" => [on(&["archive", "export", "nowhere", "--to", "t.parquet"])]
    bridge_to_kafka "bridge to-kafka" => [
        on(&["bridge", "to-kafka", STREAM, "--topic", "events", "--once", "--brokers", "127.0.0.1:1"]),
        on(&["bridge", "to-kafka", STREAM, "--topic", "events", "--once"]),
    ]
    bridge_from_kafka "bridge from-kafka" => [
        on(&["bridge", "from-kafka", "events", "--to", STREAM, "--once", "--brokers", "127.0.0.1:1"]),
        on(&["bridge", "from-kafka", "events", "--to", STREAM, "--once"]),
    ]
    bridge_verify "bridge verify" => [
        on(&["bridge", "verify", STREAM, "--topic", "events", "--brokers", "127.0.0.1:1"]),
        on(&["bridge", "verify", "nowhere", "--topic", "events"]),
    ]
    bridge_status "bridge status" => [on(&["bridge", "status", STREAM])]
    claim "claim" => [
        on(&["claim", GROUP, "--idle", "1h", "--to", "worker-3", "--yes"]),
        on(&["claim", GROUP, "--idle", "1h", "--to", "worker-3", "--dry-run"]),
    ]
    completions "completions" => [on(&["completions", "fish"]).head(3)]
    consume "consume" => [on(&["consume", GROUP, "--consumer", "c", "--count", "2", "--ack"])]
    consumers "consumers" => [on(&["consumers", GROUP])]
    consumers_delete "consumers delete" => [
        on(&["consumers", "delete", GROUP, "worker-3", "--yes"]),
        on(&["consumers", "delete", GROUP, "worker-1", "--yes"]),
    ]
    consumers_prune "consumers prune" => [on(&["consumers", "prune", GROUP, "--idle", "0s", "--yes"])]
    context_add "context add" => [on(&["context", "add", "staging", "--url", "redis://127.0.0.1:6390"])]
    context_check "context check" => [on(&["context", "check", "here"]).before(&[&["context", "add", "here", "--url", "{URL}"]])]
    context_edit "context edit" => [on(&["context", "edit", "live", "--url", "redis://127.0.0.1:6391"]).before(CONTEXTS)]
    context_list "context list" => [on(&["context", "list"]).before(CONTEXTS)]
    context_previous "context previous" => [on(&["context", "previous"]).before(CONTEXTS)]
    context_remove "context remove" => [on(&["context", "remove", "staging", "--yes"]).before(CONTEXTS)]
    context_show "context show" => [on(&["context", "show", "live"]).before(CONTEXTS)]
    context_use "context use" => [on(&["context", "use", "staging"]).before(CONTEXTS)]
    demo "demo" => [on(&["demo", "--events", "100"]).slow()]
    dev_start "dev start" => [on(&["dev", "start"]).after(&[&["dev", "stop"]]).slow()]
    dev_status "dev status" => [
        on(&["dev", "status"]),
        on(&["dev", "status"]).before(&[&["dev", "start"]]).after(&[&["dev", "stop"]]).slow(),
    ]
    dev_stop "dev stop" => [on(&["dev", "stop"]).before(&[&["dev", "start"]]).slow()]
    dlq_list "dlq list" => [on(&["dlq", "list"]), empty(&["dlq", "list"])]
    dlq_add "dlq add" => [on(&["dlq", "add", GROUP, "@240", "@60", "--reason", "no total", "--yes"])]
    dlq_purge "dlq purge" => [on(&["dlq", "purge", STREAM, "--all", "--yes"])]
    dlq_redrive "dlq redrive" => [on(&["dlq", "redrive", STREAM, "--all", "--yes"])]
    dlq_show "dlq show" => [on(&["dlq", "show", STREAM, "@90"]), on(&["dlq", "show", STREAM, "@80"])]
    explain "explain" => [
        on(&["explain", STREAM, "@240"]).text(),
        on(&["explain", STREAM, "@300"]).text(),
        on(&["explain", STREAM, "@77"]).text(),
        on(&["explain", DEAD, "@90"]).text(),
        on(&["explain", HOSTILE, "-1"]).text(),
    ]
    get "get" => [on(&["get", STREAM, "@120"]), on(&["get", STREAM, "@77"])]
    groups "groups" => [on(&["groups"]), empty(&["groups"])]
    groups_accept_loss "groups accept-loss" => [on(&["groups", "accept-loss", GROUP, "--yes"])]
    groups_create "groups create" => [on(&["groups", "create", "audit", "--stream", RAW])]
    groups_delete "groups delete" => [
        on(&["groups", "delete", GROUP, "--yes"]),
        on(&["groups", "delete", GROUP, "--force", "--yes"]),
    ]
    audit "audit" => [
        on(&["audit"]),
        on(&["audit"]).before(&[
            &["publish", "--url", "{URL}", "ucp:audit", "phase=intent", "user=ada", "host=db1", "pid=7", "command=claim", "stream=s", "group=g", "planned=3"],
            &["publish", "--url", "{URL}", "ucp:audit", "phase=outcome"],
        ]),
    ]
    trim "trim" => [
        on(&["trim", STREAM, "--read", "--yes"]),
        on(&["trim", RAW, "--keep", "0", "--dry-run"]),
        on(&["trim", RAW, "--read", "--yes"]),
    ]
    undo "undo" => [on(&["undo", "1-1"])]
    snapshot "snapshot" => [on(&["snapshot", GROUP]), on(&["snapshot", "nobody"])]
    groups_set_id "groups set-id" => [on(&["groups", "set-id", GROUP, "start", "--force", "--yes"])]
    history "history" => [
        on(&["history"]),
        on(&["history", "--record", "nowhere"]),
    ]
    info "info" => [on(&["info"]), on(&["info", HOSTILE]), empty(&["info"])]
    ingest "ingest" => [on(&["ingest", "brandId=b", "eventType=page_view", "payload={}"])]
    init "init" => [on(&["init"]), on(&["init", "--dry-run"])]
    check "check" => [
        on(&["check"]).text(),
        on(&["check", GROUP, "--max-lag", "off", "--max-age", "off", "--max-idle", "off"]).text(),
        on(&["check", "nobody"]).text(),
        on(&["check", "--max-lag", "10,5"]).text(),
    ]
    doctor "doctor" => [
        on(&["doctor"]).text(),
        on(&["doctor", "--explain", "ghosts"]),
        on(&["doctor", "--explain", "ghost"]).text(),
    ]
    lag "lag" => [
        on(&["lag"]),
        on(&["lag", "--exact"]),
        on(&["lag", "nobody"]),
        on(&["lag", "--exakt"]),
        on(&["lag", "-u", "redis://127.0.0.1:1"]),
    ]
    man "man" => [on(&["man", "lag"]).head(3)]
    // Two streams whose order by size is the same on every server.
    memory "memory" => [
        on(&["memory", STREAM, RAW]),
        on(&["memory", "nowhere"]),
        empty(&["memory"]),
    ]
    metrics "metrics" => [on(&["metrics"]).head(3)]
    restore "restore" => [
        on(&["restore", "nowhere", "--to", "again"]),
        on(&["restore", "kept", "--to", "again", "--dry-run"]).before(&[&["archive", "--url", "{URL}", STREAM, "--to", "kept", "--from", "end"]]),
    ]
    serve "serve" => [on(&["serve", "--listen", "0.0.0.0:0"]), on(&["serve", "--every", "1ms"])]
    record "record" => [on(&["record", "recording", "--every", "1ms"]), on(&["record", "/dev/null"])]
    top "top" => [on(&["top", "--every", "1ms"]), on(&["top", "--ticks", "0"])]
    pending "pending" => [
        on(&["pending", GROUP]),
        on(&["pending", GROUP, "--entries", "--histogram", "--by", "event_type"]),
        on(&["pending", GROUP, "--entries", "--pairs"]),
    ]
    ping "ping" => [on(&["ping"])]
    publish "publish" => [
        on(&["publish", "orders", "number=17"]),
        on(&["publish", "orders", "number=17", "--dry-run"]),
        on(&["publish", "raw", "--file", "-", "--format", "ndjson"]).input(EVENTS),
        on(&["publish", "raw", "--file", "-", "--format", "ndjson"]).input("{\"brand_id\":\"b\"}\nnonsense \u{1b}[2J\n"),
    ]
    publish_merge_request "publish merge-request" => [on(&[
        "publish", "merge-request", "--brand-id", "b", "--profile-ids", "[\"22222222-2222-4222-8222-222222222222\"]",
        "--reason", "manual_review", "--requires-manual-review", "true",
    ])]
    publish_normalized "publish normalized" => [on(&[
        "publish", "normalized", "--brand-id", "b", "--event-type", "page_view", "--normalized-payload", "{}",
    ])]
    publish_prediction_request "publish prediction-request" => [on(&[
        "publish", "prediction-request", "--profile-id", "22222222-2222-4222-8222-222222222222", "--brand-id", "b",
        "--request-type", "churn",
    ])]
    publish_raw "publish raw" => [on(&[
        "publish", "raw", "--event-id", "event-123", "--brand-id", "b", "--event-type", "page_view", "--payload", "{}",
    ])]
    read "read" => [
        on(&["read", RAW, "--count", "2"]),
        on(&["read", STREAM, "@120", "@120"]),
        on(&["read", STREAM, "@120", "@120", "--pairs"]),
        on(&["read", STREAM, "@120", "@120", "--template", "{{ id }} {{ fields.event_type | upper }} {{ (fields.identifiers | fromjson).email }}"]).by_template(),
        on(&["read", HOSTILE]),
    ]
    requeue "requeue" => [on(&["requeue", GROUP, "--idle", "1h", "--yes"])]
    stats "stats" => [
        on(&["stats", STREAM, "@120", "@120", "--by", "event_type,brand_id"]),
        on(&["stats", RAW, "@77", "@77", "--by", "event_type"]),
        on(&["stats", HOSTILE]),
    ]
    tail "tail" => [on(&["tail", RAW, "-n", "1"]), on(&["tail", RAW, STREAM, "-n", "1"])]
    topology_apply "topology apply" => [on(&["topology", "apply", "--dry-run"]), on(&["topology", "apply"])]
    topology_diff "topology diff" => [on(&["topology", "diff"]), empty(&["topology", "diff"])]
    topology_check "topology check" => [on(&["topology", "check"])]
    topology_example "topology example" => [on(&["topology", "example"]).head(6)]
    topology_show "topology show" => [on(&["topology", "show"]).text()]
    trace "trace" => [
        on(&["trace", "11111111-1111-4111-8111-000000000002", "--since", "@240"]).text(),
        on(&["trace", "brand-7", "--field", "brand_id", "--since", "@110"]).text(),
        on(&["trace", "nobody"]).text(),
        on(&["trace", "@240"]).text(),
    ]
    copy "copy" => [
        on(&["copy", STREAM, "--to", "copies", "--from", "@110", "--dry-run"]),
        on(&["copy", STREAM, "--to", "copies", "--from", "@110", "--where", "event_type=purchase"]),
        on(&["copy", STREAM, "--to", RAW]),
        on(&["copy", STREAM, "--to", "nowhere:copies"]),
    ]
    replay "replay" => [
        on(&["replay", STREAM, "--from", "@110", "--name", "june", "--builtin", "null"]),
        on(&["replay", STREAM, "--from", "@110", "--name", "june", "--to-stream", "elsewhere", "--dry-run"]),
        on(&["replay", STREAM, "--from", "@110", "--name", "june", "--max-deliveries", "1", "--exec", "false"]).slow(),
        on(&["replay", STREAM, "--from", "@110", "--group", GROUP, "--dry-run"]),
        on(&["replay", STREAM, "--archive", "kept", "--from", "start", "--name", "june", "--builtin", "null", "--dry-run"]).before(&[&["archive", "--url", "{URL}", STREAM, "--to", "kept", "--from", "end"]]),
    ]
    try_handler "try" => [
        on(&["try", GROUP, "--last", "3", "--builtin", "forward:elsewhere"]),
        on(&["try", GROUP, "--pending", "--builtin", "features", "--against", "builtin:null"]),
        on(&["try", GROUP, "--last", "2", "--exec", "false"]).slow(),
    ]
    wait "wait" => [
        on(&["wait", GROUP, "--lag", "1000000", "--live", "0"]),
        on(&["wait", GROUP, "--timeout", "1s"]),
        on(&["wait", "nobody"]),
    ]
    worker_run "worker run" => [on(&[
        "worker", "run", GROUP, "--once", "--consumer", "c", "--builtin", "null", "--claim-idle", "3h",
    ]).slow()]
}

const CONTEXTS: &[&[&str]] = &[
    &[
        "context",
        "add",
        "staging",
        "--url",
        "redis://staging.example:6380/2",
    ],
    &[
        "context",
        "add",
        "live",
        "--url",
        "rediss://operator@live.example:6379",
        "--production",
    ],
    &["context", "use", "live"],
    &["context", "use", "staging"],
];

const EVENTS: &str = concat!(
    r#"{"brand_id":"b","event_type":"page_view","payload":{}}"#,
    "\n",
    r#"{"brand_id":"b","event_type":"purchase","payload":{"total":1}}"#,
    "\n",
);

/// A case in every way and format, as text.
fn recorded(server: &TestServer, case: &Case) -> String {
    let mut runs: Vec<(Form, Way, Shown)> = Vec::new();
    let mut command = String::new();
    for &form in case.forms {
        for way in Way::ALL {
            let is_looked_at = form == Form::Named("table") || way == Way::Piped;
            if case.is_slow && (!is_looked_at || form == Form::Default) {
                continue;
            }
            let (shown, words) = run(server, case, form, way);
            command = words;
            if form == Form::Default && case.forms.len() > 1 {
                assert_as_meant(&runs, form, way, &shown);
            } else {
                runs.push((form, way, shown));
            }
        }
    }
    assert_remarks_do_not_depend_on_the_format(&runs);
    written(&command, &runs)
}

/// Runs it once; what is true of every run is asserted.
fn run(server: &TestServer, case: &Case, form: Form, way: Way) -> (Shown, String) {
    let home = crate::support::directory();
    let clock = case.scene.set(server);
    let url = server.url();
    let invoke = |args: &[&str]| -> Invocation {
        let args: Vec<String> = args
            .iter()
            .map(|it| clock.fill(it).replace("{URL}", &url))
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        server
            .command(&args)
            .env("HOME", home.path())
            .in_dir(home.path())
    };
    for args in case.before {
        invoke(args)
            .env_remove("UCP_STREAMS_URL")
            .run()
            .assert_code(0);
    }
    let mut invocation = way.apply(invoke(&[case.args, &form.args()].concat()));
    if let Some(input) = case.input {
        invocation = invocation.stdin(input);
    }
    let run = invocation.run();
    for args in case.after {
        invoke(args).env_remove("UCP_STREAMS_URL").run();
    }
    let meant = form.meant(way);
    assert_no_stray_escape(&run, meant, way);
    if way == Way::Piped && run.code() == Some(0) && case.has_rows {
        assert_rows_are_lines(&run, meant);
    }
    if way != Way::Piped && meant == "table" && case.has_rows {
        assert_fits(&run);
    }
    let mask = mask_of(server, clock, home.path());
    let words = [&["ucp-streams"], case.args]
        .concat()
        .iter()
        .map(|it| {
            mask.apply(
                &ucp_streams::model::escaped(clock.fill(it).as_bytes()),
                "json",
            )
        })
        .collect::<Vec<_>>()
        .join(" ");
    (shown(&run, &mask, (meant, way), case.head), words)
}

fn mask_of(server: &TestServer, clock: Clock, home: &std::path::Path) -> Mask {
    let text = |path: &std::path::Path| path.display().to_string();
    Mask::new(
        clock,
        vec![
            (text(&home.canonicalize().unwrap()), "~"),
            (text(home), "~"),
            (text(server.socket()), "/run/redis.sock"),
            (text(server_binary()), "/usr/bin/redis-server"),
        ],
    )
}

fn shown(run: &Run, mask: &Mask, (form, way): (&str, Way), head: Option<usize>) -> Shown {
    let stdout = mask.apply(run.stdout(), form);
    let stdout = match head {
        Some(lines) => {
            let kept: String = stdout.split_inclusive('\n').take(lines).collect();
            kept + "...\n"
        }
        None => stdout,
    };
    let stderr = settled(run.stderr(), way);
    let is_json = stderr.starts_with('{');
    Shown {
        code: run.code().expect("no signal"),
        stdout,
        stderr: mask.apply(&stderr, if is_json { "json" } else { "table" }),
    }
}

/// Without `-o` it is as with the one that is meant.
#[track_caller]
fn assert_as_meant(runs: &[(Form, Way, Shown)], form: Form, way: Way, shown: &Shown) {
    let meant = Form::Named(form.meant(way));
    let other = runs.iter().find(|it| it.0 == meant && it.1 == way);
    let (_, _, other) = other.expect("was run before");
    assert_eq!(shown, other, "without -o, {}", way.word());
}

/// What is said beside the data of a command that succeeds is the same whatever the data looks like.
#[track_caller]
fn assert_remarks_do_not_depend_on_the_format(runs: &[(Form, Way, Shown)]) {
    for way in Way::ALL {
        let remarks: BTreeSet<&str> = runs
            .iter()
            .filter(|(_, its, shown)| *its == way && shown.code == 0)
            .map(|(_, _, shown)| shown.stderr.as_str())
            .collect();
        assert!(remarks.len() <= 1, "{}: {remarks:#?}", way.word());
    }
}

#[test]
fn every_command_has_its_snapshot_and_every_snapshot_its_command() {
    let mut leaves = BTreeSet::new();
    collect(&ucp_streams::commands::tree(), "", &mut leaves);
    let covered: BTreeSet<String> = COMMANDS.iter().map(ToString::to_string).collect();
    assert_eq!(
        covered, leaves,
        "a command is missing in tests/outputs/commands.rs, or is no more"
    );
    let files: BTreeSet<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    let wanted = covered
        .iter()
        .map(|it| format!("{}.txt", it.replace(' ', "-")));
    assert_eq!(files, wanted.collect(), "tests/outputs/snapshots");
}

/// The words of every command that can be run.
fn collect(command: &clap::Command, path: &str, leaves: &mut BTreeSet<String>) {
    for inner in command
        .get_subcommands()
        .filter(|it| !it.is_hide_set() && it.get_name() != "help")
    {
        let path = format!("{path} {}", inner.get_name()).trim().to_owned();
        if !inner.is_subcommand_required_set() {
            leaves.insert(path.clone());
        }
        collect(inner, &path, leaves);
    }
}
