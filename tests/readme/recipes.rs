//! The recipes: a shell loop, a gate in CI and a line of cron, as they stand on the page, when all is well and when it
//! is not.

use std::process::Command;

use crate::page::blocks;
use crate::support::Run;
use crate::support::scene::{BINARY, Scene, run};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

#[track_caller]
fn only(heading: &str, language: &str) -> String {
    let [block] = &blocks(heading, language)[..] else {
        panic!("one block under {heading}");
    };
    block.clone()
}

/// A scene with its groups and so many events that wait.
fn waiting(count: usize) -> Scene {
    let scene = Scene::start();
    scene.ucp(&["init"]);
    let entry: Vec<_> = format!(
        "XADD {STREAM} * event_id e brand_id b event_type page_view profile_id p identifiers {{}} \
         normalized_payload {{}} timestamp 2024-12-01T10:00:00Z"
    )
    .split(' ')
    .map(str::to_owned)
    .collect();
    scene.server.client().pipeline(&vec![entry; count]);
    scene
}

#[test]
fn the_shell_loop_names_the_groups_that_are_behind() {
    let script = only("### A shell loop", "sh");
    let scene = waiting(2);
    let found = scene.bash(&script);
    found
        .assert_code(0)
        .stdout_is("event-processors is 2 behind\n");
    scene.ucp(&["worker", "run", GROUP, "--once"]);
    scene.bash(&script).assert_code(0).stdout_is("");
}

#[test]
fn what_is_published_again_is_stored_once() {
    let script = only("### Publish once", "sh");
    let scene = Scene::start();
    let first = scene.bash(&script);
    first.assert_code(0);
    let id = scene.redis(&["XREVRANGE", "orders", "+", "-"]);
    let id = id.items()[0].items()[0].text().to_owned();
    first.stdout_has(&id);
    scene.bash(&script).assert_code(0).stdout_has(&id);
    assert_eq!(scene.length("orders"), 1);
}

#[test]
fn copied_entries_are_what_they_were() {
    let script = only("### Copy entries", "sh");
    let scene = Scene::start();
    let fields = ["k", "v", "x", "", "k", "w"];
    scene.redis(&[&["XADD", "orders", "*"], &fields[..]].concat());
    scene.bash(&script).assert_code(0);
    let copies = scene.redis(&["XRANGE", "orders.copy", "-", "+"]);
    assert_eq!(copies.items()[0].items()[1].texts(), fields);
}

#[test]
fn the_gate_opens_and_shuts() {
    let script = only("### A gate in CI", "sh");
    let good = "{\"brand_id\":\"b\",\"event_type\":\"purchase\",\"payload\":{}}\n";
    let gate = |scene: &Scene, fixtures: &str| {
        scene.file("fixtures.ndjson", fixtures);
        scene.bash(&script)
    };
    let mut scene = waiting(1000);
    gate(&scene, good).assert_code(0);
    assert_eq!(scene.length("events.raw"), 0);
    gate(
        &scene,
        "{\"brand_id\":\"b\",\"event_type\":\"refund\",\"payload\":{}}\n",
    )
    .assert_code(2)
    .stderr_has("event_type");
    // One more, and the group is too far behind.
    let copy = ["XADD", STREAM, "*", "brand_id", "b"];
    scene.redis(&copy);
    gate(&scene, good).assert_code(1);
    scene.redis(&[
        "XGROUP",
        "DESTROY",
        "predictions.requests",
        "prediction-processors",
    ]);
    gate(&scene, good)
        .assert_code(1)
        .stdout_has("prediction-processors");
    scene.server.kill();
    gate(&scene, good).assert_code(4);
}

#[test]
fn the_command_of_a_monitoring_system_gives_its_verdict() {
    let definition = only("### Monitoring", "ini");
    let said = |key: &str| {
        let mut lines = definition.lines().map(str::trim);
        let line = lines.find(|line| line.starts_with(key)).unwrap();
        line.split_once('=').unwrap().1.trim().to_owned()
    };
    let words: Vec<String> = serde_json::from_str(&said("command")).unwrap();
    let url = said("env.UCP_STREAMS_URL");
    assert!(url.starts_with("\"redis://"), "{url}");
    let (program, args) = words.split_first().unwrap();
    assert_eq!(program, "/usr/local/bin/ucp-streams");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let scene = waiting(1000);
    let run = scene.server.ucp(&args);
    run.assert_code(0).stdout_has("OK - 3 groups");
    scene.redis(&["XADD", STREAM, "*", "brand_id", "b"]);
    scene
        .server
        .ucp(&args)
        .assert_code(2)
        .stdout_has("CRITICAL - event-processors on events.normalized: 1,001 entries behind")
        .stdout_has("'event-processors lag'=1001;;1000");
}

#[test]
fn the_command_of_nagios_gives_its_verdict() {
    let definition = only("### Monitoring", "cfg");
    let mut lines = definition.lines().map(str::trim);
    let line = lines
        .find_map(|it| it.strip_prefix("command_line"))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let [program, "-u", "redis://$HOSTADDRESS$:6379", args @ ..] = &words[..] else {
        panic!("{line}");
    };
    assert_eq!(*program, "/usr/local/bin/ucp-streams");
    assert!(definition.contains("check_command        check_ucp_streams"));
    let scene = waiting(1001);
    let run = scene.server.ucp(args);
    let text = run.assert_code(2).stdout();
    let (said, figures) = text.trim_end().split_once(" | ").unwrap();
    assert!(said.starts_with("CRITICAL - event-processors"), "{said}");
    assert!(
        figures.contains("'event-processors lag'=1001;;1000"),
        "{figures}"
    );
}

#[test]
fn a_mail_is_sent_when_the_verdict_changes() {
    let script = only("### Alerting with cron", "sh");
    let mut scene = waiting(1);
    std::fs::create_dir(scene.home().join("bin")).unwrap();
    scene.file(
        "bin/mail",
        "#!/bin/sh\n{ echo \"to $3: $2\"; cat; } >> \"$HOME/mails\"\n",
    );
    // What was mailed since the last look.
    let mails = |scene: &Scene| {
        let run = scene.bash(&format!("PATH=$HOME/bin:$PATH; {script}"));
        run.assert_code(0).stdout_is("").stderr_is_empty();
        let mails = scene.home().join("mails");
        let text = std::fs::read_to_string(&mails).unwrap_or_default();
        std::fs::write(&mails, "").unwrap();
        text
    };
    assert_eq!(mails(&scene), "");
    scene.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    let mail = mails(&scene);
    assert!(
        mail.starts_with("to oncall@example.com: ucp-streams: CRITICAL\n"),
        "{mail}"
    );
    assert!(
        mail.contains("next: ucp-streams init event-processors"),
        "{mail}"
    );
    assert_eq!(mails(&scene), "");
    scene.ucp(&["init"]);
    assert!(mails(&scene).starts_with("to oncall@example.com: ucp-streams: OK\n"));
    scene.server.kill();
    let mail = mails(&scene);
    assert!(
        mail.starts_with("to oncall@example.com: ucp-streams: error\n"),
        "{mail}"
    );
    assert_eq!(mails(&scene), "");
}

#[test]
fn a_look_from_cron_mails_nothing_while_all_is_well() {
    let mut scene = waiting(1);
    let look = |scene: &Scene| cron(scene, "### Alerting with cron");
    let well = look(&scene);
    well.assert_code(0).stdout_is("").stderr_is_empty();
    scene.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    let missing = look(&scene);
    missing.assert_code(2).stderr_is_empty();
    missing
        .stdout_has("CRITICAL: ")
        .stdout_has("next: ucp-streams init event-processors");
    scene.server.kill();
    look(&scene).assert_code(3).stderr_has("cannot connect");
}

/// Runs the line of a section's crontab as cron does: with hardly any environment, what it says going to the mail.
#[track_caller]
fn cron(scene: &Scene, heading: &str) -> Run {
    let table = only(heading, "crontab");
    let mut command = Command::new("/bin/sh");
    command
        .current_dir(scene.home())
        .env_clear()
        .env("HOME", scene.home())
        .env("PATH", "/usr/bin:/bin");
    let (variables, lines): (Vec<&str>, Vec<&str>) = table
        .lines()
        .partition(|line| line.starts_with(|it: char| it.is_ascii_uppercase()));
    for variable in variables {
        let (name, value) = variable.split_once('=').unwrap();
        let is_server = value.starts_with("redis://");
        assert_eq!(is_server, name == "UCP_STREAMS_URL", "{variable}");
        let url = scene.server.url();
        command.env(name, if is_server { &url } else { value });
    }
    let [line] = &lines[..] else {
        panic!("one line under the variables");
    };
    let (time, job) = line.split_once("  ").unwrap();
    let fields: Vec<_> = time.split(' ').collect();
    assert_eq!(fields.len(), 5, "{time}");
    let known = |field: &&str| {
        field
            .chars()
            .all(|c| c.is_ascii_digit() || "*/,-".contains(c))
    };
    assert!(fields.iter().all(known), "{time}");
    assert!(!job.contains('%'), "cron makes a new line of %");
    let job = job.replace("/usr/local/bin/ucp-streams", BINARY);
    run(command.args(["-c", &job]), &job)
}

#[test]
fn the_line_of_cron_works_and_mails_only_what_is_wrong() {
    let mut scene = waiting(3);
    let cron = |scene: &Scene| cron(scene, "### From cron");
    let first = cron(&scene);
    first.assert_code(0).stdout_is("").stderr_is_empty();
    assert_eq!(scene.pending(STREAM, GROUP), 0);
    let events = ["HGET", "{events.normalized}:features:b", "events"];
    assert_eq!(scene.redis(&events).text(), "3");
    // Somebody else holds one.
    scene.redis(&["XADD", STREAM, "*", "brand_id", "b"]);
    scene.redis(&[
        "XREADGROUP",
        "GROUP",
        GROUP,
        "other",
        "STREAMS",
        STREAM,
        ">",
    ]);
    cron(&scene).assert_code(7).stderr_has("1 left pending");
    scene.server.kill();
    cron(&scene).assert_code(4).stderr_has("error:");
}
