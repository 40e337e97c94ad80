//! What `--dry-run -o json` prints: a plan as one document, held against its schema and against what its command does.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::seed::{GROUP, STREAM, held_by_two};
use crate::shapes::{check, documented, lists};
use crate::support::scene::{bash, run};
use crate::support::{Run, TestServer, directory};

/// A command, its arguments on [`staged`], how many rows its plan changes, and how many it leaves as they are.
type Planned = (&'static str, &'static str, u64, u64);

const PLANS: [Planned; 20] = [
    ("init", "", 2, 1),
    ("claim", "event-processors --to c3 --idle 5m", 3, 0),
    (
        "requeue",
        "event-processors 1-0 5-0 --all-groups-see-it",
        2,
        0,
    ),
    (
        "dlq redrive",
        "events.normalized --all --all-groups-see-it --rate 50/s",
        1,
        0,
    ),
    ("dlq purge", "events.normalized --reason odd", 1, 0),
    ("dlq add", "event-processors 3-0 --reason 'it is odd'", 1, 0),
    ("ack", "event-processors 1-0 2-0", 2, 0),
    ("retry", "event-processors 1-0 2-0 --force", 2, 0),
    ("pause", "event-processors --for 1h", 1, 0),
    ("trim", "long --keep 0 --force-past reader", 1, 0),
    (
        "groups create",
        "late --stream events.normalized --start -2",
        1,
        0,
    ),
    ("groups set-id", "event-processors -6 --force", 1, 0),
    (
        "groups delete",
        "audit --stream events.normalized --force",
        1,
        0,
    ),
    (
        "undo",
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/access/acl/1796039501796-0.snapshot --force"
        ),
        1,
        0,
    ),
    ("groups accept-loss", "lossy --stream orders", 1, 0),
    (
        "consumers delete",
        "event-processors c1 --hand-over-to c3 --force",
        1,
        0,
    ),
    (
        "consumers prune",
        "event-processors --idle 0s --hand-over-to c3 --force",
        2,
        0,
    ),
    ("restore", "kept --to again", 1, 0),
    ("archive", "through --to trimmed --then-trim", 1, 0),
    ("topology apply", "", 2, 7),
];

/// Every command has something to do: entries 1-3 are held by c1, 5 and 6 by c2, none by c3; there is another group, a dead
/// letter, and a group that has lost two entries.
fn staged() -> TestServer {
    let server = held_by_two(4);
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "0"]);
    server.redis(&["XADD", "long", "1-0", "n", "1"]);
    for group in ["reader", "never"] {
        server.redis(&["XGROUP", "CREATE", "long", group, "0"]);
    }
    let park = ["dlq", "add", GROUP, "4-0", "--reason", "odd", "--yes"];
    server.ucp(&park).assert_code(0);
    server.redis(&["XADD", "through", "1-0", "n", "1"]);
    server.redis(&["XGROUP", "CREATE", "through", "reader", "0"]);
    let read = ["XREADGROUP", "GROUP", "reader", "c", "NOACK"];
    server.redis(&[&read[..], &["STREAMS", "through", ">"]].concat());
    for _ in 0..3 {
        server.redis(&["XADD", "orders", "*", "n", "1"]);
    }
    server.redis(&["XGROUP", "CREATE", "orders", "lossy", "0"]);
    server.redis(&["XTRIM", "orders", "MAXLEN", "1"]);
    server
}

/// Types `line`, as a person does who has the tool on PATH.
#[track_caller]
fn typed(home: &TempDir, line: &str) -> Run {
    let mut command = bash(home.path(), line);
    run(&mut command, line)
}

/// Where a command reads an archive, there is one.
fn kept(server: &TestServer, home: &TempDir, command: &str) {
    if command == "restore" && !home.path().join("kept").exists() {
        let url = server.url();
        let line = format!("ucp-streams -u {url} archive {STREAM} --to kept");
        typed(home, &line).assert_code(0);
    }
}

/// The plan of a command, whose line begins with which server it is for.
#[track_caller]
fn plan_of(server: &TestServer, home: &TempDir, (command, args, ..): Planned) -> Value {
    kept(server, home, command);
    let url = server.url();
    let line = format!("ucp-streams -u {url} {command} {args} --dry-run -o json");
    let run = typed(home, &line);
    run.assert_code(0)
        .stderr_has("nothing was changed: without --dry-run this would ");
    run.stdout_json()
}

fn rows(document: &Value) -> &[Value] {
    match document {
        Value::Array(rows) => rows,
        one => std::slice::from_ref(one),
    }
}

/// Whether a row says that what was planned is done.
fn is_done(row: &Value) -> bool {
    let done = [
        "claimed",
        "requeued",
        "redriven",
        "purged",
        "dead_lettered",
        "acknowledged",
        "due",
        "created",
        "deleted",
    ];
    let word = [&row["outcome"], &row["state"]];
    let word = word.into_iter().find_map(Value::as_str);
    let is_trimmed = row["trimmed"]["is_done"] == true;
    row["is_done"] == true || is_trimmed || word.is_some_and(|it| done.contains(&it))
}

#[test]
fn a_plan_that_is_no_list_of_what_was_done_has_a_shape_of_its_own() {
    let (server, home) = (staged(), directory());
    let (mut checked, mut lists_known, mut full) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for command in documented() {
        let name = command["name"].as_str().unwrap();
        let shape = &command["dry_run_output"];
        if shape.is_null() || name.starts_with("publish ") {
            continue;
        }
        let others = match name {
            "publish" => "orders number=17",
            "ingest" => "brandId=b eventType=page_view payload={}",
            "replay" => "events.normalized --from start --builtin null",
            "worker run" => "event-processors merge-processors",
            "copy" => "events.normalized --to copies",
            _ => "",
        };
        let planned = PLANS.into_iter().find(|it| it.0 == name);
        let args = planned.map_or(others, |it| it.1);
        kept(&server, &home, name);
        let url = server.url();
        let line = format!("ucp-streams -u {url} {name} {args} --dry-run -o json");
        let json = typed(&home, &line).assert_code(0).stdout_json();
        // The parts that every plan has go by one name.
        let at = planned.map_or(name, |_| "plan");
        check(shape, &json, at, &mut full).unwrap();
        lists(shape, at, &mut lists_known);
        checked.push((name.to_owned(), planned.is_some()));
    }
    let plans = checked.iter().filter(|it| it.1).count();
    assert_eq!(plans, PLANS.len(), "{checked:?}");
    let others: Vec<_> = checked.iter().filter(|it| !it.1).collect();
    let others: Vec<_> = others.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        others,
        ["publish", "ingest", "worker run", "replay", "copy"]
    );
    let empty: Vec<_> = lists_known.difference(&full).collect();
    // Lists of groups that a trim beside an archive has as well.
    let is_seldom = |it: &str| it.starts_with("plan.rows[].trimmed.");
    let empty = empty.iter().filter(|it| it.starts_with("plan."));
    let empty: Vec<_> = empty.filter(|it| !is_seldom(it)).collect();
    assert!(empty.is_empty(), "nothing was ever in these: {empty:?}");
}

#[test]
fn every_destructive_command_has_a_plan() {
    let commands = documented();
    let destructive = commands.iter().filter(|it| it["impact"] == "destructive");
    for name in destructive.map(|it| it["name"].as_str().unwrap()) {
        assert!(
            PLANS.iter().any(|it| it.0 == name) || name == "worker run",
            "{name}: its dry run prints a plan, as #[command(add = PrintsPlan(Prints::plan::<…>()))] says"
        );
    }
}

#[test]
fn the_command_of_a_plan_does_what_it_says() {
    let home = directory();
    for planned in PLANS {
        let (name, _, count, left_out) = planned;
        let server = staged();
        let plan = plan_of(&server, &home, planned);
        assert_eq!(plan["operation"], name);
        assert_eq!(plan["server"], server.url());
        assert_eq!(plan["refusal"], Value::Null);
        let told = (&plan["count"], &plan["left_out"]);
        assert_eq!(told, (&json!(count), &json!(left_out)), "{plan:#}");
        let listed = plan["rows"].as_array().unwrap();
        assert_eq!(listed.len() as u64, count + left_out, "{plan:#}");
        assert!(!listed.iter().any(is_done), "{plan:#}");
        let line = plan["command"].as_str().unwrap();
        let consents = if plan["impact"] == "destructive" {
            typed(&home, line).assert_code(6).stderr_has("--yes");
            " --yes"
        } else {
            ""
        };
        let done = typed(&home, &format!("{line}{consents} -o json"));
        // One entry of the snapshot is gone.
        let code = if name == "undo" { 7 } else { 0 };
        let done = done.assert_code(code).stdout_json();
        let done = rows(&done).iter().filter(|it| is_done(it)).count();
        assert_eq!(done as u64, count, "{name}: as many as were planned");
    }
}

#[test]
fn a_plan_says_what_it_was_made_from() {
    let (server, home) = (staged(), directory());
    let plan = |name: &str| {
        let planned = PLANS.into_iter().find(|it| it.0 == name).unwrap();
        plan_of(&server, &home, planned)
    };
    let entries = |count: u64| json!({"entries": count, "quality": "known"});
    let seen = json!({"last_delivered_id": "6-0", "entries_read": 6, "pending": 5, "consumers": 3});
    let claim = plan("claim");
    assert_eq!(claim["seen"], seen);
    assert_eq!(claim["to_consumer"], "c3");
    assert_eq!(claim["oldest_id"], "1-0");
    assert_eq!(claim["oldest_time"], "1970-01-01T00:00:00.001Z");
    let holder = &claim["holders"][0];
    assert_eq!(
        (&holder["consumer"], &holder["entries"]),
        (&json!("c1"), &json!(3))
    );
    assert_eq!(holder["deliveries_max"], 4);
    assert!(
        holder["idle_min_ms"].as_u64().unwrap() >= 600_000,
        "{holder}"
    );
    let row = &claim["rows"][0];
    assert_eq!(
        (&row["consumer"], &row["deliveries"]),
        (&json!("c1"), &json!(4))
    );
    assert_eq!(plan("requeue")["other_groups"], json!(["audit"]));
    let redrive = plan("dlq redrive");
    assert_eq!(redrive["other_groups"], json!(["audit", GROUP]));
    assert_eq!(redrive["stream"], "{events.normalized}:dlq");
    assert_eq!(redrive["to_stream"], STREAM);
    let back = plan("groups set-id");
    assert_eq!(
        (&back["entries"], &back["oldest_id"]),
        (&entries(2), &json!("5-0"))
    );
    assert_eq!(back["holders"][0]["consumer"], "c2");
    let audit = plan("groups delete");
    assert_eq!(
        (&audit["entries"], &audit["oldest_id"]),
        (&entries(10), &json!("1-0"))
    );
    assert_eq!(plan("groups accept-loss")["entries"], entries(2));
    let removal = plan("consumers prune");
    assert_eq!(
        (&removal["entries"], &removal["oldest_id"]),
        (&entries(5), &json!("1-0"))
    );
    let held = removal["holders"].as_array().unwrap().iter();
    let held: Vec<_> = held
        .map(|it| {
            (
                it["consumer"].as_str().unwrap(),
                it["entries"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(held, [("c1", 3), ("c2", 2)]);
}

#[test]
fn a_place_that_is_another_a_moment_later_is_the_one_that_was_planned() {
    let (server, home) = (staged(), directory());
    for (name, key) in [("groups set-id", "to_id"), ("groups create", "start_id")] {
        let planned = PLANS.into_iter().find(|it| it.0 == name).unwrap();
        let plan = plan_of(&server, &home, planned);
        server.redis(&["XADD", STREAM, "*", "n", "1"]);
        let line = plan["command"].as_str().unwrap();
        let done = typed(&home, &format!("{line} --yes -o json"));
        let done = done.assert_code(0).stdout_json();
        assert!(is_done(&done), "{done:#}");
        assert_eq!(done[key], plan["rows"][0][key], "{line}");
    }
}

#[test]
fn where_nothing_would_be_done_there_is_no_command() {
    let (server, home) = (staged(), directory());
    let url = server.url();
    for (line, code, summary) in [
        (
            "ack event-processors 9-9",
            3,
            "acknowledge nothing of group `event-processors`",
        ),
        (
            "groups set-id event-processors 6-0",
            0,
            "move nothing: group `event-processors`",
        ),
        (
            "groups accept-loss event-processors",
            0,
            "accept nothing: group `event-processors`",
        ),
        (
            "consumers prune event-processors --idle 9h",
            0,
            "nothing to prune in group `event-processors`",
        ),
        (
            "groups create audit --stream events.normalized",
            0,
            "create nothing: group `audit`",
        ),
    ] {
        let run = typed(
            &home,
            &format!("ucp-streams -u {url} {line} --dry-run -o json"),
        );
        let plan = run.assert_code(code).stdout_json();
        assert_eq!(plan["count"], 0, "{line}");
        assert_eq!(plan["command"], Value::Null, "{line}");
        let told = plan["summary"].as_str().unwrap();
        assert!(told.starts_with(summary), "{told}");
    }
}

#[test]
fn a_plan_that_is_refused_says_why() {
    let (server, home) = (staged(), directory());
    let url = server.url();
    for (line, why, other_groups) in [
        (
            "requeue event-processors 1-0",
            "has other groups, which would see the entries again: `audit`",
            json!(["audit"]),
        ),
        (
            "dlq redrive events.normalized --all",
            "has several groups, which would all see the entries again",
            json!(["audit", GROUP]),
        ),
        (
            "consumers delete event-processors c1",
            "has 3 entries pending, which would be lost: 1-0, 2-0, 3-0",
            json!([]),
        ),
        (
            "groups set-id event-processors 1-0",
            "has live consumers: c",
            json!([]),
        ),
        (
            "groups delete event-processors",
            "has entries that it has not processed: 5 entries pending",
            json!([]),
        ),
    ] {
        let dry = |format: &str| {
            let line = format!("ucp-streams -u {url} {line} --dry-run -o {format}");
            typed(&home, &line)
        };
        let run = dry("json");
        let plan = run.assert_code(6).stderr_has(why).stdout_json();
        let told = plan["refusal"].as_str().unwrap();
        assert!(told.contains(why), "{told}");
        assert_eq!(plan["command"], Value::Null, "{line}");
        assert_eq!(plan["other_groups"], other_groups, "{line}");
        assert!(!plan["rows"].as_array().unwrap().is_empty(), "{line}");
        dry("ndjson").assert_code(6).stderr_has(why);
    }
}

#[test]
fn other_formats_and_picked_columns_have_the_rows_alone() {
    let (server, home) = (staged(), directory());
    let url = server.url();
    let run = |more: &str| {
        let ack = "ack event-processors 1-0 2-0 --dry-run";
        typed(&home, &format!("ucp-streams -u {url} {ack} {more}"))
    };
    let lines = run("-o ndjson");
    let lines: Vec<Value> = lines
        .assert_code(0)
        .stdout()
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let whole = run("-o json").assert_code(0).stdout_json();
    let names = |rows: &[Value]| -> Vec<Value> { rows.iter().map(|it| it["id"].clone()).collect() };
    assert_eq!(names(&lines), names(whole["rows"].as_array().unwrap()));
    assert_eq!(
        run("-o json --columns id").assert_code(0).stdout_json(),
        json!([{"id": "1-0"}, {"id": "2-0"}])
    );
    run("--names").assert_code(0).stdout_is("1-0\n2-0\n");
    run("--jq .command").assert_code(0).stdout_is(&format!(
        "ucp-streams ack event-processors 1-0 2-0 --url {url}\n"
    ));
}
